package dfa

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"unicode"
)

type op uint8

const (
	opFail   op = iota
	opMatch     // the pattern matches
	opFork      // on to out and to arg
	opAssert    // on to out if arg, a syntax.EmptyOp, holds between two runes
	opRune      // consumes a rune of charset arg, on to out
)

type inst struct {
	op       op
	out, arg uint32
}

// A program is a syntax.Prog in a compact form: no captures, no empty steps, and charsets that are
// bits over classes of runes. It never changes.
type program struct {
	classes
	insts []inst
	start uint32
	// members has, for each charset, words bits words: bit c says that it has the runes of class c.
	members []uint64
	words   uint32
	// kinds has the kind of each class.
	kinds []kind
	// restart is where a match may begin behind a rune of each kind: opRune and opAssert only.
	restart [kinds][]uint32
	// anchored says that a match can begin nowhere but at the beginning of the text.
	anchored bool
	// prefix begins every match, if it is not empty. It is found faster than a table is read.
	prefix string
}

// A kind is what assertions see of a rune, or of its absence.
type kind uint8

const (
	other kind = iota
	word
	newline
	none // before the first rune, behind the last
	kinds
)

// runes has a rune of each kind, for syntax.EmptyOpContext.
var runes = [kinds]rune{' ', 'a', '\n', -1}

// lookBehind are the assertions that the rune before them decides alone.
const lookBehind = syntax.EmptyBeginLine | syntax.EmptyBeginText

const everything = ^syntax.EmptyOp(0)

// compile makes p the translation of prog.
func (p *program) compile(prog *syntax.Prog) {
	p.insts = make([]inst, len(prog.Inst))
	p.prefix, _ = prog.Prefix()
	skip := func(pc uint32) uint32 { // past instructions that do nothing
		for prog.Inst[pc].Op == syntax.InstNop || prog.Inst[pc].Op == syntax.InstCapture {
			pc = prog.Inst[pc].Out
		}
		return pc
	}
	sets := numbered{byKey: map[string]uint32{}, byRune: map[rune]uint32{}}
	for pc := range prog.Inst {
		from, to := &prog.Inst[pc], &p.insts[pc]
		switch from.Op {
		case syntax.InstFail, syntax.InstNop, syntax.InstCapture:
			continue // opFail; nothing leads to the other two
		case syntax.InstMatch:
			to.op = opMatch
			continue
		case syntax.InstAlt, syntax.InstAltMatch:
			to.op, to.arg = opFork, skip(from.Arg)
		case syntax.InstEmptyWidth:
			to.op, to.arg = opAssert, from.Arg
		default:
			to.op, to.arg = opRune, sets.number(from)
		}
		to.out = skip(from.Out)
	}
	p.start = skip(uint32(prog.Start))
	p.classify(sets.sets)
	p.begin()
}

// numbered are the charsets of a program, each once.
type numbered struct {
	sets   []charset
	byKey  map[string]uint32
	byRune map[rune]uint32 // of those that are a rune alone; most instructions consume one
}

// number returns the number of what an instruction of regexp/syntax consumes.
func (n *numbered) number(i *syntax.Inst) uint32 {
	alone := i.Op == syntax.InstRune1 && syntax.Flags(i.Arg)&syntax.FoldCase == 0
	if alone {
		if number, ok := n.byRune[i.Rune[0]]; ok {
			return number
		}
	}
	set := consumed(i)
	key := set.key()
	number, ok := n.byKey[key]
	if !ok {
		number = uint32(len(n.sets))
		n.byKey[key] = number
		n.sets = append(n.sets, set)
	}
	if alone {
		n.byRune[i.Rune[0]] = number
	}
	return number
}

// consumed returns the runes that an instruction of regexp/syntax consumes.
func consumed(i *syntax.Inst) charset {
	switch {
	case i.Op == syntax.InstRuneAny:
		return charset{0, unicode.MaxRune}
	case i.Op == syntax.InstRuneAnyNotNL:
		return charset{0, '\n' - 1, '\n' + 1, unicode.MaxRune}
	case len(i.Rune) != 1:
		return i.Rune
	}
	folds := []rune{i.Rune[0]}
	if syntax.Flags(i.Arg)&syntax.FoldCase != 0 {
		for r := unicode.SimpleFold(i.Rune[0]); r != i.Rune[0]; r = unicode.SimpleFold(r) {
			folds = append(folds, r)
		}
	}
	slices.Sort(folds)
	var set charset
	for _, r := range folds {
		set = append(set, r, r)
	}
	return set
}

// classify partitions the runes by sets and by what the assertions of the program see.
func (p *program) classify(sets []charset) {
	var asserted syntax.EmptyOp
	for _, in := range p.insts {
		if in.op == opAssert {
			asserted |= syntax.EmptyOp(in.arg)
		}
	}
	all := sets
	if asserted != 0 {
		all = append(slices.Clone(sets), charset{'\n', '\n'}, charset{'0', '9', 'A', 'Z', '_', '_', 'a', 'z'})
	}
	p.partition(all)
	p.words = uint32(len(p.sample)+63) / 64
	p.members = make([]uint64, len(sets)*int(p.words))
	for n, set := range sets {
		for class, r := range p.sample {
			if set.has(r) {
				p.members[n*int(p.words)+class/64] |= 1 << (class % 64)
			}
		}
	}
	p.kinds = make([]kind, len(p.sample))
	for class, r := range p.sample {
		switch {
		case asserted == 0:
		case r == '\n':
			p.kinds[class] = newline
		case syntax.IsWordChar(r):
			p.kinds[class] = word
		}
	}
}

