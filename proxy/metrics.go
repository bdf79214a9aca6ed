package proxy

import (
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/waf"
)

// metrics are the process's instruments. docs/operations.md says what each one means.
type metrics struct {
	registry prometheus.Registerer

	requests      *prometheus.CounterVec   // route, verdict
	responses     *prometheus.CounterVec   // route, code
	duration      *prometheus.HistogramVec // route
	inspection    *prometheus.HistogramVec // route
	coverage      *prometheus.CounterVec   // route, coverage, reason
	messages      *prometheus.CounterVec   // route, verdict
	screened      *prometheus.CounterVec   // route, result
	disagreements *prometheus.CounterVec   // policy
	screens       *prometheus.GaugeVec     // policy
	ruleMatches   *prometheus.CounterVec   // rule_id
	refused       *prometheus.CounterVec   // reason
	upstreamError *prometheus.CounterVec   // upstream, reason
	inFlight      prometheus.Gauge
	panics        prometheus.Counter

	reloads      *prometheus.CounterVec // result
	lastReloadOK prometheus.Gauge
	lastReload   prometheus.Gauge
	configInfo   *prometheus.GaugeVec // digest
	generation   prometheus.Gauge
	engines      prometheus.Gauge
	policyRules  *prometheus.GaugeVec // policy
}

func newMetrics(reg prometheus.Registerer, version string) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		reg.MustRegister(g)
		return g
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
		reg.MustRegister(h)
		return h
	}
	m := &metrics{
		registry:      reg,
		requests:      counter("wafer_requests_total", "Requests by what was decided about them.", "route", "verdict"),
		responses:     counter("wafer_responses_total", "Responses sent to clients by class of status.", "route", "code"),
		duration:      histogram("wafer_request_duration_seconds", "Head received to response sent.", prometheus.DefBuckets, "route"),
		inspection:    histogram("wafer_inspection_duration_seconds", "Time spent in rules, request and response.", prometheus.ExponentialBuckets(1e-5, 4, 10), "route"),
		coverage:      counter("wafer_coverage_total", "Requests by how much of them was inspected, and why not all.", "route", "coverage", "reason"),
		messages:      counter("wafer_websocket_messages_total", "Text messages of WebSockets that were inspected, by verdict.", "route", "verdict"),
		screened:      counter("wafer_screened_total", "Inspected requests by what the screen said: clean, inspect, or off.", "route", "result"),
		disagreements: counter("wafer_screen_disagreements_total", "Checks of the screen that failed.", "policy"),
		screens:       gauge("wafer_policy_screen", "1 if the policy has a screen, 0 if all its requests go to the rules.", "policy"),
		ruleMatches:   counter("wafer_rule_matches_total", "Matches of rules that log.", "rule_id"),
		refused:       counter("wafer_refused_total", "Requests answered before a route's policy was asked.", "reason"),
		upstreamError: counter("wafer_upstream_errors_total", "Exchanges with an upstream that failed.", "upstream", "reason"),
		inFlight:      gauge("wafer_requests_in_flight", "Requests being served.").WithLabelValues(),
		panics:        counter("wafer_panics_total", "Panics that cost a request.").WithLabelValues(),
		reloads:       counter("wafer_config_reloads_total", "Reloads by result.", "result"),
		lastReloadOK:  gauge("wafer_config_last_reload_successful", "1 if the last reload succeeded.").WithLabelValues(),
		lastReload:    gauge("wafer_config_last_reload_success_timestamp_seconds", "When the configuration in force was built.").WithLabelValues(),
		configInfo:    gauge("wafer_config_info", "Digest of the configuration in force.", "digest"),
		generation:    gauge("wafer_config_generation", "Number of configurations this process has put in force.").WithLabelValues(),
		engines:       gauge("wafer_engines", "Compiled rule engines in use.").WithLabelValues(),
		policyRules:   gauge("wafer_policy_rules", "Rules compiled for a policy.", "policy"),
	}
	coraza, crs := EngineVersions()
	gauge("wafer_build_info", "Versions of the product and what it embeds.", "version", "coraza", "crs").
		WithLabelValues(version, coraza, crs).Set(1)
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) watchConnections(open func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wafer_connections", Help: "Open connections of clients.",
	}, func() float64 { return float64(open()) }))
}

func (m *metrics) watchTunnels(open func() int64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wafer_tunnels", Help: "WebSocket connections that are open.",
	}, func() float64 { return float64(open()) }))
}

