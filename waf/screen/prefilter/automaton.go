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
	nodes := trie(literals, ids, &a.column)
	// What contains a literal contains a part of it: with parts, there are fewer states.
	for size := maxLiteral - 1; len(nodes) > mostStates; size-- {
		parts := make([]string, len(literals))
		for i, s := range literals {
			parts[i] = rarestPart(s, size)
		}
		nodes = trie(parts, ids, &a.column)
	}
	a.fill(nodes)
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
func (a *automaton) fill(nodes []*trieNode) {
	var order [4][]*trieNode
	for _, n := range nodes {
		place := 3
		switch {
		case n.dense && len(n.ends) == 0:
			place = 0
		case n.dense:
			place = 1
		case len(n.ends) > 0:
			place = 2
		}
		order[place] = append(order[place], n)
	}
	number := uint16(0)
	for _, list := range order {
		for _, n := range list {
			n.state = number
			number++
		}
	}
	rows := len(order[0]) + len(order[1])
	a.first = uint32(len(order[0]))
	a.rows, a.chain = make([]uint16, rows<<a.shift), make([]link, len(nodes)-rows)
	a.endsIn, a.ends = make([]uint32, len(order[1])+len(order[2])), []uint32{0}
	for _, n := range nodes {
		switch {
		case n.literal:
			a.endsIn[uint32(n.state)-a.first] = uint32(len(a.ends)) - 1
			a.ended = append(a.ended, n.ends...)
			a.ends = append(a.ends, uint32(len(a.ended)))
		case len(n.ends) > 0: // the same as in the state to fall back to
			a.endsIn[uint32(n.state)-a.first] = a.endsIn[uint32(n.fail.state)-a.first]
		}
		if !n.dense {
			l := &a.chain[int(n.state)-rows]
			l.fail = n.fail.state
			if k := n.kids; k != nil {
				l.column, l.next = k.column, k.state
			}
			continue
		}
		row := a.rows[int(n.state)<<a.shift:][:1<<a.shift]
		switch {
		case n.depth == 0:
		case n.fail.dense:
			copy(row, a.rows[int(n.fail.state)<<a.shift:])
		default:
			for c := range row {
				row[c] = uint16(a.step(uint32(n.fail.state), uint32(c)))
			}
		}
		for kid := n.kids; kid != nil; kid = kid.next {
			row[kid.column] = kid.state
		}
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

// trieNode is a state while the automaton is built.
type trieNode struct {
	column  uint8 // in the node before
	dense   bool  // it has a row
	literal bool  // a literal is the node itself
	state   uint16
	depth   int32
	columns *[256]*trieNode // of a node near the root, which may have many kids: they, by column
	kids    *trieNode       // the first, to which the others are linked
	last    *trieNode       // of them
	next    *trieNode       // the next kid of the node before
	fail    *trieNode       // the longest proper suffix of the node that is a node
	ends    []int32         // the literals that end here
}

// kid returns nil if there is none.
func (n *trieNode) kid(column uint8) *trieNode {
	if n.columns != nil {
		return n.columns[column]
	}
	k := n.kids
	for k != nil && k.column != column {
		k = k.next
	}
	return k
}

// add gives a node a kid.
func (n *trieNode) add(kid *trieNode) {
	if n.kids == nil {
		n.kids = kid
	} else {
		n.last.next = kid
	}
	n.last = kid
	if n.depth < rowDepth && n.columns == nil {
		n.columns = new([256]*trieNode)
	}
	if n.columns != nil {
		n.columns[kid.column] = kid
	}
}

// trie returns the nodes of the literals, the less deep first.
func trie(literals []string, ids []int32, column *[256]uint8) []*trieNode {
	var memory []trieNode // many are made, and none stays
	count := 1
	root := &trieNode{}
	for literal, s := range literals {
		n := root
		for i := range len(s) {
			c := column[s[i]]
			kid := n.kid(c)
			if kid == nil {
				if len(memory) == 0 {
					memory = make([]trieNode, 1024)
				}
				kid, memory = &memory[0], memory[1:]
				kid.column, kid.depth, kid.fail = c, n.depth+1, root
				n.add(kid)
				count++
			}
			n = kid
		}
		n.ends, n.literal = append(n.ends, ids[literal]), true
	}
	nodes := append(make([]*trieNode, 0, count), root)
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		n.dense = n.depth <= rowDepth || n.kids != n.last
		switch {
		case n.fail == nil:
		case len(n.ends) == 0:
			n.ends = n.fail.ends
		default:
			n.ends = append(n.ends, n.fail.ends...)
		}
		for k := n.kids; k != nil; k = k.next {
			nodes = append(nodes, k)
			for f := n.fail; f != nil; f = f.fail {
				if next := f.kid(k.column); next != nil {
					k.fail = next
					break
				}
			}
		}
	}
	return nodes
}
