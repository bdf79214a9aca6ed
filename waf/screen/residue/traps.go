package residue

import (
	"fmt"
	"strings"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// addTraps makes rules with an effect for requests in which a variable whose key a request
// decides would get the name of one that other rules read: TX:header_… named after a header
// field that is called like the parameters' counter.
func (f *folder) addTraps() error {
	var traps []*Rule
	for _, r := range f.rules {
		for i := range r.Links {
			l := &r.Links[i]
			for _, s := range l.Sets {
				if _, constant := s.Key.Constant(); constant {
					continue
				}
				prefix := strings.ToLower(s.Key.Parts[0].Text) // a piece, by [folder.assignment]
				for _, p := range f.reads.patterns {
					if p.head || p.mayRead(prefix) {
						continue
					}
					if len(s.Key.Parts) > 2 {
						return fmt.Errorf("rule %d sets a variable whose name has more than one part that depends on requests", r.ID)
					}
					more, err := f.traps(r, l, s.Key, p.text)
					if err != nil {
						return fmt.Errorf("rule %d sets variables whose names depend on requests: %w", r.ID, err)
					}
					traps = append(traps, more...)
				}
			}
		}
	}
	f.rules = append(f.rules, traps...)
	return nil
}

// traps makes the rules for one assignment of a link and one text that its key must not get.
func (f *folder) traps(r *Rule, l *Link, key Macro, text string) ([]*Rule, error) {
	lower, _ := transform.Lookup("lowercase")
	trap := func(targets []Target, chain transform.Chain) *Rule {
		op := &Operator{
			Match:    func(v, _ string) bool { return strings.Contains(v, text) },
			Need:     prefilter.Contains(text),
			Constant: true,
		}
		out := &Rule{
			ID: r.ID, Phase: r.Phase, Effect: true, Guard: 0, ByValue: true, Known: r.Known,
			Links: []Link{{Targets: targets, Chain: append(chain[:len(chain):len(chain)], lower), Operator: op}},
		}
		out.KeyKinds = keyKinds(out)
		return out
	}
	var out []*Rule
	for _, p := range key.Parts {
		switch {
		case p.Variable == "":
		case p.Variable == "MATCHED_VAR" || p.Variable == "TX" && IsCapture(p.Key):
			for i := range l.Targets {
				if l.Targets[i].Source != FromRequest || l.Targets[i].Count {
					return nil, fmt.Errorf("after %s", l.Targets[i].Variable)
				}
			}
			if l.MultiMatch {
				return nil, fmt.Errorf("after several transformations")
			}
			out = append(out, trap(l.Targets, l.Chain))
		case p.Variable == "MATCHED_VAR_NAME":
			names, err := nameTargets(l.Targets)
			if err != nil {
				return nil, err
			}
			out = append(out, trap(names, nil))
		case p.Variable == "TX" && f.holdsNumbers(p.Key):
		default:
			return nil, fmt.Errorf("after %s", p.Variable)
		}
	}
	return out, nil
}

// holdsNumbers reports whether a variable of TX only ever holds numbers.
func (f *folder) holdsNumbers(key string) bool {
	for _, r := range f.program.Rules {
		for i := range r.Links {
			for _, a := range r.Links[i].Actions {
				if a.Name != "setvar" {
					continue
				}
				name, constant := keyOf(a).Constant()
				if !constant {
					if p := keyOf(a).Parts[0]; p.Variable != "" || strings.HasPrefix(key, strings.ToLower(p.Text)) {
						return false
					}
					continue
				}
				_, value, _ := strings.Cut(a.Arg, "=")
				if strings.EqualFold(name, key) && strings.Trim(value, "+-0123456789") != "" {
					return false
				}
			}
		}
	}
	return true
}

// nameTargets are the names of the values that targets take.
func nameTargets(targets []Target) ([]Target, error) {
	names := map[reading.Kind]reading.Kind{
		reading.ArgsGet: reading.ArgsGetNames, reading.ArgsPost: reading.ArgsPostNames, reading.ArgsPath: reading.ArgsPathNames,
		reading.RequestCookies: reading.RequestCookiesNames, reading.RequestHeaders: reading.RequestHeadersNames,
		reading.ResponseHeaders: reading.ResponseHeadersNames,
		reading.ArgsGetNames:    reading.ArgsGetNames, reading.ArgsPostNames: reading.ArgsPostNames, reading.ArgsPathNames: reading.ArgsPathNames,
		reading.RequestCookiesNames: reading.RequestCookiesNames, reading.RequestHeadersNames: reading.RequestHeadersNames,
		reading.ResponseHeadersNames: reading.ResponseHeadersNames,
	}
	var out []Target
	for i := range targets {
		t := Target{Target: seclang.Target{Variable: targets[i].Variable}, Source: FromRequest}
		if targets[i].Source != FromRequest || targets[i].Count {
			return nil, fmt.Errorf("after %s", t.Variable)
		}
		for _, k := range targets[i].Kinds {
			switch name, ok := names[k]; {
			case ok:
				t.Kinds = append(t.Kinds, name)
			case k == reading.RequestXML: // whose keys are the selectors of rules
			case !k.Single():
				return nil, fmt.Errorf("after the names of %s", t.Variable)
			}
		}
		out = append(out, t)
	}
	return out, nil
}
