package proxy

import "net/netip"

// lane is a route's part of the bulkhead. Its places are given to the waiting clients in turn, and none of
// them gets more than its share while there is another one that has less. Classes come one behind the
// other. Nothing is kept of a client that neither holds a place nor waits. The bulkhead's lock guards it.
type lane struct {
	link[*lane]
	held    int // places
	waiting int
	full    bool // it was, and three quarters of them wait still
	guests  map[netip.Prefix]*guest
	turns   [classes]queue[*turn] // that have waiters, the next one in front
}

// class is a class of waiters: all of one come before the next one.
type class int

// Of an address whose last requests were attacks, which may be that of many (an office, a load balancer), the
// connections whose own last request was none are vouched for. A new one is not.
const (
	honest class = iota
	vouched
	suspected
	classes
)

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
	class   class
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

func (g *guest) waiting() (n int) {
	for c := range g.turns {
		n += g.turns[c].n
	}
	return n
}

// guest returns a client's guest, a new one if it has none.
func (l *lane) guest(client netip.Prefix) *guest {
	if g := l.guests[client]; g != nil {
		return g
	}
	g := &guest{client: client}
	for c := range classes {
		g.turns[c].guest, g.turns[c].class = g, c
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
	for c := range l.turns {
		all := &l.turns[c]
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

// expendable is whose place in a full queue another client's request of a class should have: the newest waiter
// of the one with most of them in the last class behind it, or else in its own. It is nil if the other one has as
// many there, or is a suspect itself.
func (l *lane) expendable(other *guest, own class) *waiter {
	for c := suspected; c >= own && own != suspected; c-- {
		var most *turn
		for t := l.turns[c].first; t != nil; t = t.next {
			if t.newest() != nil && (most == nil || t.n > most.n) {
				most = t
			}
		}
		if most != nil && (c > own || most.n > other.turns[own].n+1) {
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
