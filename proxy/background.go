package proxy

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/waf"
)

// background runs what keeps a core busy for milliseconds on threads of their own, which the
// kernel prefers others to: who needs microseconds does not wait for milliseconds of others. There
// are as many threads as there were jobs at once.
type background struct {
	jobs chan func()
}

// idle is how long a thread waits for its next job.
const idle = 10 * time.Second

func newBackground() *background { return &background{jobs: make(chan func())} }

// run runs f and waits for its end. If f panics, so does run.
func (b *background) run(f func()) {
	var failed *waf.PanicError
	done := make(chan struct{})
	job := func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				failed = &waf.PanicError{Value: r, Stack: debug.Stack()}
			}
		}()
		f()
	}
	select {
	case b.jobs <- job:
	default:
		go b.work(job)
	}
	<-done
	if failed != nil {
		panic(failed)
	}
}

// work does jobs until there are none for a while. Its thread ends with it.
func (b *background) work(job func()) {
	runtime.LockOSThread()
	lowerPriority()
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		job()
		timer.Reset(idle)
		select {
		case job = <-b.jobs:
		case <-timer.C:
			return
		}
	}
}

// processors are those of Go's scheduler, of which every running goroutine has one. While
// inspections have to wait, all are busy with inspections: then the scheduler looks for traffic
// every ten milliseconds only. So there are two more of them in that time, one for traffic and
// one for the garbage collector, and the kernel shares the cores. Always to have them would cost a
// third of the throughput of one core, for threads that look for work in vain. A process has one
// proxy, so that they are that one's.
//
// In that time the collector also lets more garbage come together: each of its cycles makes traffic wait for tens
// of milliseconds while cores have no time left. The limit of memory holds all the same ([Proxy.setMemory]).
type processors struct {
	mu       sync.Mutex
	own      int       // without those added; 0: none are added
	garbage  int       // percent of what is alive, before
	lastWant time.Time // of the ones added
}

const (
	addedProcessors = 2
	addedFor        = time.Second // after the last time that they were wanted

	crowdedGarbage = 400 // percent of what is alive; Go's own is 100
)

// count is how many processors there are without those added.
func (s *processors) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own > 0 {
		return s.own
	}
	return runtime.GOMAXPROCS(0)
}

// add adds processors for a while.
func (s *processors) add() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastWant = time.Now()
	if s.own > 0 {
		return
	}
	s.own = runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(s.own + addedProcessors)
	if os.Getenv("GOGC") == "" {
		s.garbage = debug.SetGCPercent(crowdedGarbage)
	}
	time.AfterFunc(addedFor, s.remove)
}

func (s *processors) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := addedFor - time.Since(s.lastWant); left > 0 {
		time.AfterFunc(left, s.remove)
		return
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.SetDefaultGOMAXPROCS() // which follows a CPU limit that changes
	} else {
		runtime.GOMAXPROCS(s.own)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(s.garbage)
	}
	s.own = 0
}
