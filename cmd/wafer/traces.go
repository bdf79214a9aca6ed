package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/delivery/collector"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/trace"
)

// tracesSink is what logs call what takes spans.
const tracesSink = "traces"

// openTracer starts what makes spans of requests; nil: nobody wants any.
func openTracer(boot *config.Boot, registry prometheus.Registerer, all *outages, log zerolog.Logger) (*trace.Tracer, error) {
	t := &boot.Traces
	if !t.On() {
		return nil, nil //nolint:nilnil // no tracer, and nothing wrong
	}
	counted := metrics.NewTraces(registry, int64(t.Queue))
	report := newReporter(tracesSink, "spans", counted, all, log.With().Str("component", "traces").Logger())
	tracer, err := trace.New(trace.Options{
		Collector: collectorOf(t.Endpoint, t.Protocol, t.Compression, collector.Traces, remoteOf(&t.TLS, t.HeadersFile)),
		Ratio:     float64(t.Sample) / float64(config.Million), Blocked: t.Blocked,
		Service: t.Service, Instance: instance(), Version: version, Queue: t.Queue,
		Report: report,
	})
	if err != nil {
		return nil, err
	}
	counted.Waits(tracer.Waiting)
	return tracer, nil
}
