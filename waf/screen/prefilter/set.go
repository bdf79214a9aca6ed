package prefilter

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Set holds needs, compiled to be decided together. It is immutable.
type Set struct {
	automaton *automaton
	literals  int
	spelling  []Bytes   // of the literals
	lengths   []int32   // likewise, in bytes
	nodes     []node    // the trees of all needs; what they have in common stands there once
	subs      []int32   // of nodes, side by side
	words     []word    // literals of nodes, side by side
	needs     []pattern // by id
}

// node is a need with its subs by index. Literals below And and Or, and the class below Or, are
// part of it.
type node struct {
	set       Bytes
	sub, word int32 // the first of each
	subs      int32 // how many
	words     int32
	op        op
}

// word is up to 64 literals of the bit set that a scan fills.
type word struct {
	mask  uint64
	index int32
}

// pattern is what the need with one id is decided by.
type pattern struct {
	root   int32
	always bool
	// A need is looked at if the value has one of these literals or bytes; it implies that.
	triggers    []int32
	triggerSet  Bytes
	triggersAll bool // the triggers are the whole need
}

// NewSet compiles needs, whose index is their id from here on.
func NewSet(needs []Need) *Set {
	c := compiler{literals: map[string]int32{}, known: map[string]int32{}}
	s := &Set{needs: make([]pattern, len(needs))}
	for id, n := range needs {
		p := &s.needs[id]
		p.always = n.IsAlways()
		p.root = c.compile(n)
		_, atoms := triggers(n)
		for _, a := range atoms {
			if a.op == opLiteral {
				p.triggers = append(p.triggers, c.literal(a.text))
			}
			p.triggerSet |= a.set
		}
		p.triggersAll = n.isFlat()
	}
	s.nodes, s.subs, s.words, s.literals = c.nodes, c.subs, c.words, len(c.texts)
	s.automaton = newAutomaton(c.texts)
	s.spelling, s.lengths = make([]Bytes, len(c.texts)), make([]int32, len(c.texts))
	for i, text := range c.texts {
		s.spelling[i] = BytesOf(text)
		s.lengths[i] = int32(len(text))
	}
	return s
}

// isFlat reports whether the need is an atom or an Or of atoms.
func (n Need) isFlat() bool {
	for _, sub := range n.subs {
		if sub.op != opLiteral && sub.op != opClass {
			return false
		}
	}
	return n.op != opAnd && n.op != opWhen
}

// triggers returns the atoms of which at least one occurs where the need holds, those of the
// smallest chance, and that chance.
func triggers(n Need) (float64, []Need) {
	switch n.op {
	case opNever:
		return 0, nil
	case opClass:
		return chanceOfClass(n.set), []Need{n}
	case opLiteral:
		return chanceOfLiteral(n.text), []Need{n}
	case opAnd:
		best, atoms := triggers(n.subs[0])
		for _, sub := range n.subs[1:] {
			if chance, more := triggers(sub); chance < best {
				best, atoms = chance, more
			}
		}
		return best, atoms
	case opWhen:
		return triggers(Or(And(class(n.set), n.subs[0]), n.subs[1]))
	case opOr:
		var all []Need
		sum := 0.0
		for _, sub := range n.subs {
			chance, atoms := triggers(sub)
			sum += chance
			all = append(all, atoms...)
		}
		return sum, all
	}
	return 1, nil
}

type compiler struct {
	nodes    []node
	subs     []int32
	words    []word
	texts    []string
	literals map[string]int32 // by text
	known    map[string]int32 // nodes by what they are made of
}

func (c *compiler) literal(text string) int32 {
	id, ok := c.literals[text]
	if !ok {
		id = int32(len(c.texts))
		c.literals[text], c.texts = id, append(c.texts, text)
	}
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
	for _, sub := range byChance(n) {
		switch {
		case sub.op == opLiteral && n.op != opWhen:
			words = addLiteral(words, c.literal(sub.text))
		case sub.op == opClass && n.op == opOr:
			set |= sub.set
		default:
			subs = append(subs, c.compile(sub))
		}
	}
	key := fmt.Sprint(n.op, set, subs, words)
	id, ok := c.known[key]
	if !ok {
		id = int32(len(c.nodes))
		c.nodes = append(c.nodes, node{
			op: n.op, set: set,
			sub: int32(len(c.subs)), subs: int32(len(subs)),
			word: int32(len(c.words)), words: int32(len(words)),
		})
		c.subs, c.words = append(c.subs, subs...), append(c.words, words...)
		c.known[key] = id
	}
	return id
}

