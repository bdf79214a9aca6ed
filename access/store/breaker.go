package store

import (
	"math/bits"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// The breaker opens when the last threeInARow operations have failed, or tooMany of the last 32: a store
// that answers every other time costs as much as one that never does.
const (
	threeInARow = 0b111
	tooMany     = 8
)

// ramp is how long it takes after a recovery until all operations are tried again. All replicas find the
// store well within moments of each other, and what they have not told it meanwhile must not come at once.
const ramp = time.Second

// breaker decides whether operations are tried.
type breaker struct {
	closed atomic.Bool
	ramped atomic.Bool // since then all are tried

	mu      sync.Mutex
	history uint32 // a bit for each of the last operations, 1 for one that failed
	since   time.Time
	why     Fault // it is open
}

// newBreaker returns one that is open.
func newBreaker() *breaker { return &breaker{} }

func (b *breaker) up() bool { return b.closed.Load() }

// admits reports whether an operation is tried.
func (b *breaker) admits() bool {
	if !b.closed.Load() {
		return false
	}
	if b.ramped.Load() {
		return true
	}
	b.mu.Lock()
	since := time.Since(b.since)
	b.mu.Unlock()
	if since >= ramp {
		b.ramped.Store(true)
		return true
	}
	// A tenth are tried at once.
	return rand.N(ramp) < since+ramp/10
}

// saw notes how an operation went, and reports whether that has opened the breaker.
func (b *breaker) saw(failed bool) (opened bool) {
	if !failed && b.ramped.Load() && b.clean() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.history <<= 1
	if !failed || !b.closed.Load() {
		return false
	}
	b.history |= 1
	if b.history&threeInARow == threeInARow || bits.OnesCount32(b.history) >= tooMany {
		b.closed.Store(false)
		b.why = 0
		return true
	}
	return false
}

// clean reports whether nothing has failed lately.
func (b *breaker) clean() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.history == 0
}

// close has operations tried again, few at first if there may be many.
func (b *breaker) close(many bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.history, b.since, b.why = 0, time.Now(), 0
	b.ramped.Store(!many)
	b.closed.Store(true)
}

// because tells why the store is down, if it is for another reason than was told.
func (b *breaker) because(err error, tell func(bool, error)) {
	why := FaultOf(err)
	b.mu.Lock()
	known := b.why == why
	b.why = why
	b.mu.Unlock()
	if !known {
		tell(false, err)
	}
}
