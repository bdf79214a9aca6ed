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
	at    *list.Element
}

// take takes a place for a request, if there is one.
func (p *places) take() bool { return p.InFlight == 0 || oneMore(&p.taken, p.InFlight) }

// oneMore counts one more up to a limit. The count is never above it, not even for a moment, in which somebody else would find no
// place although there is one.
func oneMore(n *atomic.Int32, limit int) bool {
	for {
		was := n.Load()
		if int(was) >= limit {
			return false
		}
		if n.CompareAndSwap(was, was+1) {
			return true
		}
	}
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
	p.wakeFirst()
}

// wakeFirst is wake with the lock.
func (p *places) wakeFirst() {
	if first := p.line.Front(); first != nil {
		select {
		case first.Value.(*waiter).woken <- struct{}{}:
		default:
		}
	}
}

// join puts a request into the queue. It comes before the look for a place, so that none is missed that gets free meanwhile.
func (p *places) join(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line.Len() >= p.Queue {
		return false
	}
	w.at = p.line.PushBack(w)
	p.waiting.Add(1)
	return true
}

// first reports whether nobody has waited longer. Who is not the first has no look: there may be no place for all.
func (p *places) first(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.line.Front() == w.at
}

// quit takes a request out of the queue. The next one looks: there may be more than one place.
func (p *places) quit(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line.Remove(w.at)
	p.waiting.Add(-1)
	p.wakeFirst()
}

var (
	errQueueFull = &knownError{QueueFull, ErrBusy}
	errWaited    = &knownError{Waited, ErrBusy}
)

// lookEvery is how often who is first looks for a place although nobody has given one back: there may be an endpoint that is new, or
// one that may be asked again.
const lookEvery = 100 * time.Millisecond

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
	if !p.join(w) {
		return errQueueFull
	}
	defer p.quit(w)
	late, glance := time.NewTimer(p.Patience), time.NewTicker(lookEvery)
	defer late.Stop()
	defer glance.Stop()
	var over <-chan time.Time
	if !x.Deadline.IsZero() {
		t := time.NewTimer(time.Until(x.Deadline))
		defer t.Stop()
		over = t.C
	}
	for {
		if p.first(w) {
			if err := try(); !errors.Is(err, ErrBusy) {
				return err
			}
			if x.left { // what it has left itself it does not look for again at once
				w.forget()
			}
		}
		select {
		case <-w.woken:
		case <-glance.C:
		case <-late.C:
			return errWaited
		case <-over:
			return &exchangeError{x.Endpoint, ErrTimeout, os.ErrDeadlineExceeded}
		case <-ctx.Done():
			return ErrBusy
		}
	}
}

// forget has a waiter that was woken wait on.
func (w *waiter) forget() {
	select {
	case <-w.woken:
	default:
	}
}
