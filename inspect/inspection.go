package inspect

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/waf"
)

// Inspector is what all inspections of a process share.
type Inspector struct {
	Decoder *coding.Decoder
	Memory  Memory // for what reading a request's body takes beside its buffer; nil: there is enough
}

// Gate gives rules a place to run in. They keep a core busy for milliseconds, where the screen takes
// microseconds and needs no place. Run calls rules once and returns true when they are over; or it
// does not call them and returns false, because there was no place in time. late says that the
// application has done its work already, so that turning the message away would be a lie about it.
type Gate interface {
	Run(late bool, rules func()) bool
}

// Memory is what inspections have together.
type Memory interface {
	// Take takes n bytes, or less if there are not so many in all, or reports false if there was no
	// room in time.
	Take(n int64) (taken int64, ok bool)
	Free(n int64)
}

// Terms are what an inspection begins with.
type Terms struct {
	ID        string // of the request
	Gate      Gate   // nil: rules never wait
	Unbounded bool   // without the policy's budget: what it costs says nothing of clients
	Without   []int  // rules that are left out, by id: whoever proves what the others do
	Apart     bool   // rules keep nothing of it and know nothing of others: it is no client's

	// Gone says that the client has left, which ends the inspection: what it has asked for concerns
	// nobody then. It may be called in any goroutine, and [Inspection.Since] tells it since when the client
	// has waited. nil: nobody can leave.
	Gone func() bool
}

// Inspection is one message, and the response to it, on their way through a policy. The steps are
// called in the order in which they stand here, up to one whose outcome stops the message; End is
// called in any case. The zero value is an inspection that is over.
type Inspection struct {
	by     *Inspector
	policy *Policy
	gate   Gate
	gone   func() bool
	tx     *waf.Transaction // nil: there is nothing to inspect any more
	late   bool             // the application has answered
	held   int64            // of the memory
	since  time.Time        // when the step at hand began
	away   time.Duration    // of a step, what was spent waiting for a place
	out    Outcome
	report Report
}

// Report is what is known when an inspection is over.
type Report struct {
	Findings waf.Findings
	Took     time.Duration // the screen and the rules, without waiting for places and without phase 5
	Waited   time.Duration // for places
	Request  Looked        // at the request's body
	Response Looked        // and at the response's
	Err      error         // of the engine, when the outcome was there already
}

// Begin begins an inspection, which may have been another one's before.
func (i *Inspection) Begin(by *Inspector, p *Policy, terms Terms) {
	*i = Inspection{by: by, policy: p, gate: terms.Gate, gone: terms.Gone}
	if p.Engine == nil {
		i.out.Coverage = Coverage{None, ReasonPolicyOff}
		return
	}
	i.tx = p.Engine.Begin(context.Background(), waf.Terms{ID: terms.ID, Gate: (*passage)(i), Unbounded: terms.Unbounded, Without: terms.Without, Apart: terms.Apart, Gone: terms.Gone})
}

// Going reports whether there is something to inspect still.
func (i *Inspection) Going() bool { return i.tx != nil }

// Since is when the step at hand began.
func (i *Inspection) Since() time.Time { return i.since }

// Outcome is what has come of the message so far.
func (i *Inspection) Outcome() Outcome { return i.out }

// passage is the way of an inspection's rules through the gate.
type passage Inspection

// errNoPlace is why rules have not run.
var errNoPlace = errors.New("no place for an inspection")

// Run implements [waf.Gate].
func (p *passage) Run(rules func()) error {
	if p.gate == nil {
		rules()
		return nil
	}
	asked, ran, left := time.Now(), time.Duration(0), false
	ok := p.gate.Run(p.late, func() {
		begun := time.Now()
		if left = begun.Sub(asked) > LongWait && p.gone != nil && p.gone(); left {
			return
		}
		rules()
		ran = time.Since(begun)
	})
	p.away += time.Since(asked) - ran
	switch {
	case !ok:
		return errNoPlace
	case left:
		return waf.ErrGone
	}
	return nil
}

