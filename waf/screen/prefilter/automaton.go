package prefilter

import (
	"cmp"
	"slices"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// automaton finds the literals of a set in a value, in one pass (Aho and Corasick, 1975).
// States near the root, in which ordinary values keep it, and states with several successors
// have a row with a successor for each byte; the others, which are most, store their only
// successor and the state to fall back to.
//
// What a value costs is how often the memory that it goes through is in no near cache. So all
// of it is small: states have 16 bits, and what common bytes lead to stands side by side.
//
// States are numbered: those with a row, then the others; in the middle those in which
// literals end.
type automaton struct {
	column [256]uint8 // of a byte in a row; letters share theirs across case
	erased uint32     // evasion bytes have this column or one behind it
	shift  uint8      // a row has 1<<shift columns
	rows   []uint16
	chain  []link   // of the states without a row
	first  uint32   // of the states in which literals end
	endsIn []uint32 // by state from first on, the index in ends
	ends   []uint32 // by index, the first of the literals that end in a state; one more at the end
	ended  []int32  // these literals
	bound  int      // their ids are below
}

type link struct {
	next, fail uint16
	column     uint8
}

// mostStates is how many states an automaton may have.
const mostStates = 1 << 16

// rowDepth is up to which depth every state has a row.
const rowDepth = 2

// newAutomaton takes folded literals, none empty, and their ids.
func newAutomaton(literals []string, ids []int32) *automaton {
	a := &automaton{}
	columns := a.assignColumns(literals)
	for a.shift = 1; 1<<a.shift < columns; a.shift++ {
	}
	t := newTrie(literals, &a.column, a.shift)
	// What contains a literal contains a part of it: with parts, there are fewer states.
	for size := maxLiteral - 1; len(t.nodes) > mostStates; size-- {
		parts := make([]string, len(literals))
		for i, s := range literals {
			parts[i] = rarestPart(s, size)
		}
		t = newTrie(parts, &a.column, a.shift)
	}
	a.fill(t, ids)
	for _, id := range ids {
		a.bound = max(a.bound, int(id)+1)
	}
	return a
}

// assignColumns gives every byte a column, frequent ones first, and returns how many columns there
// are. Column 0 is for the bytes of no literal.
func (a *automaton) assignColumns(literals []string) int {
	var used [256]bool
	for _, s := range literals {
		for i := range len(s) {
			used[s[i]] = true
		}
	}
	var list []byte
	for b := range 256 {
		if used[b] || byteset.Byte(byte(b))&evasion != 0 {
			list = append(list, byte(b))
		}
	}
	rank := func(b byte) float64 {
		if byteset.Byte(b)&evasion != 0 {
			return 1
		}
		return -chanceOfClass(byteset.Byte(b))
	}
	slices.SortStableFunc(list, func(a, b byte) int { return cmp.Compare(rank(a), rank(b)) })
	n := 1
	for _, b := range list {
		if byteset.Byte(b)&evasion != 0 && a.erased == 0 {
			a.erased = uint32(n)
		}
		a.column[b] = uint8(n)
		if 'a' <= b && b <= 'z' {
			a.column[b-'a'+'A'] = uint8(n)
		}
		n++
	}
	return n
}

// fill numbers the nodes, of which those less deep come first, and writes what they lead to.
func (a *automaton) fill(t *trie, ids []int32) {
	var list [4][]int32
	for _, i := range t.order {
		n := &t.nodes[i]
		place := 3
		switch {
		case n.dense && n.match == 0:
			place = 0
		case n.dense:
			place = 1
		case n.match != 0:
			place = 2
		}
		list[place] = append(list[place], i)
	}
	number := uint16(0)
	for _, list := range list {
		for _, i := range list {
			t.nodes[i].state = number
			number++
		}
	}
	rows := len(list[0]) + len(list[1])
	a.first = uint32(len(list[0]))
	a.rows, a.chain = make([]uint16, rows<<a.shift), make([]link, len(t.nodes)-rows)
	a.endsIn, a.ends = make([]uint32, len(list[1])+len(list[2])), []uint32{0}
	for _, i := range t.order {
		n := &t.nodes[i]
		a.end(t, i, ids)
		if !n.dense {
			l := &a.chain[int(n.state)-rows]
			l.fail = t.nodes[n.fail].state
			if n.kids != 0 {
				l.column, l.next = t.nodes[n.kids].column, t.nodes[n.kids].state
			}
			continue
		}
		row := a.rows[int(n.state)<<a.shift:][:1<<a.shift]
		switch fail := &t.nodes[n.fail]; {
		case i == 0:
		case fail.dense:
			copy(row, a.rows[int(fail.state)<<a.shift:])
		default:
			for c := range row {
				row[c] = uint16(a.step(uint32(fail.state), uint32(c)))
			}
		}
		for k := n.kids; k != 0; k = t.nodes[k].next {
			row[t.nodes[k].column] = t.nodes[k].state
		}
	}
}

// end writes which literals end in a node, after those that are less deep.
func (a *automaton) end(t *trie, i int32, ids []int32) {
	n := &t.nodes[i]
	endsIn := func(match int32) *uint32 { return &a.endsIn[uint32(t.nodes[match].state)-a.first] }
	switch {
	case n.match == 0:
	case n.match != i: // the same as in the state to fall back to
		a.endsIn[uint32(n.state)-a.first] = *endsIn(n.match)
	default:
		*endsIn(i) = uint32(len(a.ends)) - 1
		for literal := n.literal; literal != 0; literal = t.same[literal-1] {
			a.ended = append(a.ended, ids[literal-1])
		}
		if shorter := t.nodes[n.fail].match; shorter != 0 {
			a.ended = append(a.ended, a.literals(*endsIn(shorter))...)
		}
		a.ends = append(a.ends, uint32(len(a.ended)))
	}
}

// step returns the state after one byte.
func (a *automaton) step(state, column uint32) uint32 {
	rows := uint32(len(a.rows) >> a.shift)
	for state >= rows {
		l := &a.chain[state-rows]
		if uint32(l.column) == column {
			return uint32(l.next)
		}
		state = uint32(l.fail)
	}
	return uint32(a.rows[state<<a.shift+column])
}

// literals returns the literals that end in the states with an index in ends.
func (a *automaton) literals(end uint32) []int32 {
	return a.ended[a.ends[end]:a.ends[end+1]]
}

// search notes the ids of the literals that occur in the value at hand. At a byte of the
// evasion set it forks: one state goes on without the byte, until both have come to the same.
func (a *automaton) search(sc *Scratch, m *met) {
	m.ended = grown(m.ended, len(a.ends))
	value, rows, chain, shift, erased, first, found := sc.value, a.rows, a.chain, a.shift&15, a.erased, a.first, uint32(len(a.endsIn))
	dense := uint32(len(rows) >> shift)
	state := uint32(0)
	for i := 0; i < len(value); i++ {
		column := uint32(a.column[value[i]])
		if column >= erased {
			i, state = a.searchForked(value, i, state, m)
			continue
		}
		for state >= dense {
			l := &chain[state-dense]
			if uint32(l.column) == column {
				state = uint32(l.next)
				goto next
			}
			state = uint32(l.fail)
		}
		state = uint32(rows[state<<shift+column])
	next:
		if state-first < found {
			m.end(a, a.endsIn[state-first])
		}
	}
}

// searchForked goes on at index i, a byte of the evasion set, with two states, and returns the
// index of the last byte that it has read and the state there.
func (a *automaton) searchForked(value string, i int, state uint32, m *met) (last int, _ uint32) {
	without := state
	for ; i < len(value); i++ {
		column := uint32(a.column[value[i]])
		state = a.advance(state, column, m)
		if column >= a.erased {
			continue
		}
		if without = a.advance(without, column, m); without == state {
			return i, state
		}
	}
	return i, state
}

// advance is one byte of search.
func (a *automaton) advance(state, column uint32, m *met) uint32 {
	state = a.step(state, column)
	if i := state - a.first; i < uint32(len(a.endsIn)) {
		m.end(a, a.endsIn[i])
	}
	return state
}

// trie is an automaton while it is built. Nodes are known by their index, which is 0 for the root, and
// none where the root is impossible: there are tens of thousands, and the collector has nothing to look
// at in them.
type trie struct {
	nodes []trieNode
	order []int32 // all of them, the less deep first
	near  []int32 // kids by column, of nodes near the root, which have many: a row for each
	shift uint8   // of a row
	same  []int32 // by literal, the next one that is the same, counted from 1
}

// trieNode is a state.
type trieNode struct {
	kids, last int32 // the first, to which the others are linked, and the last of them
	next       int32 // the next kid of the node before
	fail       int32 // the longest proper suffix of the node that is a node
	literal    int32 // the first that the node itself is, counted from 1
	match      int32 // the longest suffix that is a literal: the node itself or a shorter one
	near       int32 // its row, counted from 1
	state      uint16
	depth      uint16
	column     uint8 // in the node before
	dense      bool  // it has a row
}

func newTrie(literals []string, column *[256]uint8, shift uint8) *trie {
	size := 1
	for _, s := range literals {
		size += len(s)
	}
	t := &trie{nodes: make([]trieNode, 1, 1+size/2), shift: shift, same: make([]int32, len(literals))}
	t.nodes[0].near, t.near = 1, make([]int32, 1<<shift)
	ends := make([]int32, len(literals))
	for literal, s := range literals {
		n := int32(0)
		for i := range len(s) {
			c := column[s[i]]
			if kid := t.kid(n, c); kid != 0 {
				n = kid
			} else {
				n = t.add(n, c)
			}
		}
		ends[literal] = n
	}
	for literal := len(ends) - 1; literal >= 0; literal-- { // so that they are in their order
		n := &t.nodes[ends[literal]]
		t.same[literal], n.literal = n.literal, int32(literal)+1
	}
	t.link()
	return t
}

// kid returns 0 if there is none.
func (t *trie) kid(n int32, column uint8) int32 {
	if near := t.nodes[n].near; near != 0 {
		return t.near[int(near-1)<<t.shift+int(column)]
	}
	k := t.nodes[n].kids
	for k != 0 && t.nodes[k].column != column {
		k = t.nodes[k].next
	}
	return k
}

// add gives a node a kid.
func (t *trie) add(n int32, column uint8) int32 {
	kid := int32(len(t.nodes))
	t.nodes = append(t.nodes, trieNode{column: column, depth: t.nodes[n].depth + 1})
	at := &t.nodes[n]
	if at.kids == 0 {
		at.kids = kid
	} else {
		t.nodes[at.last].next = kid
	}
	at.last = kid
	if at.near != 0 {
		t.near[int(at.near-1)<<t.shift+int(column)] = kid
	}
	if t.nodes[kid].depth < rowDepth {
		t.near = append(t.near, make([]int32, 1<<t.shift)...)
		t.nodes[kid].near = int32(len(t.near) >> t.shift)
	}
	return kid
}

// link finds where the nodes fall back to.
func (t *trie) link() {
	t.order = append(make([]int32, 0, len(t.nodes)), 0)
	for i := 0; i < len(t.order); i++ {
		at := t.order[i]
		n := &t.nodes[at]
		n.dense = n.depth <= rowDepth || n.kids != n.last
		if n.match = t.nodes[n.fail].match; n.literal != 0 {
			n.match = at
		}
		for k := n.kids; k != 0; k = t.nodes[k].next {
			t.order = append(t.order, k)
			for f := n.fail; at != 0; f = t.nodes[f].fail {
				if t.nodes[k].fail = t.kid(f, t.nodes[k].column); t.nodes[k].fail != 0 || f == 0 {
					break
				}
			}
		}
	}
}
