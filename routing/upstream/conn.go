package upstream

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
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
	net.Conn

	// giveBack returns the connection to its pool, or closes it. It is bound at the first
	// use, because fasthttp does not export the type it pools.
	giveBack func(keep bool)

	raw   syscall.RawConn
	probe func(fd uintptr)
	peek  struct {
		n   int
		err error
		buf [len("HTTP/1.1 2")]byte
	}

	readAlarm, writeAlarm alarm

	heard    bool          // a byte was read in this exchange
	streamed bool          // the head is complete: every read renews the deadline
	tunnel   bool          // after a 101: reading and writing are independent
	headBy   time.Time     // end of the wait for the head
	silence  time.Duration // longest wait for a byte of the body; 0: any
	stall    time.Duration // longest time without progress while writing; 0: any
	deadline time.Time     // end of writing; zero: none
}

// alarm is one of the two deadlines of a socket. Moving a deadline costs as much as a small
// read, so it is moved only if it would ring too late. One that rings too early is set anew
// by whoever waits.
type alarm struct {
	at  time.Time // zero: not set
	set func(time.Time) error
}

// ensure makes the alarm ring at due, or before; for the zero time, never.
func (a *alarm) ensure(now, due time.Time) error {
	if due.IsZero() == a.at.IsZero() && (due.IsZero() || a.at.After(now) && !a.at.After(due)) {
		return nil
	}
	a.at = due
	return a.set(due)
}

func newConn(nc net.Conn) (*conn, error) {
	c := &conn{Conn: nc, readAlarm: alarm{set: nc.SetReadDeadline}, writeAlarm: alarm{set: nc.SetWriteDeadline}}
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil, errors.New("connection without a file descriptor")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	c.raw = raw
	c.probe = func(fd uintptr) {
		c.peek.n, _, c.peek.err = syscall.Recvfrom(int(fd), c.peek.buf[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	}
	return c, nil
}

// begin prepares the connection for an exchange.
func (c *conn) begin(stall time.Duration, deadline time.Time) {
	c.heard, c.streamed, c.tunnel = false, false, false
	c.silence, c.stall, c.deadline = 0, stall, deadline
}

// quiet reports whether the socket holds neither data nor an end nor an error.
func (c *conn) quiet() bool {
	// Control, not Read: a deadline left over from the last exchange does not matter.
	err := c.raw.Control(c.probe)
	return err == nil && errors.Is(c.peek.err, syscall.EAGAIN)
}

// readable returns the first few bytes that are waiting to be read.
func (c *conn) readable() []byte {
	if err := c.raw.Control(c.probe); err != nil || c.peek.err != nil {
		return nil
	}
	return c.peek.buf[:c.peek.n]
}

// answered reports whether something other than a 1xx answer is waiting to be read.
func (c *conn) answered() bool {
	const interim = "HTTP/1.1 1"
	b := c.readable()
	return len(b) > 0 && (len(b) < len(interim) || b[len(interim)-1] != '1')
}

// awaitHead limits the wait for the response head.
func (c *conn) awaitHead(until time.Time) { c.headBy = until }

// stream follows the response head: from here on every read renews the limit. A tunnel
// has none: only who sees both directions can tell silence from listening.
func (c *conn) stream(silence time.Duration, tunnel bool) {
	if tunnel {
		silence = 0
	}
	c.streamed, c.silence, c.tunnel = true, silence, tunnel
	c.deadline = time.Time{}
}

func (c *conn) Read(p []byte) (int, error) {
	now, due := time.Now(), c.headBy
	if c.streamed {
		due = time.Time{}
		if c.silence > 0 {
			due = now.Add(c.silence)
		}
	}
	for {
		if err := c.readAlarm.ensure(now, due); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(p)
		if n > 0 {
			c.heard = true
		}
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if now = time.Now(); !due.IsZero() && !now.Before(due) {
			return 0, err
		}
	}
}

// Write writes all of p. It gives up after a time without progress, at the deadline, and
// when it makes none although the endpoint has answered: an endpoint that rejects an
// upload may stop reading, and the answer is what counts.
func (c *conn) Write(p []byte) (int, error) {
	n, progress := 0, time.Now()
	for now := progress; ; {
		until := now.Add(stallCheck)
		if c.stall > 0 && until.After(progress.Add(c.stall)) {
			until = progress.Add(c.stall)
		}
		if !c.deadline.IsZero() && until.After(c.deadline) {
			until = c.deadline
		}
		if err := c.writeAlarm.ensure(now, until); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(p[n:])
		n += m
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		now = time.Now()
		if m > 0 {
			progress = now
		}
		over := c.stall > 0 && now.Sub(progress) >= c.stall || !c.deadline.IsZero() && !now.Before(c.deadline)
		if !c.tunnel && (m == 0 && c.answered() || over && len(c.readable()) > 0) {
			return n, errAnswered
		}
		if over {
			return n, err
		}
	}
}
