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

// OnceValue is sync.OnceValue for what all inspections have in common.
func OnceValue[T any](f func() T) func() T {
	return sync.OnceValue(func() T {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		begun := ThreadTime()
		defer func() { shared.Add(int64(ThreadTime() - begun)) }()
		return f()
	})
}

// now is what the thread has computed, without what it has computed for all.
func now() time.Duration { return ThreadTime() - time.Duration(shared.Load()) }
