package screen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// order decides of each rule what makes the screen look at it: a value that satisfies its
// guard, or its turn among the rules of its phase. Rules that set what others read, and those
// others, have to take turns.
func (f *folder) order() {
	inTurn := map[*rule]bool{}
	for src, r := range f.of {
		for i := range r.links {
			if len(r.links[i].controls) > 0 {
				inTurn[r] = true
			}
			if len(r.links[i].sets) == 0 {
				continue
			}
			if !r.effect {
				inTurn[r] = true
			}
			for _, a := range src.Links[i].Actions {
				if f.consequence(src, a) != assigns {
					continue
				}
				for _, reader := range f.reads.by(keyOf(a)) {
					if reader != src {
						inTurn[r] = true
						if other := f.of[reader]; other != nil {
							inTurn[other] = true
						}
					}
				}
			}
		}
	}
	for _, r := range f.rules {
		if inTurn[r] {
			continue
		}
		best := 0
		for i := range r.links {
			if n := guards(r, &r.links[i]); n > best {
				best, r.guard = n, i
			}
		}
		r.pure = r.guard == 0 && pure(r)
		if r.pure {
			r.keyed = keyed(r)
		}
	}
}

// guards says how well a link would do as a guard; 0: not at all.
func guards(r *rule, l *link) int {
	best := 1
	for i := range l.targets {
		t := &l.targets[i]
		if t.source != fromRequest || t.Count {
			return 0
		}
		for _, k := range t.kinds {
			if settled(k) > r.phase {
				return 0
			}
		}
		if t.Key != "" || t.KeyRx != nil {
			best = 2
		}
	}
	if len(l.targets) == 0 {
		return 0
	}
	if !l.negated && !l.operator.need.IsAlways() {
		best = 3
	}
	return best
}

// pure reports whether the links behind the first read nothing but what the first was
// satisfied by.
func pure(r *rule) bool {
	for i := range r.links {
		l := &r.links[i]
		if l.operator.arg.readsRequest() {
			return false
		}
		for _, s := range l.sets {
			if s.key.readsRequest() || s.value.readsRequest() {
				return false
			}
			if text, ok := s.value.constant(); ok && isArithmetic(text) {
				return false // it counts values
			}
		}
		if i == 0 {
			continue
		}
		for j := range l.targets {
			if t := &l.targets[j]; t.source == fromRequest || t.source == fromNowhere || t.Count {
				return false
			}
		}
	}
	return true
}

// kindSet is a set of kinds.
type kindSet uint64

const _ = uint(64 - reading.Kinds) // kinds fit

// keyed are the kinds of values of which a pure rule looks at the key too, other than at the
// name of a header field, by which values are told apart already.
func keyed(r *rule) (kinds kindSet) {
	const all = ^kindSet(0)
	for i := range r.links {
		l := &r.links[i]
		for _, s := range l.sets {
			if hasName(s.key) || hasName(s.value) {
				return all
			}
		}
		if hasName(l.operator.arg) {
			return all
		}
		for j := range l.targets {
			t := &l.targets[j]
			if i > 0 {
				if t.source != fromCaptures && t.source != fromTX && t.source != fromMatched && t.source != fromAllMatched {
					return all
				}
				continue
			}
			byName := t.KeyRx == nil && !slices.ContainsFunc(t.Exceptions, func(e seclang.Exception) bool { return e.Rx != nil })
			for _, k := range t.kinds {
				if _, header := headerSide(k); !(header && byName) && (t.Key != "" || t.KeyRx != nil || len(t.Exceptions) > 0) {
					kinds |= 1 << k
				}
			}
		}
	}
	return kinds
}

func hasName(m macro) bool {
	return slices.ContainsFunc(m.parts, func(p macroPart) bool { return p.variable == "MATCHED_VAR_NAME" })
}

