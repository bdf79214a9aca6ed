package prefilter

import (
	"cmp"
	"math/bits"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// Lexicon is what sets have in common: literals have one number in all of them, trees of needs stand
// there once, and sets that search for nearly the same share an automaton. Policies of several
// paranoia levels ask for much the same. It is safe for concurrent use.
//
// It only grows, and what a set has seen of it never changes, so that sets need no lock.
type Lexicon struct {
	mu      sync.Mutex // of what follows
	trees   compiler
	entries map[identity]*entry
	made    int // sets

	sets atomic.Pointer[[]weak.Pointer[Set]] // those that may be alive
}

// entry is a need in a lexicon.
type entry struct {
	root     int32
	literals []int32 // by text, each once
	levels   [levels]func() *levelNeed
}

// identity tells needs apart. Two that say the same may be two.
type identity struct {
	op   op
	set  byteset.Set
	text string
	subs *Need
	n    int
}

func (n *Need) identity() identity {
	id := identity{op: n.op, set: n.set, text: n.text, n: len(n.subs)}
	if len(n.subs) > 0 {
		id.subs = &n.subs[0]
	}
	return id
}

// NewLexicon returns one without anything in it.
func NewLexicon() *Lexicon {
	x := &Lexicon{trees: compiler{literals: map[string]int32{}, known: map[string]int32{}}, entries: map[identity]*entry{}}
	x.sets.Store(&[]weak.Pointer[Set]{})
	return x
}

// NewSet compiles needs, whose index is their id in the set.
func (x *Lexicon) NewSet(needs []Need) *Set {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := &Set{lexicon: x, needs: make([]*entry, len(needs)), roots: make([]int32, len(needs)), number: x.made}
	x.made++
	for id := range needs {
		s.needs[id] = x.entry(&needs[id])
		s.roots[id] = s.needs[id].root
	}
	t := &x.trees
	s.nodes, s.subs, s.words, s.literals = t.nodes, t.subs, t.words, t.texts
	own := newWanted(len(s.literals))
	for _, e := range s.needs {
		own.add(e.literals)
	}
	s.own = own.count
	for l := range levels {
		s.wanted[l] = budget.OnceValue(func() *wanted { return s.wantedAt(l) })
		s.automata[l] = budget.OnceValue(func() *automaton { return s.automatonAt(l) })
		s.triggers[l] = budget.OnceValue(func() []setTrigger { return s.triggersAt(l) })
	}
	list := slices.DeleteFunc(slices.Clone(*x.sets.Load()), func(p weak.Pointer[Set]) bool { return p.Value() == nil })
	list = append(list, weak.Make(s))
	x.sets.Store(&list)
	return s
}

// entry returns the entry of a need.
func (x *Lexicon) entry(n *Need) *entry {
	id := n.identity()
	if e := x.entries[id]; e != nil {
		return e
	}
	t := &x.trees
	t.seen = t.seen[:0]
	e := &entry{root: t.compile(*n)}
	e.literals = slices.Clone(t.seen)
	slices.SortFunc(e.literals, func(a, b int32) int { return cmp.Compare(t.texts[a], t.texts[b]) })
	e.literals = slices.Clip(slices.Compact(e.literals))
	texts, need := t.texts, *n
	for l := range levels {
		// Whoever asks makes a table, which nobody's budget pays for.
		e.levels[l] = sync.OnceValue(func() *levelNeed {
			return need.find(l, func(text string) int32 {
				i := sort.Search(len(e.literals), func(i int) bool { return texts[e.literals[i]] >= text })
				return e.literals[i]
			})
		})
	}
	x.entries[id] = e
	return e
}

// alive are the sets that somebody has.
func (x *Lexicon) alive() []*Set {
	var list []*Set
	for _, p := range *x.sets.Load() {
		if s := p.Value(); s != nil {
			list = append(list, s)
		}
	}
	return list
}

// Overgrown reports whether most of the lexicon is of no set that somebody has. Another one serves better
// then, for sets to come.
func (x *Lexicon) Overgrown() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	most := 0
	for _, s := range x.alive() {
		most = max(most, s.own)
	}
	return len(x.trees.texts) > 2*most
}

// wanted are literals.
type wanted struct {
	bits  []uint64
	count int
}

func newWanted(literals int) *wanted { return &wanted{bits: make([]uint64, (literals+63)/64)} }

func (w *wanted) add(literals []int32) {
	for _, id := range literals {
		word, bit := &w.bits[id/64], uint64(1)<<(id%64)
		if *word&bit == 0 {
			*word |= bit
			w.count++
		}
	}
}

// within reports whether others has all of them.
func (w *wanted) within(others *wanted) bool {
	for i, word := range w.bits {
		if word != 0 && (i >= len(others.bits) || word&^others.bits[i] != 0) {
			return false
		}
	}
	return true
}

// wantedAt are the literals that needs ask for of the values of a level.
func (s *Set) wantedAt(level int) *wanted {
	w := newWanted(len(s.literals))
	for _, e := range s.needs {
		w.add(e.levels[level]().literals)
	}
	return w
}

// automatonAt returns an automaton of the literals that needs ask for of the values of a level. It may have some
// more: the one of another set is the same or little larger, and cheaper than another one.
func (s *Set) automatonAt(level int) *automaton {
	own, best := s.wanted[level](), s
	most := own.count
	for _, other := range s.lexicon.alive() {
		w := other.wanted[level]()
		larger := w.count > most || w.count == most && other.number < best.number
		if larger && w.count <= own.count+own.count/8 && own.within(w) {
			best, most = other, w.count
		}
	}
	if best != s {
		return best.automata[level]()
	}
	texts, ids := make([]string, 0, own.count), make([]int32, 0, own.count)
	for i, word := range own.bits {
		for ; word != 0; word &= word - 1 {
			id := 64*i + bits.TrailingZeros64(word)
			texts, ids = append(texts, s.literals[id]), append(ids, int32(id))
		}
	}
	return newAutomaton(texts, ids)
}
