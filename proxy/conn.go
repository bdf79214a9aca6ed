package proxy

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// listener is the seam on the clients' side: what fasthttp reads and writes goes through
// its connections.
type listener struct {
	net.Listener
	writeTimeout time.Duration
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, writeTimeout: l.writeTimeout}, nil
}

// pass ends all that the proxy does to a client's connection: it is a tunnel now.
func (p *Proxy) pass(c net.Conn) {
	if c, ok := c.(*conn); ok {
		c.writeTimeout = 0
	}
}

// conn renews the write deadline with every write. fasthttp's own is absolute for a whole
// response and would cut long downloads and event streams.
type conn struct {
	net.Conn
	writeTimeout time.Duration
	ended        atomic.Bool // the client has closed its side, and all it sent was read
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		c.ended.Store(true)
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	if c.writeTimeout > 0 {
		if err := c.SetWriteDeadline(time.Now().Add(c.writeTimeout)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}
