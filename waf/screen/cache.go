package screen

import (
	"hash/maphash"
	"math/rand/v2"
	"sync/atomic"
	"unsafe"
)

// cache remembers values that no rule of their class matches, and the rules whose guard they meet:
// names of fields, arguments and cookies, browsers' header fields, which come again and again. It
// holds at most cacheSlots
// values of at most cacheText bytes. A value is kept only when it comes a second time while
// its mark lasts, so that values that do not come again cost neither memory nor another's
// place; which slot a value takes is not to be known from outside, since the hash is seeded.
type cache struct {
	seed  maphash.Seed
	slots [cacheSlots]atomic.Pointer[cached]
	marks [cacheSlots]atomic.Uint64 // hashes that were seen once
}

const (
	cacheSlots = 8192
	cacheText  = 512
	// turnover is how many values that come a second time it takes on average until one gets the
	// place of another. Two that come equally often would take each other's place all the time.
	turnover = 16
)

// cached is the head of a value that is remembered, behind which in the same piece of memory are the rules and
// the text: one look at memory that is far, and one allocation.
type cached struct {
	class  uint32
	rules  uint32 // whose guard the value meets, but for those that it rules out
	length uint32 // of the text, in bytes
}

const cachedBytes = int(unsafe.Sizeof(cached{}))

func newCached(class uint32, text string, meets []int32) *cached {
	memory := make([]uint64, (cachedBytes+4*len(meets)+len(text)+7)/8)
	c := (*cached)(unsafe.Pointer(&memory[0]))
	*c = cached{class, uint32(len(meets)), uint32(len(text))}
	copy(c.meets(), meets)
	copy(c.bytes()[4*len(meets):], text)
	return c
}

// bytes are the rules and the text.
func (c *cached) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(c)), cachedBytes+4*int(c.rules)+int(c.length))[cachedBytes:]
}

func (c *cached) meets() []int32 {
	if c.rules == 0 {
		return nil
	}
	return unsafe.Slice((*int32)(unsafe.Pointer(&c.bytes()[0])), int(c.rules))
}

func (c *cached) text() string {
	b := c.bytes()[4*int(c.rules):]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// hash reports false for values that are not cached.
func (c *cache) hash(k *class, text string) (uint64, bool) {
	if len(text) > cacheText {
		return 0, false
	}
	return maphash.String(c.seed, text) ^ uint64(k.id)*0x9e3779b97f4a7c15, true
}

// get returns the rules whose guard a value meets, and false if it is not there.
func (c *cache) get(hash uint64, k *class, text string) ([]int32, bool) {
	if e := c.slots[hash%cacheSlots].Load(); e != nil && e.class == k.id && e.text() == text {
		return e.meets(), true
	}
	return nil, false
}

func (c *cache) add(hash uint64, k *class, text string, meets []int32) {
	mark := &c.marks[hash%cacheSlots]
	if mark.Swap(hash) != hash {
		return
	}
	slot := &c.slots[hash%cacheSlots]
	if slot.Load() != nil && rand.Uint32()%turnover != 0 {
		return
	}
	slot.Store(newCached(k.id, text, meets))
}
