package residue

import (
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// A request that is not clean goes to Coraza, but not with every rule: most are ruled out,
// since no value satisfies their guard. Coraza leaves those out, which is most of its work.
// That must not show, so a rule is left out only if all that it would have done is to look in
// vain:
//
//   - its first link is its guard: what stands before a guard may match, and set, and capture;
//   - whether the link matches depends on the request's values alone. That rules with an effect do not
//     match, which is assumed where a request is clean, is not so here: what they set may be read
//     by no operator of the rule, and they must not have a say in which values there are.

// markOmittable marks the rules that may be left out.
func (f *folder) markOmittable() {
	if !mayOmit(f.program) {
		return
	}
	for src, r := range f.of {
		r.Omittable = omittable(src, r)
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
				r.Omittable = false
			}
			if !f.mayBeGone(s, skipper) {
				left--
			}
		}
	}
}

// mayOmit reports whether what a rule reads is the same whether or not rules are left out that do
// not match, and whether the values are those that the screen has, whatever rules match.
func mayOmit(p *seclang.Program) bool {
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
	return slices.ContainsFunc(ParseMacro(text).Parts, func(p Part) bool { return p.Variable == "RULE" })
}

// keepsValues reports whether a ctl adds no values to those that the screen knows. That a body is
// parsed as the screen has it is checked for each request, when its rules are asked.
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

// omittable reports whether a rule may be left out when no value meets its guard.
func omittable(src *seclang.Rule, r *Rule) bool {
	if r.Guard != 0 || r.Phase > 4 {
		return false
	}
	l := &r.Links[0]
	ofRequest := l.Operator.Opaque == "" && l.Operator.Constant && !l.ArgAssumed &&
		!slices.ContainsFunc(l.Targets, func(t Target) bool { return t.Source != FromRequest })
	// What does not match, negated, has matched, and captures.
	return ofRequest && !(l.Negated && src.Links[0].Capture)
}
