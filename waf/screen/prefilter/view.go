package prefilter

import (
	"cmp"
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
	spellings [levels]func() *viewSpelling
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
	triggers []setTrigger // of all needs of the set
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
		v.spellings[l] = budget.OnceValue(func() *viewSpelling { return v.spelling(l) })
	}
	return v
}

func (v *View) level(l int) *viewLevel {
	out := &viewLevel{triggers: v.set.triggers[l](), literals: make([]uint64, (len(v.set.literals)+63)/64)}
	var pairs []uint64 // a literal and a need that it triggers, each
	for _, id := range v.ids {
		t := &out.triggers[id]
		if t.always {
			out.always = append(out.always, id)
			continue
		}
		if t.set != 0 {
			out.bytes = append(out.bytes, byteTrigger{t.set, id})
		}
		pairs = slices.Grow(pairs, len(t.literals))
		for _, literal := range t.literals {
			pairs = append(pairs, uint64(literal)<<32|uint64(id))
			out.literals[literal/64] |= 1 << (literal % 64)
		}
	}
	slices.Sort(pairs)
	out.needs = make([]int32, len(pairs))
	for i, pair := range pairs {
		if i == 0 || pair>>32 != pairs[i-1]>>32 {
			out.first = append(out.first, int32(i))
		}
		out.needs[i] = int32(uint32(pair))
	}
	out.first = append(out.first, int32(len(out.needs)))
	n := 0
	out.before = make([]int32, 0, len(out.literals))
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
		for _, literal := range v.set.triggers[l]()[id].literals {
			texts, ids = append(texts, v.set.literals[literal]), append(ids, id)
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
			if int(literal/64) >= len(level.literals) {
				continue // of another set
			}
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

// spelling is what triggers are written with: of a need for the values of a level, or of a view for
// those of a level and of those below it.
type spelling struct {
	unknown  bool          // a need has no trigger
	bytes    byteset.Set   // that are triggers
	written  []byteset.Set // the bytes of those that are literals, none within another
	common   byteset.Set   // what all of them are written with
	shortest int           // bytes of the shortest of them
}

func spellingOf(t *trigger, literals []string) spelling {
	s := spelling{unknown: t.always, bytes: t.set, common: byteset.All, shortest: math.MaxInt}
	written := make([]byteset.Set, len(literals))
	for i, text := range literals {
		written[i] = byteset.Of(text)
		s.common &= written[i]
		s.shortest = min(s.shortest, len(text))
	}
	s.written = slices.Clone(smallest(written))
	return s
}

// add adds another spelling, whose literals may be within others now.
func (s *spelling) add(more *spelling) {
	s.unknown = s.unknown || more.unknown
	s.bytes |= more.bytes
	s.written = append(s.written, more.written...)
	s.common &= more.common
	s.shortest = min(s.shortest, more.shortest)
}

// viewSpelling is the spelling of a view.
type viewSpelling struct {
	spelling
	// literals are what is written, each under the rarest of its groups; pivots are these.
	literals [byteset.Groups][]byteset.Set
	pivots   byteset.Set
}

func (v *View) spelling(l int) *viewSpelling {
	out := &viewSpelling{spelling: spellingOf(&trigger{}, nil)}
	for l := range l + 1 {
		list := v.set.triggers[l]()
		for _, id := range v.ids {
			out.add(list[id].spelling)
		}
	}
	for _, set := range smallest(out.written) {
		pivot := rarestGroup(set)
		out.pivots |= 1 << pivot
		out.literals[pivot] = append(out.literals[pivot], set)
	}
	out.written = nil
	return out
}

// Possible reports whether a value of at most n bytes, all of them of these groups, can have
// candidates, without a look at the value.
func (v *View) Possible(bytes byteset.Set, n int) bool {
	s := v.spellings[levelOf(bytes)]()
	if s.unknown || s.bytes&bytes != 0 {
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

// smallest returns the sets that have none of the others within, in the memory of the list.
func smallest(sets []byteset.Set) []byteset.Set {
	slices.SortFunc(sets, func(a, b byteset.Set) int {
		return cmp.Or(bits.OnesCount64(uint64(a))-bits.OnesCount64(uint64(b)), cmp.Compare(a, b))
	})
	list := sets[:0]
	for _, set := range slices.Compact(sets) {
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
