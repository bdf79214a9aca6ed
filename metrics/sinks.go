package metrics

import "github.com/prometheus/client_golang/prometheus"

// What becomes of an event that a sink is given: it was sent, or it was lost, and why.
const (
	SinkSent    = "sent"
	SinkFull    = "full"     // there was no room for it among those that wait
	SinkRefused = "refused"  // the receiver said that it will never take it
	SinkTooLong = "too_long" // for the sink
	SinkEnded   = "ended"    // the process ended before it was taken
)

// Sinks are the instruments of what takes events to other places.
type Sinks struct {
	events             *prometheus.CounterVec // sink, result
	failures           *prometheus.CounterVec // sink
	up, waiting, limit *prometheus.GaugeVec   // sink
}

// Sink are the instruments of one of them.
type Sink struct {
	sent, full, refused, tooLong, ended prometheus.Counter
	failures                            prometheus.Counter
	up, waiting                         prometheus.Gauge
}

// NewSinks registers them.
func NewSinks(reg prometheus.Registerer) *Sinks {
	of := []string{"sink"}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, of)
	}
	s := &Sinks{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wafer_sink_events_total", Help: "Events that a sink was given, by what became of them: sent, or why they were lost.",
		}, []string{"sink", "result"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wafer_sink_failures_total", Help: "Attempts of a sink that failed. Most are made again.",
		}, of),
		up:      gauge("wafer_sink_up", "1 if the sink's last attempt went well, or it has made none yet."),
		waiting: gauge("wafer_sink_queue_bytes", "Memory of the events that wait in a sink."),
		limit:   gauge("wafer_sink_queue_limit_bytes", "Memory that events may take that wait in a sink."),
	}
	reg.MustRegister(s.events, s.failures, s.up, s.waiting, s.limit)
	return s
}

// Sink makes the instruments of one sink, whose events may take some memory while they wait.
func (s *Sinks) Sink(id string, limit int64) *Sink {
	count := func(result string) prometheus.Counter { return s.events.WithLabelValues(id, result) }
	one := &Sink{
		sent: count(SinkSent), full: count(SinkFull), refused: count(SinkRefused), tooLong: count(SinkTooLong), ended: count(SinkEnded),
		failures: s.failures.WithLabelValues(id), up: s.up.WithLabelValues(id), waiting: s.waiting.WithLabelValues(id),
	}
	s.limit.WithLabelValues(id).Set(float64(limit))
	one.up.Set(1)
	return one
}

// Sent counts events that the receiver has taken.
func (s *Sink) Sent(events int) { s.sent.Add(float64(events)) }

// Lost counts events that nobody will get, by the word of a closed set.
func (s *Sink) Lost(events int, why string) {
	switch why {
	case SinkFull:
		s.full.Add(float64(events))
	case SinkRefused:
		s.refused.Add(float64(events))
	case SinkTooLong:
		s.tooLong.Add(float64(events))
	default:
		s.ended.Add(float64(events))
	}
}

// Failed counts an attempt that failed.
func (s *Sink) Failed() { s.failures.Inc() }

// Up says whether the last attempt went well.
func (s *Sink) Up(up bool) { s.up.Set(number(up)) }

// Waiting says how much memory the waiting events take.
func (s *Sink) Waiting(bytes int64) { s.waiting.Set(float64(bytes)) }
