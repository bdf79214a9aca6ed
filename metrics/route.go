package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/waf"
)

// Route are a route's instruments. Those with more labels than the route are made when they are first
// needed, once, so that a thousand routes do not start with a hundred thousand series of zero.
type Route struct {
	all        *Metrics
	id         string
	duration   histogram
	inspection histogram
	requests   [inspect.Verdicts]slot
	responses  [6]slot
	screened   [waf.ScreenedResults]slot
	coverages  [inspect.Labels][inspect.Reasons]slot
	messages   [inspect.Verdicts]slot
	grpc       [Directions][inspect.Verdicts]slot
	untaken    slot
}

// Route returns the instruments of a route.
func (m *Metrics) Route(id string) *Route {
	return &Route{all: m, id: id}
}

// Message counts a message of a WebSocket.
func (r *Route) Message(v inspect.Verdict) {
	r.messages[v].inc(func() prometheus.Counter { return r.all.messages.WithLabelValues(r.id, v.String()) })
}

// Direction is where a message goes.
type Direction uint8

// The directions.
const (
	Requests Direction = iota
	Responses
	Directions // how many there are
)

var directionNames = [Directions]string{"request", "response"}

// GRPCMessage counts a message of gRPC.
func (r *Route) GRPCMessage(d Direction, v inspect.Verdict) {
	r.grpc[d][v].inc(func() prometheus.Counter {
		return r.all.grpcMessages.WithLabelValues(r.id, directionNames[d], v.String())
	})
}

// Screened counts what the screen said of a message that was inspected.
func (r *Route) Screened(s waf.Screened) {
	r.screened[s].inc(func() prometheus.Counter { return r.all.screened.WithLabelValues(r.id, s.String()) })
}

// Untaken counts a response that the client did not take to its end.
func (r *Route) Untaken() {
	r.untaken.inc(func() prometheus.Counter { return r.all.untaken.WithLabelValues(r.id) })
}

// RuleMatched counts a match of a rule. With thousands of series there are no more for rules that have none
// yet: they count together, as "other".
func (r *Route) RuleMatched(id int) {
	about := ruleMatch{r.id, id}
	if matches := r.all.ruleMatches; matches.full(about, ruleSeries) {
		about.rule = 0
	}
	r.all.ruleMatches.inc(about)
}

// Done counts a finished request: the outcome, the status of the answer (0: none), how long it took
// in all, and how long its inspection did.
func (r *Route) Done(o *inspect.Outcome, status int, took, inspecting time.Duration) {
	r.requests[o.Verdict].inc(func() prometheus.Counter { return r.all.requests.WithLabelValues(r.id, o.Verdict.String()) })
	if class := status / 100; class >= 1 && class <= 5 {
		r.responses[class].inc(func() prometheus.Counter {
			return r.all.responses.WithLabelValues(r.id, strconv.Itoa(class)+"xx")
		})
	}
	c := o.Coverage
	r.coverages[c.Label][c.Reason].inc(func() prometheus.Counter {
		return r.all.coverage.WithLabelValues(r.id, c.Label.String(), c.Reason.String())
	})
	r.duration.observe(r.all.duration, r.id, took)
	if inspecting > 0 {
		r.inspection.observe(r.all.inspection, r.id, inspecting)
	}
}
