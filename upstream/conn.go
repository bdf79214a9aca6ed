package upstream

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/wafer-waf/wafer/socket"
)

// stallCheck is how often a write that makes no progress looks whether the endpoint has
// answered instead of reading on.
const stallCheck = 250 * time.Millisecond

// errAnswered ends a stalled write: there is something to read.
var errAnswered = errors.New("endpoint answered before it read the whole request")

// conn is one connection to an endpoint. It lives as long as the socket, so whatever an
// exchange needs per connection is allocated once, when it is dialed. It is used by one
// exchange at a time.
type conn struct {
	*socket.Conn

	// giveBack returns the connection to its pool, or closes it. It is bound at the first
	// use, because fasthttp does not export the type it pools.
	giveBack func(keep bool)

	heard  bool // a byte was read in this exchange
	tunnel bool // after a 101: reading and writing are independent

	forget func() bool // the connection ends with nobody else any more
}

func newConn(ctx context.Context, nc net.Conn) (*conn, error) {
	c := &conn{Conn: socket.New(nc)}
	c.forget = context.AfterFunc(ctx, func() { _ = c.Conn.Close() })
	if err := c.Watch(); err != nil {
		return nil, err
	}
	c.OnStall(stallCheck, c.stalled)
	return c, nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.forget()
	return c.Conn.Close()
}

// begin prepares the connection for an exchange. Writing gives up after the time stall without
// progress, and at the deadline; 0 and the zero time are no limits.
func (c *conn) begin(stall time.Duration, deadline time.Time) {
	c.heard, c.tunnel = false, false
	c.PaceWrites(c.At(deadline), stall, 0)
}

// stalled gives up a write that makes no progress although the endpoint has answered: an
// endpoint that rejects an upload may stop reading, and the response is what counts.
func (c *conn) stalled(moved, over bool) error {
	if !c.tunnel && (!moved && c.answered() || over && len(c.Waiting()) > 0) {
		return errAnswered
	}
	return nil
}

// answered reports whether something other than a 1xx response is waiting to be read.
func (c *conn) answered() bool {
	const interim = "HTTP/1.1 1"
	b := c.Waiting()
	return len(b) > 0 && (len(b) < len(interim) || b[len(interim)-1] != '1')
}

// awaitHead limits the wait for the response head.
func (c *conn) awaitHead(until time.Time) { c.ReadBy(c.Now(), c.At(until)) }

// stream follows the response head: from here on every read renews the limit. A tunnel
// has none: only who sees both directions can tell silence from listening.
func (c *conn) stream(silence time.Duration, tunnel bool) {
	if tunnel {
		silence = 0
	}
	c.tunnel = tunnel
	c.PaceReads(silence, 0)
	c.WriteBy(socket.Never)
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.heard = true
	}
	return n, err
}
