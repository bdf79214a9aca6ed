package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/wafer-waf/wafer/delivery"
)

// Sinks are the instruments of what takes events to other places.
type Sinks struct {
	reg       prometheus.Registerer
	events    *prometheus.CounterVec // sink, result
	failures  *prometheus.CounterVec // sink
	up, limit *prometheus.GaugeVec   // sink
}

// Sink are the instruments of one of them.
type Sink struct {
	sent, full, refused, tooLong, ended prometheus.Counter
	failures                            prometheus.Counter
	up                                  prometheus.Gauge

	reg     prometheus.Registerer
	waiting prometheus.GaugeOpts
}

// NewTraces registers those of what takes spans to a collector, and counts spans as sinks count events.
func NewTraces(reg prometheus.Registerer, limit int64) *Sink {
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wafer_trace_spans_total", Help: "Spans of traced requests, by what became of them: sent, or why they were lost.",
	}, []string{"result"})
	failures := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "wafer_trace_failures_total", Help: "Attempts to send spans that failed. Most are made again.",
	})
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		reg.MustRegister(g)
		return g
	}
	reg.MustRegister(spans, failures)
	t := &Sink{
		failures: failures, up: gauge("wafer_trace_up", "1 if the last attempt to send spans went well, or there was none yet."),
		reg: reg, waiting: prometheus.GaugeOpts{Name: "wafer_trace_queue_spans", Help: "Spans that wait to be sent."},
	}
	t.count(spans)
	gauge("wafer_trace_queue_limit_spans", "Spans that may wait to be sent.").Set(float64(limit))
	t.up.Set(1)
	return t
}

// count makes the counters of what becomes of events or spans.
func (s *Sink) count(of *prometheus.CounterVec) {
	for result, c := range map[string]*prometheus.Counter{
		"sent": &s.sent, delivery.Full: &s.full, delivery.Refused: &s.refused, delivery.TooLong: &s.tooLong, delivery.Ended: &s.ended,
	} {
		*c = of.WithLabelValues(result)
	}
}

// NewSinks registers them.
func NewSinks(reg prometheus.Registerer) *Sinks {
	of := []string{"sink"}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, of)
	}
	s := &Sinks{
		reg: reg,
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wafer_sink_events_total", Help: "Events that a sink was given, by what became of them: sent, or why they were lost.",
		}, []string{"sink", "result"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wafer_sink_failures_total", Help: "Attempts of a sink that failed. Most are made again.",
		}, of),
		up:    gauge("wafer_sink_up", "1 if the sink's last attempt went well, or it has made none yet."),
		limit: gauge("wafer_sink_queue_limit_bytes", "Memory that events may take that wait in a sink."),
	}
	reg.MustRegister(s.events, s.failures, s.up, s.limit)
	return s
}

// Sink makes the instruments of one sink, whose events may take some memory while they wait.
func (s *Sinks) Sink(id string, limit int64) *Sink {
	one := &Sink{
		failures: s.failures.WithLabelValues(id), up: s.up.WithLabelValues(id),
		reg: s.reg, waiting: prometheus.GaugeOpts{
			Name: "wafer_sink_queue_bytes", Help: "Memory of the events that wait in a sink.", ConstLabels: prometheus.Labels{"sink": id},
		},
	}
	one.count(s.events.MustCurryWith(prometheus.Labels{"sink": id}))
	s.limit.WithLabelValues(id).Set(float64(limit))
	one.up.Set(1)
	return one
}

// Sent counts events that the receiver has taken.
func (s *Sink) Sent(events int) { s.sent.Add(float64(events)) }

// Lost counts events that nobody will get, by the word of a closed set.
func (s *Sink) Lost(events int, why string) {
	switch why {
	case delivery.Full:
		s.full.Add(float64(events))
	case delivery.Refused:
		s.refused.Add(float64(events))
	case delivery.TooLong:
		s.tooLong.Add(float64(events))
	default:
		s.ended.Add(float64(events))
	}
}

// Failed counts an attempt that failed.
func (s *Sink) Failed() { s.failures.Inc() }

// Up says whether the last attempt went well.
func (s *Sink) Up(up bool) { s.up.Set(number(up)) }

// Waits says how to learn what waits: an attempt may take long, and who asks meanwhile is told what is true.
func (s *Sink) Waits(what func() int64) {
	s.reg.MustRegister(prometheus.NewGaugeFunc(s.waiting, func() float64 { return float64(what()) }))
}
