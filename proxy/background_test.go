package proxy

import (
	"errors"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wafer-waf/wafer/waf"
)

func TestBackgroundRunsJobsAtOnce(t *testing.T) {
	b := newBackground()
	var wg, all sync.WaitGroup
	all.Add(3)
	for range 3 {
		wg.Go(func() {
			b.run(func() {
				all.Done()
				all.Wait() // until the others run too
			})
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("jobs do not run at once")
	}
}

func TestBackgroundPanicsWhereItWasCalled(t *testing.T) {
	b := newBackground()
	func() {
		defer func() {
			err, _ := recover().(error)
			failed, ok := errors.AsType[*waf.PanicError](err)
			if !ok || failed.Value != "so what" || !strings.Contains(string(failed.Stack), "TestBackgroundPanics") {
				t.Errorf("panic %v", err)
			}
		}()
		b.run(func() { panic("so what") })
	}()
	done := false
	b.run(func() { done = true })
	if !done {
		t.Error("nothing runs after a panic")
	}
}

func TestProcessorsAreAddedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s processors
		own := runtime.GOMAXPROCS(0)
		t.Setenv("GOGC", "")
		garbage := func() uint64 {
			sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
			metrics.Read(sample)
			return sample[0].Value.Uint64()
		}
		before := garbage()
		s.add()
		time.Sleep(addedFor / 2)
		s.add()
		if n := runtime.GOMAXPROCS(0); n != own+addedProcessors {
			t.Errorf("%d processors, want %d", n, own+addedProcessors)
		}
		if n := s.count(); n != own {
			t.Errorf("%d are its own, want %d", n, own)
		}
		time.Sleep(addedFor - 1) // they were wanted again
		if n := runtime.GOMAXPROCS(0); n != own+addedProcessors {
			t.Errorf("%d processors, want %d still", n, own+addedProcessors)
		}
		if n := garbage(); n != crowdedGarbage {
			t.Errorf("garbage of %d percent, want %d", n, crowdedGarbage)
		}
		time.Sleep(addedFor)
		if n := runtime.GOMAXPROCS(0); n != own {
			t.Errorf("%d processors, want %d", n, own)
		}
		if n := garbage(); n != before {
			t.Errorf("garbage of %d percent, want %d again", n, before)
		}
	})
}
