// Package budget measures what an inspection costs and says when it has cost enough.
//
// An inspection says before each piece of work how much it is, in steps: about one for each byte that is
// looked at. Every few thousand steps the budget looks at the clock of the thread, which counts what this
// thread has computed, and not how long it waited for its turn: so a busy machine makes no inspection
// expensive. Between two looks a piece of work costs a subtraction.
//
// A budget belongs to one goroutine at a time.
package budget

import (
	"runtime"
	"time"
)

// stretch is how many steps are taken between two looks at the clock. The cheapest of them take a
// nanosecond, the dearest (a regular expression of hundreds of states) a microsecond. An ordinary request needs
// fewer, and so no look, which takes system calls.
const stretch = 64 << 10

// Budget is what one inspection may cost. The zero value has no limit, and so has a nil pointer.
type Budget struct {
	limit  time.Duration
	used   time.Duration // by stretches of work that are over
	since  time.Duration // what the clock said when this one began
	timing bool          // one is going on, and the goroutine stays on its thread
	credit int           // steps until the next look
	spent  bool

	stop    func() bool
	stopped bool
}

// New returns a budget of so much CPU time; 0: no limit.
func New(limit time.Duration) Budget { return Budget{limit: limit, credit: stretch} }

// Spend takes so many steps, and reports whether there is time for them. After it has said no, it never
// says yes again.
func (b *Budget) Spend(steps int) bool {
	if b == nil {
		return true
	}
	if b.credit -= steps; b.credit >= 0 {
		return true
	}
	return b.look()
}

// look looks at the clock. A stretch of work begins with the first look, so that what is over before takes
// no look at all. From then on the goroutine stays on its thread, whose clock it is.
func (b *Budget) look() bool {
	if b.spent {
		b.credit = 0
		return false
	}
	b.credit = stretch
	if b.stop != nil && b.stop() {
		b.stopped, b.spent, b.credit = true, true, 0
		return false
	}
	if b.limit <= 0 {
		return true
	}
	if !b.timing {
		runtime.LockOSThread()
		b.since, b.timing = now(), true
	}
	if b.used+now()-b.since > b.limit {
		b.spent, b.credit = true, 0
		return false
	}
	return true
}

// Rest ends a stretch of work. Work that follows begins another one, on any thread.
func (b *Budget) Rest() {
	if b == nil || !b.timing {
		return
	}
	b.used += now() - b.since
	b.timing = false
	runtime.UnlockOSThread()
}

// StopIf has the budget spent as soon as somebody says that nobody waits for the result any more, who is asked
// at every look.
func (b *Budget) StopIf(stop func() bool) { b.stop = stop }

// Stopped reports whether that is why the budget is spent.
func (b *Budget) Stopped() bool { return b != nil && b.stopped }

// Spent reports whether Spend has said no.
func (b *Budget) Spent() bool { return b != nil && b.spent }
