package http2

import (
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/socket"
)

// allowance is what a connection may still do that costs more than it is good for. It is spent by that, and
// earned by what connections are for, up to its first size.
type allowance struct {
	most int64
	left atomic.Int64
}

func (a *allowance) fill(most int) {
	a.most = int64(most)
	a.left.Store(a.most)
}

// spend takes n, and reports whether there was enough.
func (a *allowance) spend(n int64) bool { return a.left.Add(-n) >= 0 }

// earn gives n back.
func (a *allowance) earn(n int64) {
	if left := a.left.Add(n); left > a.most {
		a.left.Add(a.most - left) // what others earn meanwhile may be lost
	}
}

const (
	// frameEarns is what a frame of a response earns of control frames: a client may answer it with one that
	// opens each of two windows, and measure how long it took.
	frameEarns = 3
	// controlEvery is how often time alone earns a control frame: long streams are kept alive by them.
	controlEvery = 100 * time.Millisecond
)

// controls is the allowance of control frames, which time fills too. Whoever spends has one goroutine.
type controls struct {
	allowance
	last socket.Instant // up to which time has been paid for
}

func (c *controls) spend(now socket.Instant) bool {
	if every := socket.Instant(controlEvery); now-c.last >= every {
		c.earn(int64((now - c.last) / every))
		c.last = now
	}
	return c.allowance.spend(1)
}
