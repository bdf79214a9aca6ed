package secure

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// Bounds of those that wait for a place.
const (
	mostWaiting   = 4096 // in all
	mostPerClient = 64   // of one client
)

// Gate bounds how many handshakes compute at once, in all listeners of a process. Those that wait are let in one
// client after the other, so that a client which begins thousands delays nobody by more than one of them.
type Gate struct {
	mu      sync.Mutex
	free    int
	waiting int
	clients map[netip.Prefix]*list.Element // of turns
	turns   *list.List                     // of *turn
}

// turn is a client with handshakes that wait.
type turn struct {
	client  netip.Prefix
	waiters []*waiter
}

type waiter struct {
	in   chan struct{} // closed when there is a place
	gone bool
}

// NewGate returns a gate with so many places.
func NewGate(places int) *Gate {
	return &Gate{free: places, clients: map[netip.Prefix]*list.Element{}, turns: list.New()}
}

// enter takes a place, for which it waits at most that long. It reports false if there is none.
func (g *Gate) enter(client netip.Prefix, wait time.Duration) bool {
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return true
	}
	w := g.queue(client)
	g.mu.Unlock()
	if w == nil {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-w.in:
		return true
	case <-timer.C:
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-w.in: // meanwhile
		return true
	default:
	}
	w.gone = true
	return false
}

// queue has a handshake wait; nil: there are too many.
func (g *Gate) queue(client netip.Prefix) *waiter {
	if g.waiting >= mostWaiting {
		return nil
	}
	e := g.clients[client]
	if e == nil {
		e = g.turns.PushBack(&turn{client: client})
		g.clients[client] = e
	}
	t := e.Value.(*turn)
	if len(t.waiters) >= mostPerClient {
		return nil
	}
	w := &waiter{in: make(chan struct{})}
	t.waiters = append(t.waiters, w)
	g.waiting++
	return w
}

// leave gives a place to the next one.
func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for e := g.turns.Front(); e != nil; e = g.turns.Front() {
		t := e.Value.(*turn)
		w := t.waiters[0]
		t.waiters = t.waiters[1:]
		g.waiting--
		if len(t.waiters) == 0 {
			g.turns.Remove(e)
			delete(g.clients, t.client)
		} else {
			g.turns.MoveToBack(e)
		}
		if !w.gone {
			close(w.in)
			return
		}
	}
	g.free++
}
