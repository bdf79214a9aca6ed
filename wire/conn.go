package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
)

const (
	// directRead is the least that a server must ask for to have bytes judged in its own
	// memory.
	directRead = 2 << 10
	// readAhead bounds what is read beyond what is known to belong to a message. It is what
	// a connection may have to hold.
	readAhead = 16 << 10
)

// junk is read in front of a violation on a connection that has served requests: fasthttp
// takes an error at the beginning of a later request for an idle connection's end and
// would not call its ErrorHandler.
const junk = 'X'

// Conn is a client's connection. Read and what the server calls before its next Read
// belong to one goroutine; Write may run in another one, and Close in any.
type Conn struct {
	// The server's, for the goroutine that reads; Conn does not touch them.
	Pending  any
	Standing listen.Standing

	l    *Listener
	via  socket.Transport // of the bytes
	sock *socket.Conn     // below it

	msg       framer
	held      held
	err       error      // of every further Read
	violation *Violation // if err is one
	served    bool       // a whole request was delivered
	tunnel    bool

	beginBy socket.Instant // the next request; 0: not waiting yet
	headBy  socket.Instant // its head; 0: not begun
	inBody  bool           // reads keep the pace of a body

	givenUp atomic.Pointer[Violation] // why nothing more of a body is read; nil: it is
	unclean bool                      // whether sock lingers, for the reading goroutine
}

func newConn(l *Listener, via socket.Transport) *Conn {
	c := &Conn{l: l, via: via, sock: via.Socket()}
	c.msg.limits = &l.o
	c.beginBy = c.sock.Now().After(l.o.HeadTimeout)
	return c
}

// Read reads bytes of one request; the next one begins with a call of its own. So a server
// that flushes before it reads has sent every response before it sees the next request, and
// an interim response cannot overtake a final one.
func (c *Conn) Read(p []byte) (n int, err error) {
	defer c.recovered(&n, &err)
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if c.held.deliverable() {
			return c.held.take(p), nil
		}
		if c.err != nil {
			return 0, c.err
		}
		if c.tunnel {
			return c.readTunnel(p)
		}
		if b := c.held.unjudged(); len(b) > 0 {
			keep, used, v := c.msg.judge(b)
			c.held.judged(keep, used)
			if n, err, done := c.settle(p, keep, v); done {
				return n, err
			}
			if used > 0 {
				continue
			}
		}
		if c.held.in > 0 || len(p) < directRead && c.msg.part != inFixed {
			b := c.held.room()
			n, err := c.fill(b)
			c.held.in += n
			if err != nil {
				return c.fail(p, err)
			}
			continue
		}
		if n, err := c.readDirect(p); n > 0 || err != nil {
			return n, err
		}
	}
}

// readDirect reads into the server's memory, judges the bytes there, and holds only what
// is not to be delivered yet.
func (c *Conn) readDirect(p []byte) (int, error) {
	most := int64(readAhead)
	switch c.msg.part {
	case inFixed:
		most = c.msg.left
	case inChunkData:
		most += c.msg.left
	}
	n, err := c.fill(p[:min(int64(len(p)), most)])
	if err != nil {
		return c.fail(p, err)
	}
	for b := p[:n]; len(b) > 0; {
		keep, used, v := c.msg.judge(b)
		if keep > 0 || used == 0 {
			copy(p, b[:keep]) // moves nothing but behind an empty line
			if v == nil {
				c.held.put(b[used:])
			}
			n, err, _ := c.settle(p, keep, v)
			return max(n, keep), err
		}
		b = b[used:]
	}
	return 0, nil
}

// settle takes note of what a message said about bytes of which keep may be delivered. It
// reports true if a violation has to be returned at once.
func (c *Conn) settle(p []byte, keep int, v *Violation) (int, error, bool) {
	if v != nil {
		if keep == 0 {
			n, err := c.fail(p, v)
			return n, err, true
		}
		c.held.in = c.held.next
		c.err, c.violation = v, v
	}
	if keep > 0 {
		c.headBy, c.beginBy = 0, 0
		if c.msg.part == inHead {
			c.served = true
			c.inBody = false
		} else if !c.inBody {
			c.inBody = true
			c.sock.PaceReads(c.l.o.BodyTimeout, c.l.o.BodyRate)
		}
	}
	c.mark(v != nil || c.msg.part != inHead || len(c.held.unjudged()) > 0)
	return 0, nil, false
}

// fail ends reading. What is held is no request, and dropped.
func (c *Conn) fail(p []byte, err error) (int, error) {
	withheld := len(c.held.unjudged()) > 0
	if withheld && c.msg.part == inHead {
		c.msg.refused = readStartText(c.held.unjudged())
	}
	c.held.free()
	v, ok := err.(*Violation) //nolint:errorlint // our own, not wrapped
	if !ok && !c.sock.Closed() {
		// The client is gone, with a reset or without.
		c.mark(false) // nothing comes that could be left unread
		err = io.EOF
		if withheld || c.msg.part != inHead {
			err, v, ok = truncated, truncated, true
		}
	}
	c.err = err
	if !ok {
		return 0, err
	}
	c.violation = v
	c.mark(v != truncated)
	if c.served && c.msg.part == inHead {
		p[0] = junk
		return 1, nil
	}
	return 0, err
}

// mark notes whether there may be bytes that the server has not read.
func (c *Conn) mark(unclean bool) {
	if c.unclean != unclean {
		c.unclean = unclean
		c.sock.Linger(unclean)
	}
}

