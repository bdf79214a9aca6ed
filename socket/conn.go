package socket

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
)

// ErrInterrupted is the error of reads after Interrupt.
var ErrInterrupted = errors.New("read interrupted")

// ErrUnwanted is the error of reads for which nobody waits any more.
var ErrUnwanted = errors.New("nobody waits for it")

// Patience is how long a peer that has closed its side is taken to wait for its response.
const Patience = time.Second

// Conn is a connection that keeps pace.
type Conn struct {
	raw    net.Conn
	l      *Listener // nil: dialed
	peer   netip.AddrPort
	remote net.Addr
	start  time.Time // of the clock

	free    bool     // no pace is kept any more
	proxied bool     // a PROXY protocol header may come first
	refused bool     // by that header
	early   *preface // what came behind the header and is not delivered

	readAlarm alarm
	readBy    Instant
	reading   pace
	paced     bool        // reading counts, not readBy
	unwanted  func() bool // asked while a read waits; nil: nobody is
	silent    bool        // nothing has come in the last read's whole time

	writeAlarm alarm
	writeBy    Instant
	writing    pace
	stalled    func(moved, over bool) error
	checkEvery time.Duration

	looks *look

	interrupted atomic.Bool
	lingers     atomic.Bool // Close must not reset
	closed      atomic.Bool
	abandoned   atomic.Bool // Close has to reset
	reset       atomic.Bool // by the peer; the socket says so only once

	sealed atomic.Bool // what arrives has a meaning for who speaks TLS on it

	// guarded by Crowd.mu
	left      bool
	counted   netip.Prefix
	exchanges int // that are going on, where they are counted
	weight    int // beyond 1, by which the connection itself counts

	burden atomic.Int64 // by which it counts for what it holds; Crowd.mu guards changes
}

// New returns the connection for raw, which we dialed. Its reads and writes have no limits yet.
func New(raw net.Conn) *Conn {
	c := &Conn{raw: raw, remote: raw.RemoteAddr(), start: time.Now(), readBy: Never, writeBy: Never}
	c.readAlarm.set, c.writeAlarm.set = raw.SetReadDeadline, raw.SetWriteDeadline
	return c
}

