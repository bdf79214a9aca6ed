package wire

import (
	"cmp"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Options say what clients may do. A limit or time-out that is 0 does not exist, if it
// has no default.
type Options struct {
	// HeadBytes of request line and field section, blank line included (431); default 32 KiB.
	// It has to be less than the server's read buffer.
	HeadBytes   int
	Fields      int // field lines (431); default 128
	TargetBytes int // request target (414); default 16 KiB

	// HeadTimeout is from the first byte of a request to the last one of its head (408). A
	// new connection has as long to send its first byte.
	HeadTimeout  time.Duration
	Idle         time.Duration // between two requests
	BodyTimeout  time.Duration // longest silence inside a body (408)
	BodyRate     int           // bytes per second that a body may not fall below for longer than BodyTimeout (408)
	WriteTimeout time.Duration // longest time in which nothing can be written
	WriteRate    int           // bytes per second that an answer may not fall below for longer than WriteTimeout

	Connections          int // open at once; more are answered with 503
	ConnectionsPerClient int // of one client, an IPv4 address or an IPv6 /64; more are answered with 429

	// ProxyProtocol expects a PROXY protocol header, version 1 or 2, on connections of
	// TrustedProxies, and on no others: connections with the header missing or not called
	// for are closed.
	ProxyProtocol  bool
	TrustedProxies []netip.Prefix

	// Refused is called for each connection that is refused before HTTP begins, with one of
	// a closed set of reasons, fit for the label of a metric. It must not block.
	Refused func(reason string, client netip.Addr)

	// Panicked is called with what a Read or Write has panicked with, in the goroutine that
	// did, before its stack is gone. The connection ends with an error.
	Panicked func(v any)
}

// Listener accepts connections that let a server read strictly framed requests only.
type Listener struct {
	inner     net.Listener
	o         Options
	start     time.Time
	lingering chan struct{}
	closed    chan struct{}
	closing   sync.Once

	mu        sync.Mutex
	open      int
	perClient map[netip.Prefix]int
}

// Listen wraps inner, whose connections have to be plain TCP connections if lingering
// closes and client addresses are to work; others are served without.
func Listen(inner net.Listener, o Options) *Listener {
	o.HeadBytes = cmp.Or(o.HeadBytes, 32<<10)
	o.Fields = cmp.Or(o.Fields, 128)
	o.TargetBytes = cmp.Or(o.TargetBytes, 16<<10)
	if o.Refused == nil {
		o.Refused = func(string, netip.Addr) {}
	}
	if o.Panicked == nil {
		o.Panicked = func(any) {}
	}
	return &Listener{
		inner: inner, o: o, start: time.Now(),
		lingering: make(chan struct{}, lingerMost), closed: make(chan struct{}),
		perClient: map[netip.Prefix]int{},
	}
}

// Open returns the number of open connections, those included that are being closed.
func (l *Listener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// Addr returns the address that is listened on.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Close stops listening. Connections stay open.
func (l *Listener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.inner.Close()
}

// Accept returns the next connection within the limits, as a [*Conn]. It does not fail
// when the process or the system runs out of something; it waits until there is some again.
func (l *Listener) Accept() (net.Conn, error) {
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
		case exhausted(err):
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

// exhausted reports whether accepting may succeed later. fasthttp would stop serving.
func exhausted(err error) bool {
	for _, e := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EINTR,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// admit returns the sock's connection, or turns it away.
func (l *Listener) admit(sock net.Conn) *Conn {
	c := newConn(l, sock)
	l.mu.Lock()
	full := l.o.Connections > 0 && l.open >= l.o.Connections
	if !full {
		l.open++
	}
	l.mu.Unlock()
	if full {
		l.o.Refused(refusedConnections, c.peer.Addr())
		l.turnAway(sock, answerBusy, func() {})
		return nil
	}
	if l.o.ProxyProtocol {
		return c // the client is not known yet
	}
	if !l.enter(c, c.peer.Addr()) {
		l.o.Refused(refusedPerClient, c.peer.Addr())
		l.turnAway(sock, answerTooMany, c.leave)
		return nil
	}
	return c
}

// What clients get that are not let in.
const (
	answerBusy    = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	answerTooMany = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)

// turnAway answers and closes the sock. The answer is smaller than any socket's buffer, so
// the deadline is for what must not happen.
func (l *Listener) turnAway(sock net.Conn, answer string, done func()) {
	_ = sock.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := sock.Write([]byte(answer)); err != nil {
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
