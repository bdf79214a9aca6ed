package dfa

import (
	"sync"
	"sync/atomic"
)

// A Budget is what matchers share: memory for states, which goes back when a matcher is
// garbage, and sets to work in. It is safe for concurrent use.
type Budget struct {
	free atomic.Int64
	work sync.Pool // of *work
}

// NewBudget returns a Budget of so many bytes. They bound what all caches together take beyond the
// share that each matcher has for itself (16 KiB); what programs take is not counted.
func NewBudget(bytes int) *Budget {
	b := new(Budget)
	b.free.Store(int64(bytes))
	b.work.New = func() any { return new(work) }
	return b
}

// take takes n bytes, or none if so many are not left.
func (b *Budget) take(n int) bool {
	if b.free.Add(-int64(n)) >= 0 {
		return true
	}
	b.free.Add(int64(n))
	return false
}

func (b *Budget) give(n int) {
	b.free.Add(int64(n))
}

// loan is what one matcher has taken from a budget. It outlives the matcher, so that what the
// garbage collector finds of a matcher goes back.
type loan struct {
	budget *Budget
	bytes  int
}

func (l *loan) giveBack() {
	l.budget.give(l.bytes)
	l.bytes = 0
}

// work is what a scan needs while it adds states, or does without them.
type work struct {
	from, to set
	key      []byte
}

func (b *Budget) getWork() *work {
	return b.work.Get().(*work)
}

func (b *Budget) putWork(w *work) {
	b.work.Put(w)
}
