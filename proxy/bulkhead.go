package proxy

import (
	"net/netip"
	"sync"
	"time"
)

// bulkhead bounds how many inspections run at once. Rules cost milliseconds of one core
// where forwarding costs microseconds, so without it a flood of expensive requests would
// take every core from all routes. Who finds no place waits a moment in a short queue of
// its route's own; places are given to the waiting routes in turn, and no route holds all
// of them, so that one route's flood delays that route. Within a route, lane does the same
// for clients.
type bulkhead struct {
	most     int           // places of one route; one less than there are, if there are several
	share    int           // places of one client, while others of its route wait
	depth    int           // waiters of one route at most
	patience time.Duration // longest wait
	crowded  func()        // called when somebody has to wait; nil: nobody wants to know
	threads  *background   // that inspections run on

	mu      sync.Mutex
	free    int
	waiting int
	turn    queue[*lane] // those with waiters, the next one in front
}

func newBulkhead(places, depth int, patience time.Duration) *bulkhead {
	most := max(places-1, 1)
	return &bulkhead{most: most, share: max(most/2, 1), free: places, depth: depth, patience: patience, threads: newBackground()}
}

// who asks for a place.
type who struct {
	client netip.Prefix
	class  class
	again  bool // its last request on this connection was an attack
}

// enter waits for a place. It reports false if there was none in time, or if too many
// wait already.
func (b *bulkhead) enter(l *lane, w who) bool {
	b.mu.Lock()
	g := l.guest(w.client)
	if b.take(l, g) {
		b.mu.Unlock()
		return true
	}
	if l.waiting >= b.depth && !b.displace(l, g, w.class) {
		l.forget(g)
		b.mu.Unlock()
		return false
	}
	me := b.queue(l, &g.turns[w.class], false)
	b.mu.Unlock()

	timer := time.NewTimer(b.patience)
	defer timer.Stop()
	select {
	case <-me.over:
		return !me.displaced
	case <-timer.C:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-me.over: // in the meantime
		return !me.displaced
	default:
	}
	b.drop(l, me)
	l.forget(g)
	return false
}

// enterLate is enter for the inspection of a response. The application has done its work:
// turning the request away now would be a lie about it, so this waits as long as it takes,
// and nobody is a suspect. How many do is bounded by the requests that were let in before.
func (b *bulkhead) enterLate(l *lane, client netip.Prefix) {
	b.mu.Lock()
	g := l.guest(client)
	if b.take(l, g) {
		b.mu.Unlock()
		return
	}
	me := b.queue(l, &g.turns[honest], true)
	b.mu.Unlock()
	<-me.over
}

// run runs an inspection in the place that a client was given, and gives the place back.
func (b *bulkhead) run(l *lane, client netip.Prefix, inspection func()) {
	defer b.leave(l, client)
	b.threads.run(inspection)
}

// take takes a place at once. Who waits on the same lane comes first.
func (b *bulkhead) take(l *lane, g *guest) bool {
	if b.free == 0 || l.held >= b.most || l.waiting > 0 {
		return false
	}
	b.give(l, g)
	return true
}

func (b *bulkhead) give(l *lane, g *guest) {
	b.free--
	l.held++
	g.held++
}

// queue appends a waiter.
func (b *bulkhead) queue(l *lane, t *turn, late bool) *waiter {
	if l.waiting == 0 {
		b.turn.push(l)
	}
	me := l.add(t, late)
	b.waiting++
	if b.crowded != nil {
		b.crowded()
	}
	return me
}

// displace makes room in a full queue for somebody of a class, at the expense of a client that has more of it.
func (b *bulkhead) displace(l *lane, g *guest, c class) bool {
	last := l.expendable(g, c)
	if last == nil {
		return false
	}
	last.displaced = true
	b.drop(l, last)
	close(last.over)
	l.forget(last.turn.guest)
	return true
}

// leave gives the client's place to the next route that waits and may have one more.
func (b *bulkhead) leave(l *lane, client netip.Prefix) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := l.guest(client)
	b.free++
	l.held--
	g.held--
	l.forget(g)
	for next := b.turn.first; next != nil; next = next.next {
		if next.held >= b.most {
			continue
		}
		w := next.pick(b.share)
		b.give(next, w.turn.guest)
		b.drop(next, w)
		close(w.over)
		if next.waiting > 0 {
			b.turn.remove(next)
			b.turn.push(next)
		}
		return
	}
}

// drop takes a waiter out of its lane, and the lane out of the turn if it was the last.
func (b *bulkhead) drop(l *lane, w *waiter) {
	l.remove(w)
	b.waiting--
	if l.waiting == 0 {
		b.turn.remove(l)
	}
}

// queued is how many wait.
func (b *bulkhead) queued() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}

// sheds reports whether a suspect need not even be screened: the queue is full, and not by itself alone. Of
// an address that fills it alone, these are the connections that attacks come from, since others may be
// somebody else's; and for them it is full until a quarter of it is free, or else all of them were
// screened for each place that becomes free.
func (b *bulkhead) sheds(l *lane, w who) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := l.waiting >= b.depth
	if l.full = full || l.full && l.waiting > b.depth-b.depth/4; l.full && w.again {
		return true
	}
	own := 0
	if g := l.guests[w.client]; g != nil {
		own = g.waiting()
	}
	return full && l.waiting > own
}
