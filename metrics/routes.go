package metrics

import "github.com/prometheus/client_golang/prometheus"

// routeSeries are the metrics of routes.
type routeSeries struct {
	requests     *prometheus.CounterVec   // route, verdict
	responses    *prometheus.CounterVec   // route, code
	duration     *prometheus.HistogramVec // route
	inspection   *prometheus.HistogramVec // route
	score        *prometheus.HistogramVec // route
	coverage     *prometheus.CounterVec   // route, coverage, reason
	messages     *prometheus.CounterVec   // route, verdict
	grpcMessages *prometheus.CounterVec   // route, direction, verdict
	screened     *prometheus.CounterVec   // route, result
	untaken      *prometheus.CounterVec   // route
	ruleMatched  *prometheus.CounterVec   // route, rule_id
	bodies       *prometheus.CounterVec   // route, direction, inspected
	seconds      *prometheus.CounterVec   // route, stage
}

// scoreBuckets are those of other instruments for this: they count a score that equals the limit with what is below.
var scoreBuckets = []float64{0, 5, 10, 15, 20, 30, 40, 50, 75, 100}

func newRouteSeries(reg prometheus.Registerer) routeSeries {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"route"}, labels...))
		ofRoutes(reg, family{name, help, "counter", c})
		return c
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"route"})
		ofRoutes(reg, family{name, help, "histogram", h})
		return h
	}
	return routeSeries{
		requests:     counter("wafer_requests_total", "Requests by what was decided about them.", "verdict"),
		responses:    counter("wafer_responses_total", "Responses sent to clients by class of status.", "code"),
		duration:     histogram("wafer_request_duration_seconds", "Head received to response sent.", prometheus.DefBuckets),
		inspection:   histogram("wafer_inspection_duration_seconds", "Time spent in the screen and in rules, request and response.", prometheus.ExponentialBuckets(1e-5, 4, 10)),
		score:        histogram("wafer_anomaly_score", "Anomaly score of requests that were inspected, and of messages.", scoreBuckets),
		coverage:     counter("wafer_coverage_total", "Requests by how much of them was inspected, and why not all.", "coverage", "reason"),
		messages:     counter("wafer_websocket_messages_total", "Text messages of WebSockets that were inspected, by verdict.", "verdict"),
		grpcMessages: counter("wafer_grpc_messages_total", "Messages of gRPC that were inspected, by direction and verdict.", "direction", "verdict"),
		screened:     counter("wafer_screened_total", "Inspected requests by what the screen said: clean, inspect, or off.", "result"),
		untaken:      counter("wafer_responses_untaken_total", "Responses that the client did not take to their end."),
		ruleMatched:  counter("wafer_rule_matches_total", "Matches of rules that log.", "rule_id"),
		bodies:       counter("wafer_body_bytes_total", "Bytes of bodies by whether they were inspected.", "direction", "inspected"),
		seconds:      counter("wafer_route_stage_seconds_total", "Time that requests of a route spent in a stage, all together.", "stage"),
	}
}

// forget ends the series of a route.
func (s *routeSeries) forget(id string) {
	l := prometheus.Labels{"route": id}
	for _, h := range []*prometheus.HistogramVec{s.duration, s.inspection, s.score} {
		h.DeletePartialMatch(l)
	}
	for _, c := range []*prometheus.CounterVec{
		s.requests, s.responses, s.coverage, s.screened, s.messages, s.grpcMessages, s.ruleMatched, s.untaken, s.bodies, s.seconds,
	} {
		c.DeletePartialMatch(l)
	}
}
