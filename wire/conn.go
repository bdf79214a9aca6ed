package wire

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
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
	l      *Listener
	sock   net.Conn
	peer   netip.AddrPort
	remote net.Addr

	msg       message
	held      held
	err       error      // of every further Read
	violation *Violation // if err is one
	proxied   bool       // a PROXY protocol header may come first
	served    bool       // a whole request was delivered
	tunnel    bool

	readAlarm  alarm
	beginBy    instant // the next request; 0: not waiting yet
	headBy     instant // its head; 0: not begun
	body       pace
	writeAlarm alarm
	writing    pace

	unclean bool        // what lingers says, for the reading goroutine
	lingers atomic.Bool // Close must not reset
	closed  atomic.Bool

	left    bool         // guarded by Listener.mu
	counted netip.Prefix // guarded by Listener.mu
}

func newConn(l *Listener, sock net.Conn) *Conn {
	c := &Conn{l: l, sock: sock, remote: sock.RemoteAddr(), writing: newPace(l.o.WriteTimeout)}
	if tcp, ok := c.remote.(*net.TCPAddr); ok {
		ap := tcp.AddrPort()
		c.peer = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	c.msg.limits = &l.o.Limits
	c.proxied = l.o.ProxyProtocol
	c.readAlarm.set, c.writeAlarm.set = sock.SetReadDeadline, sock.SetWriteDeadline
	c.beginBy = never
	if l.o.HeadTimeout > 0 {
		c.beginBy = c.now() + l.o.HeadTimeout
	}
	return c
}

func (c *Conn) now() instant { return time.Since(c.l.start) }

// Read reads bytes of one request; the next one begins with a call of its own. So a server
// that flushes before it reads has sent every answer before it sees the next request, and
// an interim response cannot overtake a final one.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.proxied && c.err == nil {
		c.readProxyHeader()
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
		c.err, c.violation = v, v
	}
	if keep > 0 {
		c.headBy, c.beginBy = 0, 0
		if c.msg.part == inHead {
			c.served = true
		} else if c.body.silence == 0 {
			c.body = newPace(c.l.o.BodyTimeout)
		}
	}
	c.mark(c.msg.part != inHead || c.held.in > 0 || v != nil)
	return 0, nil, false
}

// fail ends reading. The held bytes, which are not a request, are dropped.
func (c *Conn) fail(p []byte, err error) (int, error) {
	withheld := len(c.held.unjudged()) > 0
	c.held.free()
	if errors.Is(err, io.EOF) {
		c.mark(false) // nothing will come that could be left unread
		if withheld || c.msg.part != inHead {
			err = truncated
		}
	}
	c.err = err
	v, ok := err.(*Violation) //nolint:errorlint // our own, never wrapped
	if !ok {
		return 0, err
	}
	c.violation = v
	if v != truncated {
		c.mark(true)
	}
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
		c.lingers.Store(unclean)
	}
}

// fill reads from the socket, for as long as the part of the message allows.
func (c *Conn) fill(b []byte) (int, error) {
	if c.msg.part != inHead {
		return c.fillBody(b)
	}
	due := c.headBy
	if due == 0 {
		due = c.headDue()
	}
	now := c.l.start
	_ = now
	for {
		c.readAlarm.ensure(c.now(), due, c.l.start)
		n, err := c.sock.Read(b)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, noError(n, err)
		}
		if c.closed.Load() {
			return 0, net.ErrClosed
		}
		if c.now() >= due {
			if c.headBy == 0 {
				return 0, io.EOF // nobody waits for an answer
			}
			return 0, headTimeout
		}
	}
}
