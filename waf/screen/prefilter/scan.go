package prefilter

import "math/bits"

// Scratch holds what a scan found in a value, and memory that is used again. It belongs to one
// goroutine at a time. The zero Scratch is ready.
type Scratch struct {
	bytes    Bytes
	literals []int32  // that occur, each once
	has      []uint64 // the same, as a bit set
	ended    []uint64 // the states with literals that were met, by their index in ends
	states   []uint32 // the same, to clear it
	asked    []uint64 // the needs that were looked at, while candidates are collected
	needs    []int32
}

// Scan finds the bytes and literals of a value in one pass, and the literals of the value
// without the bytes that shells ignore inside of words. What it costs is proportional to the
// length of the value, plus once for each literal that occurs.
func (s *Set) Scan(value string, sc *Scratch) {
	sc.reset(s)
	sc.bytes = s.automaton.scan(value, sc)
}

// Bytes returns the groups of the bytes of the value that was scanned last.
func (sc *Scratch) Bytes() Bytes { return sc.bytes }

// scan runs the automaton over a value and returns the groups of its bytes. At a byte of the
// evasion set it forks: one state goes on without the byte, until both have come to the same.
func (a *automaton) scan(value string, sc *Scratch) Bytes {
	var seen Bytes
	rows, chain := a.rows, a.chain
	state := uint32(0)
	for i := 0; i < len(value); i++ {
		group := groupMask[value[i]]
		seen |= group
		column := uint32(a.column[value[i]])
		if group&evasion != 0 {
			var forked Bytes
			i, state, forked = a.scanForked(value, i, state, sc)
			seen |= forked
			continue
		}
		for state >= uint32(len(rows)) {
			l := &chain[state-uint32(len(rows))]
			if uint32(l.column) == column {
				state = l.next
				goto next
			}
			state = l.fail
		}
		state = rows[state+column]
	next:
		if state&found != 0 {
			state &^= found
			sc.end(a, a.endsIn(state))
		}
	}
	return seen
}

// scanForked goes on at index i, a byte of the evasion set, with two states, and returns the
// index of the last byte that it has read, the state there and the groups of the bytes.
func (a *automaton) scanForked(value string, i int, state uint32, sc *Scratch) (last int, _ uint32, seen Bytes) {
	without := state
	for ; i < len(value); i++ {
		group := groupMask[value[i]]
		seen |= group
		column := uint32(a.column[value[i]])
		state = a.advance(state, column, sc)
		if group&evasion != 0 {
			continue
		}
		if without = a.advance(without, column, sc); without == state {
			return i, state, seen
		}
	}
	return i, state, seen
}

// advance is one byte of scan.
func (a *automaton) advance(state, column uint32, sc *Scratch) uint32 {
	state = a.step(state, column)
	if state&found != 0 {
		state &^= found
		sc.end(a, a.endsIn(state))
	}
	return state
}

// end notes that the literals with this index in ends occur.
func (sc *Scratch) end(a *automaton, index uint32) {
	if !set(sc.ended, index) {
		return
	}
	sc.states = append(sc.states, index)
	for _, literal := range a.literals(index) {
		if set(sc.has, uint32(literal)) {
			sc.literals = append(sc.literals, literal)
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

func (sc *Scratch) reset(s *Set) {
	for _, i := range sc.states {
		sc.ended[i/64] = 0
	}
	for _, i := range sc.literals {
		sc.has[i/64] = 0
	}
	sc.states, sc.literals = sc.states[:0], sc.literals[:0]
	sc.ended = grown(sc.ended, len(s.automaton.ends))
	sc.has = grown(sc.has, s.literals)
	sc.asked = grown(sc.asked, len(s.needs))
}

func grown(bitset []uint64, n int) []uint64 {
	if words := (n + 63) / 64; words > len(bitset) {
		return make([]uint64, words)
	}
	return bitset
}

// Candidates returns the ids of the view whose needs hold for the value that was scanned last,
// each once, in no order. The slice is valid until the next call.
func (v *View) Candidates(sc *Scratch) []int32 {
	needs := sc.needs[:0]
	needs = append(needs, v.always...)
	for _, literal := range sc.literals {
		for _, id := range v.triggered[v.first[literal]:v.first[literal+1]] {
			needs = v.look(id, needs, sc)
		}
	}
	for rest := uint64(v.bytes & sc.bytes); rest != 0; rest &= rest - 1 {
		for _, id := range v.byGroup[bits.TrailingZeros64(rest)] {
			needs = v.look(id, needs, sc)
		}
	}
	clear(sc.asked)
	sc.needs = needs
	return needs
}

func (v *View) look(id int32, needs []int32, sc *Scratch) []int32 {
	if !set(sc.asked, uint32(id)) {
		return needs
	}
	p := &v.set.needs[id]
	if p.triggersAll || v.set.holds(p.root, sc) {
		needs = append(needs, id)
	}
	return needs
}

// holds decides a node by what was found.
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
		for _, w := range words {
			if sc.has[w.index]&w.mask != w.mask {
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
		for _, w := range words {
			if sc.has[w.index]&w.mask != 0 {
				return true
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
