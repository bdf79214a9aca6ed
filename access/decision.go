package access

import (
	"time"

	"github.com/wafer-waf/wafer/message"
)

// Decision is what becomes of a request. The zero Decision lets it pass.
type Decision struct {
	Verdict Verdict
	Status  int    // of the answer, unless the request passes
	Rule    string // id of the rule, limit or ban that decided; [Default] if none did
	Always  bool   // the request passes, and nothing of access applies to it

	Answer     *message.Response // in place of a page; nil: a page
	RetryAfter time.Duration     // when to come again; 0: nothing is said
	Fields     message.Fields    // to add to the response, whatever becomes of the request
	Wait       time.Duration     // how long the request waits before it goes on; whoever has it wait calls [Request.Waited]
	Demands    message.Fields    // to add to it unless the request passes: what is asked of the next one

	// Would is what would have been decided by WouldRule, the first that is only observed.
	Would     Verdict
	WouldRule string // empty: nothing
}

// Default stands for what holds where no rule decides.
const Default = "default"

// Verdict is what is decided.
type Verdict uint8

// The verdicts.
const (
	Pass Verdict = iota
	Deny
	Ban
	Unauthenticated
	Limit
	Challenge
	Verdicts // how many there are
)

var verdictWords = [Verdicts]string{"pass", "access_denied", "banned", "unauthenticated", "rate_limited", "challenged"}

// String returns the word of a verdict in metrics and events.
func (v Verdict) String() string { return verdictWords[v] }

// would notes what something that is only observed would have decided, unless something was noted before.
func (d *Decision) would(v Verdict, rule string) {
	if d.WouldRule == "" {
		d.Would, d.WouldRule = v, rule
	}
}

// take makes a decision what a part has decided, and reports whether that is the end of it. What was noted and what is to
// be added to the response is kept.
func (d *Decision) take(of Decision) bool {
	if of.WouldRule != "" {
		d.would(of.Would, of.WouldRule)
	}
	if of.Fields != nil {
		d.Fields = append(d.Fields, of.Fields...)
	}
	if of.Verdict == Pass {
		d.Wait = max(d.Wait, of.Wait)
		return false
	}
	d.Verdict, d.Status, d.Rule, d.Answer, d.RetryAfter = of.Verdict, of.Status, of.Rule, of.Answer, of.RetryAfter
	d.Demands = of.Demands
	return true
}
