package waf

import (
	"time"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen"
)

// Action is what the rules decided.
type Action uint8

const (
	// Pass lets the message through.
	Pass Action = iota
	// Deny answers with Verdict.Status.
	Deny
	// Redirect sends the client to Verdict.Location.
	Redirect
	// Drop closes the connection without an answer.
	Drop
)

// Verdict is the outcome of one phase. The zero value passes.
type Verdict struct {
	Action   Action
	Enforced bool   // false: ModeDetect, or a rule switched blocking off; only report it
	Status   int    // 400 to 599 for Deny, 300 to 399 for Redirect; else 0
	Location string // for Redirect
	RuleID   int    // the rule that decided; 0: a limit of the engine
	Phase    int    // 1 to 4
}

// Blocks reports whether the message must not go on.
func (v Verdict) Blocks() bool { return v.Action != Pass && v.Enforced }

// Header is one field line, as received.
type Header = reading.Header

// Request is a view of a request's head: the method, the target in origin form, and every
// field line in order. All strings are kept until [Transaction.Finish]; ID is the engine's.
type Request = reading.Request

// Response is a view of a response's head. All strings are kept until
// [Transaction.Finish].
type Response = reading.Response

// Match is a rule that matched and logs.
type Match struct {
	RuleID   int
	Phase    int // 1 to 5
	Message  string
	Severity string // CRS's words: critical, error, warning, notice; empty: none
	Tags     []string
	Score    int  // what it adds to the anomaly score
	Paranoia int  // the level it scores at; 0: it does not score
	Summary  bool // it only says what others add up to
	// Targets are what matched, those first that the match hangs on, Deciding many; none for a rule without a
	// target.
	Targets  []Target
	Deciding int
}

// Target is a variable that matched, such as ARGS:q, and its value, unmasked. What is only counted and not
// there has the name that rules give a count, &REQUEST_HEADERS:Accept: no exclusion can take it out.
type Target struct {
	Name, Value string
	// Around is some of the text that the value stands in, with the value: of a body, or of an argument of which it is a part. It may tell
	// that the value is a secret, where its name does not. Empty: nobody knows.
	Around string
}

// Findings are all that a transaction found out.
type Findings struct {
	Verdict       Verdict // the first that was not Pass
	Matches       []Match
	InboundScore  int // at the blocking paranoia level
	OutboundScore int
	Screened      Screened
	Phases        Phases // what they have taken
	Asked         Reason // why Coraza was asked although there is a screen; the value is unmasked
}

// Phases is how long Coraza had each phase, from phase 1 on; 0 where it was not asked. What the screen does meanwhile,
// to have it leave rules out, counts with it.
type Phases [5]time.Duration

// Sum is how long it had all of those that may stop a message, which the last one may not.
func (p *Phases) Sum() time.Duration { return p[0] + p[1] + p[2] + p[3] }

// Screened is what the screen said of a transaction.
type Screened uint8

// What it can say.
const (
	ScreenOff       Screened = iota // there was none to ask
	ScreenInspect                   // not proved clean: the rules decided
	ScreenClean                     // proved clean: the rules were not asked
	ScreenedResults                 // how many there are
)

var screenedNames = [ScreenedResults]string{"off", "inspect", "clean"}

func (s Screened) String() string { return screenedNames[s] }

// Reason is why Coraza was asked although there is a screen.
type Reason = screen.Reason
