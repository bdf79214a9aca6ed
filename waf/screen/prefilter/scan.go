package prefilter

import "github.com/wafer-waf/wafer/waf/screen/byteset"

// Scratch is a value at hand, what is known of it, and memory that is used again. It belongs to
// one goroutine at a time. The zero Scratch is ready.
type Scratch struct {
	value    string
	bytes    byteset.Set
	level    int
	scanned  bool     // for literals
	literals met      // those that occur
	triggers met      // the needs that literals trigger, if the value was not scanned
	asked    []uint64 // the needs that were looked at, while candidates are collected
	needs    []int32
	around   []byte // the value around its evasion bytes, without them, once it is known
	gathered bool   // around is that of the value
}

// met is what an automaton has met in a value.
type met struct {
	list   []int32  // each once
	has    []uint64 // the same, as a bit set
	ended  []uint64 // the states with literals that were met, by their index in ends
	states []uint32 // the same, to clear it
}

// Take makes value the one at hand, whose bytes are of these groups.
func (sc *Scratch) Take(value string, bytes byteset.Set) {
	sc.value, sc.bytes, sc.level, sc.scanned = value, bytes, levelOf(bytes), false
	sc.gathered = false
}

// Scan finds the literals of the value at hand in one pass, and those of the value without the
// evasion bytes. What it costs is proportional to the length of the value, plus once for each
// literal that occurs.
func (s *Set) Scan(sc *Scratch) {
	a := s.automata[sc.level]()
	sc.literals.reset(max(len(s.literals), a.bound))
	sc.scanned = true
	a.search(sc, &sc.literals)
}

// searcher finds literals.
type searcher interface {
	// search notes the ids of the literals that the value at hand has, and has without the
	// evasion bytes.
	search(sc *Scratch, m *met)
}

// end notes that the literals with this index in ends occur.
func (m *met) end(a *automaton, index uint32) {
	if !set(m.ended, index) {
		return
	}
	m.states = append(m.states, index)
	for _, id := range a.literals(index) {
		if set(m.has, uint32(id)) {
			m.list = append(m.list, id)
		}
	}
}

// set sets a bit and reports whether it was clear.
func set(bitset []uint64, i uint32) bool {
	word, bit := &bitset[i/64], uint64(1)<<(i%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

// reset makes room for so many ids.
func (m *met) reset(ids int) {
	for _, i := range m.states {
		m.ended[i/64] = 0
	}
	for _, i := range m.list {
		m.has[i/64] = 0
	}
	m.states, m.list = m.states[:0], m.list[:0]
	m.has = grown(m.has, ids)
}

func grown(bitset []uint64, n int) []uint64 {
	if words := (n + 63) / 64; words > len(bitset) {
		return make([]uint64, words)
	}
	return bitset
}

// holds decides a node by what is known of the value at hand. As long as it has not been scanned,
// any literal may occur that is written with its bytes.
func (s *Set) holds(at int32, sc *Scratch) bool {
	n := &s.nodes[at]
	subs, words := s.subs[n.sub:][:n.subs], s.words[n.word:][:n.words]
	switch n.op {
	case opAlways:
		return true
	case opClass:
		return n.set&sc.bytes != 0
	case opWhen:
		if n.set&sc.bytes != 0 {
			return s.holds(subs[0], sc)
		}
		return s.holds(subs[1], sc)
	case opAnd:
		if n.needed&^sc.bytes != 0 {
			return false
		}
		for _, w := range words {
			if sc.scanned && sc.literals.has[w.index]&w.mask != w.mask {
				return false
			}
		}
		for _, sub := range subs {
			if !s.holds(sub, sc) {
				return false
			}
		}
		return true
	case opOr:
		if n.set&sc.bytes != 0 {
			return true
		}
		if n.needed&^sc.bytes == 0 {
			for _, w := range words {
				if !sc.scanned || sc.literals.has[w.index]&w.mask != 0 {
					return true
				}
			}
		}
		for _, sub := range subs {
			if s.holds(sub, sc) {
				return true
			}
		}
	}
	return false
}
