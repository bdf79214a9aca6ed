package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// openLoopConnections bounds the requests in flight. More wait, and their waiting counts.
const openLoopConnections = 64

// shots are requests that were sent at a fixed rate, in the order in which they were due.
type shots struct {
	rate   float64
	took   []time.Duration // from the moment each was due
	status []int
	late   []time.Duration // how late the loader was
}

// shoot sends requests at a fixed rate, whether the server keeps up or not, and measures
// each from the moment it was due. A loader that waits for an answer before it sends the
// next request asks fewer questions just when the server is slow, and so forgets exactly
// the latencies that matter (coordinated omission); here a stall of 100 ms shows in every
// request that fell due within it.
func shoot(ctx context.Context, addr string, p pool, connections int, rate float64, length time.Duration) (shots, error) {
	n := int(rate * length.Seconds())
	gap := float64(time.Second) / rate
	ctx, cancel := context.WithTimeout(ctx, length+time.Minute)
	defer cancel()

	due := make(chan int, n) // takes all, so that the clock never waits
	began := time.Now().Add(50 * time.Millisecond)
	at := func(i int) time.Time { return began.Add(time.Duration(float64(i) * gap)) }

	s := shots{rate: rate, took: make([]time.Duration, n), status: make([]int, n)}
	failed := make(chan error, connections)
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			c := &client{addr: addr}
			defer c.close()
			for i := range due {
				status, err := c.do(p.list[i%len(p.list)].raw)
				s.took[i], s.status[i] = time.Since(at(i)), status
				if err != nil || ctx.Err() != nil {
					failed <- err
					return
				}
			}
		})
	}
	s.late = clock(ctx, n, at, due)
	close(due)
	wg.Wait()
	select {
	case err := <-failed:
		if err == nil {
			err = ctx.Err()
		}
		return s, fmt.Errorf("open loop at %.0f per second: %w", rate, err)
	default:
	}
	if len(s.late) < n {
		return s, ctx.Err()
	}
	return s, nil
}

// openLoop is shoot at a server that is not overloaded: every status has to be right.
func openLoop(ctx context.Context, v *server, p pool, rate float64, length time.Duration) (latencies, error) {
	s, err := shoot(ctx, v.addr, p, openLoopConnections, rate, length)
	if err != nil {
		return latencies{}, err
	}
	l := s.latencies()
	for i, status := range s.status {
		if r := p.list[i%len(p.list)]; status == 503 {
			l.Refused++
		} else if !v.rightly(r, status) {
			return l, fmt.Errorf("open loop at %.0f per second: status %d, want %d:\n%.300s", rate, status, v.wants(r), r.raw)
		}
	}
	// At half capacity a request is refused only if something stood still for a second.
	if l.Refused*100 > l.Requests {
		return l, fmt.Errorf("open loop at %.0f per second: %d of %d refused with status 503", rate, l.Refused, l.Requests)
	}
	return l, nil
}

func (s shots) latencies() latencies {
	took, late := slices.Sorted(slices.Values(s.took)), slices.Sorted(slices.Values(s.late))
	if len(took) == 0 {
		return latencies{}
	}
	return latencies{
		Rate: round(s.rate, 2), Requests: len(took),
		P50: micros(quantile(took, 0.5)), P99: micros(quantile(took, 0.99)), P999: micros(quantile(took, 0.999)), Max: micros(took[len(took)-1]),
		ClockP99: micros(quantile(late, 0.99)),
	}
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