// accepted returns the connection for raw, which l has accepted.
func accepted(l *Listener, raw net.Conn) *Conn {
	c := New(raw)
	c.l, c.start, c.proxied = l, l.start, l.o.ProxyProtocol
	c.writing = newPace(l.o.WriteTimeout, l.o.WriteRate)
	if tcp, ok := c.remote.(*net.TCPAddr); ok {
		ap := tcp.AddrPort()
		c.peer = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return c
}

// Socket returns the connection itself, which is its own transport where nothing is spoken between it and
// HTTP.
func (c *Conn) Socket() *Conn { return c }

// Now returns the time on the connection's clock.
func (c *Conn) Now() Instant { return Instant(time.Since(c.start)) }

// At returns t on the connection's clock; for the zero time, Never.
func (c *Conn) At(t time.Time) Instant {
	if t.IsZero() {
		return Never
	}
	return Instant(t.Sub(c.start))
}

// ReadBy makes the reads from now on fail with a timeout at due, however many they are.
func (c *Conn) ReadBy(now, due Instant) {
	c.paced, c.readBy, c.unwanted = false, due, nil
	c.readAlarm.ensure(now, due, c.start)
}

// askEvery is how often somebody is asked while a read waits.
const askEvery = 500 * time.Millisecond

// ReadUnless is ReadBy, but reads also end as soon as they are unwanted, which is asked now and then.
func (c *Conn) ReadUnless(now, due Instant, unwanted func() bool) {
	c.paced, c.readBy, c.unwanted = false, due, unwanted
	c.readAlarm.ensure(now, c.nextLook(now), c.start)
}

// nextLook is when a read that waits looks at the time again.
func (c *Conn) nextLook(now Instant) Instant {
	if c.unwanted == nil {
		return c.readBy
	}
	return min(c.readBy, now.After(askEvery))
}

// PaceReads makes the reads from now on fail with a timeout when the peer has sent nothing for
// silence, or less than rate bytes per second for longer than that. A silence of 0 allows any, a
// rate of 0 lets each byte earn the whole silence.
func (c *Conn) PaceReads(silence time.Duration, rate int) {
	c.paced, c.reading = true, newPace(silence, rate)
}

// Silent reports of a read at a pace that timed out whether nothing at all had come since the peer
// was last on time.
func (c *Conn) Silent() bool { return c.silent }

// Read reads what has arrived, or waits as ReadBy and PaceReads say. The first one on a connection
// that may begin with a PROXY protocol header reads that too.
func (c *Conn) Read(p []byte) (int, error) {
	switch {
	case c.proxied:
		if err := c.readProxyHeader(); err != nil {
			return 0, err
		}
		if c.early != nil {
			return c.takeEarly(p)
		}
	case c.early != nil:
		return c.takeEarly(p)
	case c.refused:
		return 0, io.EOF
	}
	return c.read(p)
}

func (c *Conn) read(p []byte) (int, error) {
	if c.free {
		return c.raw.Read(p)
	}
	if c.paced {
		return c.readPaced(p)
	}
	for {
		if c.interrupted.Load() { // asked behind the alarm, which may have moved Interrupt's
			return 0, ErrInterrupted
		}
		n, err := c.raw.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.closed.Load() {
			return n, kept(n, err)
		}
		now := c.Now()
		if now >= c.readBy && !c.interrupted.Load() {
			return 0, err
		}
		if c.unwanted != nil && c.unwanted() {
			return 0, ErrUnwanted
		}
		c.readAlarm.ensure(now, c.nextLook(now), c.start)
	}
}

func (c *Conn) readPaced(p []byte) (int, error) {
	c.silent = c.reading.full()
	for {
		before := c.Now()
		c.readAlarm.ensure(before, c.reading.due(before), c.start)
		if c.interrupted.Load() {
			return 0, ErrInterrupted
		}
		n, err := c.raw.Read(p)
		c.reading.spend(time.Duration(c.Now()-before), n)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.closed.Load() {
			return n, kept(n, err)
		}
		if c.reading.out() && !c.interrupted.Load() {
			return 0, err
		}
	}
}

// kept is the error to return with n bytes: an end behind them comes again with the next read.
func kept(n int, err error) error {
	if n > 0 {
		return nil
	}
	return err
}

// PaceWrites makes the writes from now on fail with a timeout at due, when the peer has taken
// nothing for silence, or when it has taken less than rate bytes per second for longer than that.
// Zeros are as for PaceReads.
func (c *Conn) PaceWrites(due Instant, silence time.Duration, rate int) {
	c.writeBy, c.writing = due, newPace(silence, rate)
}

// WriteBy changes the end of writes alone.
func (c *Conn) WriteBy(due Instant) { c.writeBy = due }

// OnStall has f asked whenever a write has waited for that long, and when it has waited for long
// enough: whether something moved, and whether it is over. An error ends the write.
func (c *Conn) OnStall(every time.Duration, f func(moved, over bool) error) {
	c.checkEvery, c.stalled = every, f
}

// Write writes p. It gives up as PaceWrites says; how long it takes in all does not matter.
func (c *Conn) Write(p []byte) (int, error) {
	if c.free {
		return c.raw.Write(p)
	}
	written := 0
	for {
		before := c.Now()
		due := min(c.writing.due(before), c.writeBy)
		if c.stalled != nil {
			due = min(due, before.After(c.checkEvery))
		}
		c.writeAlarm.ensure(before, due, c.start)
		n, err := c.raw.Write(p[written:])
		written += n
		now := c.Now()
		c.writing.spend(time.Duration(now-before), n)
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || c.closed.Load() {
			return written, err
		}
		over := c.writing.out() || now >= c.writeBy
		if c.stalled != nil {
			if stop := c.stalled(n > 0, over); stop != nil {
				return written, stop
			}
		}
		if over {
			c.Abandon()
			return written, err
		}
	}
}

// Abandon makes closing a client's connection a reset, which forgets what the kernel still holds for it: it
// would be kept busy with a client that takes nothing, or the client would take the end for an ordinary one.
// The end of the process is a reset then, too.
func (c *Conn) Abandon() {
	c.abandoned.Store(true)
	c.resets(0)
}

// Abandoned reports whether closing the connection is a reset.
func (c *Conn) Abandoned() bool { return c.abandoned.Load() }

// Seal says that TLS is spoken on the connection: what arrives may be about itself.
func (c *Conn) Seal() { c.sealed.Store(true) }

// Restore takes Abandon back.
func (c *Conn) Restore() {
	c.abandoned.Store(false)
	c.resets(-1)
}

// resets says how long the kernel keeps what was not sent when the connection is closed: 0 is a reset, and
// below it the usual.
func (c *Conn) resets(seconds int) {
	if c.l == nil {
		return
	}
	if tcp, ok := c.raw.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(seconds)
	}
}

// Free ends the keeping of pace: from now on, bytes and deadlines go to the socket and from it as
// they are. What is written next still has silence to arrive, unless another deadline is set; 0 is
// any time.
func (c *Conn) Free(silence time.Duration) {
	c.free = true
	_ = c.raw.SetReadDeadline(time.Time{})
	if silence > 0 {
		_ = c.raw.SetWriteDeadline(time.Now().Add(silence))
	}
}

// Interrupt ends the read at hand and makes all further ones fail. It may be called in any goroutine.
func (c *Conn) Interrupt() {
	c.interrupted.Store(true)
	_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // fails on a closed socket only
}

// Linger says whether Close waits a little, in the background, so that what was written last can
// arrive although the peer has sent more than anybody will read. It may be called in any goroutine.
func (c *Conn) Linger(on bool) { c.lingers.Store(on) }

// Closed reports whether Close was called.
func (c *Conn) Closed() bool { return c.closed.Load() }

// Close closes the connection, or has it linger, as it does on its own if bytes have arrived that nobody
// has read.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	if c.l == nil {
		return c.raw.Close()
	}
	if c.lingers.Load() || !c.abandoned.Load() && c.unread() {
		c.l.linger(c.raw, c.leave)
		return nil
	}
	err := c.raw.Close()
	c.leave()
	return err
}

// CloseWrite tells the peer that nothing more will come, if the socket can.
func (c *Conn) CloseWrite() error {
	if half, ok := c.raw.(halfCloser); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// RemoteAddr returns the address of the client: as the PROXY protocol says, after the
// first Read, or the peer's.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// LocalAddr returns the socket's own address.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// SetDeadline does nothing before Free: deadlines belong to whoever knows what is waited for.
func (c *Conn) SetDeadline(t time.Time) error {
	if !c.free {
		return nil
	}
	return c.raw.SetDeadline(t)
}

// SetReadDeadline does nothing before Free.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if !c.free {
		return nil
	}
	return c.raw.SetReadDeadline(t)
}

// SetWriteDeadline does nothing before Free.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if !c.free {
		return nil
	}
	return c.raw.SetWriteDeadline(t)
}
