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
	socket.Options // who may connect, how fast answers have to be taken

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

// What clients of HTTP/1 get that are not let in.
const (
	Busy    = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	TooMany = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)

// Listener accepts connections that let a server read strictly framed requests only.
type Listener struct {
	socket.Acceptor
	o Options
}

// Listen is On for connections of inner in clear text, which has to have plain TCP connections if
// lingering closes and client addresses are to work; others are served without.
func Listen(inner net.Listener, o Options) *Listener {
	o.Busy, o.TooMany = Busy, TooMany
	return On(socket.Listen(inner, o.Options), o)
}

// On returns a Listener for the connections that inner accepts. Who may connect is its business; of o's
// options for sockets, WriteTimeout alone matters.
func On(inner socket.Acceptor, o Options) *Listener {
	o.HeadBytes = cmp.Or(o.HeadBytes, 32<<10)
	o.Fields = cmp.Or(o.Fields, 128)
	o.TargetBytes = cmp.Or(o.TargetBytes, 16<<10)
	if o.Panicked == nil {
		o.Panicked = func(any) {}
	}
	return &Listener{inner, o}
}

// Accept returns the next connection, as a [*Conn].
func (l *Listener) Accept() (net.Conn, error) {
	transport, err := l.Acceptor.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(l, transport), nil
}