// begin finds where matches may begin within the text.
func (p *program) begin() {
	p.anchored = true
	for k := range none {
		var s set
		s.reset(len(p.insts))
		p.enter(&s, p.start, syntax.EmptyOpContext(runes[k], 0), lookBehind)
		p.restart[k] = slices.Clone(s.list)
		p.anchored = p.anchored && len(s.list) == 0
	}
}

func (p *program) consumes(in inst, class uint32) bool {
	return p.members[in.arg*p.words+class/64]>>(class%64)&1 != 0
}

// enter adds to s all that can be reached from pc without consuming a rune, and reports whether
// that includes a match. Of the assertions, those in decided hold if they are in holding; the
// others wait in s for the rune that decides them.
func (p *program) enter(s *set, pc uint32, holding, decided syntax.EmptyOp) bool {
	s.stack = append(s.stack[:0], pc)
	for len(s.stack) > 0 {
		pc := s.stack[len(s.stack)-1]
		s.stack = s.stack[:len(s.stack)-1]
		for !s.visited(pc) {
			in := p.insts[pc]
			switch in.op {
			case opMatch:
				return true
			case opRune:
				s.list = append(s.list, pc)
			case opFork:
				s.stack = append(s.stack, in.arg)
				pc = in.out
				continue
			case opAssert:
				if syntax.EmptyOp(in.arg)&decided == 0 {
					s.list = append(s.list, pc)
					s.waiting = true
				} else if syntax.EmptyOp(in.arg)&holding != 0 {
					pc = in.out
					continue
				}
			}
			break
		}
	}
	return false
}

// A set is instructions that are reached at one place of the text, and the kind of rune before it.
type set struct {
	list    []uint32 // opRune and opAssert
	waiting bool     // there is an opAssert among them
	before  kind

	mark  []uint32 // mark[pc] == round: pc was visited
	round uint32
	stack []uint32 // of enter
}

// reset empties s for a program of n instructions.
func (s *set) reset(n int) {
	s.list, s.waiting, s.before = s.list[:0], false, other
	s.round++
	if len(s.mark) < n || s.round == 0 {
		s.mark, s.round = make([]uint32, n), 1
	}
}

// visited marks pc, and reports whether it was marked before.
func (s *set) visited(pc uint32) bool {
	if s.mark[pc] == s.round {
		return true
	}
	s.mark[pc] = s.round
	return false
}

// begins puts into s what is reached before the first rune, and reports whether that is a match.
func (p *program) begins(s *set) bool {
	s.reset(len(p.insts))
	s.before = none
	return p.enter(s, p.start, syntax.EmptyOpContext(-1, 0), lookBehind)
}

// step consumes a rune of class: it puts into to what is reached from the instructions of from, and
// reports whether that is a match. It adds to from what the assertions waiting there let pass.
func (p *program) step(from, to *set, class uint32) bool {
	after := p.kinds[class]
	to.reset(len(p.insts))
	to.before = after
	if from.waiting && p.settle(from, after) {
		return true
	}
	behind := syntax.EmptyOpContext(runes[after], 0)
	for _, pc := range from.list {
		in := p.insts[pc]
		if in.op == opRune && p.consumes(in, class) && p.enter(to, in.out, behind, lookBehind) {
			return true
		}
	}
	for _, pc := range p.restart[after] {
		if !to.visited(pc) {
			to.list = append(to.list, pc)
			to.waiting = to.waiting || p.insts[pc].op == opAssert
		}
	}
	return false
}

// settle decides the assertions that wait in s, given the kind of rune that follows, and reports
// whether that leads to a match.
func (p *program) settle(s *set, after kind) bool {
	holding := syntax.EmptyOpContext(runes[s.before], runes[after])
	for i := 0; i < len(s.list); i++ { // grows
		in := p.insts[s.list[i]]
		if in.op == opAssert && syntax.EmptyOp(in.arg)&holding != 0 && p.enter(s, in.out, holding, everything) {
			return true
		}
	}
	return false
}

// again says that a match can only begin with the prefix from here on, as at the beginning. There
// no assertion comes before the prefix, so that it does not matter which rune does.
func (p *program) again(s *set) bool {
	return p.prefix != "" && len(s.list) == 1 && s.list[0] == p.start
}

// dead says that nothing that follows can lead from s to a match.
func (p *program) dead(s *set) bool {
	return p.anchored && len(s.list) == 0
}

// appendKey appends what tells s from all other sets: what restore needs.
func (s *set) appendKey(key []byte) []byte {
	slices.Sort(s.list)
	before := other // no matter, unless an assertion asks for it
	if s.waiting {
		before = s.before
	}
	key = append(key, byte(before))
	last := uint32(0)
	for _, pc := range s.list {
		key = binary.AppendUvarint(key, uint64(pc-last))
		last = pc
	}
	return key
}

// restore makes s the set that key was made from.
func (p *program) restore(s *set, key string) {
	s.reset(len(p.insts))
	s.before = kind(key[0])
	pc, shift, delta := uint32(0), 0, uint32(0)
	for i := 1; i < len(key); i++ {
		delta |= uint32(key[i]&0x7f) << shift
		if key[i] >= 0x80 {
			shift += 7
			continue
		}
		pc += delta
		shift, delta = 0, 0
		s.visited(pc)
		s.list = append(s.list, pc)
		s.waiting = s.waiting || p.insts[pc].op == opAssert
	}
}
