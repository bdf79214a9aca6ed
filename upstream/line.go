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

// line is requests that wait until there is a place.
type line struct {
	most     int           // of them; 0: none do
	patience time.Duration // how long

	waiting atomic.Int32 // as many as all has

	mu  sync.Mutex
	all list.List // of *waiter, who has waited longest in front
}

// waiter is a request that waits.
type waiter struct {
	woken chan struct{} // has room for one
	at    *list.Element // nil: it is not in the line
}

// empty reports whether nobody waits.
func (l *line) empty() bool { return l.waiting.Load() == 0 }

// wake lets who has waited longest look again whether there is a place.
func (l *line) wake() {
	if l.empty() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wakeFirst()
}

// wakeFirst is wake with the lock.
func (l *line) wakeFirst() {
	if first := l.all.Front(); first != nil {
		select {
		case first.Value.(*waiter).woken <- struct{}{}:
		default:
		}
	}
}

// join puts a request into the line. It comes before the look for a place, so that none is missed that gets free meanwhile.
func (l *line) join(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all.Len() >= l.most {
		return false
	}
	w.at = l.all.PushBack(w)
	l.waiting.Add(1)
	return true
}

// first reports whether nobody has waited longer. Who is not the first has no look: there may be no place for all.
func (l *line) first(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Front() == w.at
}

// quit takes a request out of the line, if it is there. The next one looks: there may be more than one place.
func (l *line) quit(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.at == nil {
		return
	}
	l.all.Remove(w.at)
	w.at = nil
	l.waiting.Add(-1)
	l.wakeFirst()
}

// rejoin puts a request to the front that has left the line for a place and is in want of another one.
func (l *line) rejoin(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.at == nil {
		w.at = l.all.PushFront(w)
		l.waiting.Add(1)
	}
}

var (
	errQueueFull = &knownError{QueueFull, ErrBusy}
	errWaited    = &knownError{Waited, ErrBusy}
)

// lookEvery is how often who is first looks for a place although nobody has given one back: there may be an endpoint that is new, or
// one that may be asked again.
const lookEvery = 100 * time.Millisecond

// queue has try look for a place until it finds one, as long as may be waited for it. Try fails with ErrBusy if there is none.
func (l *line) queue(ctx context.Context, x *Exchange, try func() error) error {
	if l.most == 0 {
		return try()
	}
	if l.empty() {
		if err := try(); !errors.Is(err, ErrBusy) {
			return err
		}
	}
	return l.wait(ctx, x, try)
}

// wait is queue after a look that was in vain.
func (l *line) wait(ctx context.Context, x *Exchange, try func() error) error {
	w := &waiter{woken: make(chan struct{}, 1)}
	if !l.join(w) {
		return errQueueFull
	}
	x.placed = func() { l.quit(w) }
	defer func() {
		x.placed = nil
		l.quit(w)
	}()
	late, glance := time.NewTimer(l.patience), time.NewTicker(lookEvery)
	defer late.Stop()
	defer glance.Stop()
	var over <-chan time.Time
	if !x.Deadline.IsZero() {
		t := time.NewTimer(time.Until(x.Deadline))
		defer t.Stop()
		over = t.C
	}
	for {
		if l.first(w) {
			if err := try(); !errors.Is(err, ErrBusy) {
				return err
			}
			l.rejoin(w)
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
