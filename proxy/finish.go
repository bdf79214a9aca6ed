package proxy

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/trace"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/waf"
)

// end is finish where nobody else would recover: a panic of whoever closes the stream of a response
// would end the process.
func (x *exchange) end() {
	p, id := x.proxy, x.id
	defer func() {
		if r := recover(); r != nil {
			p.reportPanic(r, id)
		}
	}()
	x.closeUpstream()
	x.finish()
}

// finish writes the events, counts, and lets go of everything. It runs once: after the
// handler, or when the streamed response is closed.
func (x *exchange) finish() {
	p := x.proxy
	took := time.Since(x.started)
	x.notEnded()
	of := x.outcome // what was inspected as one, apart from the messages that have events of their own
	x.joinCall()
	x.inspection.Answered(x.response.Status)
	report := x.inspection.End()
	if report.Err != nil {
		p.log.Error().Err(report.Err).Str("request_id", x.id).Msg("engine failed after the verdict")
	}
	in, out := x.sizes()
	if x.route != nil {
		p.reportFindings(&subject{x.started, x.id, x.snapshot, x.route, &x.view, x.traced}, &of, &report.Findings, x.response.Status)
		x.count(report, took, in, out)
	}
	x.done(report, x.response.Status, took)
	x.asked(report.Findings.InboundScore, in, out)
	x.record(report, took, in, out)
	x.tell(report, took, in, out)
	p.metrics.Spoken(x.view.Protocol)
	p.serving.Add(-1)
	x.release()
}

// sizes are how many bytes of the bodies have gone by.
func (x *exchange) sizes() (in, out int64) {
	if out = x.responseBody.n; out == 0 {
		out = int64(len(x.response.Body.Bytes))
	}
	if c := x.arriving(); c != nil {
		in = c.n
	}
	return in, out
}

// count counts what has become of the request of a route.
func (x *exchange) count(report *inspect.Report, took time.Duration, in, out int64) {
	r := x.route
	if x.counted {
		r.InFlight.Add(-1)
	}
	if r.Inspect.Engine != nil {
		r.Metrics.Inspected(report)
		x.remember(x.started.Add(took))
	}
	done := metrics.Request{
		ID: x.id, Outcome: &x.outcome, Status: x.response.Status, Report: report, Took: took, Access: x.accessed, Upstream: x.upstreamed,
		In: in, Out: out,
	}
	if x.call != nil {
		done.Apart = x.call.inspected()
	}
	r.Metrics.Done(&done)
}

// tell writes the event of the request and makes its spans, as far as somebody wants them.
func (x *exchange) tell(report *inspect.Report, took time.Duration, in, out int64) {
	p, v, o := x.proxy, &x.view, &x.outcome
	failed := x.failed()
	wanted, traced := p.events.Wants(audit.KindOfAccess(failed)), x.spansWanted()
	if !wanted && !traced {
		return
	}
	rule, would := x.asking.told()
	event := audit.Access{
		Time: x.started, RequestID: x.id, Client: v.client,
		Method: v.Method, Host: v.Host, Path: v.path, Protocol: v.Protocol, TLS: v.told(), Status: x.response.Status, GRPCStatus: x.callStatus(),
		BytesIn: in, BytesOut: out, Duration: took,
		Endpoint: x.up.Endpoint, Attempts: 1 + x.up.Again, UpstreamDuration: x.upstreamed,
		Verdict: o.Verdict.String(), Coverage: o.Coverage.Label.String(), CoverageReason: o.Coverage.Reason.String(),
		UserAgent: v.Fields.Get("User-Agent"), Error: o.Failure.Word, Failed: failed, AccessRule: rule, AccessWould: would,
	}
	if r := x.route; r != nil {
		event.Route, event.Policy, event.Mode = r.Config.ID, r.Policy.ID, string(r.Policy.Mode)
	}
	if x.pool != nil {
		event.Upstream = x.pool.ID()
	}
	event.TraceID, event.SpanID = x.ids()
	if wanted {
		p.events.Access(&event)
	}
	if traced {
		x.traceEnds(&event, &report.Findings, report.Took)
	}
}

// release gives everything back that the exchange holds, and the exchange itself.
func (x *exchange) release() {
	bodies.put(x.body)
	bodies.put(x.sent)
	x.leaveMemory()
	x.snapshot.Release()
	*x.up = upstream.Exchange{Response: message.Response{Fields: x.up.Response.Fields[:0]}}
	*x = exchange{
		up: x.up, scratch: x.scratch, asking: x.asking.kept(), view: view{hops: x.view.hops[:0]},
		out: message.Request{Fields: x.out.Fields[:0]}, response: message.Response{Fields: x.response.Fields[:0]},
		shownResponse: waf.Response{Headers: x.shownResponse.Headers[:0]}, onInterim: x.onInterim, onRetry: x.onRetry, isGone: x.isGone,
	}
	exchanges.Put(x)
}

