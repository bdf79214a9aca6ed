package budget

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// shared is the CPU time that was spent on what all inspections have in common. Who happens to be the first to
// need a table must not pay for it: it would be refused for what the next one gets for nothing. That others
// who work at the same time do not pay for it either makes no difference: it is spent once.
var shared atomic.Int64

// OnceValue is sync.OnceValue for what all inspections have in common. To make one such thing may take
// others.
func OnceValue[T any](f func() T) func() T {
	return sync.OnceValue(func() T {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer making.begin()()
		return f()
	})
}

// making is what threads are making, each with what it has made for it and accounted for.
var making = makers{within: map[int]time.Duration{}}

type makers struct {
	mu     sync.Mutex
	within map[int]time.Duration // by thread
}

// begin begins to make something, and returns what ends that: the time it took is everybody's.
func (m *makers) begin() (end func()) {
	begun, thread := ThreadTime(), thread()
	m.mu.Lock()
	defer m.mu.Unlock()
	before, nested := m.within[thread]
	m.within[thread] = 0
	return func() {
		took := ThreadTime() - begun
		m.mu.Lock()
		defer m.mu.Unlock()
		shared.Add(int64(took - m.within[thread]))
		if delete(m.within, thread); nested {
			m.within[thread] = before + took
		}
	}
}

// now is what the thread has computed, without what it has computed for all.
func now() time.Duration { return ThreadTime() - time.Duration(shared.Load()) }