// byChance returns the subs of a need, those of an And least likely first.
func byChance(n Need) []Need {
	if n.op != opAnd {
		return n.subs
	}
	chances := make(map[int]float64, len(n.subs))
	order := make([]int, len(n.subs))
	for i, sub := range n.subs {
		chances[i], _ = triggers(sub)
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

// View is a selection of the needs of a set, for the values that the same patterns are
// applied to. It is immutable.
type View struct {
	set       *Set
	always    []int32
	first     []int32 // of a literal, in triggered; one more at the end
	triggered []int32
	bytes     Bytes // that trigger
	byGroup   [groups][]int32
	// spelled is what the literals that trigger are written with, none within another, each
	// under the rarest of its groups; pivots are these.
	spelled  [groups][]Bytes
	pivots   Bytes
	common   Bytes // what all of them are written with
	shortest int   // bytes of the shortest of them
	sets     int   // how many sets there are
}

// View selects needs by id.
func (s *Set) View(ids []int32) *View {
	v := &View{set: s, first: make([]int32, s.literals+1)}
	var spelled []Bytes
	v.common, v.shortest = ^Bytes(0), math.MaxInt
	for _, id := range ids {
		p := &s.needs[id]
		if p.always {
			v.always = append(v.always, id)
			continue
		}
		for _, literal := range p.triggers {
			v.first[literal+1]++
			spelled = append(spelled, s.spelling[literal])
			v.common &= s.spelling[literal]
			v.shortest = min(v.shortest, int(s.lengths[literal]))
		}
		v.bytes |= p.triggerSet
		for rest := uint64(p.triggerSet); rest != 0; rest &= rest - 1 {
			g := bits.TrailingZeros64(rest)
			v.byGroup[g] = append(v.byGroup[g], id)
		}
	}
	for _, set := range smallest(spelled) {
		pivot := rarestGroup(set)
		v.pivots |= 1 << pivot
		v.spelled[pivot] = append(v.spelled[pivot], set)
		v.sets++
	}
	for i := range s.literals {
		v.first[i+1] += v.first[i]
	}
	v.triggered = make([]int32, v.first[s.literals])
	next := append([]int32(nil), v.first...)
	for _, id := range ids {
		for _, literal := range s.needs[id].triggers {
			v.triggered[next[literal]] = id
			next[literal]++
		}
	}
	return v
}

// smallest returns the sets that have none of the others within.
func smallest(sets []Bytes) []Bytes {
	slices.SortFunc(sets, func(a, b Bytes) int { return bits.OnesCount64(uint64(a)) - bits.OnesCount64(uint64(b)) })
	var list []Bytes
	for _, set := range sets {
		if !slices.ContainsFunc(list, func(smaller Bytes) bool { return smaller&^set == 0 }) {
			list = append(list, set)
		}
	}
	return list
}

// Possible reports whether a value of n bytes, of these groups, can have other candidates than
// [View.Always], which for views of few needs is much cheaper than to scan it: each literal needs
// its own bytes.
func (v *View) Possible(bytes Bytes, n int) bool {
	if v.bytes&bytes != 0 {
		return true
	}
	if n < v.shortest || v.common&^bytes != 0 {
		return false
	}
	for rest := uint64(v.pivots & bytes); rest != 0; rest &= rest - 1 {
		for _, set := range v.spelled[bits.TrailingZeros64(rest)] {
			if set&^bytes == 0 {
				return true
			}
		}
	}
	return false
}

// Always returns the ids that are candidates for every value. The slice is not to be changed.
func (v *View) Always() []int32 { return v.always }

// Narrow reports whether [View.Possible] is worth to be asked before a value is scanned.
func (v *View) Narrow() bool { return v.sets <= 64 }

// rarestGroup returns the group of a set that occurs least in ordinary values.
func rarestGroup(set Bytes) int {
	best, rarest := 0, math.Inf(1)
	for rest := uint64(set); rest != 0; rest &= rest - 1 {
		g := bits.TrailingZeros64(rest)
		if c := chanceOfClass(1 << g); c < rarest {
			best, rarest = g, c
		}
	}
	return best
}
