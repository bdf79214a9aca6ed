package residue

import (
	"slices"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// Rule is a rule of the policy that the compiler could not decide.
type Rule struct {
	Number int // among the screen's rules
	ID     int
	Phase  int
	Level  string // its tag that names a paranoia level, if it has one
	Links  []Link

	// effect: a match is Coraza's business. Otherwise the rule only prepares what others read.
	Effect bool
	// guard is the link that a value has to satisfy before the rule is looked at at all; -1: the
	// rule is evaluated for every request, in its place among the rules of its phase.
	Guard int
	// pure: whether the rule matches because of a value depends on that value alone, so that the
	// rule is decided when its guard is met.
	ByValue bool
	// keyed: of a pure rule, the kinds of values of which the key matters too.
	KeyKinds KindSet
	// spared: if its guard is not met, Coraza may leave the rule out.
	Omittable bool
	// known is TX as far as rules that depend on no request have set it; for rules that read TX.
	Known *Constants
}

// Link is one link of a rule's chain.
type Link struct {
	Targets    []Target
	Chain      transform.Chain
	MultiMatch bool
	Operator   *Operator
	Negated    bool
	ArgAssumed bool // what rules are assumed to leave in TX is part of the operator
	Capture    bool // later links read what the operator captures
	Always     bool // it is a SecAction
	Sets       []Assignment
	Keeps      []Keep // carried out among them
	Controls   []Control
}

// Opaque reports whether what the link matches, and with which value, is a guess.
func (l *Link) Opaque() bool {
	return l.Operator.Opaque != "" || slices.ContainsFunc(l.Targets, func(t Target) bool { return t.Source == FromNowhere })
}

// Assignment is a setvar whose variable somebody reads.
type Assignment struct {
	Key, Value Macro
	Fixed      bool // the value is the same for every request
	Shared     bool // other rules read the variable
}

// Control is a ctl that decides how the request's body is read.
type Control struct{ Processor string }

// KindSet is a set of kinds.
type KindSet uint64

const _ = uint(64 - reading.Kinds) // kinds fit
