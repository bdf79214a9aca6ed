package challenge

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"
)

// What a network may answer: as many at once as a company in the morning, and then as fast as none does.
const (
	guardBurst = 500
	guardEvery = 20 * time.Millisecond // one more
	guardSlots = 4096
)

// Guard bounds the answers that one network has judged, each of which costs about as much as a refusal. It has 32 KiB
// whoever comes: networks share a slot by chance, of which nobody knows with whom.
type Guard struct {
	seed  maphash.Seed
	slots [guardSlots]atomic.Int64 // when all that was taken is given back, in nanoseconds since 1970
}

// NewGuard returns a guard who has seen nobody. It belongs to the process, not to a configuration.
func NewGuard() *Guard { return &Guard{seed: maphash.MakeSeed()} }

// admits takes one answer of the client's network, if there is one left.
func (g *Guard) admits(client netip.Addr, now time.Time) bool {
	bits := network4
	if client = client.Unmap(); client.Is6() {
		bits = network6
	}
	network, _ := client.WithZone("").Prefix(bits) // of an address that nobody knows: none, which is one, too
	slot := &g.slots[maphash.Comparable(g.seed, network)%guardSlots]
	for {
		const burst = guardBurst * int64(guardEvery)
		full, n := slot.Load(), now.UnixNano()
		next := max(full, n) + int64(guardEvery)
		if full-n > burst { // the clock was set back: nobody would be let in until it has caught up
			next = n + int64(guardEvery)
		}
		if next-n > burst {
			return false
		}
		if slot.CompareAndSwap(full, next) {
			return true
		}
	}
}
