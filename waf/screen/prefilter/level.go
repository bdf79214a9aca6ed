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
	trigger  trigger
	spelling spelling
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
	for _, a := range appendTriggers(nil, n, triggerChance(n, false) > tooOften) {
		if a.op == opLiteral {
			out.trigger.literals = append(out.trigger.literals, a.text)
		}
		out.trigger.set |= a.set
	}
	out.spelling = spellingOf(&out.trigger)
	wanted := map[string]bool{}
	var add func(n *Need)
	add = func(n *Need) {
		if n.op == opLiteral && !wanted[n.text] {
			wanted[n.text] = true
			out.literals = append(out.literals, n.text)
		}
		for i := range n.subs {
			add(&n.subs[i])
		}
	}
	add(&n)
	return out
}

// setTrigger is a trigger in a set, where literals have numbers.
type setTrigger struct {
	trigger
	spelling *spelling
	ids      []int32 // of its literals
}

func (s *Set) triggersAt(level int) []setTrigger {
	list := make([]setTrigger, len(s.needs))
	for id, n := range s.needs {
		at := n.at(level)
		t := &list[id]
		t.trigger, t.spelling, t.ids = at.trigger, &at.spelling, make([]int32, len(at.trigger.literals))
		for i, text := range t.literals {
			t.ids[i] = s.ids[text]
		}
	}
	return list
}

// levelAutomaton makes the automaton of those literals that needs ask for of the values of a level.
func (s *Set) levelAutomaton(level int) *automaton {
	wanted := make([]bool, len(s.literals))
	for _, n := range s.needs {
		for _, text := range n.at(level).literals {
			wanted[s.ids[text]] = true
		}
	}
	texts, ids := make([]string, 0, len(s.literals)), make([]int32, 0, len(s.literals))
	for id, text := range s.literals {
		if wanted[id] {
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

// triggerChance estimates how often one of the triggers of a need occurs; it is above 1 if there are none.
// Triggers are the atoms of which at least one occurs where the need holds, those of the smallest chance.
// Without classes, only literals are taken.
func triggerChance(n Need, classes bool) float64 {
	switch n.op {
	case opNever:
		return 0
	case opClass:
		if classes {
			return chanceOfClass(n.set)
		}
	case opLiteral:
		return chanceOfLiteral(n.text)
	case opAnd:
		_, chance := sharpest(n.subs, classes)
		return chance
	case opWhen:
		return triggerChance(n.unfolded(), classes)
	case opOr:
		sum := 0.0
		for i := range n.subs {
			sum += triggerChance(n.subs[i], classes)
		}
		return sum
	}
	return 2
}

// appendTriggers appends the triggers of a need.
func appendTriggers(to []Need, n Need, classes bool) []Need {
	switch n.op {
	case opClass:
		if classes {
			return append(to, n)
		}
	case opLiteral:
		return append(to, n)
	case opAnd:
		best, _ := sharpest(n.subs, classes)
		return appendTriggers(to, n.subs[best], classes)
	case opWhen:
		return appendTriggers(to, n.unfolded(), classes)
	case opOr:
		for i := range n.subs {
			to = appendTriggers(to, n.subs[i], classes)
		}
	}
	return to
}

// sharpest is which of some needs has the least frequent triggers, and how frequent they are.
func sharpest(needs []Need, classes bool) (best int, chance float64) {
	chance = triggerChance(needs[0], classes)
	for i := 1; i < len(needs); i++ {
		if c := triggerChance(needs[i], classes); c < chance {
			best, chance = i, c
		}
	}
	return best, chance
}

// unfolded is what a need that depends on a set implies.
func (n Need) unfolded() Need { return Or(And(class(n.set), n.subs[0]), n.subs[1]) }
