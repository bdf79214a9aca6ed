package screen

import (
	"slices"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// rule is a rule of the policy that the compiler could not decide.
type rule struct {
	n     int // among the screen's rules
	id    int
	phase int
	links []link

	// effect: a match is Coraza's business. Otherwise the rule only prepares what others read.
	effect bool
	// guard is the link that a value has to satisfy before the rule is looked at at all; -1: the
	// rule is evaluated for every request, in its place among the rules of its phase.
	guard int
	// pure: whether the rule matches because of a value depends on that value alone, so that the
	// rule is decided when its guard is met.
	pure bool
	// keyed: of a pure rule, the kinds of values of which the key matters too.
	keyed kindSet
	// spared: if its guard is not met, Coraza may leave the rule out.
	spared bool
	// known is TX as far as rules that depend on no request have set it; for rules that read TX.
	known *constants
}

// link is one link of a rule's chain.
type link struct {
	targets    []target
	chain      transform.Chain
	multiMatch bool
	operator   *operator
	negated    bool
	assumes    bool // what rules are assumed to leave in TX is part of the operator
	capture    bool // later links read what the operator captures
	sets       []assignment
	controls   []control
	// needs are the ids under which the link's condition stands in the screen's set, for guards.
	need int32
}

// target is a target of a link.
type target struct {
	seclang.Target
	kinds  []reading.Kind
	source source
	known  []string // of TX, by a regular expression: the keys of constants that it matches
}

// source says where a target's values come from.
type source uint8

const (
	fromRequest  source = iota // kinds
	fromTX                     // what rules set
	fromCaptures               // TX:0 to TX:9
	fromMatched                // MATCHED_VAR: the value that satisfied the link before
	fromMatchedName
	fromAllMatched // MATCHED_VARS: those that satisfied the links before
	fromAllMatchedNames
	fromNowhere // not understood: taken for a value that satisfies the link
)

// selects reports whether the target takes the value.
func (t *target) selects(v *reading.Value) bool {
	if t.Key == "" && t.KeyRx == nil && len(t.Exceptions) == 0 || v.Kind.Single() && len(t.Exceptions) == 0 {
		return true
	}
	if t.KeyRx != nil {
		if !t.KeyRx.MatchString(reading.Lower(v.Key)) {
			return false
		}
	} else if !v.Kind.Selects(t.Key, v.Key) {
		return false
	}
	return len(t.Exceptions) == 0 || !t.Excepts(reading.Lower(v.Key))
}

// opaque reports whether what the link matches, and with which value, is a guess.
func (l *link) opaque() bool {
	return l.operator.vague != "" || slices.ContainsFunc(l.targets, func(t target) bool { return t.source == fromNowhere })
}

// assignment is a setvar whose variable somebody reads.
type assignment struct {
	key, value macro
	fixed      bool // the value is the same for every request
	shared     bool // other rules read the variable
}

// control is a ctl that decides how the request's body is read.
type control struct{ processor string }
