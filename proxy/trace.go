package proxy

import (
	"time"

	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/trace"
	"github.com/wafer-waf/wafer/waf"
)

// traceFields are the fields by which processes tell each other of traces. The tier writes the first two itself,
// where requests are traced.
var traceFields = names(trace.Traceparent, trace.Tracestate, trace.Baggage)

// allParents has everybody believed who says of which trace a request is.
const allParents = "all"

// traceBegins begins the trace of a request, if requests are traced.
func (x *exchange) traceBegins() {
	t := x.proxy.tracer
	if t == nil {
		return
	}
	var parent, state string
	if x.believesTraces() {
		parent, state = x.view.Fields.Join(trace.Traceparent), x.view.Fields.Join(trace.Tracestate)
	}
	x.traced = t.Begin(parent, state)
}

// believesTraces tells whether who asks may say of which trace the request is, and whether that is sampled.
func (x *exchange) believesTraces() bool {
	return x.view.trusted || x.proxy.boot.Traces.Parents == allParents
}

// keptFromTrace tells whether a field that was received is not passed on, because the request is traced.
func (x *exchange) keptFromTrace(f *message.Field) bool {
	return x.traced != nil && traceFields.has(f.Name) && !(f.Is(trace.Baggage) && x.believesTraces())
}

// ids are those of the request's trace and span; empty: it is not traced.
func (x *exchange) ids() (traceID, spanID string) {
	if x.traced == nil {
		return "", ""
	}
	return x.traced.IDs()
}

// spansWanted tells whether somebody wants to see spans of the request.
func (x *exchange) spansWanted() bool {
	return x.traced != nil && x.proxy.tracer.Wants(x.traced, x.stopped())
}

// traceEnds makes the spans of a request that somebody wants to see. The event says what there is to say, and is
// masked here as it is elsewhere.
func (x *exchange) traceEnds(event *audit.Access, findings *waf.Findings, inspected time.Duration) {
	e := event.Shown(x.proxy.masking)
	told := trace.Told{
		Began: e.Time, Took: e.Duration, ID: e.RequestID, Method: e.Method, Scheme: "http", Host: e.Host, Path: e.Path,
		Protocol: e.Protocol, Status: e.Status, Route: e.Route, Policy: e.Policy, Mode: e.Mode, Verdict: e.Verdict,
		Coverage: e.Coverage, Reason: e.CoverageReason, Error: e.Error, Inspected: inspected,
		Upstream: e.Upstream, Endpoint: e.Endpoint, Attempts: e.Attempts, Answered: e.UpstreamDuration,
		InboundScore: findings.InboundScore, OutboundScore: findings.OutboundScore,
	}
	if e.Client.IsValid() {
		told.Client = e.Client.String()
	}
	if x.view.isSecure() {
		told.Scheme = "https"
	}
	for m := range toldMatches(findings) {
		told.Rules = append(told.Rules, m.RuleID)
	}
	x.proxy.tracer.End(x.traced, &told)
}
