package trace

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The names of the fields of W3C's Trace Context and Baggage.
const (
	Traceparent = "Traceparent"
	Tracestate  = "Tracestate"
	Baggage     = "Baggage"
)

// Request is one request on its way.
type Request struct {
	parent  trace.SpanContext // who asks, if they are believed
	trace   trace.TraceID
	server  trace.SpanID // the request's span
	client  trace.SpanID // that of asking the application
	sampled bool
	state   trace.TraceState

	// Inspecting and Asking are when the inspection began, and when the application was asked. Zero: it did not.
	Inspecting, Asking time.Time
}

// received are the fields that a request came with.
type received struct{ parent, state string }

// Get implements propagation.TextMapCarrier.
func (r received) Get(key string) string {
	switch key {
	case "traceparent":
		return r.parent
	case "tracestate":
		return r.state
	}
	return ""
}

// Set implements propagation.TextMapCarrier.
func (r received) Set(string, string) {}

// Keys implements propagation.TextMapCarrier.
func (r received) Keys() []string { return []string{"traceparent", "tracestate"} }

// Begin begins a request. Parent and state are the values of Traceparent and Tracestate if who asks is believed, and
// empty otherwise.
func (t *Tracer) Begin(parent, state string) *Request {
	r := &Request{server: spanID(), client: spanID()}
	ctx := context.Background()
	if parent != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, received{parent, state})
		r.parent = trace.SpanContextFromContext(ctx)
	}
	if r.trace = r.parent.TraceID(); !r.parent.IsValid() {
		r.trace = traceID()
	}
	decided := t.sampler.ShouldSample(sdk.SamplingParameters{ParentContext: ctx, TraceID: r.trace, Kind: trace.SpanKindServer})
	r.sampled, r.state = decided.Decision == sdk.RecordAndSample, decided.Tracestate
	return r
}

// Traceparent is the value of the field of that name for the application.
func (r *Request) Traceparent() string {
	const digits = "0123456789abcdef"
	b := make([]byte, 0, 55)
	hex := func(id []byte) {
		for _, c := range id {
			b = append(b, digits[c>>4], digits[c&15])
		}
	}
	b = append(b, "00-"...)
	hex(r.trace[:])
	b = append(b, '-')
	hex(r.client[:])
	if r.sampled {
		return string(append(b, "-01"...))
	}
	return string(append(b, "-00"...))
}

// Tracestate is that of the application; empty: none.
func (r *Request) Tracestate() string { return r.state.String() }

// IDs are the trace and the request's span, for events.
func (r *Request) IDs() (trace, span string) { return r.trace.String(), r.server.String() }

// traceID and spanID make ids that are not zero, which would be none.
func traceID() (id trace.TraceID) {
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()|1)
	return id
}

func spanID() (id trace.SpanID) {
	binary.BigEndian.PutUint64(id[:], max(1, rand.Uint64()))
	return id
}
