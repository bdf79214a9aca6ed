package dfa

import (
	"sync/atomic"
	"unsafe"
)

// A cell of the table holds a state, or one of these. A state is the place of its row in the table;
// the first row is left out, so that a state is larger than all of them.
const (
	unknown uint32 = iota // not computed yet
	matched               // the pattern matches, whatever follows
	dead                  // it does not, whatever follows
	again                 // as before the first rune, in a program with a prefix
	special               // states are above
)

// A table has a row of cells for each state, a cell for each class of runes and one for the end.
// Cells only ever change from unknown to something else.
type table struct {
	cells []atomic.Uint32
	cache *cache
}

// A cache holds states. All of it is guarded by Matcher.mu; scans know its table alone, or an
// earlier one.
type cache struct {
	table  *table
	stride int               // cells in a row
	keys   []string          // of the states in the order of their rows, see set.appendKey
	states map[string]uint32 // by key
	size   int               // bytes held, approximately
}

const (
	firstRows = 4
	cellBytes = int(unsafe.Sizeof(atomic.Uint32{}))
	// perState is what a state takes beside its row and key: two string headers and a cell of a
	// map that is at worst half full.
	perState = 16 + 2*(16+4)
)

func newCache(stride int) *cache {
	c := &cache{stride: stride, states: map[string]uint32{}}
	c.table = &table{cells: make([]atomic.Uint32, firstRows*stride), cache: c}
	c.size = len(c.table.cells) * cellBytes
	return c
}

// full says that the next state needs a larger table.
func (c *cache) full() bool {
	return (len(c.keys)+2)*c.stride > len(c.table.cells)
}

// cost returns by how many bytes a state of this key makes the cache larger.
func (c *cache) cost(key []byte) int {
	n := perState + len(key)
	if c.full() {
		n += len(c.table.cells) * cellBytes
	}
	return n
}

// add gives key a state. What it costs has been provided for.
func (c *cache) add(key []byte) uint32 {
	c.size += c.cost(key)
	if c.full() {
		// The smaller table never changes again, so that all states in it have a row there. Scans
		// that hold it come to an unknown cell and get this one.
		larger := &table{cells: make([]atomic.Uint32, 2*len(c.table.cells)), cache: c}
		for i := range c.table.cells {
			larger.cells[i].Store(c.table.cells[i].Load())
		}
		c.table = larger
	}
	k := string(key)
	c.keys = append(c.keys, k)
	state := uint32(len(c.keys) * c.stride)
	c.states[k] = state
	return state
}

// key returns the key of a state.
func (c *cache) key(state uint32) string {
	return c.keys[int(state)/c.stride-1]
}
