package socket

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Why connections are refused: the reasons given to Options.Refused.
const (
	refusedConnections = "connections"
	refusedPerClient   = RefusedPerClient
	refusedNoProxy     = "proxy_protocol_missing"
	refusedUntrusted   = "proxy_protocol_untrusted"
	refusedMalformed   = "proxy_protocol_malformed"
)

// RefusedPerClient is why a connection, or an exchange on one, is refused whose client has too many; other
// reasons concern all clients.
const RefusedPerClient = "connections_per_client"

// Options say who may connect. A limit or time-out that is 0 does not exist.
type Options struct {
	WriteTimeout time.Duration // longest time in which nothing can be written
	WriteRate    int           // bytes per second that writes may not fall below for longer than WriteTimeout

	Connections          int // open at once; more are answered with Busy
	ConnectionsPerClient int // of one client, an IPv4 address or an IPv6 /64; more are answered with TooMany

	// Busy and TooMany are written to those that are not let in.
	Busy, TooMany string

	// ProxyProtocol expects a PROXY protocol header, version 1 or 2, on connections of
	// TrustedProxies, and on no others: connections with the header missing or not called
	// for are closed.
	ProxyProtocol  bool
	TrustedProxies []netip.Prefix

	// Crowd is whom the connections count among; nil: those of this listener alone.
	Crowd *Crowd

	// Refused is called for each connection that is refused, with the reason, one of a closed set
	// that is fit for the labels of a metric. It must not block.
	Refused func(reason string, client netip.Addr)

	// Exhausted, if not nil, is called when a connection has to wait because the process or the system has no
	// descriptor or memory left for it. It must not block.
	Exhausted func(err error)
}

// Listener accepts connections that keep pace, within limits.
type Listener struct {
	inner     net.Listener
	o         Options
	start     time.Time
	lingering chan struct{}
	closed    chan struct{}
	closing   sync.Once

	*Crowd
}

// Crowd are the open connections of listeners that share their limits.
type Crowd struct {
	mu        sync.Mutex
	open      int
	more      int // that counts like connections, beside those: exchanges, and what they weigh
	perClient map[netip.Prefix]int
	conns     map[*Conn]struct{} // that are open
}

// NewCrowd returns an empty one.
func NewCrowd() *Crowd {
	return &Crowd{perClient: map[netip.Prefix]int{}, conns: map[*Conn]struct{}{}}
}

// Listen wraps inner, whose connections have to be plain TCP connections if lingering
// closes and client addresses are to work; others are served without.
func Listen(inner net.Listener, o Options) *Listener {
	if o.Refused == nil {
		o.Refused = func(string, netip.Addr) {}
	}
	if o.Crowd == nil {
		o.Crowd = NewCrowd()
	}
	return &Listener{
		inner: inner, o: o, start: time.Now(), Crowd: o.Crowd,
		lingering: make(chan struct{}, lingerMost), closed: make(chan struct{}),
	}
}

// Open returns the number of open connections, those included that are being closed.
func (c *Crowd) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// Addr returns the address that is listened on.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Close stops listening. Connections stay open.
func (l *Listener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.inner.Close()
}

// Cut ends all connections at once: what reads or writes on them fails.
func (c *Crowd) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c := range c.conns {
		_ = c.raw.Close() // whoever has it finds out, and takes it from the list
	}
}

// Accept returns the next connection within the limits, as a [*Conn]. It does not fail
// when the process or the system runs out of something; it waits until there is some again.
func (l *Listener) Accept() (Transport, error) {
	const shortest, longest = 5 * time.Millisecond, time.Second
	pause := shortest
	for {
		sock, err := l.inner.Accept()
		switch {
		case err == nil:
			pause = shortest
			if c := l.admit(sock); c != nil {
				return c, nil
			}
		case exhausted(err), interrupted(err):
			if l.o.Exhausted != nil && exhausted(err) {
				l.o.Exhausted(err)
			}
			select {
			case <-time.After(pause):
			case <-l.closed:
			}
			pause = min(2*pause, longest)
		default:
			return nil, err
		}
	}
}

// exhausted reports whether accepting may succeed later, when there is more of something. fasthttp would
// stop serving.
func exhausted(err error) bool {
	return anyOf(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM)
}

// interrupted reports whether accepting has failed this time only.
func interrupted(err error) bool {
	return anyOf(err, syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EINTR)
}

func anyOf(err error, errs ...syscall.Errno) bool {
	for _, e := range errs {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// admit returns the sock's connection, or turns it away.
func (l *Listener) admit(sock net.Conn) *Conn {
	c := accepted(l, sock)
	l.mu.Lock()
	full := l.o.Connections > 0 && l.open+l.more >= l.o.Connections
	if !full {
		l.open++
		l.conns[c] = struct{}{}
	}
	l.mu.Unlock()
	if full {
		l.o.Refused(refusedConnections, c.peer.Addr())
		l.turnAway(sock, l.o.Busy, func() {})
		return nil
	}
	if l.o.ProxyProtocol {
		return c // the client is not known yet
	}
	if !l.enter(c, c.peer.Addr()) {
		l.o.Refused(refusedPerClient, c.peer.Addr())
		l.turnAway(sock, l.o.TooMany, c.leave)
		return nil
	}
	return c
}

// turnAway answers and closes the sock. The answer is smaller than any socket's buffer, so
// the deadline is for what must not happen.
func (l *Listener) turnAway(sock net.Conn, response string, done func()) {
	_ = sock.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := sock.Write([]byte(response)); err != nil {
		_ = sock.Close()
		done()
		return
	}
	l.linger(sock, done)
}

// enter counts a connection of the client, unless it has too many.
func (l *Listener) enter(c *Conn, client netip.Addr) bool {
	if l.o.ConnectionsPerClient == 0 || !client.IsValid() {
		return true
	}
	key := Household(client)
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.left {
		return true // closed meanwhile
	}
	if l.perClient[key] >= l.o.ConnectionsPerClient {
		return false
	}
	l.perClient[key]++
	c.counted = key
	return true
}

// leave undoes what admit and enter counted, once.
func (c *Conn) leave() {
	l := c.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.left {
		return
	}
	c.left = true
	l.open--
	l.more -= c.weight + int(c.burden.Load())
	delete(l.conns, c)
	if !c.counted.IsValid() {
		return
	}
	if l.perClient[c.counted]--; l.perClient[c.counted] == 0 {
		delete(l.perClient, c.counted)
	}
}

// Household is what counts as one client: providers hand out IPv6 addresses by the /64.
func Household(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits) // fails for more bits than there are
	return p
}
