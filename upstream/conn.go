package upstream

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wafer-waf/wafer/message"
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

	endpoint *endpoint
	keeps    bool        // it is kept for other exchanges
	counts   atomic.Bool // it has a place among its endpoint's

	heard  bool // a byte was read in this exchange
	sent   int  // bytes that the socket has taken in this exchange; with TLS, secure counts
	looked bool // somebody has looked whether an answer has come while a write waited
	tunnel bool // after a 101: reading and writing are independent
	proved bool // the endpoint has answered on it

	secure *secure // nil: cleartext

	ends   socket.Instant // when nothing new is asked on it any more, on its own clock
	rested socket.Instant // when the last exchange on it was over
	idle   time.Duration  // from then to the exchange at hand
	hint   time.Duration  // after which the endpoint closes it if it is not used, as it says; 0: it does not

	forget func() bool // the connection ends with nobody else any more
}

// Age is how long connections are used at all, so that endpoints that have come later get some of what is asked.
type Age struct {
	Most   time.Duration // 0: any
	Jitter int           // by which that is shorter, at random and in percent, at most
}

// end is when one that is new ends, on its own clock.
func (a Age) end() socket.Instant {
	if a.Most <= 0 {
		return socket.Never
	}
	return socket.Instant(float64(a.Most) * (1 - float64(a.Jitter)/100*rand.Float64()))
}

func newConn(ctx context.Context, nc net.Conn) (*conn, error) {
	c := &conn{Conn: socket.New(nc)}
	c.forget = context.AfterFunc(ctx, func() { _ = c.Conn.Close() })
	if err := c.Watch(); err != nil {
		return nil, err
	}
	return c, nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.forget()
	defer func() {
		if c.counts.Swap(false) {
			c.endpoint.vacate()
		}
	}()
	if c.secure != nil {
		return c.secure.tls.Close()
	}
	return c.Conn.Close()
}

// giveBack ends the use of the connection by one exchange.
func (c *conn) giveBack(keep bool) {
	if !keep || !c.keeps || !c.endpoint.kept.put(c) {
		_ = c.Close()
	}
}

// rests is how long it may be kept without use. An endpoint that says when it closes connections must not be about to.
func (c *conn) rests() time.Duration {
	if c.hint == 0 {
		return c.endpoint.idle
	}
	return min(c.endpoint.idle, c.hint-min(c.hint/2, time.Second))
}

// resting is how long it has not been used.
func (c *conn) resting() time.Duration { return time.Duration(c.Now() - c.rested) }

// begin prepares the connection for an exchange. Writing gives up after the time stall without
// progress, and at the deadline; 0 and the zero time are no limits.
func (c *conn) begin(stall time.Duration, deadline time.Time) {
	c.heard, c.tunnel, c.looked, c.sent = false, false, false, 0
	c.PaceWrites(c.At(deadline), stall, 0)
	if c.secure != nil {
		c.secure.below.sent = 0
		c.PaceReads(0, 0) // of a look at what has come meanwhile
	}
}

// multiplexed prepares the connection for many exchanges at once, which wait for themselves. Writing gives up after the time
// stall without progress.
func (c *conn) multiplexed(stall time.Duration) {
	c.tunnel = true
	c.PaceReads(0, 0)
	c.PaceWrites(socket.Never, stall, 0)
}

// stalled gives up a write that makes no progress although the endpoint has answered: an
// endpoint that rejects an upload may stop reading, and the response is what counts.
func (c *conn) stalled(moved, over bool) error {
	if c.tunnel || moved && !over {
		return nil
	}
	c.looked = true
	b, ended := c.waiting()
	if ended || !moved && answered(b) || over && len(b) > 0 {
		return errAnswered
	}
	return nil
}

// waiting returns the first few bytes that are waiting to be read, and whether TLS knows of an end.
func (c *conn) waiting() (b []byte, ended bool) {
	if c.secure != nil {
		return c.secure.waiting()
	}
	return c.Waiting(), false
}

// interimStart is how responses begin that others follow.
const interimStart = "HTTP/1.1 1"

// answered reports whether something other than a 1xx response begins with b.
func answered(b []byte) bool {
	return len(b) > 0 && (len(b) < len(interimStart) || b[len(interimStart)-1] != '1')
}

// silent reports whether nothing is waiting on a connection that would be used again.
func (c *conn) silent() bool {
	if c.secure != nil {
		return c.secure.silent()
	}
	return c.Quiet()
}

// awaitHead limits the wait for the response head, which ends when the client is gone, too.
func (c *conn) awaitHead(until time.Time, gone func() bool) {
	if c.secure != nil {
		c.secure.join()
	}
	c.ReadUnless(c.Now(), c.At(until), gone)
}

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
func (c *conn) Read(p []byte) (n int, err error) {
	if c.secure != nil {
		n, err = c.secure.read(p)
	} else {
		n, err = c.Conn.Read(p)
	}
	if n > 0 {
		c.heard = true
	}
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if c.secure != nil {
		return c.secure.tls.Write(p)
	}
	n, err := c.Conn.Write(p)
	c.sent += n
	return n, err
}

// spent is how much an exchange that ended without a response has used up. Both errors are of the connection, the second of
// reading.
func (c *conn) spent(reused bool, out *message.Request, sending, reading error) spent {
	if c.heard {
		return spentAll
	}
	n := c.sent
	if c.secure != nil {
		n = c.secure.below.sent
	}
	switch {
	case n == 0:
		return unread(reused)
	case out.Body.Stream != nil:
		return spentAll
	case c.left(sending, reading) && c.Unacknowledged() >= n:
		return unread(reused)
	case reused:
		return stale
	}
	return sent
}

// unread is what a request is that nobody has read.
func unread(reused bool) spent {
	if reused {
		return missed
	}
	return nothing
}

// left reports whether the endpoint has closed its side of the connection, which it does by a segment that also says how much it
// has received until then. If that is nothing of the request, then the endpoint had closed the connection before the request
// came, and nobody will read it. A reset says no such thing.
func (c *conn) left(sending, reading error) bool {
	if sending != nil && (!errors.Is(sending, syscall.EPIPE) || c.looked) { // a look may have taken a reset's error away
		return false
	}
	return reading == io.EOF || reading == io.ErrUnexpectedEOF
}