// fill reads from the socket for as long as the part of the message allows.
func (c *Conn) fill(b []byte) (int, error) {
	if c.msg.part != inHead {
		return c.fillBody(b)
	}
	now := c.sock.Now()
	begun := len(c.held.unjudged()) > 0
	due := &c.beginBy
	wait := c.l.o.Idle
	if begun {
		due, wait = &c.headBy, c.l.o.HeadTimeout
	}
	if *due == 0 {
		*due = now.After(wait)
	}
	c.sock.ReadBy(now, *due)
	n, err := c.via.Read(b)
	switch {
	case err == nil || n > 0:
	case errors.Is(err, socket.ErrInterrupted):
		return 0, c.givenUp.Load()
	case errors.Is(err, os.ErrDeadlineExceeded) && begun:
		return 0, headTimeout
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, io.EOF // nobody waits for a response
	}
	return n, err
}

// fillBody reads for as long as the pace of the body allows.
func (c *Conn) fillBody(b []byte) (int, error) {
	n, err := c.via.Read(b)
	switch {
	case err == nil:
		return n, nil
	case c.givenUp.Load() != nil:
		return 0, c.givenUp.Load()
	case !errors.Is(err, os.ErrDeadlineExceeded) || c.sock.Closed():
		return 0, err
	case c.sock.Silent():
		return 0, bodyTimeout
	}
	return 0, bodyRate
}

// Write writes p. It gives up when the client takes nothing of it for WriteTimeout, or
// takes it slower than WriteRate; how long it takes in all does not matter.
func (c *Conn) Write(p []byte) (n int, err error) {
	defer c.recovered(&n, &err)
	return c.via.Write(p)
}

// errPanicked ends a connection that met a fault of this package or of its socket.
var errPanicked = errors.New("panic on the connection")

// recovered makes a panic cost a connection. Servers read and write in goroutines of their
// own, where nobody else would recover, and the process would end.
func (c *Conn) recovered(n *int, err *error) {
	if r := recover(); r != nil {
		c.l.o.Panicked(r)
		*n, *err = 0, errPanicked
	}
}

// Close closes the connection. If there are bytes that the server did not read, the socket
// stays open a little longer, in the background, so that the response can arrive.
func (c *Conn) Close() error { return c.via.Close() }

// Begin says that only the end of the connection will tell the client that it has the whole response.
// Until End is called the connection can only be reset, by Close and by the end of the process.
func (c *Conn) Begin() {
	c.sock.Linger(false)
	c.sock.Abandon()
}

// End says that the response which Begin was for is written.
func (c *Conn) End() {
	c.sock.Linger(c.unclean)
	c.sock.Restore()
}

// Pass ends the connection's life as HTTP: from now on, bytes and deadlines go to the
// socket and from it as they are. It belongs into the handler that answers 101 and is
// called before the response is written; that still has WriteTimeout to arrive, unless the
// server sets another deadline.
func (c *Conn) Pass() {
	c.tunnel = true
	c.mark(false)
	c.sock.Free(c.l.o.WriteTimeout)
}

// GiveUp ends the reading of the body at hand, with v as its violation, also if it is waiting for the
// client. It may be called in any goroutine, while a body is being read; no request can follow it.
func (c *Conn) GiveUp(v *Violation) {
	c.givenUp.Store(v)
	c.sock.Interrupt()
}

// Linger makes Close wait a little, in the background, so that what was written last can
// arrive although the client has sent more than anybody will read. It may be called in any
// goroutine, after Pass.
func (c *Conn) Linger() { c.sock.Linger(true) }

func (c *Conn) readTunnel(p []byte) (int, error) {
	if b := c.held.unjudged(); len(b) > 0 {
		c.held.judged(len(b), len(b))
		return c.held.take(p), nil
	}
	return c.via.Read(p)
}

// CloseWrite tells the client that nothing more will come, if the connection can.
func (c *Conn) CloseWrite() error {
	if half, ok := c.via.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Security is what TLS says of the connection, after the first Read; nil: it is in clear text.
func (c *Conn) Security() *message.Security {
	if secured, ok := c.via.(interface{ Security() *message.Security }); ok {
		return secured.Security()
	}
	return nil
}

// Gone reports whether the client has left, see [socket.Conn.Gone].
func (c *Conn) Gone(since time.Time) bool { return c.sock.Gone(since) }

// Violation returns what ended the reading of requests, or nil. Some of the errors that
// fasthttp wraps those of Read in do not say what they wrap.
func (c *Conn) Violation() *Violation { return c.violation }

// Refused returns method and target of the request that was refused or did not come to its end, as far as
// its first line tells them: text to show, of which nothing was checked.
func (c *Conn) Refused() (method, target string) {
	s := c.msg.begun()
	return s.method, s.target
}

// RemoteAddr returns the address of the client: as the PROXY protocol says, after the
// first Read, or the peer's.
func (c *Conn) RemoteAddr() net.Addr { return c.sock.RemoteAddr() }

// LocalAddr returns the socket's own address.
func (c *Conn) LocalAddr() net.Addr { return c.sock.LocalAddr() }

// SetDeadline does nothing before Pass: the server's idea of a deadline is one for a whole
// request, while the connection knows what it is waiting for.
func (c *Conn) SetDeadline(t time.Time) error { return c.sock.SetDeadline(t) }

// SetReadDeadline does nothing before Pass.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.sock.SetReadDeadline(t) }

// SetWriteDeadline does nothing before Pass.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.sock.SetWriteDeadline(t) }
