package prefilter

// Scratch is a value at hand, what is known of it, and memory that is used again. It belongs to
// one goroutine at a time. The zero Scratch is ready.
type Scratch struct {
	value    string
	bytes    Bytes
	level    int
	scanned  bool     // for literals
	literals []int32  // that occur, each once
	has      []uint64 // the same, as a bit set
	ended    []uint64 // the states with literals that were met, by their index in ends
	states   []uint32 // the same, to clear it
	asked    []uint64 // the needs that were looked at, while candidates are collected
	needs    []int32
}

// Take makes value the one at hand, whose bytes are of these groups.
func (sc *Scratch) Take(value string, bytes Bytes) {
	sc.value, sc.bytes, sc.level, sc.scanned = value, bytes, levelOf(bytes), false
}

// Scan finds the literals of the value at hand in one pass, and those of the value without the
// evasion bytes. What it costs is proportional to the length of the value, plus once for each
// literal that occurs.
func (s *Set) Scan(sc *Scratch) {
	a := s.automata[tierOf[sc.level]]()
	sc.reset(s, a)
	sc.scanned = true
	a.scan(sc.value, sc)
}

// scan runs the automaton over a value. At a byte of the evasion set it forks: one state goes on
// without the byte, until both have come to the same.
func (a *automaton) scan(value string, sc *Scratch) {
	rows, chain := a.rows, a.chain
	state := uint32(0)
	for i := 0; i < len(value); i++ {
		column := uint32(a.column[value[i]])
		if groupMask[value[i]]&evasion != 0 {
			i, state = a.scanForked(value, i, state, sc)
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
}

// scanForked goes on at index i, a byte of the evasion set, with two states, and returns the
// index of the last byte that it has read and the state there.
func (a *automaton) scanForked(value string, i int, state uint32, sc *Scratch) (last int, _ uint32) {
	without := state
	for ; i < len(value); i++ {
		column := uint32(a.column[value[i]])
		state = a.advance(state, column, sc)
		if groupMask[value[i]]&evasion != 0 {
			continue
		}
		if without = a.advance(without, column, sc); without == state {
			return i, state
		}
	}
	return i, state
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

func (sc *Scratch) reset(s *Set, a *automaton) {
	for _, i := range sc.states {
		sc.ended[i/64] = 0
	}
	for _, i := range sc.literals {
		sc.has[i/64] = 0
	}
	sc.states, sc.literals = sc.states[:0], sc.literals[:0]
	sc.ended = grown(sc.ended, len(a.ends))
	sc.has = grown(sc.has, len(s.literals))
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
			if sc.scanned && sc.has[w.index]&w.mask != w.mask {
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
				if !sc.scanned || sc.has[w.index]&w.mask != 0 {
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
