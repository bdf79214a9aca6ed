// Package budget measures what an inspection costs and says when it has cost enough.
//
// An inspection says before each piece of work how much it is, in steps: about one for each byte that is
// looked at. Every few thousand steps the budget looks at a clock. The first part of a limit may be told by
// the clock on the wall, which costs no system call: no thread computes for longer than time passes. From then on
// it is the clock of the thread, which counts what this thread has computed, and not how long it waited for its
// turn: so a busy machine makes no inspection expensive. Between two looks a piece of work costs a subtraction.
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
	begun  time.Time     // when this one began, at its first look; zero: it has had none
	since  time.Duration // what the clock of the thread said when it was looked at first
	timing bool          // it is, and the goroutine stays on its thread
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
// nothing. Whether somebody waits for the result is asked from the second look on, since it is a system call.
func (b *Budget) look() bool {
	if b.spent {
		b.credit = 0
		return false
	}
	b.credit = stretch
	first := b.begun.IsZero()
	if first {
		b.begun = time.Now()
	} else if b.stop != nil && b.stop() {
		b.stopped, b.spent, b.credit = true, true, 0
		return false
	}
	if b.limit <= 0 {
		return true
	}
	if !b.timing {
		if !first && b.used+time.Since(b.begun) <= b.byWall() || first && b.used < b.byWall() {
			return true
		}
		b.used = max(b.used, b.byWall())
		runtime.LockOSThread()
		b.since, b.timing = now(), true
	}
	if b.used+now()-b.since > b.limit {
		b.spent, b.credit = true, 0
		return false
	}
	return true
}

// byWall is the part of the limit that the clock on the wall may take. It is small, since it counts waiting too.
func (b *Budget) byWall() time.Duration { return b.limit / 8 }

// Rest ends a stretch of work. Work that follows begins another one, on any thread.
func (b *Budget) Rest() {
	switch {
	case b == nil:
		return
	case b.timing:
		b.used += now() - b.since
		b.timing = false
		runtime.UnlockOSThread()
	case !b.begun.IsZero() && b.limit > 0:
		b.used = min(b.used+time.Since(b.begun), max(b.used, b.byWall()))
	}
	b.begun = time.Time{}
}

// StopIf has the budget spent as soon as somebody says that nobody waits for the result any more, who is asked
// at every look but the first.
func (b *Budget) StopIf(stop func() bool) { b.stop = stop }

// Stopped reports whether that is why the budget is spent.
func (b *Budget) Stopped() bool { return b != nil && b.stopped }

// Spent reports whether Spend has said no.
func (b *Budget) Spent() bool { return b != nil && b.spent }
