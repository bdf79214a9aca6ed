package admin

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// maxConnections of one client are open at once: whoever opens thousands must not take the descriptors that traffic needs.
const maxConnections = 100

// A client has so long to take a piece of an answer: whoever takes none must not have answers kept, which may be large.
const (
	takeWithin = 15 * time.Second
	takePiece  = 256 << 10
)

// crowd is a listener on which no client has more connections than that, or takes longer. One more is closed.
type crowd struct {
	net.Listener
	within time.Duration

	mu   sync.Mutex
	open map[netip.Addr]int
}

func newCrowd(ln net.Listener) *crowd {
	return &crowd{Listener: ln, within: takeWithin, open: map[netip.Addr]int{}}
}

func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
		client := from.Addr().Unmap()
		if c.enter(client) {
			return &counted{Conn: conn, within: c.within, leave: sync.OnceFunc(func() { c.leave(client) })}, nil
		}
		_ = conn.Close() // there is nobody to tell
	}
}

func (c *crowd) enter(client netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[client] >= maxConnections {
		return false
	}
	c.open[client]++
	return true
}

func (c *crowd) leave(client netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[client]--; c.open[client] == 0 {
		delete(c.open, client)
	}
}

// counted is a connection that leaves when it is closed, and whose client has to take what is written.
type counted struct {
	net.Conn
	within time.Duration
	leave  func()

	mu    sync.Mutex
	until time.Time // as the server has set it; zero: it has not
}

// Write writes in pieces, each of which has its time.
func (c *counted) Write(b []byte) (n int, err error) {
	for first := true; first || n < len(b); first = false {
		if err := c.piece(); err != nil {
			return n, err
		}
		some, err := c.Conn.Write(b[n:min(len(b), n+takePiece)])
		if n += some; err != nil {
			return n, err
		}
	}
	return n, nil
}

// piece sets the deadline of a piece, which is that of the server if it is sooner.
func (c *counted) piece() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := time.Now().Add(c.within)
	if !c.until.IsZero() && c.until.Before(at) {
		at = c.until
	}
	return c.Conn.SetWriteDeadline(at)
}

func (c *counted) SetWriteDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = at
	return c.Conn.SetWriteDeadline(at)
}

func (c *counted) SetDeadline(at time.Time) error {
	return errors.Join(c.SetReadDeadline(at), c.SetWriteDeadline(at))
}

func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}
