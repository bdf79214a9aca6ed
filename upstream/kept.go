package upstream

import (
	"slices"
	"sync"
	"time"
)

// kept are the connections to an endpoint on which nothing is asked for now.
type kept struct {
	mu     sync.Mutex
	conns  []*conn // who has rested longest first
	expiry *time.Timer
	armed  bool
	closed bool // nothing is kept any more
}

// take returns the connection that has rested shortest; nil: there is none.
func (k *kept) take() *conn {
	k.mu.Lock()
	defer k.mu.Unlock()
	last := len(k.conns) - 1
	if last < 0 {
		return nil
	}
	c := k.conns[last]
	k.conns[last] = nil
	k.conns = k.conns[:last]
	return c
}

// put keeps a connection. It reports false if it is not kept.
func (k *kept) put(c *conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return false
	}
	k.conns = append(k.conns, c)
	if !k.armed {
		k.arm(c.rests())
	}
	return true
}

// arm has connections that rest for too long closed. A timer costs nothing while it waits, and there is none as long as nothing rests.
func (k *kept) arm(in time.Duration) {
	k.armed = true
	in = max(in, leastExpiry)
	if k.expiry == nil {
		k.expiry = time.AfterFunc(in, k.expire)
	} else {
		k.expiry.Reset(in)
	}
}

// leastExpiry is how often it is looked for connections that have rested for too long, at most.
const leastExpiry = 10 * time.Millisecond

// expire closes connections that have rested for too long. Those behind them have come later, but may have less time.
func (k *kept) expire() {
	k.mu.Lock()
	var over []*conn
	next := time.Duration(-1)
	k.conns = slices.DeleteFunc(k.conns, func(c *conn) bool {
		left := c.rests() - c.resting()
		if left <= 0 {
			over = append(over, c)
		} else if next < 0 || left < next {
			next = left
		}
		return left <= 0
	})
	if k.armed = next >= 0; k.armed {
		k.arm(next)
	}
	k.mu.Unlock()
	closeAll(over)
}

// closeOldest closes the connection that has rested longest. It reports false if there is none.
func (k *kept) closeOldest() bool {
	k.mu.Lock()
	if len(k.conns) == 0 {
		k.mu.Unlock()
		return false
	}
	c := k.conns[0]
	k.conns = slices.Delete(k.conns, 0, 1)
	k.mu.Unlock()
	_ = c.Close()
	return true
}

// close closes all of them, and keeps none from now on.
func (k *kept) close() {
	k.mu.Lock()
	k.closed = true
	all := k.conns
	k.conns = nil
	if k.expiry != nil {
		k.expiry.Stop()
	}
	k.mu.Unlock()
	closeAll(all)
}

func closeAll(conns []*conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}
