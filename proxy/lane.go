package proxy

import "net/netip"

// lane is a route's part of the bulkhead. Its places are given to the waiting clients in turn, and
// none of them gets more than its share while there is another one that has less. Those whose last
// requests were attacks come behind all others. Nothing is kept of a client that neither holds a
// place nor waits. The bulkhead's lock guards it.
type lane struct {
	link[*lane]
	held    int // places
	waiting int
	full    bool // it was, and three quarters of them wait still
	guests  map[netip.Prefix]*guest
	turns   [classes]queue[*turn] // that have waiters, the next one in front
}

// The classes of waiters: of one, all come before the next one.
const (
	honest = iota
	suspected
	classes
)

func class(suspect bool) int {
	if suspect {
		return suspected
	}
	return honest
}

// guest is a client in a lane.
type guest struct {
	client netip.Prefix
	held   int // places
	turns  [classes]turn
}

// turn is what a client has of a class of waiters.
type turn struct {
	link[*turn]
	guest   *guest
	class   int
	n       int
	waiters queue[*waiter] // the one that came first in front
}

type waiter struct {
	link[*waiter]
	turn      *turn
	late      bool          // cannot be displaced
	displaced bool          // by somebody else: there is no place
	over      chan struct{} // closed when the wait has an end
}

func (g *guest) waiting() int { return g.turns[honest].n + g.turns[suspected].n }

// guest returns a client's guest, a new one if it has none.
func (l *lane) guest(client netip.Prefix) *guest {
	if g := l.guests[client]; g != nil {
		return g
	}
	g := &guest{client: client}
	for class := range g.turns {
		g.turns[class].guest, g.turns[class].class = g, class
	}
	if l.guests == nil {
		l.guests = map[netip.Prefix]*guest{}
	}
	l.guests[client] = g
	return g
}

// forget forgets a client that has nothing here any more.
func (l *lane) forget(g *guest) {
	if g.held == 0 && g.waiting() == 0 {
		delete(l.guests, g.client)
	}
}

func (l *lane) add(t *turn, late bool) *waiter {
	w := &waiter{turn: t, late: late, over: make(chan struct{})}
	if t.n == 0 {
		l.turns[t.class].push(t)
	}
	t.waiters.push(w)
	t.n++
	l.waiting++
	return w
}

func (l *lane) remove(w *waiter) {
	t := w.turn
	t.waiters.remove(w)
	t.n--
	l.waiting--
	if t.n == 0 {
		l.turns[t.class].remove(t)
	}
}

// pick returns who is next, and puts its client behind the others. Somebody waits.
func (l *lane) pick(share int) *waiter {
	for class := range l.turns {
		all := &l.turns[class]
		next := all.first // if all have their share, the place is not left empty
		for t := all.first; t != nil; t = t.next {
			if t.guest.held < share {
				next = t
				break
			}
		}
		if next != nil {
			all.remove(next)
			all.push(next)
			return next.waiters.first
		}
	}
	panic("BUG: nobody waits")
}

// expendable is whose place in a full queue another client should have: the newest waiter of the one
// with most of them, suspects first. It is nil if the other one has as many, or is a suspect itself.
func (l *lane) expendable(other *guest, suspect bool) *waiter {
	if suspect {
		return nil
	}
	for _, class := range []int{suspected, honest} {
		var most *turn
		for t := l.turns[class].first; t != nil; t = t.next {
			if t.newest() != nil && (most == nil || t.n > most.n) {
				most = t
			}
		}
		if most != nil && (class == suspected || most.n > other.turns[honest].n+1) {
			return most.newest()
		}
	}
	return nil
}

// newest is the last waiter that can be displaced.
func (t *turn) newest() *waiter {
	for w := t.waiters.last; w != nil; w = w.prev {
		if !w.late {
			return w
		}
	}
	return nil
}
