package balance

import "slices"

// Tried are members that a request has been to, and that are out of the question. The nil Tried and the zero Tried have none.
type Tried struct {
	list []int
	bits []uint64 // the same, once there are many: whoever is full is tried, and that may be all
}

// few is how many are looked for one by one.
const few = 8

// Add adds a member that is not among them.
func (t *Tried) Add(i int) {
	t.list = append(t.list, i)
	switch n := len(t.list); {
	case n == few+1:
		for _, i := range t.list {
			t.set(i)
		}
	case n > few:
		t.set(i)
	}
}

func (t *Tried) set(i int) {
	for len(t.bits) <= i/64 {
		t.bits = append(t.bits, 0)
	}
	t.bits[i/64] |= 1 << (i % 64)
}

// Has reports whether a member is among them.
func (t *Tried) Has(i int) bool {
	switch {
	case t == nil || len(t.list) == 0:
		return false
	case len(t.list) <= few:
		return slices.Contains(t.list, i)
	}
	return i/64 < len(t.bits) && t.bits[i/64]&(1<<(i%64)) != 0
}

// Len is how many there are.
func (t *Tried) Len() int { return len(t.list) }

// Clear takes all of them out.
func (t *Tried) Clear() {
	t.list = t.list[:0]
	clear(t.bits)
}
