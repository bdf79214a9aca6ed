package proxy

import (
	"errors"
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
	p, v := x.proxy, &x.view
	took := time.Since(x.started)
	x.notEnded()
	status, o := x.response.Status, &x.outcome
	of := *o // what was inspected as one, apart from the messages that have events of their own
	x.joinCall()
	x.inspection.Answered(status)
	report := x.inspection.End()
	if report.Err != nil {
		p.log.Error().Err(report.Err).Str("request_id", x.id).Msg("engine failed after the verdict")
	}
	var routeID, policyID, mode, upstreamID string
	if r := x.route; r != nil {
		routeID, policyID, mode = r.Config.ID, r.Policy.ID, string(r.Policy.Mode)
		if x.counted {
			r.InFlight.Add(-1)
		}
		if r.Inspect.Engine != nil {
			r.Metrics.Inspected(report)
			x.remember()
		}
	}
	if x.pool != nil {
		upstreamID = x.pool.ID()
	}
	if x.route != nil {
		p.reportFindings(&subject{x.started, x.id, x.snapshot, x.route, &x.view, x.traced}, &of, &report.Findings, status)
	}
	out := x.responseBody.n
	if out == 0 {
		out = int64(len(x.response.Body.Bytes))
	}
	var in int64
	if c, ok := x.stream.(*countedBody); ok {
		in = c.n
	}
	if x.route != nil {
		done := metrics.Request{
			ID: x.id, Outcome: o, Status: status, Report: report, Took: took, Access: x.accessed, Upstream: x.upstreamed, In: in, Out: out,
		}
		if x.call != nil {
			done.Apart = x.call.inspected()
		}
		x.route.Metrics.Done(&done)
	}
	x.done(report, status, took)
	x.asked(report.Findings.InboundScore, in, out)
	x.record(report, took, in, out)
	failed := x.failed()
	wants := p.events.Wants(audit.KindOfAccess(failed))
	if wants || x.traced != nil {
		rule, would := x.asking.told()
		event := audit.Access{
			Time: x.started, RequestID: x.id, Route: routeID, Policy: policyID, Mode: mode, Client: v.client,
			Method: v.Method, Host: v.Host, Path: v.path, Protocol: v.Protocol, TLS: v.told(), Status: status, GRPCStatus: x.callStatus(),
			BytesIn: in, BytesOut: out, Duration: took,
			Upstream: upstreamID, Endpoint: x.up.Endpoint, Attempts: 1 + x.up.Again, UpstreamDuration: x.upstreamed,
			Verdict: o.Verdict.String(), Coverage: o.Coverage.Label.String(), CoverageReason: o.Coverage.Reason.String(),
			UserAgent: v.Fields.Get("User-Agent"), Error: o.Failure.Word, Failed: failed, AccessRule: rule, AccessWould: would,
		}
		event.TraceID, event.SpanID = x.ids()
		if wants {
			p.events.Access(&event)
		}
		x.traceEnds(&event, &report.Findings, report.Took)
	}
	p.metrics.Spoken(v.Protocol)
	p.serving.Add(-1)
	bodies.put(x.body)
	bodies.put(x.sent)
	x.leaveMemory()
	x.snapshot.Release()
	*x.up = upstream.Exchange{Response: message.Response{Fields: x.up.Response.Fields[:0]}}
	*x = exchange{
		up: x.up, scratch: x.scratch, asking: x.asking.kept(), view: view{hops: v.hops[:0]},
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

// remember notes whether the client's request was an attack.
func (x *exchange) remember() {
	switch x.outcome.Verdict {
	case inspect.Block, inspect.Redirect, inspect.Drop:
		x.proxy.suspects.blocked(x.place.who.client, time.Now())
		x.stands(true)
	case inspect.Pass:
		x.proxy.suspects.passed(x.place.who.client, time.Now())
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
		Generation: about.snapshot.Generation,
	}
	if about.traced != nil {
		event.TraceID, event.SpanID = about.traced.IDs()
	}
	r.Metrics.Found(o, found.Matches, about.requestID)
	for i := range found.Matches {
		m := &found.Matches[i]
		if m.Summary { // the event has the scores, and the id of the rule that decided
			continue
		}
		rule := audit.Rule{ID: m.RuleID, Message: m.Message, Severity: m.Severity, Phase: m.Phase, Tags: tellingTags(m.Tags)}
		if len(m.Targets) > 0 {
			rule.Target, rule.Value = m.Targets[0].Name, m.Targets[0].Value
		}
		event.Rules = append(event.Rules, rule)
	}
	p.events.Security(&event)
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
