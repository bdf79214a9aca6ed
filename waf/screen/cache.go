package screen

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
	"unsafe"

	"github.com/wafer-waf/wafer/waf/reading"
)

// cache remembers values that no rule of their class matches, and the rules whose guard they
// satisfy: names of fields, arguments and cookies, browsers' header fields, which come again
// and again. A value whose rules look at its key is remembered with it: a cookie of a name. It
// holds at most cacheSlots values of at most cacheText bytes, their keys included. A value is
// kept only when it comes a second time while its mark lasts, so that values that do not come
// again cost neither memory nor another's place; which slot a value takes is not to be known
// from outside, since the hash is seeded.
type cache struct {
	seed  maphash.Seed
	slots [cacheSlots]atomic.Pointer[cached]
	// tags are the upper halves of the hashes of what is in the slots. They are close together, so
	// that most values that are not there are told without a look at memory that is far.
	tags  [cacheSlots]atomic.Uint32
	marks [cacheSlots]atomic.Uint32 // upper halves of hashes that were seen once
}

const (
	cacheSlots = 8192
	cacheText  = 512
	// turnover is how many values that come a second time it takes on average until one gets the
	// place of another. Two that come equally often would take each other's place all the time.
	turnover = 16
)

// place is where the cache looks for a value: by its text, and by its key and text.
type place struct {
	class         *class
	key, text     string
	hash, withKey uint64 // withKey only if the class has rules that look at keys
}

// place reports false for values that are not cached.
func (c *cache) place(k *class, v *reading.Value) (p place, ok bool) {
	if len(v.Text)+len(v.Key) > cacheText {
		return place{}, false
	}
	p = place{class: k, key: v.Key, text: v.Text, hash: maphash.String(c.seed, v.Text) ^ uint64(k.id)*0x9e3779b97f4a7c15}
	if k.byKey {
		p.withKey = p.hash ^ bits.RotateLeft64(maphash.String(c.seed, v.Key), 32) ^ 1
	}
	return p, true
}

// get returns the rules whose guard a value triggers, and false if it is not there.
func (c *cache) get(p *place) ([]int32, bool) {
	if e := c.slot(p.hash); e != nil && e.is(p.class, "", false, p.text) {
		return e.triggers(), true
	}
	if !p.class.byKey {
		return nil, false
	}
	if e := c.slot(p.withKey); e != nil && e.is(p.class, p.key, true, p.text) {
		return e.triggers(), true
	}
	return nil, false
}

// slot returns what may be the value of a hash; nil: it is not there. Between the two looks another value
// may take the slot, which is told by its text.
func (c *cache) slot(hash uint64) *cached {
	if n := hash % cacheSlots; c.tags[n].Load() == tag(hash) {
		return c.slots[n].Load()
	}
	return nil
}

// tag is the upper half of a hash.
func tag(hash uint64) uint32 { return uint32(hash >> 32) }

// add remembers a value; byKey says that which rules it triggers depends on its key.
func (c *cache) add(p *place, byKey bool, triggers []int32) {
	hash, key := p.hash, ""
	if byKey {
		hash, key = p.withKey, p.key
	}
	n, upper := hash%cacheSlots, tag(hash)
	if mark := &c.marks[n]; mark.Load() != upper {
		mark.Store(upper)
		return
	}
	if c.slots[n].Load() != nil && rand.Uint32()%turnover != 0 {
		return
	}
	c.slots[n].Store(newCached(p.class.id, key, byKey, p.text, triggers))
	c.tags[n].Store(upper)
}

// cached is the head of a value that is remembered, behind which in the same piece of memory
// are the rules, the key and the text: one look at memory that is far, and one allocation.
type cached struct {
	class uint32
	rules uint32 // whose guard the value triggers, but for those that it rules out
	key   uint16 // its length in bytes; the key counts only if byKey
	text  uint16 // likewise
	byKey bool
}

const cachedBytes = int(unsafe.Sizeof(cached{}))

func newCached(class uint32, key string, byKey bool, text string, triggers []int32) *cached {
	memory := make([]uint64, (cachedBytes+4*len(triggers)+len(key)+len(text)+7)/8)
	c := (*cached)(unsafe.Pointer(&memory[0]))
	*c = cached{class, uint32(len(triggers)), uint16(len(key)), uint16(len(text)), byKey}
	copy(c.triggers(), triggers)
	b := c.bytes()[4*len(triggers):]
	copy(b[copy(b, key):], text)
	return c
}

// bytes are the rules, the key and the text.
func (c *cached) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(c)), cachedBytes+4*int(c.rules)+int(c.key)+int(c.text))[cachedBytes:]
}

func (c *cached) triggers() []int32 {
	if c.rules == 0 {
		return nil
	}
	return unsafe.Slice((*int32)(unsafe.Pointer(&c.bytes()[0])), int(c.rules))
}

// is reports whether this is what is remembered.
func (c *cached) is(k *class, key string, byKey bool, text string) bool {
	if c.class != k.id || c.byKey != byKey || int(c.key) != len(key) || int(c.text) != len(text) {
		return false
	}
	b := c.bytes()[4*int(c.rules):]
	return string(b[:len(key)]) == key && string(b[len(key):]) == text
}
