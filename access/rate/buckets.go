package rate

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// Key names a bucket: a digest of the limit's id and of what the request has of the parts of the limit's key, the same on
// all replicas.
type Key [16]byte

// A slot holds a bucket, if its key is set.
type slot struct {
	key    Key
	full   int64 // when the bucket will be full again, in nanoseconds of the State
	unsent int64 // of what was charged, what the store has not been told
}

const (
	slotBytes = 32
	ways      = 8  // slots of a set
	shards    = 32 // each with a lock of its own
	leastSets = 2  // of a shard
)

// buckets are those of one limit. A key has its place in one of two sets of slots, which only the process knows: nobody
// can choose keys that get into each other's way. Room is made as it is needed, up to a bound. Behind that a bucket has
// to go for a new one: of the two sets, the one that is soonest full again, which loses least by being forgotten.
type buckets struct {
	seed     maphash.Seed
	mostSets int // of a shard
	shards   [shards]shard

	forgotten atomic.Int64 // buckets that owed something and had to go
	waiting   atomic.Int64 // requests that are made to wait
	counts    [Counts]atomic.Int64
}

type shard struct {
	mu    sync.Mutex
	slots []slot // sets in a row; none until the first bucket
	dirty bool   // there may be slots with something unsent
	_     [24]byte
}

// newBuckets makes room for so many buckets.
func newBuckets(most int) *buckets {
	// Sets are not filled evenly: with three fifths of their slots in use, hardly any is full.
	sets := (most/3*5 + shards*ways - 1) / (shards * ways)
	return &buckets{seed: maphash.MakeSeed(), mostSets: max(leastSets, sets)}
}

// Bytes is what so many buckets take at most.
func Bytes(most int) int64 {
	return int64(newBuckets(most).mostSets) * ways * shards * slotBytes
}

// lock returns the shard of a key, locked, and what its sets are found by.
func (b *buckets) lock(key *Key) (*shard, uint64) {
	h := maphash.Bytes(b.seed, key[:])
	s := &b.shards[h%shards]
	s.mu.Lock()
	return s, h / shards
}

// pair are the two sets in which a key can be.
func (s *shard) pair(h uint64) (one, other []slot) {
	sets := uint64(len(s.slots) / ways)
	i := uint64(uint32(h)) * sets >> 32
	j := (i + 1 + (h>>32)%(sets-1)) % sets // never the same
	return s.slots[i*ways : i*ways+ways], s.slots[j*ways : j*ways+ways]
}

// find returns the slot of a key; nil: it has none.
func (s *shard) find(key *Key, h uint64) *slot {
	if len(s.slots) == 0 {
		return nil
	}
	one, other := s.pair(h)
	for i := range one {
		if one[i].key == *key {
			return &one[i]
		}
	}
	for i := range other {
		if other[i].key == *key {
			return &other[i]
		}
	}
	return nil
}

// free reports whether nothing is lost with the slot.
func (s *slot) free(now int64) bool { return s.full <= now && s.unsent == 0 }

// place returns a slot for a key that has none, with a bucket that is full.
func (b *buckets) place(s *shard, key *Key, h uint64, now int64) *slot {
	for {
		if at := s.soonest(h, now); at != nil && at.free(now) {
			*at = slot{key: *key}
			return at
		} else if sets := len(s.slots) / ways; at != nil && sets >= b.mostSets {
			if at.full > now {
				b.forgotten.Add(1)
			}
			*at = slot{key: *key}
			return at
		}
		b.grow(s, now)
	}
}

// soonest is the slot of the two sets that is free, in the set with more of those, or the one whose bucket is full again
// before the others.
func (s *shard) soonest(h uint64, now int64) *slot {
	if len(s.slots) == 0 {
		return nil
	}
	one, other := s.pair(h)
	at, free := soonestOf(one, now)
	if at2, free2 := soonestOf(other, now); free2 > free || free == 0 && free2 == 0 && at2.full < at.full {
		return at2
	}
	return at
}

func soonestOf(set []slot, now int64) (at *slot, free int) {
	for i := range set {
		switch e := &set[i]; {
		case e.free(now):
			at, free = e, free+1
		case free == 0 && (at == nil || e.full < at.full):
			at = e
		}
	}
	return at, free
}

// grow doubles the slots of a shard, or more, so that all that owe something have one.
func (b *buckets) grow(s *shard, now int64) {
	old := s.slots
	for sets := len(old) / ways; ; {
		sets = min(max(leastSets, 2*sets), b.mostSets)
		s.slots = make([]slot, sets*ways)
		if lost := b.fill(s, old, now); lost == 0 || sets == b.mostSets {
			b.forgotten.Add(lost)
			return
		}
	}
}

