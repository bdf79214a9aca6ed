package prefilter

import (
	"sync"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// levels are neighboring alphabets that are looked at together, since what needs ask for within
// them differs little. The level of a value is the first with an alphabet that all of its bytes are
// in, so the value has a byte that no alphabet of the level before has.
const levels = 4

// widest is the largest alphabet of each level.
var widest = [levels]byteset.Set{alphabets[1], alphabets[3], alphabets[4], byteset.All}

func levelOf(bytes byteset.Set) int {
	for l := range levels - 1 {
		if bytes&^widest[l] == 0 {
			return l
		}
	}
	return levels - 1
}

// within returns what the need asks of a value of a level.
func (n Need) within(level int) Need {
	alphabet := widest[level]
	reached := byteset.Set(0) // values of the level have a byte of these
	if level > 0 {
		reached = alphabet &^ widest[level-1]
	}
	switch n.op {
	case opLiteral:
		if byteset.Of(n.text)&^alphabet != 0 {
			return Never()
		}
	case opClass:
		if set := n.set & alphabet; set != alphabet && (reached == 0 || reached&^set != 0) {
			return class(set)
		}
		return Always() // but for the empty value, as in class
	case opWhen:
		switch {
		case n.set&alphabet == 0:
			return n.subs[1].within(level)
		case reached != 0 && reached&^n.set == 0:
			return n.subs[0].within(level)
		}
		return when(n.set, n.subs[0].within(level), n.subs[1].within(level))
	case opAnd, opOr:
		subs := make([]Need, len(n.subs))
		for i, sub := range n.subs {
			subs[i] = sub.within(level)
		}
		if n.op == opAnd {
			return And(subs...)
		}
		return Or(subs...)
	}
	return n
}

// tooOften is the chance of literals above which bytes are a better trigger, although bytes are
// much more frequent than their estimate in some values.
const tooOften = 0.3

// trigger is what tells the values of a level for which a need has to be looked at: those with
// one of these literals or bytes, preferably literals. The need implies that.
type trigger struct {
	literals []string
	set      byteset.Set
	always   bool // the need holds for all values
	whole    bool // it is all that the need says
}

// levelNeed is what a need asks of the values of a level.
type levelNeed struct {
	trigger
	literals []string // that it asks for, those of the trigger and others
}

// remembered returns the need as one that many sets have: what it asks of the values of a level is found
// out once, when the first of them wants to know: while it makes a table, which nobody's budget pays for.
func (n Need) remembered() Need {
	if len(n.subs) == 0 {
		return n
	}
	list := &[levels]func() *levelNeed{}
	for l := range levels {
		list[l] = sync.OnceValue(func() *levelNeed { return n.find(l) })
	}
	known := n
	known.levels = list
	return known
}

// at returns what the need asks of the values of a level.
func (n Need) at(level int) *levelNeed {
	if n.levels != nil {
		return n.levels[level]()
	}
	return n.find(level)
}

func (n Need) find(level int) *levelNeed {
	n = n.within(level)
	out := &levelNeed{trigger: trigger{always: n.IsAlways(), whole: n.isFlat()}}
	chance, atoms := triggers(n, false)
	if chance > tooOften {
		_, atoms = triggers(n, true)
	}
	for _, a := range atoms {
		if a.op == opLiteral {
			out.trigger.literals = append(out.trigger.literals, a.text)
		}
		out.set |= a.set
	}
	wanted := map[string]bool{}
	var add func(n Need)
	add = func(n Need) {
		if n.op == opLiteral && !wanted[n.text] {
			wanted[n.text] = true
			out.literals = append(out.literals, n.text)
		}
		for _, sub := range n.subs {
			add(sub)
		}
	}
	add(n)
	return out
}

func triggersOf(needs []Need, level int) []trigger {
	list := make([]trigger, len(needs))
	for id, n := range needs {
		list[id] = n.at(level).trigger
	}
	return list
}

// levelAutomaton makes the automaton of those literals, which have their index as id, that needs
// ask for of the values of a level.
func levelAutomaton(needs []Need, literals []string, level int) *automaton {
	wanted := map[string]bool{}
	for _, n := range needs {
		for _, text := range n.at(level).literals {
			wanted[text] = true
		}
	}
	var texts []string
	var ids []int32
	for id, text := range literals {
		if wanted[text] {
			texts, ids = append(texts, text), append(ids, int32(id))
		}
	}
	return newAutomaton(texts, ids)
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
// smallest chance, and that chance, which is above 1 if there are none. Without classes, only
// literals are taken.
func triggers(n Need, classes bool) (float64, []Need) {
	switch n.op {
	case opNever:
		return 0, nil
	case opClass:
		if classes {
			return chanceOfClass(n.set), []Need{n}
		}
	case opLiteral:
		return chanceOfLiteral(n.text), []Need{n}
	case opAnd:
		best, atoms := triggers(n.subs[0], classes)
		for _, sub := range n.subs[1:] {
			if chance, more := triggers(sub, classes); chance < best {
				best, atoms = chance, more
			}
		}
		return best, atoms
	case opWhen:
		return triggers(Or(And(class(n.set), n.subs[0]), n.subs[1]), classes)
	case opOr:
		var all []Need
		sum := 0.0
		for _, sub := range n.subs {
			chance, atoms := triggers(sub, classes)
			sum += chance
			all = append(all, atoms...)
		}
		return sum, all
	}
	return 2, nil
}
