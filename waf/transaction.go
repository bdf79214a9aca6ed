package waf

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// Transaction is one request and its response on their way through an engine. Phases are
// called in order; none may be left out, or Coraza skips the later ones in silence. After
// a verdict that blocks, only Finish may follow.
type Transaction struct {
	engine *Engine
	tx     types.Transaction
	first  Verdict
	phase  int
}

// RequestHead runs the rules of phase 1.
func (t *Transaction) RequestHead(r *Request) (v Verdict, err error) {
	defer recovered(&err)
	t.phase = 1
	t.tx.ProcessConnection(r.ClientAddr, r.ClientPort, r.ServerAddr, r.ServerPort)
	t.tx.SetServerName(r.Host)
	t.tx.ProcessURI(r.Target, r.Method, r.Protocol)
	for _, h := range r.Headers {
		t.tx.AddRequestHeader(h.Name, h.Value)
	}
	return t.verdict(t.tx.ProcessRequestHeaders()), nil
}

// WantsRequestBody reports whether rules look at the request's body. It is known after
// RequestHead.
func (t *Transaction) WantsRequestBody() bool {
	return !t.tx.IsRuleEngineOff() && t.tx.IsRequestBodyAccessible()
}

// Off reports whether a rule has switched the engine off for this transaction.
func (t *Transaction) Off() bool { return t.tx.IsRuleEngineOff() }

// RequestBody runs the rules of phase 2 on the body, or on the prefix of it that is
// inspected (whole is false then); nil if there is none. It has to be called in any case.
func (t *Transaction) RequestBody(body []byte, whole bool) (v Verdict, err error) {
	defer recovered(&err)
	t.phase = 2
	if !whole && len(body) > 0 {
		body = t.complete(body)
	}
	if len(body) > 0 {
		it, n, err := t.tx.WriteRequestBody(body)
		if err != nil {
			return Verdict{}, fmt.Errorf("buffer request body: %w", err)
		}
		if it != nil {
			return t.verdict(it), nil
		}
		if n != len(body) && t.WantsRequestBody() {
			return Verdict{}, fmt.Errorf("buffer request body: %d of %d bytes taken", n, len(body))
		}
	}
	it, err := t.tx.ProcessRequestBody()
	if err != nil {
		return Verdict{}, fmt.Errorf("request body rules: %w", err)
	}
	return t.verdict(it), nil
}

// complete makes of a body's beginning a body that its processor can parse.
func (t *Transaction) complete(body []byte) []byte {
	s, ok := t.tx.(plugintypes.TransactionState)
	if !ok {
		return body
	}
	vars := s.Variables()
	switch vars.RequestBodyProcessor().Get() {
	case "JSON":
		return completeJSON(body, t.engine.policy.RequestBodyBytes)
	case "MULTIPART":
		if types := vars.RequestHeaders().Get("content-type"); len(types) > 0 {
			return completeMultipart(body, types[0], t.engine.policy.RequestBodyBytes)
		}
	}
	return body
}

// ResponseHead runs the rules of phase 3.
func (t *Transaction) ResponseHead(r *Response) (v Verdict, err error) {
	defer recovered(&err)
	t.phase = 3
	for _, h := range r.Headers {
		value := h.Value
		if len(h.Name) == len("Content-Type") && strings.EqualFold(h.Name, "Content-Type") {
			value = normalMediaType(value)
		}
		t.tx.AddResponseHeader(h.Name, value)
	}
	return t.verdict(t.tx.ProcessResponseHeaders(r.Status, r.Protocol)), nil
}

// WantsResponseBody reports whether rules look at the response's body. It is known after
// ResponseHead.
func (t *Transaction) WantsResponseBody() bool {
	return !t.tx.IsRuleEngineOff() && t.tx.IsResponseBodyAccessible() && t.tx.IsResponseBodyProcessable()
}

// ResponseBody runs the rules of phase 4 on the body, or on the prefix of it that is
// inspected; nil if there is none. It has to be called in any case.
func (t *Transaction) ResponseBody(body []byte) (v Verdict, err error) {
	defer recovered(&err)
	t.phase = 4
	if len(body) > 0 {
		if it, _, err := t.tx.WriteResponseBody(body); err != nil {
			return Verdict{}, fmt.Errorf("buffer response body: %w", err)
		} else if it != nil {
			return t.verdict(it), nil
		}
	}
	it, err := t.tx.ProcessResponseBody()
	if err != nil {
		return Verdict{}, fmt.Errorf("response body rules: %w", err)
	}
	return t.verdict(it), nil
}

// Finish runs the rules of phase 5, returns all that was found, and ends the transaction,
// which must not be used any more.
func (t *Transaction) Finish() (f Findings, err error) {
	defer recovered(&err)
	t.tx.ProcessLogging()
	f = Findings{Verdict: t.first}
	for _, m := range t.tx.MatchedRules() {
		if l, ok := m.(interface{ Log() bool }); ok && !l.Log() {
			continue
		}
		f.Matches = append(f.Matches, t.match(m))
	}
	if s, ok := t.tx.(plugintypes.TransactionState); ok {
		vars := s.Variables().TX()
		f.InboundScore = number(vars.Get("blocking_inbound_anomaly_score"))
		f.OutboundScore = number(vars.Get("blocking_outbound_anomaly_score"))
	}
	if err := t.tx.Close(); err != nil {
		return f, fmt.Errorf("close transaction: %w", err)
	}
	return f, nil
}

func (t *Transaction) match(m types.MatchedRule) Match {
	r := m.Rule()
	score := t.engine.scores[r.ID()]
	out := Match{
		RuleID: r.ID(), Phase: int(r.Phase()), Message: m.Message(), Tags: r.Tags(),
		Score: score.points, Paranoia: score.paranoia,
	}
	if s := r.Severity(); s != types.RuleSeverityUnset {
		out.Severity = s.String()
	}
	for _, d := range m.MatchedDatas() {
		if d.Variable() == variables.Unknown { // SecAction has no target
			continue
		}
		name := d.Variable().Name()
		if d.Key() != "" {
			name += ":" + d.Key()
		}
		out.Targets = append(out.Targets, Target{strings.Clone(name), strings.Clone(d.Value())})
	}
	return out
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
		v.Action, v.Location = Redirect, it.Data
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

// recovered turns a panic inside Coraza into an error: one request fails, by its policy's
// on_error, and the process goes on.
func recovered(err *error) {
	if r := recover(); r != nil {
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
