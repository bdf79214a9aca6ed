package token

import (
	"net/netip"
	"sync"
	"time"
)

// What a client may make the tier verify in vain: so many tokens at once, and one more each time.
const (
	vainBurst = 30
	vainEvery = 2 * time.Second
	maxVain   = 1 << 14 // clients that are remembered
)

// guard bounds the signatures that are verified in vain for each client. Verifying one takes tens of microseconds,
// and anybody can make up what has none.
type guard struct {
	mu   sync.Mutex
	next map[netip.Addr]time.Time // GCRA: when the client will have been quiet for long enough
}

// take charges a client for a verification, which is given back if it was none in vain. It reports false for one
// that has had too many.
func (g *guard) take(client netip.Addr, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.next[client]
	if at.Before(now) {
		at = now
	}
	if at.Sub(now) > (vainBurst-1)*vainEvery {
		return false
	}
	if g.next == nil {
		g.next = map[netip.Addr]time.Time{}
	}
	if _, known := g.next[client]; !known && len(g.next) >= maxVain {
		g.forget(now)
	}
	g.next[client] = at.Add(vainEvery)
	return true
}

func (g *guard) giveBack(client netip.Addr, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, known := g.next[client]
	if at = at.Add(-vainEvery); known && at.After(now) {
		g.next[client] = at
	} else {
		delete(g.next, client)
	}
}

// forget makes room: of a few clients the one that has been quiet the longest goes.
func (g *guard) forget(now time.Time) {
	var quiet netip.Addr
	var since time.Time
	looked := 0
	for client, at := range g.next { // in no order
		if at.Before(now) {
			delete(g.next, client)
			return
		}
		if looked == 0 || at.Before(since) {
			quiet, since = client, at
		}
		if looked++; looked == 8 {
			break
		}
	}
	delete(g.next, quiet)
}