// notEnded finds out why a response has not reached its end.
func (x *exchange) notEnded() {
	o, body := &x.outcome, &x.responseBody
	streamed := x.response.Body.Stream != nil
	unsent := streamed && !body.ended(x.response.Body.Length)
	switch {
	case x.proxy.cutting.Load() && (unsent || o.Failure != inspect.Failure{}):
		if o.Failure = cutShort; !streamed {
			x.response.Status = 0 // nobody hears it
		}
	case !unsent || o.Failure != (inspect.Failure{}):
	case body.err == nil:
		o.Failure = untaken
		x.route.Metrics.Untaken()
	case errors.Is(body.err, errPanicked):
		o.Failure = panicked
	default:
		x.upstreamFailed(brokenOff(body.err))
	}
}

// failed reports whether there has to be an event about the request, because it did not get what it was
// sent for. Clients that leave while they are answered are counted only.
func (x *exchange) failed() bool {
	o := &x.outcome
	return o.Verdict == inspect.Refused || o.Failure != inspect.Failure{} && o.Failure != untaken
}

// stopped tells whether a policy has ended the request.
func (x *exchange) stopped() bool {
	switch x.outcome.Verdict {
	case inspect.Block, inspect.Redirect, inspect.Drop:
		return true
	}
	return false
}

// remember notes whether the client's request was an attack.
func (x *exchange) remember(now time.Time) {
	switch {
	case x.stopped():
		x.proxy.suspects.blocked(x.place.who.client, now)
		x.stands(true)
	case x.outcome.Verdict == inspect.Pass:
		x.proxy.suspects.passed(x.place.who.client, now)
		x.stands(false)
	}
}

// subject is what a security event is about.
type subject struct {
	began     time.Time
	requestID string
	snapshot  *snapshot.Snapshot[*route]
	route     *route
	view      *view
	traced    *trace.Request // nil: it is not
}

// reportFindings writes a security event about an outcome that somebody has to know of.
func (p *Proxy) reportFindings(about *subject, o *inspect.Outcome, found *waf.Findings, status int) {
	if len(found.Matches) == 0 && (o.Verdict == inspect.Pass || o.Verdict == inspect.Refused) {
		return
	}
	r, v := about.route, about.view
	event := audit.Security{
		Time: about.began, RequestID: about.requestID, Route: r.Config.ID, Policy: r.Policy.ID, Mode: string(r.Policy.Mode), Client: v.client,
		Method: v.Method, Host: v.Host, Path: v.path, TLS: v.told(), Verdict: o.Verdict.String(), Status: status,
		Phase: found.Verdict.Phase, RuleID: found.Verdict.RuleID,
		InboundScore: found.InboundScore, OutboundScore: found.OutboundScore,
		InboundThreshold: r.Policy.Thresholds.Inbound, OutboundThreshold: r.Policy.Thresholds.Outbound,
		Coverage: o.Coverage.Label.String(), CoverageReason: o.Coverage.Reason.String(), Error: o.Failure.Word,
		Generation: about.snapshot.Generation, Rules: toldRules(found),
	}
	if about.traced != nil {
		event.TraceID, event.SpanID = about.traced.IDs()
	}
	r.Metrics.Found(o, found.Matches, about.requestID)
	p.events.Security(&event)
}

// toldMatches are the matches that events, records and spans name: the first ones, without those that only add up scores.
func toldMatches(found *waf.Findings) iter.Seq[*waf.Match] {
	return func(yield func(*waf.Match) bool) {
		told := 0
		for i := range found.Matches {
			if m := &found.Matches[i]; !m.Summary {
				if told++; told > audit.MostRules || !yield(m) {
					return
				}
			}
		}
	}
}

// toldRules are the rules of these.
func toldRules(found *waf.Findings) (rules []audit.Rule) {
	for m := range toldMatches(found) {
		rule := audit.Rule{ID: m.RuleID, Message: m.Message, Severity: m.Severity, Phase: m.Phase, Tags: tellingTags(m.Tags)}
		if len(m.Targets) > 0 {
			rule.Target, rule.Value, rule.Around = m.Targets[0].Name, m.Targets[0].Value, m.Targets[0].Around
		}
		rules = append(rules, rule)
	}
	return rules
}

// tellingTags leaves out the tags that nearly all of CRS's rules share.
func tellingTags(tags []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(t string) bool {
		for _, p := range []string{"OWASP_CRS", "application-", "language-", "platform-", "capec/"} {
			if strings.HasPrefix(t, p) {
				return true
			}
		}
		return false
	})
}
