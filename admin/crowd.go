package admin

import (
	"net"
	"net/netip"
	"sync"
)

// maxConnections of one client are open at once: whoever opens thousands must not take the descriptors that traffic needs.
const maxConnections = 100

// crowd is a listener on which no client has more connections than that. One more is closed.
type crowd struct {
	net.Listener

	mu   sync.Mutex
	open map[netip.Addr]int
}

func newCrowd(ln net.Listener) *crowd {
	return &crowd{Listener: ln, open: map[netip.Addr]int{}}
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
			return &counted{Conn: conn, leave: sync.OnceFunc(func() { c.leave(client) })}, nil
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

// counted is a connection that leaves when it is closed.
type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}
