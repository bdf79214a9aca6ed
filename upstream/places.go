package upstream

import (
	"container/list"
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound what an upstream gets at once; 0: no limit.
type Limits struct {
	InFlight         int           // requests at all endpoints together
	EndpointInFlight int           // at each
	Queue            int           // requests that wait until there is a place; 0: none do
	Patience         time.Duration // how long
}

// places are what an upstream has for requests, and the queue of those that have found none.
type places struct {
	Limits
	taken   atomic.Int32
	waiting atomic.Int32 // as many as line has

	mu   sync.Mutex
	line list.List // of *waiter, who has waited longest in front
}

// waiter is a request that waits.
type waiter struct {
	woken chan struct{} // has room for one
	at    *list.Element // nil: it has been woken
}

// take takes a place for a request, if there is one.
func (p *places) take() bool {
	if p.InFlight > 0 && int(p.taken.Add(1)) > p.InFlight {
		p.taken.Add(-1)
		return false
	}
	return true
}

// give gives the place back.
func (p *places) give() {
	if p.InFlight > 0 {
		p.taken.Add(-1)
		p.wake()
	}
}

// wake lets who has waited longest look again whether there is a place.
func (p *places) wake() {
	if p.waiting.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.line.Front()
	if first == nil {
		return
	}
	w := p.line.Remove(first).(*waiter)
	w.at = nil
	p.waiting.Add(-1)
	w.woken <- struct{}{}
}

// join puts a request into the queue, at its end or, if it has waited already, in front. It comes before the look for a place, so
// that none is missed that gets free meanwhile. Who is not the first has no look: others have waited longer.
func (p *places) join(w *waiter, again bool) (ok, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case again:
		w.at = p.line.PushFront(w)
	case p.line.Len() >= p.Queue:
		return false, false
	default:
		w.at = p.line.PushBack(w)
	}
	p.waiting.Add(1)
	return true, p.line.Front() == w.at
}

// quit takes a request out of the queue. If it has been woken meanwhile, the next one is.
func (p *places) quit(w *waiter) {
	p.mu.Lock()
	woken := w.at == nil
	if !woken {
		p.line.Remove(w.at)
		p.waiting.Add(-1)
	}
	p.mu.Unlock()
	if woken {
		p.wake()
	}
}

var (
	errQueueFull = &knownError{QueueFull, ErrBusy}
	errWaited    = &knownError{Waited, ErrBusy}
)

// queue has try look for a place until it finds one, as long as may be waited for it. Try fails with ErrBusy if there is none.
func (p *places) queue(ctx context.Context, x *Exchange, try func() error) error {
	if p.Queue == 0 {
		return try()
	}
	if p.waiting.Load() == 0 {
		if err := try(); !errors.Is(err, ErrBusy) {
			return err
		}
	}
	w := &waiter{woken: make(chan struct{}, 1)}
	ok, look := p.join(w, false)
	if !ok {
		return errQueueFull
	}
	late := time.NewTimer(p.Patience)
	defer late.Stop()
	var over <-chan time.Time
	if !x.Deadline.IsZero() {
		t := time.NewTimer(time.Until(x.Deadline))
		defer t.Stop()
		over = t.C
	}
	for {
		if look {
			if err := try(); !errors.Is(err, ErrBusy) {
				p.quit(w)
				return err
			}
		}
		select {
		case <-w.woken:
			_, look = p.join(w, true)
		case <-late.C:
			p.quit(w)
			return errWaited
		case <-over:
			p.quit(w)
			return &exchangeError{x.Endpoint, ErrTimeout, os.ErrDeadlineExceeded}
		case <-ctx.Done():
			p.quit(w)
			return ErrBusy
		}
	}
}
