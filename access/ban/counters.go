package ban

import (
	"sync"
	"time"
)

// parts is how finely a window is cut: what is counted is that of the window that ends now, and of at most an
// eighth before. So many within the window always lead to a ban.
const parts = 8

// counter counts in the parts of a window.
type counter struct {
	newest int64 // part
	counts [parts + 1]uint16
}

// add counts one more and returns the sum.
func (c *counter) add(now time.Time, window time.Duration) (sum int) {
	part := now.UnixNano() / max(int64(window)/parts, 1)
	if part < c.newest { // the clock was put back
		part = c.newest
	}
	for gone := min(part-c.newest, int64(len(c.counts))); gone > 0; gone-- {
		c.counts[(part-gone+1)%int64(len(c.counts))] = 0
	}
	c.newest = part
	if at := &c.counts[part%int64(len(c.counts))]; *at < 1<<16-1 {
		*at++
	}
	return c.sum()
}

func (c *counter) sum() (sum int) {
	for _, n := range c.counts {
		sum += int(n)
	}
	return sum
}

// counters are those of all targets, a bounded number.
type counters struct {
	most int
	mu   sync.Mutex
	all  map[[16]byte]*counter
}

// looked is how many are looked at to find one to forget.
const looked = 8

func (c *counters) add(key [16]byte, now time.Time, window time.Duration) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.all[key]
	if one == nil {
		if c.all == nil {
			c.all = map[[16]byte]*counter{}
		}
		if len(c.all) >= c.most {
			c.forgetOne()
		}
		one = &counter{}
		c.all[key] = one
	}
	return one.add(now, window)
}

// forgetOne forgets, of some, the one that has counted least, the older of two: whoever comes from many addresses
// only pushes out what came from as many.
func (c *counters) forgetOne() {
	var victim [16]byte
	var least *counter
	n := 0
	for key, one := range c.all {
		if least == nil || one.sum() < least.sum() || one.sum() == least.sum() && one.newest < least.newest {
			victim, least = key, one
		}
		if n++; n == looked {
			break
		}
	}
	delete(c.all, victim)
}

func (c *counters) forget(key [16]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, key)
}
