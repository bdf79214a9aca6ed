package proxy

import (
	"container/list"
	"sync"
	"time"
)

// bulkhead bounds how many inspections run at once. Rules cost milliseconds of one core
// where forwarding costs microseconds, so without it a flood of expensive requests would
// take every core from all routes. Who finds no place waits a moment in a short queue of
// its route's own; places are given to the waiting routes in turn, and no route holds all
// of them, so that one route's flood delays that route.
type bulkhead struct {
	most     int           // places of one route; one less than there are, if there are several
	depth    int           // waiters of one route at most
	patience time.Duration // longest wait
	crowded  func()        // called when somebody has to wait; nil: nobody wants to know
	threads  *background   // that inspections run on

	mu      sync.Mutex
	free    int
	waiting int
	turn    list.List // of *lane: those with waiters, the next one in front
}

// lane is a route's part of the bulkhead.
type lane struct {
	held    int       // places
	waiters list.List // of chan struct{}, closed when a place is given
	element *list.Element
}

func newBulkhead(places, depth int, patience time.Duration) *bulkhead {
	return &bulkhead{most: max(places-1, 1), free: places, depth: depth, patience: patience, threads: newBackground()}
}

// enter waits for a place. It reports false if there was none in time, or if too many
// wait already.
func (b *bulkhead) enter(l *lane) bool {
	b.mu.Lock()
	if b.take(l) {
		b.mu.Unlock()
		return true
	}
	if l.waiters.Len() >= b.depth {
		b.mu.Unlock()
		return false
	}
	given, me := b.queue(l)
	b.mu.Unlock()

	timer := time.NewTimer(b.patience)
	defer timer.Stop()
	select {
	case <-given:
		return true
	case <-timer.C:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-given: // in the meantime
		return true
	default:
	}
	b.drop(l, me)
	return false
}

// enterLate is enter for the inspection of a response. The application has done its work:
// turning the request away now would be a lie about it, so this waits as long as it takes.
// How many do is bounded by the requests that were let in before.
func (b *bulkhead) enterLate(l *lane) {
	b.mu.Lock()
	if b.take(l) {
		b.mu.Unlock()
		return
	}
	given, _ := b.queue(l)
	b.mu.Unlock()
	<-given
}

// run runs an inspection in the place that the lane was given, and gives the place back.
func (b *bulkhead) run(l *lane, inspection func()) {
	defer b.leave(l)
	b.threads.run(inspection)
}

// take takes a place at once. Who waits on the same lane comes first.
func (b *bulkhead) take(l *lane) bool {
	if b.free == 0 || l.held >= b.most || l.waiters.Len() > 0 {
		return false
	}
	b.free--
	l.held++
	return true
}

// queue appends a waiter.
func (b *bulkhead) queue(l *lane) (given chan struct{}, waiter *list.Element) {
	given = make(chan struct{})
	waiter = l.waiters.PushBack(given)
	if l.element == nil {
		l.element = b.turn.PushBack(l)
	}
	b.waiting++
	if b.crowded != nil {
		b.crowded()
	}
	return given, waiter
}

// leave gives the lane's place to the next route that waits and may have one more.
func (b *bulkhead) leave(l *lane) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free++
	l.held--
	for e := b.turn.Front(); e != nil; e = e.Next() {
		next := e.Value.(*lane)
		if next.held >= b.most {
			continue
		}
		b.free--
		next.held++
		first := next.waiters.Front()
		close(first.Value.(chan struct{}))
		b.drop(next, first)
		if next.element != nil {
			b.turn.MoveToBack(next.element)
		}
		return
	}
}

// drop takes a waiter out of its lane, and the lane out of the turn if it was the last.
func (b *bulkhead) drop(l *lane, waiter *list.Element) {
	l.waiters.Remove(waiter)
	b.waiting--
	if l.waiters.Len() == 0 {
		b.turn.Remove(l.element)
		l.element = nil
	}
}

// queued is how many wait.
func (b *bulkhead) queued() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}
