package waf

import (
	"context"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/corazawaf/coraza/v3/types"
	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen"
)

// Gate is where rules wait for their turn: they keep a core busy for milliseconds, the screen for
// microseconds. Run calls rules once and returns nil when they are over; or it does not call them,
// and its error is that of the phase.
type Gate interface{ Run(rules func()) error }

// Transaction is one request and its response on their way through an engine.
//
// Each phase asks the screen first, and then Coraza if the screen has not found the message clean,
// now or in an earlier phase. The phases are called in order; none may be left out. After a verdict
// that blocks, or an error, only Finish may follow.
type Transaction struct {
	engine      *Engine
	budget      budget.Budget
	ctx         context.Context
	id          string
	gate        Gate
	tx          types.Transaction // nil: everything was clean so far
	run         *screen.Run       // nil: there is no screen, or it has failed
	clean       bool              // everything was, so far
	asked       screen.Reason     // why not
	screenAsked bool              // there was a screen at the beginning
	leftOut     []leftOut
	without     []int // rules that are left out for whoever asked for that
	read        transcript
	view        *kept.View // what its rules see of collections; nil: there is nothing to see

	surroundings surroundings

	// what Coraza needs if it is asked late
	request   *Request
	mediaType string // of the body; empty: the head says it
	body      []byte // as the rules see it; nil before RequestBody
	whole     bool
	response  *Response
	answer    []byte
	completed int // phases that are over
	status    int // that the request was answered with, if no application has answered it; 0: it is not known

	first Verdict
	phase int
	took  Phases
}

// has notes that Coraza has had a phase since then. It is deferred.
func (t *Transaction) has(phase int, since time.Time) { t.took[phase-1] += time.Since(since) }

// rules runs a phase in Coraza, when the gate lets it.
func (t *Transaction) rules(phase func() (Verdict, error)) (v Verdict, err error) {
	if t.budget.Spent() {
		return Verdict{}, t.overBudget()
	}
	run := func() {
		defer t.ended(&err)
		v, err = phase()
	}
	if t.gate == nil {
		run()
	} else if refused := t.gate.Run(run); refused != nil {
		return Verdict{}, refused
	}
	return v, err
}

// RequestHead is phase 1.
func (t *Transaction) RequestHead(r *Request) (Verdict, error) {
	t.request = r
	if t.screened(1, t.screenHead) {
		return Verdict{}, nil
	}
	return t.rules(func() (Verdict, error) {
		t.begin()
		return t.requestHead(), nil
	})
}

func (t *Transaction) screenHead() bool {
	t.readHead()
	return t.run.Head()
}

func (t *Transaction) requestHead() Verdict {
	defer t.has(1, time.Now())
	t.phase = 1
	t.readHead()
	t.showHead()
	t.narrow(1, t.screenHead)
	t.completed = 1
	return t.verdict(t.tx.ProcessRequestHeaders())
}

// Wants says, when a head was inspected, whether rules look at the body that follows it, and whether one
// of them has switched the engine off.
func (t *Transaction) Wants() (body, off bool) {
	switch {
	case t.tx == nil && t.response == nil:
		return t.engine.screen.InspectsRequest(), false
	case t.tx == nil:
		return t.run.InspectsResponse(), false
	case t.tx.IsRuleEngineOff():
		return false, true
	case t.response == nil:
		return t.tx.IsRequestBodyAccessible(), false
	}
	return t.tx.IsResponseBodyAccessible() && t.tx.IsResponseBodyProcessable(), false
}

// RequestBody is phase 2, with the body, or the prefix of it that is inspected (whole is false
// then); nil if there is none. The body must not change before Finish.
func (t *Transaction) RequestBody(body []byte, whole bool) (Verdict, error) {
	return t.requestBodyAs("", body, whole)
}

// RequestMessage is RequestBody for a message of a stream, which stands behind its prefix, whatever the stream's type
// says of more than that.
func (t *Transaction) RequestMessage(message []byte, whole bool) (Verdict, error) {
	return t.requestBodyAs("application/grpc", message, whole)
}

func (t *Transaction) requestBodyAs(mediaType string, body []byte, whole bool) (Verdict, error) {
	t.mediaType, t.body, t.whole = mediaType, body, whole
	if t.screened(2, t.screenBody) {
		return Verdict{}, nil
	}
	return t.rules(func() (Verdict, error) {
		if v, err := t.catchUp(1); err != nil || v.Action != Pass {
			return v, err
		}
		return t.requestBody()
	})
}

