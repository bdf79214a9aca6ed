package screen

import (
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
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
	turnover = 8
)

type cached struct {
	class uint32
	text  string
	meets []int32 // rules whose guard the value meets, but for those that it rules out
}

// hash reports false for values that are not cached.
func (c *cache) hash(k *class, text string) (uint64, bool) {
	if len(text) > cacheText {
		return 0, false
	}
	return maphash.String(c.seed, text) ^ uint64(k.id)*0x9e3779b97f4a7c15, true
}

// get returns nil for a value that is not there.
func (c *cache) get(hash uint64, k *class, text string) *cached {
	if e := c.slots[hash%cacheSlots].Load(); e != nil && e.class == k.id && e.text == text {
		return e
	}
	return nil
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
	slot.Store(&cached{k.id, strings.Clone(text), slices.Clone(meets)})
}
