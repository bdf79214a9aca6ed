package trace

import (
	"context"
	"net"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Told is what spans say of a request that has ended. Strings are what events would say: cut, clean and masked.
type Told struct {
	Began                       time.Time
	Took                        time.Duration
	ID                          string // of the request
	Method, Scheme, Host, Path  string
	Protocol                    string // HTTP/1.1
	Client                      string // address
	Status                      int
	Route, Policy, Mode         string
	Verdict                     string
	Coverage, Reason            string
	Error                       string // word of a closed set; empty: none
	Rules                       []int  // that matched
	Blocked                     bool   // the policy has stopped the request, or the response
	Inspected                   time.Duration
	Upstream, Endpoint          string
	Attempts                    int
	Answered                    time.Duration // until the head of the application's response
	InboundScore, OutboundScore int
}

// Wants tells whether anybody wants to see a request that ended so.
func (t *Tracer) Wants(r *Request, blocked bool) bool { return r.sampled || t.blocked && blocked }

// End makes the spans of a request that somebody wants to see.
func (t *Tracer) End(r *Request, told *Told) {
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), r.parent)
	over := told.Began.Add(told.Took)
	ctx, span := t.spans.Start(r.as(ctx, r.server), name(told), trace.WithTimestamp(told.Began),
		trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes(told)...))
	if told.Status >= 500 || told.Status == 0 {
		span.SetStatus(codes.Error, told.Error)
	}
	if !r.Inspecting.IsZero() {
		t.inspection(r.as(ctx, spanID()), r, told)
	}
	if !r.Asking.IsZero() {
		t.asking(r.as(ctx, r.client), r, told)
	}
	span.End(trace.WithTimestamp(over))
}

// as says which ids the next span has.
func (r *Request) as(ctx context.Context, span trace.SpanID) context.Context {
	return context.WithValue(ctx, idKey{}, spanIDs{r.trace, span})
}

// inspection makes the span of the inspection: it begins when that did, and is as long as all its parts together.
func (t *Tracer) inspection(ctx context.Context, r *Request, told *Told) {
	_, span := t.spans.Start(ctx, "wafer.inspect", trace.WithTimestamp(r.Inspecting), trace.WithAttributes(
		attribute.String("wafer.policy", told.Policy), attribute.String("wafer.verdict", told.Verdict),
		attribute.Int("wafer.score.inbound", told.InboundScore), attribute.Int("wafer.score.outbound", told.OutboundScore),
		attribute.IntSlice("wafer.rule_ids", told.Rules),
	))
	span.End(trace.WithTimestamp(r.Inspecting.Add(told.Inspected)))
}

// asking makes the span of the request to the application, all attempts together.
func (t *Tracer) asking(ctx context.Context, r *Request, told *Told) {
	list := []attribute.KeyValue{attribute.String("wafer.upstream", told.Upstream), attribute.String("http.request.method", method(told.Method))}
	list = append(list, server(told.Endpoint)...)
	if told.Attempts > 1 {
		list = append(list, attribute.Int("http.request.resend_count", told.Attempts-1))
	}
	_, span := t.spans.Start(ctx, method(told.Method), trace.WithTimestamp(r.Asking),
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(list...))
	if told.Answered == 0 || told.Error != "" {
		span.SetStatus(codes.Error, told.Error)
	}
	span.End(trace.WithTimestamp(r.Asking.Add(told.Answered)))
}

// server is who answers, by its address.
func server(endpoint string) []attribute.KeyValue {
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return nil
	}
	n, _ := strconv.Atoi(port)
	return []attribute.KeyValue{attribute.String("server.address", host), attribute.Int("server.port", n)}
}

// name is that of the server's span, of which there are few.
func name(told *Told) string {
	if told.Route == "" {
		return method(told.Method)
	}
	return method(told.Method) + " " + told.Route
}

// method is one of those that are known, since clients can make up others.
func method(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY":
		return m
	}
	return "_OTHER"
}

// attributes are those of the server's span, by OpenTelemetry's conventions where they have a name.
func attributes(told *Told) []attribute.KeyValue {
	list := make([]attribute.KeyValue, 0, 20)
	add := func(name, value string) {
		if value != "" {
			list = append(list, attribute.String(name, value))
		}
	}
	add("http.request.method", method(told.Method))
	if method(told.Method) != told.Method {
		add("http.request.method_original", told.Method)
	}
	add("url.scheme", told.Scheme)
	add("url.path", told.Path)
	add("server.address", told.Host)
	add("client.address", told.Client)
	if version, ok := versions(told.Protocol); ok {
		add("network.protocol.version", version)
	}
	if told.Status != 0 {
		list = append(list, attribute.Int("http.response.status_code", told.Status))
	}
	add("error.type", told.Error)
	add("wafer.request_id", told.ID)
	add("wafer.route", told.Route)
	add("wafer.policy", told.Policy)
	add("wafer.mode", told.Mode)
	add("wafer.verdict", told.Verdict)
	add("wafer.coverage", told.Coverage)
	add("wafer.coverage_reason", told.Reason)
	if len(told.Rules) > 0 {
		list = append(list, attribute.IntSlice("wafer.rule_ids", told.Rules))
	}
	return list
}

// versions is the version of a protocol, as OpenTelemetry spells it.
func versions(protocol string) (string, bool) {
	switch protocol {
	case "HTTP/1.0":
		return "1.0", true
	case "HTTP/1.1":
		return "1.1", true
	case "HTTP/2.0":
		return "2", true
	}
	return "", false
}
