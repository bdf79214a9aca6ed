package residue

import (
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// consequence is what an action does to others than the client.
type consequence uint8

const (
	nothing consequence = iota
	assigns
	controlsBody
	keeps
	effect
)

// consequence classifies an action.
func (f *folder) consequence(r *seclang.Rule, a seclang.Action) consequence {
	if kept.IsAct(a.Name) {
		return keeps
	}
	switch a.Name {
	case "setvar":
		switch key := keyOf(a); {
		case len(key.Parts) == 0 || !strings.Contains(a.Arg, "="):
			return effect // without a value Coraza v3.8.1 panics, also to remove one
		case len(f.reads.by(key)) == 0 && !f.reads.hit(key):
			return nothing // nobody will know
		case a.Arg[0] == '!':
			return effect
		}
		return assigns
	case "ctl":
		name, _, _ := strings.Cut(a.Arg, "=")
		switch name {
		case "auditEngine", "auditLogParts", "debugLogLevel", "hashEngine", "hashEnforcement",
			"forceRequestBodyVariable": // a body is read in any case
			return nothing
		case "requestBodyProcessor":
			if r.Phase > 1 {
				return nothing // too late
			}
			return controlsBody
		case "ruleRemoveById", "ruleRemoveByTag", "ruleRemoveByMsg", "ruleRemoveTargetById", "ruleRemoveTargetByTag", "ruleRemoveTargetByMsg":
			// Fewer rules, or fewer values: what is clean without it is clean with it.
			if !f.removers[r] {
				return nothing
			}
		}
	}
	return effect
}

// acts reports whether a match of a link shows, whatever becomes of the rule.
func (f *folder) acts(r *seclang.Rule, i int) bool {
	return slices.ContainsFunc(r.Links[i].Actions, func(a seclang.Action) bool { return f.consequence(r, a) == effect })
}

// effective reports whether a match of the whole rule shows: in a verdict, in a log, or in
// what the engine does from then on.
func (f *folder) effective(r *seclang.Rule) bool {
	if r.Log || r.Disruptive.Name != "pass" && r.Disruptive.Name != "" && r.Disruptive.Name != "block" {
		return true
	}
	for i := range r.Links {
		if f.acts(r, i) {
			return true
		}
	}
	return false
}

// onlyChecks reports whether a rule does nothing, unless it has an effect, that others rely on.
func (f *folder) onlyChecks(r *seclang.Rule) bool {
	for i := range r.Links {
		for _, a := range r.Links[i].Actions {
			last := f.effective(r) && i == len(r.Links)-1
			if c := f.consequence(r, a); c == controlsBody || c == keeps || c == assigns && !last && !f.setsOwn(r, &r.Links[i]) {
				return false
			}
		}
	}
	return true
}

// setsOwn reports whether nobody but the rule itself reads what a link of it sets.
func (f *folder) setsOwn(r *seclang.Rule, l *seclang.Link) bool {
	for _, a := range l.Actions {
		if f.consequence(r, a) != assigns {
			continue
		}
		for _, reader := range f.reads.by(keyOf(a)) {
			if reader != r {
				return false
			}
		}
	}
	return true
}

// keyOf is the key of the variable that a setvar sets.
func keyOf(a seclang.Action) Macro {
	key, _, _ := strings.Cut(strings.TrimPrefix(a.Arg, "!"), "=")
	_, key, _ = strings.Cut(key, ".")
	return ParseMacro(key)
}