// LongWait is how long who waits for a place is taken for granted to wait for the response as well.
const LongWait = time.Millisecond

// Looked is how many bytes of a body were looked at, as they came, before any decoding.
type Looked struct {
	All    int // of which nothing was left out
	Partly int // of which something was: files, or what is no text
}

// Inspected reports whether there was an inspection at all: a request may be answered before, or there may be no room for one.
func (r *Report) Inspected() bool { return r.Took > 0 }

// Screening is how long the screen had the message.
func (r *Report) Screening() time.Duration { return max(r.Took-r.Findings.Phases.Sum(), 0) }

// step ends the step at hand, with what the engine says.
func (i *Inspection) step(v waf.Verdict, err error) {
	i.report.Took += time.Since(i.since) - i.away
	i.report.Waited += i.away
	i.away = 0
	switch {
	case err != nil:
		i.failed(err)
	case v.Action == waf.Pass:
	case !v.Enforced:
		i.out.Verdict = WouldBlock
	default:
		i.stopped(v)
	}
}

// stopped carries a verdict of rules into the outcome.
func (i *Inspection) stopped(v waf.Verdict) {
	i.out.Status, i.out.Location = v.Status, v.Location
	switch v.Action {
	case waf.Redirect:
		i.out.Verdict = Redirect
	case waf.Drop:
		i.out.Verdict = Drop
	default:
		i.out.Verdict = Block
		if v.Status == http.StatusForbidden {
			i.out.Status = i.policy.BlockStatus
		}
	}
}

// failed does what the policy says about a message for which there is no verdict.
func (i *Inspection) failed(err error) {
	switch {
	case errors.Is(err, errNoPlace):
		i.overloaded(NoPlace)
	case errors.Is(err, waf.ErrGone):
		i.out = i.out.Refuse(ClientGone)
	case errors.Is(err, waf.ErrBudget):
		i.overBudget()
	default:
		i.out.Err, i.out.Failure, i.out.Status = err, EngineFailed, EngineFailed.Status
		if i.out.Coverage = (Coverage{None, ReasonError}); i.late { // the request was inspected
			i.out.Coverage.Label = Partial
		}
		if i.out.Verdict = ErrorDeny; i.policy.OnError == Allow {
			i.out.Verdict = ErrorAllow
			i.conclude()
		}
	}
}

// Overloaded is the outcome of a message for whose inspection there is no memory or no place.
func (i *Inspection) Overloaded(why Failure) Outcome {
	i.overloaded(why)
	return i.out
}

func (i *Inspection) overloaded(why Failure) {
	i.out.Coverage = Coverage{None, ReasonOverload}
	if i.policy.OnOverload == Allow {
		i.conclude()
		return
	}
	i.out = i.out.Refuse(why)
}

// overBudget does what the policy says about a message whose inspection costs more than its budget. What
// was found until then is reported.
func (i *Inspection) overBudget() {
	i.out.Coverage = Coverage{Partial, ReasonBudget}
	switch {
	case i.policy.Detect:
		i.out.Verdict, i.out.Failure = WouldBlock, OutOfBudget
	case i.policy.OnBudget == Allow:
	default:
		i.out = i.out.Refuse(OutOfBudget)
		return
	}
	i.conclude()
}

// lessThanFull labels a message of which a part was not inspected, unless it has a label already.
func (i *Inspection) lessThanFull(why Reason) {
	if i.out.Coverage.Label == Full {
		i.out.Coverage = Coverage{Partial, why}
	}
}

// conclude ends the transaction. What it has found is kept for the report.
func (i *Inspection) conclude() {
	if i.tx != nil {
		i.report.Findings, i.report.Err = i.tx.Finish()
		i.tx = nil
	}
}

// Answered says with which status the message was answered, for rules that run when everything is over.
func (i *Inspection) Answered(status int) {
	if i.tx != nil {
		i.tx.Answered(status)
	}
}

// End ends the inspection and gives back what it holds. It may be called again.
func (i *Inspection) End() *Report {
	i.conclude()
	i.keep(0)
	return &i.report
}
