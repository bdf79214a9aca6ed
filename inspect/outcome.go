package inspect

import "net/http"

// Outcome is what has come of a message so far.
type Outcome struct {
	Verdict  Verdict
	Status   int    // for Block, Redirect, Refused and ErrorDeny: what the client gets
	Location string // for Redirect
	Failure  Failure
	Coverage Coverage
	Err      error // of the engine, with ErrorDeny and ErrorAllow
}

// Stops reports whether the message must not go on.
func (o *Outcome) Stops() bool {
	switch o.Verdict {
	case Pass, WouldBlock, ErrorAllow:
		return false
	}
	return true
}

// Verdict is what was decided about a message, in the words of metrics and events.
type Verdict uint8

// The verdicts.
const (
	Pass       Verdict = iota
	Block              // by rules
	Redirect           // likewise
	Drop               // likewise: the connection ends without a response
	WouldBlock         // detection mode: block mode would have blocked, redirected or dropped
	ErrorDeny          // the engine failed, on_error: deny
	ErrorAllow         // the engine failed, on_error: allow
	Refused            // without a verdict of rules: not valid, over a limit, or no route
	Verdicts           // how many there are
)

var verdictNames = [Verdicts]string{"pass", "block", "redirect", "drop", "would_block", "error_deny", "error_allow", "refused"}

func (v Verdict) String() string { return verdictNames[v] }

// Failure is why a message was refused, or has failed: a word of a closed set, and the status that a
// client gets for it. The zero value is none.
type Failure struct {
	Status int
	Word   string
}

// What can fail about an inspection.
var (
	NoPlace      = Failure{http.StatusServiceUnavailable, "overload"}
	NoMemory     = Failure{http.StatusServiceUnavailable, "memory"}
	OutOfBudget  = Failure{http.StatusServiceUnavailable, "budget"}
	EngineFailed = Failure{http.StatusInternalServerError, "engine"}
	OverLimit    = Failure{http.StatusRequestEntityTooLarge, "inspection_limit"}
	ClientGone   = Failure{statusClientGone, "client_gone"}
	Undecodable  = Failure{http.StatusUnsupportedMediaType, "content_coding"}
)

// statusClientGone is what nginx writes into its log, too. Nobody receives it.
const statusClientGone = 499

// Refuse is the outcome of a message that is refused before, or instead of, its inspection.
func (o Outcome) Refuse(why Failure) Outcome {
	o.Verdict, o.Failure, o.Status = Refused, why, why.Status
	if o.Coverage.Label == Full {
		o.Coverage = Coverage{None, ReasonRefused}
	}
	return o
}
