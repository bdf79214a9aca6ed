package socket

import "time"

// Pace says how long may be waited for a peer, for who waits elsewhere than in a Read or Write of a [Conn]:
// for one of several streams on it, say.
type Pace struct{ pace pace }

// NewPace is a pace as [Conn.PaceReads] explains it.
func NewPace(silence time.Duration, rate int) Pace { return Pace{newPace(silence, rate)} }

// Left is how long may be waited from now on; 0: there is no limit.
func (p *Pace) Left() time.Duration {
	if p.pace.silence == 0 {
		return 0
	}
	return max(p.pace.slack, time.Nanosecond)
}

// Spend accounts for a wait in which n bytes moved.
func (p *Pace) Spend(wait time.Duration, n int) { p.pace.spend(wait, n) }

// Out reports whether the peer has been waited for as long as it may.
func (p *Pace) Out() bool { return p.pace.out() }

// Full reports whether the peer is on time, so that a wait begins anew.
func (p *Pace) Full() bool { return p.pace.full() }

// Weigh has the connection count for so many among all, until it is closed: what it speaks needs as much memory as
// they. It returns why if there are too many, and closes nothing.
func (c *Conn) Weigh(connections int) (refused string) {
	l := c.l
	l.mu.Lock()
	defer l.mu.Unlock()
	n := connections - 1 - c.weight
	switch {
	case c.left:
		return ""
	case l.o.Connections > 0 && l.open+l.more+n > l.o.Connections:
		l.o.Refused(refusedConnections, c.peer.Addr())
		return refusedConnections
	}
	c.weight += n
	l.more += n
	return ""
}

// heldBytes is how much memory counts like a connection: less than one needs, since what is held is held twice now and then.
const heldBytes = 16 << 10

// Holds says how many bytes are held for the connection, beside what any of its kind needs: large heads, and bodies that nobody
// has read yet. They count like connections among all. It reports false if that makes too many, which
// count all the same. Calls must not overlap.
func (c *Conn) Holds(bytes int) (room bool) {
	n := int64(bytes / heldBytes)
	if c.l == nil || n == c.burden.Load() {
		return true
	}
	l := c.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.left {
		return true
	}
	more := int(n - c.burden.Load())
	c.burden.Store(n)
	l.more += more
	return more <= 0 || l.o.Connections == 0 || l.open+l.more <= l.o.Connections
}

// exchangeWeight is how many connections of HTTP/1 need as much memory as an exchange beside another one, while their
// bodies are awaited: 35 KiB, and 21.
const exchangeWeight = 2

// Enter counts an exchange on the connection. All but one at a time count like connections of their own among those of
// the client: who multiplexes gets no more than who connects. Among all they count by the memory that they
// need. If there are too many, it returns why; else leave takes the exchange back, once.
func (c *Conn) Enter() (leave func(), refused string) {
	l := c.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.exchanges > 0 {
		switch {
		case l.o.Connections > 0 && l.open+l.more+exchangeWeight > l.o.Connections:
			refused = refusedConnections
		case c.counted.IsValid() && l.perClient[c.counted] >= l.o.ConnectionsPerClient:
			refused = refusedPerClient
		}
		if refused != "" {
			l.o.Refused(refused, c.counted.Addr())
			return nil, refused
		}
		c.count(1)
	}
	c.exchanges++
	return c.exit, ""
}

func (c *Conn) exit() {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	if c.exchanges--; c.exchanges > 0 {
		c.count(-1)
	}
}

// count counts exchanges beyond the first. It is called under the listener's lock.
func (c *Conn) count(n int) {
	c.l.more += n * exchangeWeight
	if !c.counted.IsValid() {
		return
	}
	if c.l.perClient[c.counted] += n; c.l.perClient[c.counted] <= 0 {
		delete(c.l.perClient, c.counted)
	}
}
