package proxy

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
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
	wg.Wait()
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
	var s scheduler
	own := runtime.GOMAXPROCS(0)
	s.add()
	s.add()
	if n := runtime.GOMAXPROCS(0); n != own+addedProcessors {
		t.Errorf("%d processors, want %d", n, own+addedProcessors)
	}
	if n := s.count(); n != own {
		t.Errorf("%d are its own, want %d", n, own)
	}
	for began := time.Now(); runtime.GOMAXPROCS(0) != own; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 10*addedFor {
			t.Fatalf("%d processors after %v, want %d", runtime.GOMAXPROCS(0), time.Since(began), own)
		}
	}
}
