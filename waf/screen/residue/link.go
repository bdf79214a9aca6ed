package residue

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// link compiles a link. before are those in front of it.
func (f *folder) link(r *seclang.Rule, i int, known *Constants, before []Link) (Link, error) {
	src := &r.Links[i]
	l := Link{Negated: src.Operator.Negated, MultiMatch: src.MultiMatch, Operator: &Operator{}}
	for _, t := range src.Targets {
		l.Targets = append(l.Targets, f.target(t, before, known))
		if last := &l.Targets[len(l.Targets)-1]; len(src.Transformations) > 0 && stale(t.Variable) {
			last.Source = FromNowhere
		}
	}
	if src.Operator.Name == "" { // a SecAction: a match without a value
		l.Targets = []Target{{Target: seclang.Target{Variable: "UNKNOWN"}, Source: FromAction}}
		l.Operator = &Operator{Match: func(string, string) bool { return true }, Need: prefilter.Always(), Constant: true}
		l.Always = true
	} else {
		var err error
		if l.Operator, err = f.operators.operator(src.Operator, argument(src.Operator).resolve(f.whileActing(r, src, known))); err != nil {
			return l, err
		}
		_, constant := argument(src.Operator).Constant()
		l.ArgAssumed = !constant
		if !leftBy(before, l.Operator.Arg) || readsMatched(l.Operator.Arg) && i < len(r.Links)-1 {
			l.Operator = opaque("what other values have left")
		}
	}
	for _, name := range src.Transformations {
		t, ok := transform.Lookup(name)
		if !ok {
			l.Operator = opaque("transformation " + name)
			break
		}
		l.Chain = append(l.Chain, t)
	}
	if src.Capture && (f.captureRead(r, i) || readsCaptures(src.Actions)) {
		if l.Operator.Capture == nil || l.Negated {
			l.Operator = opaque("captures of @" + src.Operator.Name)
		} else {
			l.Capture = true
		}
	}
	return l, f.act(r, src, &l, known)
}

// act compiles what a match of a link does.
func (f *folder) act(r *seclang.Rule, src *seclang.Link, l *Link, known *Constants) error {
	within := f.whileActing(r, src, known)
	for _, a := range src.Actions {
		switch f.consequence(r, a) {
		case assigns:
			s, ok := f.assignment(r, l, a, within)
			if !ok {
				return fmt.Errorf("sets a variable in a way that is not understood: %s", a.Arg)
			}
			l.Sets = append(l.Sets, s)
			within.assigned(&s)
		case keeps:
			k, ok := keeping(l, a)
			if !ok {
				l.Operator = opaque("collections in a way that is not understood")
			}
			l.Keeps = append(l.Keeps, k)
		case controlsBody:
			_, value, _ := strings.Cut(a.Arg, "=")
			l.Controls = append(l.Controls, Control{strings.ToUpper(value)})
		}
	}
	return nil
}

// whileActing is what is known while a link is evaluated. It may match more than once, and then it reads what it
// has set itself; a SecAction matches once.
func (f *folder) whileActing(r *seclang.Rule, src *seclang.Link, known *Constants) *Constants {
	within := known.snapshot()
	if src.Operator.Name == "" {
		return within
	}
	for _, a := range src.Actions {
		if f.consequence(r, a) == assigns {
			within.depends(keyOf(a))
		}
	}
	return within
}

// assignment compiles a setvar of a link.
func (f *folder) assignment(r *seclang.Rule, l *Link, a seclang.Action, known *Constants) (Assignment, bool) {
	_, value, found := strings.Cut(a.Arg, "=")
	s := Assignment{Key: keyOf(a).resolve(known), Value: ParseMacro(value).resolve(known)}
	_, s.Fixed = s.Value.Constant()
	s.Shared = slices.ContainsFunc(f.reads.by(keyOf(a)), func(reader *seclang.Rule) bool { return reader != r })
	key, constant := s.Key.Constant()
	if !found || constant && ofEngine(strings.ToLower(key)) || !constant && s.Key.Parts[0].Variable != "" {
		return s, false
	}
	for _, m := range []Macro{s.Key, s.Value} {
		if !m.Understood() || l.Opaque() && readsMatched(m) || !leftBy([]Link{*l}, m) {
			return s, false
		}
	}
	return s, true
}

// target compiles a target of a link. before are the links in front of it.
func (f *folder) target(t seclang.Target, before []Link, known *Constants) Target {
	out := Target{Target: t, Source: FromNowhere}
	plain := t.Key == "" && t.KeyRx == nil && len(t.Exceptions) == 0 && !t.Count && matchedBy(before)
	switch t.Variable {
	case "TX":
		switch {
		case IsCapture(t.Key):
			if captured(before, t.Key) && !t.Count && len(t.Exceptions) == 0 {
				out.Source = FromCaptures
			}
		case ofEngine(t.Key):
		case strings.HasPrefix(t.Key, kept.Prefix):
			if k, name, ok := kept.FromTX(t.Key); ok && len(t.Exceptions) == 0 {
				out.Source, out.Kept = FromKept, Name{k, name}
			}
		case t.Key != "":
			out.Source = FromTX
		case t.KeyRx != nil && !slices.ContainsFunc(engineKeys, t.KeyRx.MatchString) && !slices.ContainsFunc(f.reads.kept, t.KeyRx.MatchString):
			out.Source = FromTX
			for key := range known.Values {
				if t.KeyRx.MatchString(key) && !t.Excepts(key) {
					out.ConstantKeys = append(out.ConstantKeys, key)
				}
			}
		}
	case "MATCHED_VAR":
		if plain {
			out.Source = FromMatched
		}
	case "MATCHED_VAR_NAME":
		if plain {
			out.Source = FromMatchedName
		}
	case "MATCHED_VARS":
		if plain {
			out.Source = FromAllMatched
		}
	case "MATCHED_VARS_NAMES":
		if plain {
			out.Source = FromAllMatchedNames
		}
	default:
		if kinds, ok := reading.KindOf(t.Variable); ok {
			out.Source = FromRequest
			for _, k := range kinds {
				if f.phase >= firstPhase(k) {
					out.Kinds = append(out.Kinds, k)
				}
			}
		}
	}
	return out
}

// stale reports whether Coraza may show a rule a value that the variable had before: it
// remembers what transformations made of a variable's value for the whole phase, and of
// these variables the value changes meanwhile (internal/corazawaf/rule.go, transformArg).
func stale(variable string) bool {
	return variable == "MATCHED_VAR" || variable == "MATCHED_VARS" || variable == "MATCHED_VAR_NAME" || variable == "REQBODY_PROCESSOR"
}

// argument is an operator's argument, with places where Coraza would fill them in while a request
// runs.
func argument(o seclang.Operator) Macro {
	switch o.Name {
	case "eq", "ge", "gt", "le", "lt", "streq", "contains", "strmatch", "beginswith", "endswith", "within":
		return ParseMacro(o.Arg)
	}
	return Macro{Parts: []Part{{Text: o.Arg}}}
}
