package upstream

import "sync/atomic"

// tally counts what is under way. A reload that changes an upstream makes a new Pool, and what the one before has under way goes on
// there: it counts here, too, so that limits hold and nobody looks idle who is not.
type tally struct {
	n      atomic.Int32
	before atomic.Pointer[tally] // of the Pool before; nil: nothing is left there
}

// take counts one more, up to a limit.
func (t *tally) take(limit int) bool { return oneMore(&t.n, limit-t.earlier()) }

// Add counts without a limit.
func (t *tally) Add(n int32) { t.n.Add(n) }

// Load is what this Pool has.
func (t *tally) Load() int32 { return t.n.Load() }

// all is what is under way, wherever it began.
func (t *tally) all() int { return int(t.n.Load()) + t.earlier() }

// earlier is what the Pools before have.
func (t *tally) earlier() (n int) {
	b := t.before.Load()
	if b == nil {
		return 0
	}
	if n = b.all(); n == 0 {
		t.before.CompareAndSwap(b, nil)
	}
	return n
}

// follow has what another one counts count here. Those that have nothing any more are left out: nobody keeps what is over.
func (t *tally) follow(b *tally) {
	for b != nil && b.n.Load() == 0 {
		b = b.before.Load()
	}
	t.before.Store(b)
}
