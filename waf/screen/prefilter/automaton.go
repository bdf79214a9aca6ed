package prefilter

// automaton finds the literals of a set in a value, in one pass (Aho and Corasick, 1975).
// States near the root, in which ordinary values keep it, and states with several successors
// have a row with a successor for each byte; the others, which are most, store their only
// successor and the state to fall back to, a twentieth of the size.
//
// A state is its index in rows, or len(rows) plus its index in chain. The bit found marks a
// state in which literals end.
type automaton struct {
	column  [256]uint8 // of a byte in a row; letters share theirs across case
	columns uint32     // of a row; one more has the index in ends
	rows    []uint32
	chain   []link
	ends    []uint32 // by index, the first of the literals that end in a state; one more at the end
	ended   []int32  // these literals
}

type link struct {
	next, fail uint32
	end        uint32
	column     uint8
}

const found = 1 << 31

// smallDepth and largeDepth are up to which depth every state has a row: in automata of which
// there are many, and in those that all values go through.
const smallDepth, largeDepth = 1, 2

// newAutomaton takes folded literals, none empty, their ids, and up to which depth every state has a
// row.
func newAutomaton(literals []string, ids []int32, depth int) *automaton {
	a := &automaton{columns: 1} // column 0 is for the bytes of no literal
	for _, s := range literals {
		for i := range len(s) {
			if b := s[i]; a.column[b] == 0 {
				a.column[b] = uint8(a.columns)
				if 'a' <= b && b <= 'z' {
					a.column[b-'a'+'A'] = uint8(a.columns)
				}
				a.columns++
			}
		}
	}
	nodes := trie(literals, ids, &a.column, depth)
	// The rows refer to each other, so every state gets its index before the first is filled.
	stride := a.columns + 1
	var rows, links uint32
	for _, n := range nodes {
		if n.dense {
			n.state, rows = rows*stride, rows+1
		}
	}
	for _, n := range nodes {
		if !n.dense {
			n.state, links = rows*stride+links, links+1
		}
	}
	a.rows, a.chain, a.ends = make([]uint32, rows*stride), make([]link, links), []uint32{0, 0}
	for _, n := range nodes {
		a.fill(n)
	}
	return a
}

// fill writes the row or the link of a node; those of the nodes less deep are written.
func (a *automaton) fill(n *trieNode) {
	end := uint32(0)
	switch {
	case n.literal:
		end = uint32(len(a.ends)) - 1
		a.ended = append(a.ended, n.ends...)
		a.ends = append(a.ends, uint32(len(a.ended)))
	case n.fail != nil: // the same literals end in both
		end = a.endsIn(n.fail.state)
	}
	if !n.dense {
		l := &a.chain[n.state-uint32(len(a.rows))]
		l.end, l.fail = end, n.fail.state
		for _, k := range n.kids {
			l.column, l.next = k.column, k.node.target()
		}
		return
	}
	row := a.rows[n.state:][:a.columns+1]
	row[a.columns] = end
	for c := range a.columns {
		if kid := n.kid(uint8(c)); kid != nil {
			row[c] = kid.target()
		} else if n.depth > 0 {
			row[c] = a.step(n.fail.state, c)
		}
	}
}

// step returns the state after one byte, with the bit found.
func (a *automaton) step(state, column uint32) uint32 {
	for state >= uint32(len(a.rows)) {
		l := &a.chain[state-uint32(len(a.rows))]
		if uint32(l.column) == column {
			return l.next
		}
		state = l.fail
	}
	return a.rows[state+column]
}

// endsIn returns the index in ends for a state without the bit found.
func (a *automaton) endsIn(state uint32) uint32 {
	if n := uint32(len(a.rows)); state >= n {
		return a.chain[state-n].end
	}
	return a.rows[state+a.columns]
}

// literals returns the literals that end in the states with an index in ends.
func (a *automaton) literals(end uint32) []int32 {
	return a.ended[a.ends[end]:a.ends[end+1]]
}

// trieNode is a state while the automaton is built.
type trieNode struct {
	kids    []trieKid
	depth   int
	dense   bool      // it has a row
	fail    *trieNode // the longest proper suffix of the node that is a node
	ends    []int32   // the literals that end here
	literal bool      // one of them is the node itself
	state   uint32
}

// trieKid is a node by its column in the node before.
type trieKid struct {
	column uint8
	node   *trieNode
}

// kid returns nil if there is none.
func (n *trieNode) kid(column uint8) *trieNode {
	for _, k := range n.kids {
		if k.column == column {
			return k.node
		}
	}
	return nil
}

// target returns the state as a successor.
func (n *trieNode) target() uint32 {
	if len(n.ends) > 0 {
		return n.state | found
	}
	return n.state
}

// trie returns the nodes of the literals, the less deep first.
func trie(literals []string, ids []int32, column *[256]uint8, depth int) []*trieNode {
	root := &trieNode{}
	for literal, s := range literals {
		n := root
		for i := range len(s) {
			c := column[s[i]]
			kid := n.kid(c)
			if kid == nil {
				kid = &trieNode{depth: n.depth + 1, fail: root}
				n.kids = append(n.kids, trieKid{c, kid})
			}
			n = kid
		}
		n.ends, n.literal = append(n.ends, ids[literal]), true
	}
	nodes := []*trieNode{root}
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		n.dense = n.depth <= depth || len(n.kids) > 1
		if n.fail != nil {
			n.ends = append(n.ends, n.fail.ends...)
		}
		for _, k := range n.kids {
			nodes = append(nodes, k.node)
			for f := n.fail; f != nil; f = f.fail {
				if next := f.kid(k.column); next != nil {
					k.node.fail = next
					break
				}
			}
		}
	}
	return nodes
}
