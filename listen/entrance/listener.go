package entrance

import (
	"context"
	"net"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
)

// Options say how connections come in.
type Options struct {
	socket.Options

	// Secure speaks TLS on a connection as its server and returns what bytes go through from then on, and
	// what is known of the client; nil: the listener is in clear text. It is called in the goroutine that
	// reads first, which has said to the socket how long it waits.
	Secure func(context.Context, *socket.Conn) (net.Conn, *message.Security, error)

	// Arrived is told the version that a connection speaks, "HTTP/1" or "HTTP/2"; nil: nobody is.
	Arrived func(protocol string)

	// HTTP2 takes a connection that speaks HTTP/2; nil: nobody does, so that its first bytes are read as
	// those of a request. It must not block for long.
	HTTP2 func(Guest)
}

// Guest is a connection whose version of HTTP is known.
type Guest struct {
	net.Conn                   // what bytes go through
	Sock     *socket.Conn      // below it: deadlines, pace, limits
	Security *message.Security // nil: clear text
	Early    []byte            // what has been read already
}

// ALPN is the name of HTTP/2 in the handshake of TLS.
const ALPN = "h2"

// Versions of HTTP that connections speak.
const (
	HTTP1 = "HTTP/1"
	HTTP2 = "HTTP/2"
)

// Listener accepts connections, within limits.
type Listener struct {
	*socket.Listener
	o Options
}

// Listen wraps inner, whose connections have to be plain TCP connections if lingering closes and client
// addresses are to work; others are served without.
func Listen(inner net.Listener, o Options) *Listener {
	if o.Arrived == nil {
		o.Arrived = func(string) {}
	}
	return &Listener{socket.Listen(inner, o.Options), o}
}

// Accept implements [socket.Acceptor].
func (l *Listener) Accept() (socket.Transport, error) {
	sock, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: sock, sock: sock.Socket(), l: l}, nil
}
