package login

import (
	"sync"
	"time"
)

const (
	shards   = 16
	mostKept = 1 << 16 // buckets, and places where somebody has logged in, each
	looks    = 8       // at candidates for being forgotten
)

// table has a time for each key: a bounded number of them, of which the earliest go.
type table struct{ shards [shards]shard }

type shard struct {
	mu   sync.Mutex
	till map[key]time.Time
}

func (t *table) of(k *key) *shard { return &t.shards[k[0]%shards] }

// take charges a bucket that has room (GCRA). If it has none, it says how long that will last.
func (t *table) take(k *key, q Quota, now time.Time) (wait time.Duration, ok bool) {
	s := t.of(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.till[*k]
	if at.Before(now) {
		at = now
	}
	if over := at.Sub(now) - q.each()*time.Duration(q.Units-1); over > 0 {
		return over, false
	}
	s.put(k, at.Add(q.each()), now)
	return 0, true
}

// giveBack takes a charge back.
func (t *table) giveBack(k *key, q Quota, now time.Time) {
	s := t.of(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.till[*k].Add(-q.each()); at.After(now) {
		s.till[*k] = at
	} else {
		delete(s.till, *k)
	}
}

// atLeast makes a bucket owe what others know of it.
func (t *table) atLeast(k *key, owes time.Duration, now time.Time) {
	s := t.of(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := now.Add(owes); at.After(s.till[*k]) {
		s.put(k, at, now)
	}
}

func (t *table) forget(k *key) {
	s := t.of(k)
	s.mu.Lock()
	delete(s.till, *k)
	s.mu.Unlock()
}

// has reports whether the time of a key has not come.
func (t *table) has(k *key, now time.Time) bool {
	s := t.of(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.till[*k].After(now)
}

// put sets the time of a key. The caller has the lock.
func (s *shard) put(k *key, till, now time.Time) {
	if s.till == nil {
		s.till = map[key]time.Time{}
	}
	if _, known := s.till[*k]; !known && len(s.till) >= mostKept/shards {
		s.makeRoom(now)
	}
	s.till[*k] = till
}

func (s *shard) makeRoom(now time.Time) {
	var first key
	var at time.Time
	n := 0
	for k, till := range s.till { // in no order
		if !till.After(now) {
			delete(s.till, k)
			return
		}
		if n == 0 || till.Before(at) {
			first, at = k, till
		}
		if n++; n == looks {
			break
		}
	}
	delete(s.till, first)
}

func (t *table) len() (n int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.till)
		s.mu.Unlock()
	}
	return n
}
