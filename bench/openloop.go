package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// openLoopConnections bounds the requests in flight. More wait, and their waiting counts.
const openLoopConnections = 64

// openLoop sends requests at a fixed rate, whether the server keeps up or not, and measures
// each from the moment it was due. A loader that waits for an answer before it sends the
// next request asks fewer questions just when the server is slow, and so forgets exactly
// the latencies that matter (coordinated omission); here a stall of 100 ms shows in every
// request that fell due within it.
func openLoop(ctx context.Context, addr string, p pool, rate float64, length time.Duration) (latencies, error) {
	// One processor is bound by the clock's sleep, the other one serves the connections.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	n := int(rate * length.Seconds())
	gap := float64(time.Second) / rate
	ctx, cancel := context.WithTimeout(ctx, length+20*time.Second)
	defer cancel()

	due := make(chan int, n) // takes all, so that the clock never waits
	began := time.Now().Add(50 * time.Millisecond)
	at := func(i int) time.Time { return began.Add(time.Duration(float64(i) * gap)) }

	took := make([]time.Duration, n)
	failed := make(chan error, openLoopConnections)
	var refused atomic.Int64
	var wg sync.WaitGroup
	for range openLoopConnections {
		wg.Go(func() {
			c := &client{addr: addr}
			defer c.close()
			for i := range due {
				r := p.list[i%len(p.list)]
				status, err := c.do(r.raw)
				took[i] = time.Since(at(i))
				switch {
				case err == nil && status == 503:
					refused.Add(1)
				case err == nil && status != 200:
					err = fmt.Errorf("status %d", status)
				}
				if err != nil || ctx.Err() != nil {
					failed <- err
					return
				}
			}
		})
	}
	late := clock(ctx, n, at, due)
	close(due)
	wg.Wait()
	select {
	case err := <-failed:
		if err == nil {
			err = ctx.Err()
		}
		return latencies{}, fmt.Errorf("open loop at %.0f per second: %w", rate, err)
	default:
	}
	if len(late) < n {
		return latencies{}, ctx.Err()
	}
	// At half capacity a request is refused only if something stood still for a second.
	if r := int(refused.Load()); r*100 > n {
		return latencies{}, fmt.Errorf("open loop at %.0f per second: %d of %d refused with status 503", rate, r, n)
	}
	slices.Sort(took)
	slices.Sort(late)
	return latencies{
		Rate: round(rate, 2), Requests: n, Refused: int(refused.Load()),
		P50: micros(quantile(took, 0.5)), P99: micros(quantile(took, 0.99)), P999: micros(quantile(took, 0.999)), Max: micros(took[n-1]),
		ClockP99: micros(quantile(late, 0.99)),
	}, nil
}

// clock hands each request over when it is due, and returns how late it was with that. It
// sleeps in the kernel: Go's own timers may be a millisecond late on an idle processor,
// ten times what is measured.
func clock(ctx context.Context, n int, at func(int) time.Time, due chan<- int) []time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const setTimerSlack = 29 // PR_SET_TIMERSLACK, in nanoseconds; the default is 50 µs
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1, 0)
	late := make([]time.Duration, 0, n)
	for i := range n {
		when := at(i)
		for wait := time.Until(when); wait > 0; wait = time.Until(when) {
			ts := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&ts, nil) // if it was interrupted, the loop sleeps on
		}
		if ctx.Err() != nil {
			break
		}
		late = append(late, time.Since(when))
		due <- i
	}
	return late
}

// quantile of sorted values, by nearest rank.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
