package token

import (
	"crypto/sha256"
	"sync"
	"time"
	"unsafe"
)

// What is kept of verified tokens at most: so many, and so many bytes of what their claims say.
const (
	cacheShards  = 16
	shardEntries = 1 << 10
	shardBytes   = 1 << 20
	entryBytes   = 256 // of an entry itself, with its places in the map and the ring
)

// cache has the identities of tokens that were verified, by the SHA-256 of the token: whoever finds one has the
// token. Which of them go when it is full is decided by the clock algorithm.
type cache struct{ shards [cacheShards]shard }

type shard struct {
	mu      sync.Mutex
	entries map[[sha256.Size]byte]*entry
	ring    []*entry
	hand    int
	bytes   int
}

type entry struct {
	hash     [sha256.Size]byte
	identity *Identity
	keys     *Keys // that it was verified with: others may not know the one that has signed it
	from     time.Time
	until    time.Time
	bytes    int
	used     bool
}

func hash(text string) [sha256.Size]byte {
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(text), len(text)))
}

func (c *cache) of(h *[sha256.Size]byte) *shard { return &c.shards[h[0]%cacheShards] }

// get returns what is known of a token; nil: nothing.
func (c *cache) get(h *[sha256.Size]byte) *entry {
	s := c.of(h)
	s.mu.Lock()
	e := s.entries[*h]
	if e != nil {
		e.used = true
	}
	s.mu.Unlock()
	return e
}

// put keeps an entry, and forgets others if there is no room.
func (c *cache) put(e *entry) {
	s := c.of(&e.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		s.entries = map[[sha256.Size]byte]*entry{}
	}
	if s.entries[e.hash] != nil {
		return // two have verified it at once
	}
	e.bytes += entryBytes
	for len(s.ring) > 0 && (len(s.ring) >= shardEntries || s.bytes+e.bytes > shardBytes) {
		s.evict()
	}
	s.entries[e.hash] = e
	s.ring = append(s.ring, e)
	s.bytes += e.bytes
}

// drop forgets an entry.
func (c *cache) drop(e *entry) {
	s := c.of(&e.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.ring {
		if s.ring[i] == e {
			s.remove(i)
			return
		}
	}
}

// evict forgets one entry that was not used since the hand came by.
func (s *shard) evict() {
	for {
		if s.hand >= len(s.ring) {
			s.hand = 0
		}
		if e := s.ring[s.hand]; !e.used {
			s.remove(s.hand)
			return
		}
		s.ring[s.hand].used = false
		s.hand++
	}
}

func (s *shard) remove(i int) {
	e := s.ring[i]
	delete(s.entries, e.hash)
	s.bytes -= e.bytes
	last := len(s.ring) - 1
	s.ring[i], s.ring[last] = s.ring[last], nil
	s.ring = s.ring[:last]
}

// held is how many identities there are, and about how many bytes they take.
func (c *cache) held() (n, bytes int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n, bytes = n+len(s.ring), bytes+s.bytes
		s.mu.Unlock()
	}
	return n, bytes
}
