package screen

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// A request that is not clean goes to Coraza, but not with every rule: most are ruled out, since no
// value meets their guard. Coraza leaves those out, which is most of its work. That must not show,
// so a rule is left out only if all that it would have done is to look in vain:
//
//   - its first link is its guard: what stands before a guard may match, and set, and capture;
//   - whether the link matches depends on the request's values alone. That rules with an effect do not
//     match, which is assumed where a request is clean, is not so here: what they set may be read
//     by no operator of the rule, and they must not have a say in which values there are.

// spare marks the rules that may be left out.
func (f *folder) spare() {
	if !narrows(f.program) {
		return
	}
	for src, r := range f.of {
		r.spared = mayBeSpared(src, r)
	}
	// What is skipped by number is counted, but not if it is left out.
	for at, skipper := range f.program.Rules {
		left := atoi(skipper.Skip)
		for _, s := range f.program.Rules[at+1:] {
			if left == 0 {
				break
			}
			if s.Marker != "" || s.Phase != skipper.Phase {
				continue
			}
			if r := f.of[s]; r != nil {
				r.spared = false
			}
			if !f.mayBeGone(s, skipper) {
				left--
			}
		}
	}
}

// narrows reports whether what a rule reads is the same whether or not rules are left out that do
// not match, and whether the values are those that the screen has, whatever rules match.
func narrows(p *seclang.Program) bool {
	for _, r := range p.Rules {
		if r.Skip != "" && r.SkipAfter != "" {
			return false
		}
		for i := range r.Links {
			l := &r.Links[i]
			if slices.ContainsFunc(l.Targets, func(t seclang.Target) bool { return t.Variable == "RULE" }) || readsRule(l.Operator.Arg) {
				return false // RULE has something of the rule that was looked at last
			}
			for _, a := range l.Actions {
				if readsRule(a.Arg) || a.Name == "ctl" && !keepsValues(a) {
					return false
				}
			}
		}
	}
	return true
}

func readsRule(text string) bool {
	return slices.ContainsFunc(parseMacro(text).parts, func(p macroPart) bool { return p.variable == "RULE" })
}

// keepsValues reports whether a ctl adds no values to those that the screen knows. That a body is
// parsed as the screen has it is checked for each request ([Run.Parses]).
func keepsValues(a seclang.Action) bool {
	name, _, _ := strings.Cut(a.Arg, "=")
	switch name {
	case "auditEngine", "auditLogParts", "debugLogLevel", "hashEngine", "hashEnforcement", "ruleEngine",
		"ruleRemoveById", "ruleRemoveByTag", "ruleRemoveByMsg", "ruleRemoveTargetById", "ruleRemoveTargetByTag", "ruleRemoveTargetByMsg",
		"requestBodyProcessor", "forceRequestBodyVariable":
		return true
	}
	return false
}

// mayBeSpared reports whether a rule may be left out when no value meets its guard.
func mayBeSpared(src *seclang.Rule, r *rule) bool {
	if r.guard != 0 || r.phase > 4 {
		return false
	}
	l := &r.links[0]
	ofRequest := l.operator.vague == "" && l.operator.constant && !l.assumes &&
		!slices.ContainsFunc(l.targets, func(t target) bool { return t.source != fromRequest })
	// What does not match, negated, has matched, and captures.
	return ofRequest && !(l.negated && src.Links[0].Capture)
}

// spare is a rule that is left out unless its guard is met.
type spare struct {
	id int
	n  int // among the screen's rules; -1: it is never left out
}

// spares are the rules of a phase and, never left out, those of the phases behind it, by id.
func (s *Screen) spares(phase int) (list []spare) {
	spared := map[int]int{}
	for _, r := range s.rules {
		if r.spared && r.phase == phase {
			spared[r.id] = r.n
		}
	}
	for _, r := range s.read {
		n, ok := spared[r.ID]
		if !ok {
			n = -1
		}
		if r.Phase >= phase {
			list = append(list, spare{r.ID, n})
		}
	}
	slices.SortFunc(list, func(a, b spare) int { return cmp.Compare(a.id, b.id) })
	return list
}

// RuledOut yields the rules of a phase that was screened in full which cannot match: ranges of
// their ids, in order, in which no other rule of this phase or a later one is.
func (r *Run) RuledOut(phase int) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		if phase > r.seen {
			return
		}
		list := r.screen.spared[phase]
		for i := 0; i < len(list); i++ {
			if !r.isOut(&list[i]) {
				continue
			}
			from := list[i].id
			for i+1 < len(list) && r.isOut(&list[i+1]) {
				i++
			}
			if !yield(from, list[i].id) {
				return
			}
		}
	}
}

func (r *Run) isOut(s *spare) bool { return s.n >= 0 && !r.isMet(s.n) }
