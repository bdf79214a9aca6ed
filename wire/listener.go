package wire

import (
	"cmp"
	"net"
	"time"

	"github.com/wafer-waf/wafer/socket"
)

// Options say what clients may do. A limit or time-out that is 0 does not exist, if it
// has no default.
type Options struct {
	socket.Options // who may connect, how fast answers have to be taken; Busy and TooMany are set here

	// HeadBytes of request line and field section, blank line included (431); default 32 KiB.
	// It has to be less than the server's read buffer.
	HeadBytes   int
	Fields      int // field lines (431); default 128
	TargetBytes int // request target (414); default 16 KiB

	// HeadTimeout is from the first byte of a request to the last one of its head (408). A
	// new connection has as long to send its first byte.
	HeadTimeout time.Duration
	Idle        time.Duration // between two requests
	BodyTimeout time.Duration // longest silence inside a body (408)
	BodyRate    int           // bytes per second that a body may not fall below for longer than BodyTimeout (408)

	// Panicked is called with what a Read or Write has panicked with, in the goroutine that
	// did, before its stack is gone. The connection ends with an error.
	Panicked func(v any)
}

// What clients get that are not let in.
const (
	sayBusy    = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	sayTooMany = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)

// Listener accepts connections that let a server read strictly framed requests only.
type Listener struct {
	*socket.Listener
	o Options
}

// Listen wraps inner, whose connections have to be plain TCP connections if lingering
// closes and client addresses are to work; others are served without.
func Listen(inner net.Listener, o Options) *Listener {
	o.HeadBytes = cmp.Or(o.HeadBytes, 32<<10)
	o.Fields = cmp.Or(o.Fields, 128)
	o.TargetBytes = cmp.Or(o.TargetBytes, 16<<10)
	o.Busy, o.TooMany = sayBusy, sayTooMany
	if o.Panicked == nil {
		o.Panicked = func(any) {}
	}
	return &Listener{socket.Listen(inner, o.Options), o}
}

// Accept returns the next connection within the limits, as a [*Conn]. It does not fail
// when the process or the system runs out of something; it waits until there is some again.
func (l *Listener) Accept() (net.Conn, error) {
	sock, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(l, sock), nil
}
