package prefilter

import (
	"maps"
	"math"
	"math/bits"
	"slices"

	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// View is a selection of the needs of a set, for the values that the same patterns are
// applied to. It is safe for concurrent use.
type View struct {
	set *Set
	ids []int32
	// All are made when a value of the level comes for the first time.
	levels    [levels]func() *viewLevel
	searchers [levels]func() searcher // of the literals that trigger, with the needs as ids
	spellings [levels]func() *spelling
}

// viewLevel is what a view asks of the values of a level.
type viewLevel struct {
	always []int32       // needs that hold for all of them
	bytes  []byteTrigger // needs by bytes that trigger
	// and by literals: a bit for each that triggers one, how many there are before each word, and
	// the needs of each, one after the other.
	literals []uint64
	before   []int32
	first    []int32
	needs    []int32
	triggers []trigger // of all needs of the set
}

// byteTrigger is a need that is looked at for values with a byte of the set.
type byteTrigger struct {
	set byteset.Set
	id  int32
}

// Len is how many needs the view has.
func (v *View) Len() int { return len(v.ids) }

// View selects needs by id. The slice must not change.
func (s *Set) View(ids []int32) *View {
	v := &View{set: s, ids: ids}
	for l := range levels {
		v.levels[l] = budget.OnceValue(func() *viewLevel { return v.level(l) })
		v.searchers[l] = budget.OnceValue(func() searcher { return v.searcher(l) })
		v.spellings[l] = budget.OnceValue(func() *spelling { return v.spelling(l) })
	}
	return v
}

func (v *View) level(l int) *viewLevel {
	out := &viewLevel{triggers: v.set.triggers[l](), literals: make([]uint64, (len(v.set.literals)+63)/64)}
	byLiteral := map[int32][]int32{}
	for _, id := range v.ids {
		t := &out.triggers[id]
		if t.always {
			out.always = append(out.always, id)
			continue
		}
		if t.set != 0 {
			out.bytes = append(out.bytes, byteTrigger{t.set, id})
		}
		for _, text := range t.literals {
			literal := v.set.ids[text]
			byLiteral[literal] = append(byLiteral[literal], id)
			out.literals[literal/64] |= 1 << (literal % 64)
		}
	}
	for _, literal := range slices.Sorted(maps.Keys(byLiteral)) {
		out.first = append(out.first, int32(len(out.needs)))
		out.needs = append(out.needs, byLiteral[literal]...)
	}
	out.first = append(out.first, int32(len(out.needs)))
	n := 0
	for _, word := range out.literals {
		out.before = append(out.before, int32(n))
		n += bits.OnesCount64(word)
	}
	return out
}

func (v *View) searcher(l int) searcher {
	var texts []string
	var ids []int32
	for _, id := range v.ids {
		for _, text := range v.set.triggers[l]()[id].literals {
			texts, ids = append(texts, text), append(ids, id)
		}
	}
	if len(texts) <= mostGrams {
		return newGrams(texts, ids)
	}
	return newAutomaton(texts, ids)
}

// Candidates returns the ids of the view whose needs hold for the value at hand, each once, in
// no order. The slice is valid until the next call.
//
// If the value has been scanned, that is all that has to be known. If not, the literals of the
// view that trigger are searched, which is much cheaper for a view of few needs; of the other
// literals any may occur then.
func (v *View) Candidates(sc *Scratch) []int32 {
	level := v.levels[sc.level]()
	sc.asked = grown(sc.asked, len(v.set.needs))
	clear(sc.asked)
	sc.needs = append(sc.needs[:0], level.always...)
	if sc.scanned {
		for _, literal := range sc.literals.list {
			word := level.literals[literal/64]
			if word>>(literal%64)&1 == 0 {
				continue
			}
			i := level.before[literal/64] + int32(bits.OnesCount64(word&(1<<(literal%64)-1)))
			for _, id := range level.needs[level.first[i]:level.first[i+1]] {
				v.look(id, level, sc)
			}
		}
	} else if len(level.needs) > 0 {
		sc.triggers.reset(len(v.set.needs))
		v.searchers[sc.level]().search(sc, &sc.triggers)
		for _, id := range sc.triggers.list {
			v.look(id, level, sc)
		}
	}
	for i := range level.bytes {
		if t := &level.bytes[i]; t.set&sc.bytes != 0 {
			v.look(t.id, level, sc)
		}
	}
	return sc.needs
}

// look decides a need that has a trigger.
func (v *View) look(id int32, level *viewLevel, sc *Scratch) {
	if set(sc.asked, uint32(id)) && (level.triggers[id].whole || v.set.holds(v.set.roots[id], sc)) {
		sc.needs = append(sc.needs, id)
	}
}

// spelling is what the triggers of a level and of those below it are written with.
type spelling struct {
	always bool        // a need has no trigger
	bytes  byteset.Set // that are triggers
	// literals are the bytes of those that are literals, none within another, each under the
	// rarest of its groups; pivots are these.
	literals [byteset.Groups][]byteset.Set
	pivots   byteset.Set
	common   byteset.Set // what all of them are written with
	shortest int         // bytes of the shortest of them
}

func (v *View) spelling(l int) *spelling {
	out := &spelling{common: byteset.All, shortest: math.MaxInt}
	written := map[byteset.Set]bool{}
	for l := range l + 1 {
		list := v.set.triggers[l]()
		for _, id := range v.ids {
			t := &list[id]
			out.always = out.always || t.always
			out.bytes |= t.set
			for _, text := range t.literals {
				set := byteset.Of(text)
				written[set] = true
				out.common &= set
				out.shortest = min(out.shortest, len(text))
			}
		}
	}
	for _, set := range smallest(slices.Collect(maps.Keys(written))) {
		pivot := rarestGroup(set)
		out.pivots |= 1 << pivot
		out.literals[pivot] = append(out.literals[pivot], set)
	}
	return out
}

// Possible reports whether a value of at most n bytes, all of them of these groups, can have
// candidates, without a look at the value.
func (v *View) Possible(bytes byteset.Set, n int) bool {
	s := v.spellings[levelOf(bytes)]()
	if s.always || s.bytes&bytes != 0 {
		return true
	}
	if n < s.shortest || s.common&^bytes != 0 {
		return false
	}
	for rest := uint64(s.pivots & bytes); rest != 0; rest &= rest - 1 {
		for _, set := range s.literals[bits.TrailingZeros64(rest)] {
			if set&^bytes == 0 {
				return true
			}
		}
	}
	return false
}

// smallest returns the sets that have none of the others within.
func smallest(sets []byteset.Set) []byteset.Set {
	slices.SortFunc(sets, func(a, b byteset.Set) int { return bits.OnesCount64(uint64(a)) - bits.OnesCount64(uint64(b)) })
	var list []byteset.Set
	for _, set := range sets {
		if !slices.ContainsFunc(list, func(smaller byteset.Set) bool { return smaller&^set == 0 }) {
			list = append(list, set)
		}
	}
	return list
}

// rarestGroup returns the group of a set that occurs least in ordinary values.
func rarestGroup(set byteset.Set) int {
	best, rarest := 0, math.Inf(1)
	for rest := uint64(set); rest != 0; rest &= rest - 1 {
		g := bits.TrailingZeros64(rest)
		if c := chanceOfClass(1 << g); c < rarest {
			best, rarest = g, c
		}
	}
	return best
}