func (m *metrics) watchQueue(waiting func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wafer_inspection_queue", Help: "Requests that wait for their inspection.",
	}, func() float64 { return float64(waiting()) }))
}

// watchMemory reports each part of the memory for bodies. It is called before anybody uses it.
func (m *metrics) watchMemory(memory *memory) {
	waits := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wafer_memory_waits_total", Help: "Bodies that had to wait for room in the memory for bodies under inspection.",
	}, []string{"part"})
	letGo := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "wafer_memory_evictions_total", Help: "Slow uploads that were ended because others waited for room.",
	})
	m.registry.MustRegister(waits, letGo)
	memory.uploads.letsGo = letGo.Inc
	for name, part := range memory.parts() {
		part.waits = waits.WithLabelValues(name).Inc
		gauge := func(metric, help string, of func() int64) {
			m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: metric, Help: help, ConstLabels: prometheus.Labels{"part": name},
			}, func() float64 { return float64(of()) }))
		}
		gauge("wafer_memory_budget_bytes", "What bodies under inspection may take together.", part.whole)
		gauge("wafer_memory_used_bytes", "What bodies under inspection take.", part.taken)
	}
}

// EngineVersions are the versions of Coraza and of the Core Rule Set in this binary.
func EngineVersions() (coraza, crs string) {
	return moduleVersion("github.com/corazawaf/coraza/v3"), moduleVersion("github.com/corazawaf/coraza-coreruleset/v4")
}

// moduleVersion is the version of a module this binary was built with.
func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == path {
				return d.Version
			}
		}
	}
	return "unknown"
}

// routeMetrics are a route's instruments. Those with more labels than the route are made
// when they are first needed, once, so that a thousand routes do not start with a hundred
// thousand series of zero; afterwards the request path resolves no label.
type routeMetrics struct {
	all        *metrics
	route      string
	duration   prometheus.Observer
	inspection prometheus.Observer
	requests   [inspect.Verdicts]atomic.Pointer[prometheus.Counter]
	responses  [6]atomic.Pointer[prometheus.Counter]
	screened   [waf.ScreenedResults]atomic.Pointer[prometheus.Counter]
	coverages  [inspect.Labels][inspect.Reasons]atomic.Pointer[prometheus.Counter]
	messages   [inspect.Verdicts]atomic.Pointer[prometheus.Counter]
}

func (m *metrics) route(id string) *routeMetrics {
	return &routeMetrics{all: m, route: id, duration: m.duration.WithLabelValues(id), inspection: m.inspection.WithLabelValues(id)}
}

// forget deletes the series of a route that no longer exists.
func (m *metrics) forget(id string) {
	l := prometheus.Labels{"route": id}
	m.requests.DeletePartialMatch(l)
	m.responses.DeletePartialMatch(l)
	m.duration.DeletePartialMatch(l)
	m.inspection.DeletePartialMatch(l)
	m.coverage.DeletePartialMatch(l)
	m.screened.DeletePartialMatch(l)
	m.messages.DeletePartialMatch(l)
}

func increment(slot *atomic.Pointer[prometheus.Counter], resolve func() prometheus.Counter) {
	c := slot.Load()
	if c == nil {
		resolved := resolve()
		c = &resolved
		slot.Store(c)
	}
	(*c).Inc()
}

// message counts a message of a WebSocket.
func (r *routeMetrics) message(v inspect.Verdict) {
	increment(&r.messages[v], func() prometheus.Counter { return r.all.messages.WithLabelValues(r.route, v.String()) })
}

// screen counts what the screen said.
func (r *routeMetrics) screen(s waf.Screened) {
	increment(&r.screened[s], func() prometheus.Counter { return r.all.screened.WithLabelValues(r.route, s.String()) })
}

// done counts a finished request.
func (r *routeMetrics) done(v inspect.Verdict, status int, c inspect.Coverage, took, inspecting time.Duration) {
	increment(&r.requests[v], func() prometheus.Counter { return r.all.requests.WithLabelValues(r.route, v.String()) })
	if class := status / 100; class >= 1 && class <= 5 {
		increment(&r.responses[class], func() prometheus.Counter {
			return r.all.responses.WithLabelValues(r.route, strconv.Itoa(class)+"xx")
		})
	}
	increment(&r.coverages[c.Label][c.Reason], func() prometheus.Counter {
		return r.all.coverage.WithLabelValues(r.route, c.Label.String(), c.Reason.String())
	})
	r.duration.Observe(took.Seconds())
	if inspecting > 0 {
		r.inspection.Observe(inspecting.Seconds())
	}
}
