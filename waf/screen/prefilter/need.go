package prefilter

import (
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// Need is a necessary condition on a value: if it does not hold, the pattern it was derived
// from cannot match. It is a tree of And and Or over two kinds of atoms: a literal that occurs
// somewhere in the value, be it only once the evasion bytes are left out, and a byte of a set
// that does; what is needed may also depend on whether a byte of some set occurs. Literals and
// sets are closed under ASCII case, so that a value and its lower-case form satisfy the same
// needs. The zero Need never holds. Needs are immutable.
type Need struct {
	op   op
	set  byteset.Set // opClass, opWhen
	text string      // opLiteral: folded, at least two bytes
	subs []Need      // opAnd, opOr: at least two; opWhen: two
}

type op uint8

const (
	opNever op = iota
	opAlways
	opClass
	opLiteral
	opAnd
	opOr
	opWhen
)

// Always returns the need that holds for every value.
func Always() Need { return Need{op: opAlways} }

// Never returns the need that holds for no value.
func Never() Need { return Need{} }

// IsAlways reports whether the need holds for every value, that is, says nothing.
func (n Need) IsAlways() bool { return n.op == opAlways }

// Contains returns the need of a value that contains s, in whatever ASCII case. It serves for
// equality, prefixes and suffixes too.
func Contains(s string) Need {
	s = rarest(fold(s))
	switch len(s) {
	case 0:
		return Always()
	case 1:
		return class(byteset.Byte(s[0]))
	}
	return Need{op: opLiteral, text: s}
}

// AnyByte returns the need of a value that has one of these bytes, or one of their groups.
func AnyByte(bytes string) Need { return class(byteset.Of(bytes)) }

// Phrases returns the need of a value that contains one of the phrases, in whatever ASCII
// case, as Coraza's operators @pm and @pmFromFile ask once the caller has split their argument
// (internal/operators/pm.go: at each space, empty phrases included, after [strings.ToLower]).
func Phrases(phrases []string) Need {
	set := make([]string, len(phrases))
	for i, p := range phrases {
		set[i] = fold(strings.ToLower(p))
	}
	return anyOf(set)
}

// Chance estimates how often the need holds for ordinary values, 0 to 1.
func (n Need) Chance() float64 {
	return min(triggerChance(n, true), 1)
}

// And returns the need that holds when all of the needs hold.
func And(needs ...Need) Need { return join(opAnd, opNever, opAlways, needs) }

// Or returns the need that holds when one of the needs holds.
func Or(needs ...Need) Need { return join(opOr, opAlways, opNever, needs) }

// when returns the need that is yes for a value that has a byte of the set, and no for others.
func when(set byteset.Set, yes, no Need) Need {
	return Need{op: opWhen, set: set, subs: []Need{yes, no}}
}

// join flattens, drops what changes nothing, and lets zero decide alone.
func join(o, zero, one op, needs []Need) Need {
	flat := make([]Need, 0, len(needs))
	var add func(n Need) bool
	add = func(n Need) bool {
		switch n.op {
		case zero:
			return false
		case one:
			return true
		case o:
			for _, sub := range n.subs {
				if !add(sub) {
					return false
				}
			}
			return true
		}
		if o == opOr && n.op == opClass {
			for i := range flat {
				if flat[i].op == opClass {
					flat[i].set |= n.set
					return true
				}
			}
		}
		flat = append(flat, n)
		return true
	}
	for _, n := range needs {
		if !add(n) {
			return Need{op: zero}
		}
	}
	switch len(flat) {
	case 0:
		return Need{op: one}
	case 1:
		return flat[0]
	}
	if cap(flat) > len(flat)+len(flat)/4 {
		flat = slices.Clone(flat) // it may be kept
	}
	return Need{op: o, subs: flat}
}

// tidy drops repetitions from And and Or, whatever their depth, and returns the need with a
// formula that only equal needs have.
func tidy(n Need) (Need, string) {
	if len(n.subs) == 0 {
		return n, n.String()
	}
	seen := make(map[string]bool, len(n.subs))
	var subs []Need
	var formulas []string
	for _, sub := range n.subs {
		sub, formula := tidy(sub)
		if !seen[formula] {
			seen[formula] = true
			subs, formulas = append(subs, sub), append(formulas, formula)
		}
	}
	formula := n.formula(formulas)
	if n.op == opAnd {
		return And(subs...), formula
	}
	return Or(subs...), formula
}

// class returns the need of a value that has a byte of the set.
func class(set byteset.Set) Need {
	switch set {
	case 0:
		return Never()
	case byteset.All:
		return Always() // but for the empty value, which is not worth a condition
	}
	return Need{op: opClass, set: set}
}

// anyOf returns the need of a value that contains one of the folded strings.
func anyOf(set []string) Need {
	cut := make([]string, len(set))
	for i, s := range set {
		cut[i] = rarest(s)
	}
	needs := make([]Need, 0, len(set))
	for _, s := range minimal(cut) {
		needs = append(needs, Contains(s))
	}
	return Or(needs...)
}

// maxLiteral bounds the length of a literal in bytes. Longer ones make the automaton larger and
// the condition hardly sharper.
const maxLiteral = 10

// rarest returns the part of a folded literal that is kept: the rarest of maxLiteral bytes.
func rarest(s string) string { return rarestPart(s, maxLiteral) }

// rarestPart returns the rarest part of a folded literal of at most so many bytes.
func rarestPart(s string, size int) string {
	if len(s) <= size {
		return s
	}
	best := s[:size]
	for i := range len(s) - size + 1 {
		if part := s[i : i+size]; chanceOfLiteral(part) < chanceOfLiteral(best) {
			best = part
		}
	}
	return best
}

// minimal drops from a set of strings those that contain another one of the set, for which an
// occurrence of the other is condition enough.
func minimal(set []string) []string {
	all := make(map[string]bool, len(set))
	var lengths []int
	for _, s := range set {
		if s == "" {
			return []string{""}
		}
		all[s] = true
		if !slices.Contains(lengths, len(s)) {
			lengths = append(lengths, len(s))
		}
	}
	kept := make([]string, 0, len(all))
next:
	for s := range all {
		for _, n := range lengths {
			for i := 0; n < len(s) && i+n <= len(s); i++ {
				if all[s[i:i+n]] {
					continue next
				}
			}
		}
		kept = append(kept, s)
	}
	slices.Sort(kept)
	return kept
}

// String returns the need as a formula: literals quoted, sets of bytes in brackets.
func (n Need) String() string {
	switch n.op {
	case opNever:
		return "never"
	case opAlways:
		return "always"
	case opClass:
		return "[" + n.set.String() + "]"
	case opLiteral:
		return strconv.Quote(n.text)
	}
	parts := make([]string, len(n.subs))
	for i, sub := range n.subs {
		parts[i] = sub.String()
	}
	return n.formula(parts)
}

func (n Need) formula(parts []string) string {
	sep := " & "
	switch n.op {
	case opOr:
		sep = " | "
	case opWhen:
		return "([" + n.set.String() + "] ? " + parts[0] + " : " + parts[1] + ")"
	}
	return "(" + strings.Join(parts, sep) + ")"
}