func (t *Transaction) screenBody() bool {
	t.readBody(t.run.Processor())
	return t.run.Body()
}

func (t *Transaction) requestBody() (Verdict, error) {
	defer t.has(2, time.Now())
	t.phase = 2
	processor := t.state().Variables().RequestBodyProcessor().Get()
	if t.run != nil && processor != t.run.Processor() { // rules have matched that the screen took for rules that do not
		t.endScreen()
	}
	t.readBody(processor)
	t.showBody()
	t.narrow(2, t.screenBody)
	it, err := t.tx.ProcessRequestBody()
	if err != nil {
		return Verdict{}, fmt.Errorf("request body rules: %w", err)
	}
	t.completed = 2
	return t.verdict(it), nil
}

// ResponseHead is phase 3. It spells the response's media type as Coraza compares it.
func (t *Transaction) ResponseHead(r *Response) (Verdict, error) {
	t.normalize(r)
	if t.screened(3, t.screenResponseHead) {
		return Verdict{}, nil
	}
	return t.rules(func() (Verdict, error) {
		if v, err := t.catchUp(2); err != nil || v.Action != Pass {
			return v, err
		}
		return t.responseHead(), nil
	})
}

// normalize spells the media type as Coraza compares it.
func (t *Transaction) normalize(r *Response) {
	t.response = r
	for i := range r.Headers {
		if h := &r.Headers[i]; len(h.Name) == len("Content-Type") && strings.EqualFold(h.Name, "Content-Type") {
			h.Value = normalMediaType(h.Value)
		}
	}
}

func (t *Transaction) screenResponseHead() bool { return t.run.ResponseHead(t.response) }

func (t *Transaction) responseHead() Verdict {
	defer t.has(3, time.Now())
	t.phase = 3
	for _, h := range t.response.Headers {
		t.tx.AddResponseHeader(keyOfItsOwn(h.Name), h.Value)
	}
	t.narrow(3, t.screenResponseHead)
	t.completed = 3
	return t.verdict(t.tx.ProcessResponseHeaders(t.response.Status, t.response.Protocol))
}

// ResponseBody is phase 4, with the body, or the prefix of it that is inspected; nil if there is
// none. The body must not change before Finish.
func (t *Transaction) ResponseBody(body []byte) (Verdict, error) {
	t.answer = body
	if t.screened(4, t.screenResponseBody) {
		return Verdict{}, nil
	}
	return t.rules(func() (Verdict, error) {
		if v, err := t.catchUp(3); err != nil || v.Action != Pass {
			return v, err
		}
		return t.responseBody()
	})
}

// ResponseMessage is ResponseBody for a message of a stream, without its prefix, or the beginning of one. Rules see
// what it says, a text a line. left says in one word what they do not see of it.
func (t *Transaction) ResponseMessage(message []byte, whole bool) (v Verdict, left string, err error) {
	values := readings.Get().(*reading.Values)
	values.Options = t.engine.policy.Reading
	texts, left := values.MessageTexts(make([]byte, 0, len(message)), message, whole)
	values.Reset()
	readings.Put(values)
	v, err = t.ResponseBody(texts[:min(len(texts), t.engine.policy.ResponseBodyBytes)])
	return v, left, err
}

func (t *Transaction) screenResponseBody() bool { return t.run.ResponseBody(t.answer) }

func (t *Transaction) responseBody() (Verdict, error) {
	defer t.has(4, time.Now())
	t.phase = 4
	t.narrow(4, t.screenResponseBody)
	if len(t.answer) > 0 {
		if it, _, err := t.tx.WriteResponseBody(t.answer); err != nil {
			return Verdict{}, fmt.Errorf("buffer response body: %w", err)
		} else if it != nil {
			return t.verdict(it), nil
		}
	}
	it, err := t.tx.ProcessResponseBody()
	if err != nil {
		return Verdict{}, fmt.Errorf("response body rules: %w", err)
	}
	t.completed = 4
	return t.verdict(it), nil
}

// Answered says what the request was answered with: what rules of phase 5 see as RESPONSE_STATUS if there was no
// response of an application, as of a request that was blocked. Finish is next.
func (t *Transaction) Answered(status int) {
	if t.response == nil {
		t.status = status
	}
}

