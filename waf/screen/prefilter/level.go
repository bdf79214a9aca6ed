package prefilter

import (
	"slices"

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
	literals []int32
	set      byteset.Set
	always   bool // the need holds for all values
	whole    bool // it is all that the need says
}

// levelNeed is what a need asks of the values of a level.
type levelNeed struct {
	trigger  trigger
	spelling spelling
	literals []int32 // that it asks for, those of the trigger and others, each once
}

// find finds out what the need asks of the values of a level. number gives the number of its literals.
func (n Need) find(level int, number func(text string) int32) *levelNeed {
	n = n.within(level)
	out := &levelNeed{trigger: trigger{always: n.IsAlways(), whole: n.isFlat()}}
	var texts []string
	for _, a := range appendTriggers(nil, n, triggerChance(n, false) > tooOften) {
		if a.op == opLiteral {
			texts = append(texts, a.text)
		}
		out.trigger.set |= a.set
	}
	out.spelling = spellingOf(&out.trigger, texts)
	out.trigger.literals = make([]int32, len(texts))
	for i, text := range texts {
		out.trigger.literals[i] = number(text)
	}
	var add func(n *Need)
	add = func(n *Need) {
		if n.op == opLiteral {
			out.literals = append(out.literals, number(n.text))
		}
		for i := range n.subs {
			add(&n.subs[i])
		}
	}
	add(&n)
	slices.Sort(out.literals)
	out.literals = slices.Clone(slices.Compact(out.literals))
	return out
}

// setTrigger is the trigger of a need in a set.
type setTrigger struct {
	trigger
	spelling *spelling
}

func (s *Set) triggersAt(level int) []setTrigger {
	list := make([]setTrigger, len(s.needs))
	for id, e := range s.needs {
		at := e.levels[level]()
		list[id] = setTrigger{at.trigger, &at.spelling}
	}
	return list
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
