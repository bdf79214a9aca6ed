package login

import (
	"context"
	"sync"
	"time"
)

// Shared is what replicas know together of buckets.
type Shared interface {
	Up() bool
	// Spend charges buckets, and says what each owes then.
	Spend(ctx context.Context, keys [][16]byte, costs []time.Duration) (owes []time.Duration, err error)
}

const (
	mostQueued = 1 << 10
	patience   = time.Second
	batch      = 64
)

// queue are failures that the others have to be told of. It has a goroutine while there are any.
type queue struct {
	mu      sync.Mutex
	waiting []failure
	running bool
}

type failure struct {
	owing *table
	key   key
	cost  time.Duration
}

// share tells the others of a failure, and learns of theirs: what one replica lets through too much is what was on
// its way when it heard. What failed for an account at an address stays here, since a success forgets it.
func (s *State) share(g *Guard, a *Attempt, now time.Time) {
	if s.shared == nil || !s.shared.Up() {
		return
	}
	all := []failure{{&g.tables.owing, a.address, g.Address.each()}}
	for i := range a.names {
		if n := &a.names[i]; n.account != (key{}) && !g.own {
			all = append(all, failure{&g.tables.owing, n.account, g.Account.each()})
		}
	}
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if len(s.queue.waiting)+len(all) > mostQueued {
		return // the store is slow, and it counts here in any case
	}
	s.queue.waiting = append(s.queue.waiting, all...)
	if !s.queue.running {
		s.queue.running = true
		go s.tell()
	}
}

func (s *State) tell() {
	for {
		s.queue.mu.Lock()
		n := min(len(s.queue.waiting), batch)
		all := append([]failure(nil), s.queue.waiting[:n]...)
		s.queue.waiting = append(s.queue.waiting[:0], s.queue.waiting[n:]...)
		s.queue.running = n > 0
		s.queue.mu.Unlock()
		if n == 0 {
			return
		}
		keys, costs := make([][16]byte, n), make([]time.Duration, n)
		for i := range all {
			keys[i], costs[i] = all[i].key, all[i].cost
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		owes, err := s.shared.Spend(ctx, keys, costs)
		cancel()
		if err != nil {
			continue
		}
		now := time.Now()
		for i := range owes {
			all[i].owing.atLeast(&all[i].key, owes[i], now)
		}
	}
}
