package entrance

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
)

// preface is what a client of HTTP/2 sends first (RFC 9113, 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Conn is a connection for the server of HTTP/1, if the client turns out to speak that.
type Conn struct {
	net.Conn // what bytes go through: the socket, or TLS on it
	sock     *socket.Conn
	l        *Listener
	security *message.Security

	arrived bool        // the version is known
	taken   atomic.Bool // by the server of HTTP/2: whatever is done here does not concern it
}

// Socket returns the socket below.
func (c *Conn) Socket() *socket.Conn { return c.sock }

// Security is what TLS says of the connection, after the first Read; nil: it is in clear text.
func (c *Conn) Security() *message.Security { return c.security }

// Read reads what the client has sent. The first one secures the connection and finds out about its version;
// one that is handed over ends here.
func (c *Conn) Read(p []byte) (int, error) {
	if c.arrived {
		if c.taken.Load() {
			return 0, io.EOF
		}
		return c.Conn.Read(p)
	}
	c.arrived = true
	if c.l.o.Secure != nil {
		secured, security, err := c.l.o.Secure(context.Background(), c.sock)
		if err != nil {
			return 0, err
		}
		c.Conn, c.security = secured, security
		if security.ALPN == ALPN && c.l.o.HTTP2 != nil {
			return c.handOver(nil)
		}
		c.l.o.Arrived(HTTP1)
		return c.Conn.Read(p)
	}
	n, err := c.Conn.Read(p)
	if n == 0 {
		return n, err
	}
	for c.l.o.HTTP2 != nil && n < min(len(preface), len(p)) && strings.HasPrefix(preface, string(p[:n])) {
		more, err := c.Conn.Read(p[n:])
		if n += more; err != nil {
			break // it comes again
		}
	}
	if c.l.o.HTTP2 != nil && n >= len(preface) && string(p[:len(preface)]) == preface {
		return c.handOver(p[:n])
	}
	c.l.o.Arrived(HTTP1)
	return n, err
}

// handOver gives the connection to the server of HTTP/2.
func (c *Conn) handOver(early []byte) (int, error) {
	c.taken.Store(true)
	c.l.o.Arrived(HTTP2)
	c.l.o.HTTP2(Guest{Conn: c.Conn, Sock: c.sock, Security: c.security, Early: append([]byte(nil), early...)})
	return 0, io.EOF
}

// Close closes the connection, unless it was handed over.
func (c *Conn) Close() error {
	if c.taken.Load() {
		return nil
	}
	return c.Conn.Close()
}

// CloseWrite tells the client that nothing more will come, if the connection can.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
