package residue

import (
	"slices"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// order decides of each rule what makes the screen look at it: a value that satisfies its
// guard, or its turn among the rules of its phase. Rules that set what others read, and those
// others, have to take turns.
func (f *folder) order() {
	inTurn := map[*Rule]bool{}
	for src, r := range f.of {
		if keepsOf(src) || readsKept(src) {
			inTurn[r] = true
		}
		for i := range r.Links {
			if len(r.Links[i].Controls) > 0 {
				inTurn[r] = true
			}
			if len(r.Links[i].Sets) == 0 {
				continue
			}
			if !r.Effect {
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
		for i := range r.Links {
			if n := guardQuality(r, &r.Links[i]); n > best {
				best, r.Guard = n, i
			}
		}
		r.ByValue = r.Guard == 0 && byValue(r)
		if r.ByValue {
			r.KeyKinds = keyKinds(r)
		}
	}
}

// guardQuality says how well a link would do as a guard; 0: not at all.
func guardQuality(r *Rule, l *Link) int {
	best := 1
	for i := range l.Targets {
		t := &l.Targets[i]
		if t.Source != FromRequest || t.Count {
			return 0
		}
		for _, k := range t.Kinds {
			if Settled(k) > r.Phase {
				return 0
			}
		}
		if t.Key != "" || t.KeyRx != nil {
			best = 2
		}
	}
	if len(l.Targets) == 0 {
		return 0
	}
	if !l.Negated && !l.Operator.Need.IsAlways() {
		best = 3
	}
	return best
}

// byValue reports whether the links behind the first read nothing but what the first was
// satisfied by.
func byValue(r *Rule) bool {
	for i := range r.Links {
		l := &r.Links[i]
		if l.Operator.Arg.readsRequest() {
			return false
		}
		for _, s := range l.Sets {
			if s.Key.readsRequest() || s.Value.readsRequest() {
				return false
			}
			if text, ok := s.Value.Constant(); ok && IsArithmetic(text) {
				return false // it counts values
			}
		}
		if i == 0 {
			continue
		}
		for j := range l.Targets {
			if t := &l.Targets[j]; t.Source == FromRequest || t.Source == FromNowhere || t.Source == FromAction || t.Count {
				return false
			}
		}
	}
	return true
}

// keyKinds are the kinds of values of which a pure rule looks at the key too, other than at the
// name of a header field, by which values are told apart already.
func keyKinds(r *Rule) (kinds KindSet) {
	const all = ^KindSet(0)
	for i := range r.Links {
		l := &r.Links[i]
		for _, s := range l.Sets {
			if hasName(s.Key) || hasName(s.Value) {
				return all
			}
		}
		if hasName(l.Operator.Arg) {
			return all
		}
		for j := range l.Targets {
			t := &l.Targets[j]
			if i > 0 {
				if t.Source != FromCaptures && t.Source != FromTX && t.Source != FromMatched && t.Source != FromAllMatched {
					return all
				}
				continue
			}
			byName := t.KeyRx == nil && !slices.ContainsFunc(t.Exceptions, func(e seclang.Exception) bool { return e.Rx != nil })
			for _, k := range t.Kinds {
				if header := k == reading.RequestHeaders || k == reading.ResponseHeaders; !(header && byName) && (t.Key != "" || t.KeyRx != nil || len(t.Exceptions) > 0) {
					kinds |= 1 << k
				}
			}
		}
	}
	return kinds
}

func hasName(m Macro) bool {
	return slices.ContainsFunc(m.Parts, func(p Part) bool { return p.Variable == "MATCHED_VAR_NAME" })
}
