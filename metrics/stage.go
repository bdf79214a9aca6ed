package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/waf"
)

// stage is a part of a request's way, of which its time is known.
type stage uint8

// The stages.
const (
	accessing stage = iota // from the head on until its access is decided about, turns that were waited for included
	queueing               // waiting for a place at the rules
	screening              // reading what came and screening it
	firstRule              // the phases of Coraza

	asking      = firstRule + stage(len(waf.Phases{})) // until the head of the upstream's response
	handshaking = asking + 1                           // of TLS, the client's part included; it belongs to no route
	stageCount  = handshaking + 1                      // how many there are
)

var stageNames = [stageCount]string{
	"access", "queue", "screen", "phase_1", "phase_2", "phase_3", "phase_4", "phase_5", "upstream", "tls_handshake",
}

func (s stage) String() string { return stageNames[s] }

// stageBuckets go from a tenth of what the screen takes to what a request may take at most.
var stageBuckets = []float64{
	1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1, 0.25, 1, 5, 30,
}

// stages is the time of stages of all routes together. Of each route there is only the sum: histograms would be most of what a
// scrape of many routes brings.
type stages struct {
	durations *prometheus.HistogramVec // stage
	all       [stageCount]histogram    // in durations
}

func newStages(reg prometheus.Registerer) *stages {
	s := &stages{durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "wafer_stage_duration_seconds", Help: "Time that requests spent in a stage, of those that went through it.", Buckets: stageBuckets,
	}, []string{"stage"})}
	reg.MustRegister(s.durations)
	return s
}

func (s *stages) observe(in stage, seconds float64) {
	s.all[in].observe(s.durations, in.String(), seconds)
}

// spent counts the time of a request in a stage; none if it has not been there.
func (r *Route) spent(in stage, took time.Duration) {
	if took <= 0 {
		return
	}
	seconds := took.Seconds()
	r.all.stages.observe(in, seconds)
	r.stages[in].add(seconds, func() prometheus.Counter { return r.all.seconds.WithLabelValues(r.id, in.String()) })
}

// Inspected counts what an inspection says of itself: that of a request, or of a message of a stream. Of one that was not
// inspected there is nothing to count.
func (r *Route) Inspected(report *inspect.Report) {
	if !report.Inspected() {
		return
	}
	f := &report.Findings
	r.screened[f.Screened].inc(func() prometheus.Counter { return r.all.screened.WithLabelValues(r.id, f.Screened.String()) })
	r.score.observe(r.all.score, r.id, float64(f.InboundScore))
	r.coraza.scored(f.InboundScore)
	r.spent(queueing, report.Waited)
	r.spent(screening, report.Screening())
	if f.Screened != waf.ScreenClean {
		for i, took := range f.Phases {
			r.spent(firstRule+stage(i), took)
		}
	}
	r.bytes(Requests, wholly, int64(report.Request.All))
	r.bytes(Requests, partly, int64(report.Request.Partly))
	r.bytes(Responses, wholly, int64(report.Response.All))
	r.bytes(Responses, partly, int64(report.Response.Partly))
}

// looked is how much of bytes was looked at.
type looked uint8

const (
	wholly looked = iota
	partly
	unseen
	lookeds // how many there are
)

var lookedNames = [lookeds]string{"yes", "partly", "no"}

// bytes counts bytes of bodies.
func (r *Route) bytes(d Direction, how looked, n int64) {
	if n <= 0 {
		return
	}
	r.bodies[d][how].add(float64(n), func() prometheus.Counter {
		return r.all.bodies.WithLabelValues(r.id, directionNames[d], lookedNames[how])
	})
}