// addTraps makes rules with an effect for requests in which a variable whose key a request
// decides would get the name of one that other rules read: TX:header_… named after a header
// field that is called like the parameters' counter.
func (f *folder) addTraps() error {
	var traps []*rule
	for _, r := range f.rules {
		for i := range r.links {
			l := &r.links[i]
			for _, s := range l.sets {
				if _, constant := s.key.constant(); constant {
					continue
				}
				prefix := strings.ToLower(s.key.parts[0].text) // a piece, by [folder.assignment]
				for _, p := range f.reads.patterns {
					if p.head || p.mayRead(prefix) {
						continue
					}
					if len(s.key.parts) > 2 {
						return fmt.Errorf("rule %d sets a variable whose name has more than one part that depends on requests", r.id)
					}
					more, err := f.traps(r, l, s.key, p.text)
					if err != nil {
						return fmt.Errorf("rule %d sets variables whose names depend on requests: %w", r.id, err)
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
func (f *folder) traps(r *rule, l *link, key macro, text string) ([]*rule, error) {
	lower, _ := transform.Lookup("lowercase")
	trap := func(targets []target, chain transform.Chain) *rule {
		op := &operator{
			match:    func(_ *evaluation, v string) bool { return strings.Contains(v, text) },
			need:     prefilter.Contains(text),
			constant: true,
		}
		out := &rule{
			id: r.id, phase: r.phase, effect: true, guard: 0, pure: true, known: r.known,
			links: []link{{targets: targets, chain: append(chain[:len(chain):len(chain)], lower), operator: op}},
		}
		out.keyed = keyed(out)
		return out
	}
	var out []*rule
	for _, p := range key.parts {
		switch {
		case p.variable == "":
		case p.variable == "MATCHED_VAR" || p.variable == "TX" && isCapture(p.key):
			for i := range l.targets {
				if l.targets[i].source != fromRequest || l.targets[i].Count {
					return nil, fmt.Errorf("after %s", l.targets[i].Variable)
				}
			}
			if l.multiMatch {
				return nil, fmt.Errorf("after several transformations")
			}
			out = append(out, trap(l.targets, l.chain))
		case p.variable == "MATCHED_VAR_NAME":
			names, err := nameTargets(l.targets)
			if err != nil {
				return nil, err
			}
			out = append(out, trap(names, nil))
		case p.variable == "TX" && f.counts(p.key):
		default:
			return nil, fmt.Errorf("after %s", p.variable)
		}
	}
	return out, nil
}

// counts reports whether a variable of TX only ever holds numbers.
func (f *folder) counts(key string) bool {
	for _, r := range f.program.Rules {
		for i := range r.Links {
			for _, a := range r.Links[i].Actions {
				if a.Name != "setvar" {
					continue
				}
				name, constant := keyOf(a).constant()
				if !constant {
					if p := keyOf(a).parts[0]; p.variable != "" || strings.HasPrefix(key, strings.ToLower(p.text)) {
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
func nameTargets(targets []target) ([]target, error) {
	names := map[reading.Kind]reading.Kind{
		reading.ArgsGet: reading.ArgsGetNames, reading.ArgsPost: reading.ArgsPostNames, reading.ArgsPath: reading.ArgsPathNames,
		reading.RequestCookies: reading.RequestCookiesNames, reading.RequestHeaders: reading.RequestHeadersNames,
		reading.ResponseHeaders: reading.ResponseHeadersNames,
		reading.ArgsGetNames:    reading.ArgsGetNames, reading.ArgsPostNames: reading.ArgsPostNames, reading.ArgsPathNames: reading.ArgsPathNames,
		reading.RequestCookiesNames: reading.RequestCookiesNames, reading.RequestHeadersNames: reading.RequestHeadersNames,
		reading.ResponseHeadersNames: reading.ResponseHeadersNames,
	}
	var out []target
	for i := range targets {
		t := target{Target: seclang.Target{Variable: targets[i].Variable}, source: fromRequest}
		if targets[i].source != fromRequest || targets[i].Count {
			return nil, fmt.Errorf("after %s", t.Variable)
		}
		for _, k := range targets[i].kinds {
			switch name, ok := names[k]; {
			case ok:
				t.kinds = append(t.kinds, name)
			case k == reading.RequestXML: // whose keys are the selectors of rules
			case !k.Single():
				return nil, fmt.Errorf("after the names of %s", t.Variable)
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// firstPhase is the phase in which a kind gets its values; of single kinds there is one from
// the beginning.
func firstPhase(k reading.Kind) int {
	if k.Single() {
		return 1
	}
	return settled(k)
}

// settled is the phase from which on a kind's values are what they are at the end of the
// transaction, and at whose beginning they are scanned; 6: they are not scanned, and rules
// that read them take their turn.
func settled(k reading.Kind) int {
	switch k {
	case reading.ArgsPost, reading.ArgsPostNames, reading.Files, reading.FilesNames, reading.FilesSizes,
		reading.FilesTmpContent, reading.MultipartFilename, reading.MultipartFilenameCharset, reading.MultipartFilenameLanguage, reading.MultipartName, reading.MultipartPartHeaders, reading.RequestXML, reading.RequestBody:
		return 2
	case reading.ResponseHeaders, reading.ResponseHeadersNames, reading.ResponseStatus, reading.ResponseProtocol, reading.ResponseContentType:
		return 3
	case reading.ResponseBody, reading.ResponseContentLength:
		return 4
	case reading.ArgsCombinedSize, reading.ArgumentsLimitReached, reading.FilesCombinedSize, reading.FullRequestLength,
		reading.InboundDataError, reading.MultipartDataAfter, reading.MultipartDuplicatePartHeader, reading.MultipartInvalidQuoting,
		reading.MultipartStrictError, reading.OutboundDataError, reading.ReqbodyError, reading.ReqbodyErrorMsg,
		reading.ReqbodyProcessor, reading.ReqbodyProcessorError, reading.ReqbodyProcessorErrorMsg, reading.RequestBodyLength,
		reading.StatusLine, reading.UrlencodedError:
		return 6
	}
	return 1
}
