package prefilter

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// Set holds needs, compiled to be decided together. It is safe for concurrent use.
type Set struct {
	lexicon  *Lexicon // others may have it as long as the set has
	needs    []*entry // by id
	roots    []int32
	literals []string // of the lexicon, which may have had others before
	nodes    []node   // likewise the trees of all needs
	subs     []int32  // of nodes, side by side
	words    []word   // literals of nodes, side by side
	number   int      // counts the sets of the lexicon
	own      int      // how many literals are of its needs
	// All are made when a value comes that needs them.
	wanted   [levels]func() *wanted
	automata [levels]func() *automaton
	triggers [levels]func() []setTrigger // by id of needs
}

// node is a need with its subs by index. Literals below And and Or, and the class below Or, are
// part of it.
type node struct {
	set       byteset.Set
	needed    byteset.Set // that literals are written with: all of them below And, any of them below Or
	sub, word int32       // the first of each
	subs      int32       // how many
	words     int32
	op        op
}

// word is up to 64 literals of the bit set that a scan fills.
type word struct {
	mask  uint64
	index int32
}

// NewSet compiles needs, whose index is their id from here on.
func NewSet(needs []Need) *Set { return NewLexicon().NewSet(needs) }

// compiler makes trees of needs.
type compiler struct {
	nodes    []node
	subs     []int32
	words    []word
	texts    []string
	literals map[string]int32 // by text
	known    map[string]int32 // nodes by what they are made of
	seen     []int32          // literals of the need at hand, some more than once
}

func (c *compiler) literal(text string) int32 {
	id, ok := c.literals[text]
	if !ok {
		id = int32(len(c.texts))
		c.literals[text], c.texts = id, append(c.texts, text)
	}
	c.seen = append(c.seen, id)
	return id
}

// compile returns the index of the node of a need.
func (c *compiler) compile(n Need) int32 {
	if n.op == opLiteral {
		n = Need{op: opOr, subs: []Need{n}}
	}
	set := n.set
	var subs []int32
	var words []word
	var needed byteset.Set
	for _, sub := range byChance(n) {
		switch {
		case sub.op == opLiteral && n.op != opWhen:
			if written := byteset.Of(sub.text); words == nil || n.op == opAnd {
				needed |= written
			} else {
				needed &= written
			}
			words = addLiteral(words, c.literal(sub.text))
		case sub.op == opClass && n.op == opOr:
			set |= sub.set
		default:
			subs = append(subs, c.compile(sub))
		}
	}
	key := nodeKey(n.op, set, subs, words)
	id, ok := c.known[key]
	if !ok {
		id = int32(len(c.nodes))
		c.nodes = append(c.nodes, node{
			op: n.op, set: set, needed: needed,
			sub: int32(len(c.subs)), subs: int32(len(subs)),
			word: int32(len(c.words)), words: int32(len(words)),
		})
		c.subs, c.words = append(c.subs, subs...), append(c.words, words...)
		c.known[key] = id
	}
	return id
}

// nodeKey is what a node is made of.
func nodeKey(o op, set byteset.Set, subs []int32, words []word) string {
	key := binary.BigEndian.AppendUint64([]byte{byte(o)}, uint64(set))
	key = binary.BigEndian.AppendUint32(key, uint32(len(subs)))
	for _, sub := range subs {
		key = binary.BigEndian.AppendUint32(key, uint32(sub))
	}
	for _, w := range words {
		key = binary.BigEndian.AppendUint32(key, uint32(w.index))
		key = binary.BigEndian.AppendUint64(key, w.mask)
	}
	return string(key)
}

// byChance returns the subs of a need, those of an And least likely first.
func byChance(n Need) []Need {
	if n.op != opAnd {
		return n.subs
	}
	chances := make([]float64, len(n.subs))
	order := make([]int, len(n.subs))
	for i, sub := range n.subs {
		chances[i] = triggerChance(sub, true)
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(chances[i], chances[j]) })
	sorted := make([]Need, len(n.subs))
	for i, from := range order {
		sorted[i] = n.subs[from]
	}
	return sorted
}

func addLiteral(words []word, literal int32) []word {
	for i := range words {
		if words[i].index == literal/64 {
			words[i].mask |= 1 << (literal % 64)
			return words
		}
	}
	return append(words, word{1 << (literal % 64), literal / 64})
}