// fill puts what is in other slots into those of a shard, and returns how many had to go for others.
func (b *buckets) fill(s *shard, from []slot, now int64) (lost int64) {
	for i := range from {
		e := &from[i]
		if e.free(now) {
			continue
		}
		at := s.soonest(maphash.Bytes(b.seed, e.key[:])/shards, now)
		if at.free(now) {
			*at = *e
			continue
		}
		if lost++; at.full < e.full {
			*at = *e
		}
	}
	return lost
}

// take takes a cost from a bucket that then owes no more than most, and returns what it owes. If it would owe more nothing
// is taken. Of the cost, the store is still to be told the part unsent.
func (b *buckets) take(key *Key, now, cost, unsent, most int64) (owes int64, ok bool) {
	s, h := b.lock(key)
	defer s.mu.Unlock()
	e := s.find(key, h)
	if e != nil {
		owes = owed(e.full, now, most)
	}
	if cost > most-owes {
		return owes, false
	}
	if cost > 0 {
		b.put(s, e, key, h, now, owes+cost, unsent)
	}
	return owes + cost, true
}

// ask is take without taking anything.
func (b *buckets) ask(key *Key, now, cost, most int64) (owes int64, ok bool) {
	s, h := b.lock(key)
	defer s.mu.Unlock()
	if e := s.find(key, h); e != nil {
		owes = owed(e.full, now, most)
	}
	return owes, cost <= most-owes
}

// charge charges a bucket whatever it owes.
func (b *buckets) charge(key *Key, now, cost, unsent, most int64) {
	s, h := b.lock(key)
	defer s.mu.Unlock()
	e := s.find(key, h)
	var owes int64
	if e != nil {
		owes = owed(e.full, now, most)
	}
	b.put(s, e, key, h, now, min(sum(owes, cost), sum(most, forgiven)), unsent)
}

func (b *buckets) put(s *shard, e *slot, key *Key, h uint64, now, owes, unsent int64) {
	if e == nil {
		e = b.place(s, key, h, now)
	}
	e.full = sum(now, owes)
	if unsent > 0 {
		e.unsent, s.dirty = sum(e.unsent, unsent), true
	}
}

// giveBack undoes a charge.
func (b *buckets) giveBack(key *Key, cost, unsent int64) {
	s, h := b.lock(key)
	defer s.mu.Unlock()
	if e := s.find(key, h); e != nil {
		e.full -= cost
		e.unsent = max(0, e.unsent-unsent)
	}
}

// gather appends what the store has not been told of one shard's buckets, and takes it as told. Charges of a time in which
// the store was away are told as far as they are owed yet: that is what they would have come to.
func (b *buckets) gather(i int, now int64, to []Bucket) []Bucket {
	s := &b.shards[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dirty {
		return to
	}
	s.dirty = false
	for i := range s.slots {
		e := &s.slots[i]
		if e.unsent == 0 {
			continue
		}
		cost := min(e.unsent, max(0, e.full-now)+2*int64(Every))
		e.unsent = 0
		to = append(to, Bucket{Key: e.key, Cost: time.Duration(cost), Most: time.Duration(forgiven)})
	}
	return to
}

// settle takes over what a bucket owes as the store has it, which is more than is known here if others have charged it.
// What was charged here meanwhile comes on top.
func (b *buckets) settle(key *Key, now int64, owes time.Duration) {
	s, h := b.lock(key)
	defer s.mu.Unlock()
	if e := s.find(key, h); e != nil && owes > 0 {
		e.full = max(e.full, sum(sum(now, int64(owes)), e.unsent))
	}
}

// unsettled takes back that the store was told.
func (b *buckets) unsettled(of *Bucket) {
	s, h := b.lock(&of.Key)
	defer s.mu.Unlock()
	if e := s.find(&of.Key, h); e != nil {
		e.unsent, s.dirty = sum(e.unsent, int64(of.Cost)), true
	}
}

// size is how many buckets owe something, and how many bytes there are for them.
func (b *buckets) size(now int64) (owing int, bytes int64) {
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		bytes += int64(len(s.slots)) * slotBytes
		for i := range s.slots {
			if s.slots[i].full > now {
				owing++
			}
		}
		s.mu.Unlock()
	}
	return owing, bytes
}
