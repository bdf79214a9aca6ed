package trace

import (
	"context"
	"time"

	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/collector"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	collected "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Options say what is traced, and where spans go.
type Options struct {
	Collector collector.Options
	Ratio     float64 // of the requests whose sender does not decide
	Blocked   bool    // all requests that a policy blocks, too
	Service   string
	Instance  string // of the service
	Version   string
	Queue     int // spans that wait at most
	Report    delivery.Reporter
}

// Tracer makes spans of requests.
type Tracer struct {
	blocked  bool
	sampler  sdk.Sampler
	provider *sdk.TracerProvider
	spans    trace.Tracer
	queue    *delivery.Queue[sdk.ReadOnlySpan]
}

// Bounds of what is sent at once, and of how long it waits.
const (
	batchSpans = 512
	gather     = 2 * time.Second
	timeout    = 10 * time.Second
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// New starts a Tracer. Close ends it.
func New(o Options) (*Tracer, error) {
	about, err := resource.New(context.Background(), resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", o.Service), attribute.String("service.version", o.Version),
		attribute.String("service.instance.id", o.Instance),
	))
	if err != nil {
		return nil, err
	}
	to, err := newCarrier(o.Collector)
	if err != nil {
		return nil, err
	}
	t := &Tracer{blocked: o.Blocked, sampler: sdk.ParentBased(sdk.TraceIDRatioBased(o.Ratio))}
	t.queue = delivery.New(to, o.Report, delivery.Options{
		Limit: int64(o.Queue), BatchBytes: batchSpans, BatchItems: batchSpans, Every: gather, Timeout: timeout,
		FirstRetry: firstRetry, LastRetry: lastRetry,
	})
	// What is asked of the SDK has been sampled already, and has its ids.
	t.provider = sdk.NewTracerProvider(sdk.WithResource(about), sdk.WithSampler(sdk.AlwaysSample()),
		sdk.WithIDGenerator(ids{}), sdk.WithSpanProcessor(processor{t.queue}))
	t.spans = t.provider.Tracer("wafer", trace.WithInstrumentationVersion(o.Version))
	return t, nil
}

// Waiting is how many spans wait.
func (t *Tracer) Waiting() int64 { return t.queue.Waiting() }

// Close brings the spans that wait to the collector, if that does not take longer than a timeout.
func (t *Tracer) Close(timeout time.Duration) error { return t.queue.Close(timeout) }

// processor gives spans that have ended to a queue.
type processor struct {
	queue *delivery.Queue[sdk.ReadOnlySpan]
}

// OnStart implements sdk.SpanProcessor.
func (processor) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd implements sdk.SpanProcessor.
func (p processor) OnEnd(s sdk.ReadOnlySpan) { p.queue.Add(s, 1) }

// Shutdown implements sdk.SpanProcessor.
func (processor) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdk.SpanProcessor.
func (processor) ForceFlush(context.Context) error { return nil }

// carrier carries spans. What they are to a collector says OpenTelemetry's exporter; how they get there, so that files
// may change and every span is counted, says ours.
type carrier struct {
	exporter  *otlptrace.Exporter
	collector *collector.Collector
}

func newCarrier(o collector.Options) (*carrier, error) {
	c := &carrier{collector: collector.New(collector.Traces, o)}
	var err error
	c.exporter, err = otlptrace.New(context.Background(), client{c.collector})
	return c, err
}

// Carry implements delivery.Carrier.
func (c *carrier) Carry(ctx context.Context, b delivery.Batch[sdk.ReadOnlySpan]) error {
	return c.exporter.ExportSpans(ctx, b.Items)
}

// Close implements delivery.Carrier.
func (c *carrier) Close() { c.collector.Close() }

// client is the exporter's way to the collector.
type client struct{ collector *collector.Collector }

// Start implements otlptrace.Client.
func (client) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (client) Stop(context.Context) error { return nil }

// UploadTraces implements otlptrace.Client.
func (c client) UploadTraces(ctx context.Context, of []*spans.ResourceSpans) error {
	request, err := proto.Marshal(&collected.ExportTraceServiceRequest{ResourceSpans: of})
	if err != nil {
		return &delivery.Refusal{Why: delivery.Refused, Err: err} // it would fail again
	}
	return c.collector.Export(ctx, request)
}

// ids has the SDK give spans the ids that they have already.
type ids struct{}

// idKey is the key of the ids in a context.
type idKey struct{}

type spanIDs struct {
	trace trace.TraceID
	span  trace.SpanID
}

// NewIDs implements sdk.IDGenerator.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if given, ok := ctx.Value(idKey{}).(spanIDs); ok {
		return given.trace, given.span
	}
	return traceID(), spanID()
}

// NewSpanID implements sdk.IDGenerator.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if given, ok := ctx.Value(idKey{}).(spanIDs); ok {
		return given.span
	}
	return spanID()
}