// last screens by the rules of phase 5.
func (t *Transaction) last() bool {
	if t.status != 0 {
		t.run.Answered(t.status)
	}
	return t.run.Last()
}

// Finish runs the rules of phase 5, returns all that was found, and ends the transaction,
// which must not be used any more. What rules have changed in collections is kept, as far as they came.
func (t *Transaction) Finish() (f Findings, err error) {
	defer t.view.Keep()
	defer t.ended(&err)
	defer t.end()
	if t.view != nil {
		t.budget.StopIf(nil) // rules of phase 5 count those that left, too
	}
	defer func() { f.Screened, f.Asked, f.Phases = t.said(), t.asked, t.took }()
	if t.tx == nil && (!t.clean || t.screened(5, t.last)) {
		if t.clean {
			t.engine.verify(t, true)
		}
		return Findings{}, nil
	}
	if t.tx == nil && t.budget.Spent() {
		return Findings{}, nil
	}
	if t.tx == nil {
		if _, err := t.catchUp(t.completed); err != nil {
			return Findings{}, err
		}
	}
	if f, err = t.conclude(); err == nil {
		t.engine.verify(t, false)
	}
	return f, err
}

// conclude is Finish for a transaction that Coraza knows of.
func (t *Transaction) conclude() (f Findings, err error) {
	defer t.has(5, time.Now())
	if t.status != 0 {
		t.set(reading.ResponseStatus, strconv.Itoa(t.status))
	}
	t.logging()
	f = Findings{Verdict: t.first}
	for _, m := range t.tx.MatchedRules() {
		if l, ok := m.(interface{ Log() bool }); ok && !l.Log() {
			continue
		}
		f.Matches = append(f.Matches, t.match(m))
	}
	vars := t.state().Variables().TX()
	f.InboundScore = number(vars.Get("blocking_inbound_anomaly_score"))
	f.OutboundScore = number(vars.Get("blocking_outbound_anomaly_score"))
	if err := t.tx.Close(); err != nil {
		return f, fmt.Errorf("close transaction: %w", err)
	}
	return f, nil
}

// verdict translates an interruption. In detection mode Coraza keeps the one that would
// have been.
func (t *Transaction) verdict(it *types.Interruption) Verdict {
	enforced := it != nil
	if it == nil {
		if d, ok := t.tx.(interface {
			DetectionOnlyInterruption() *types.Interruption
		}); ok {
			it = d.DetectionOnlyInterruption()
		}
	}
	switch {
	case it == nil:
		return Verdict{}
	case enforced: // also over what detection mode reported earlier
		t.first = translate(it, true, t.phase)
	case t.first.Action != Pass: // reported once already
		return Verdict{}
	default:
		t.first = translate(it, false, t.phase)
	}
	return t.first
}

func translate(it *types.Interruption, enforced bool, phase int) Verdict {
	v := Verdict{Action: Deny, Enforced: enforced, Status: it.Status, RuleID: it.RuleID, Phase: phase}
	switch it.Action {
	case "drop":
		v.Action, v.Status = Drop, 0
	case "redirect":
		v.Action, v.Location = Redirect, strings.Clone(it.Data)
		if v.Status < 300 || v.Status > 399 {
			v.Status = 302
		}
	default: // deny, and whatever a later Coraza may call it
		if v.Status < 400 || v.Status > 599 {
			v.Status = 403
		}
	}
	return v
}

// ended is called when a step is over. It turns a panic inside Coraza into an error: one request fails, by
// its policy's on_error, and the process goes on.
func (t *Transaction) ended(err *error) {
	r := recover()
	t.budget.Rest()
	switch r.(type) {
	case nil:
	case outOfBudget:
		*err = t.overBudget()
	default:
		*err = &PanicError{Value: r, Stack: debug.Stack()}
	}
}

// PanicError is a panic inside the engine.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("engine panic: %v", e.Value) }

// normalMediaType spells a media type the one way Coraza compares it: in lower case,
// without white space before the parameters.
func normalMediaType(v string) string {
	t, params, found := strings.Cut(v, ";")
	t = strings.ToLower(strings.TrimSpace(t))
	if !found {
		return t
	}
	return t + ";" + params
}

func number(values []string) int {
	if len(values) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(values[0])
	return n
}
