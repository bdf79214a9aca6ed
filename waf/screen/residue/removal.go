package residue

import (
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// findRemovers looks for rules that, for some requests, take others out which prepare what a
// third reads. There the rule must not be passed over: it becomes one with an effect.
func (f *folder) findRemovers() bool {
	found := false
	for at, r := range f.program.Rules {
		for i := range r.Links {
			for _, a := range r.Links[i].Actions {
				if name, value, _ := strings.Cut(a.Arg, "="); a.Name == "ctl" && strings.HasPrefix(name, "ruleRemove") && !f.removers[r] && f.removesMore(at, name, value) {
					f.removers[r], found = true, true
				}
			}
		}
	}
	return found
}

// removesMore reports whether one of the rules behind the rule at index at that a ctl takes
// out, in whole or in part, does more than check.
func (f *folder) removesMore(at int, ctl, value string) bool {
	value, variable, _ := strings.Cut(value, ";")
	variable, _, _ = strings.Cut(variable, ":")
	variable = strings.ToUpper(strings.TrimSpace(variable))
	part := strings.HasPrefix(ctl, "ruleRemoveTarget")
	from := f.program.Rules[at]
	for i, r := range f.program.Rules {
		if r.Marker != "" || r.Phase < from.Phase || r.Phase == from.Phase && i <= at || !removes(ctl, value, r) {
			continue
		}
		if reads, counts := targeted(r, variable); part && counts {
			return true // with one value less it may match
		} else if part && !reads {
			continue
		}
		if f.changed[r] || f.skips[r] && (part || f.skipsMore(i, ctl, value)) {
			return true
		}
		out := f.of[r]
		if out == nil {
			continue
		}
		for j := range out.Links {
			l := &out.Links[j]
			if len(l.Controls) > 0 || len(l.Keeps) > 0 || len(l.Sets) > 0 && !f.setsOwn(r, &r.Links[j]) {
				return true
			}
		}
	}
	return false
}

// targeted reports whether a rule has a target of the variable, and one that counts its values.
func targeted(r *seclang.Rule, variable string) (reads, counts bool) {
	for i := range r.Links {
		for _, t := range r.Links[i].Targets {
			if t.Variable == variable {
				reads, counts = true, counts || t.Count
			}
		}
	}
	return reads, counts
}

// skipsMore reports whether the rule at index at skips one that the ctl does not take out with it.
func (f *folder) skipsMore(at int, ctl, value string) bool {
	r := f.program.Rules[at]
	for _, s := range f.program.Rules[at+1:] {
		if s.Marker == r.SkipAfter {
			break
		}
		if s.Marker == "" && s.Phase == r.Phase && !removes(ctl, value, s) {
			return true
		}
	}
	return false
}

func removes(ctl, value string, r *seclang.Rule) bool {
	switch {
	case strings.HasSuffix(ctl, "ByTag"):
		return slices.Contains(r.Tags, value)
	case strings.HasSuffix(ctl, "ByMsg"):
		return r.Msg == value
	}
	from, to, ranged := strings.Cut(value, "-")
	if !ranged {
		to = from
	}
	return r.ID >= atoi(from) && r.ID <= atoi(to)
}

// mayBeGone reports whether some ctl takes a rule out without taking out the one that skips it:
// then it does not count among the skipped.
func (f *folder) mayBeGone(s, skipper *seclang.Rule) bool {
	for _, r := range f.program.Rules {
		for i := range r.Links {
			for _, a := range r.Links[i].Actions {
				name, value, _ := strings.Cut(a.Arg, "=")
				if a.Name == "ctl" && strings.HasPrefix(name, "ruleRemoveBy") && s.Marker == "" && removes(name, value, s) && !removes(name, value, skipper) {
					return true
				}
			}
		}
	}
	return false
}
