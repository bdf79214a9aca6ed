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
	score      histogram
	requests   [inspect.Verdicts]slot
	responses  [6]slot
	screened   [waf.ScreenedResults]slot
	coverages  [inspect.Labels][inspect.Reasons]slot
	messages   [inspect.Verdicts]slot
	grpc       [Directions][inspect.Verdicts]slot
	untaken    slot
	stages     [stageCount]slot
	bodies     [Directions][lookeds]slot
	coraza     *corazaRoute // nil: nobody asks for it
}

// Route returns the instruments of a route, which has a policy.
func (m *Metrics) Route(id, policy string) *Route {
	return &Route{all: m, id: id, coraza: m.coraza.of(policy)}
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

// Untaken counts a response that the client did not take to its end.
func (r *Route) Untaken() {
	r.untaken.inc(func() prometheus.Counter { return r.all.untaken.WithLabelValues(r.id) })
}

// Found counts the rules that an inspection has matched, and with which outcome.
func (r *Route) Found(o *inspect.Outcome, matches []waf.Match, requestID string) {
	if len(matches) > 0 {
		exemplar := exemplarOf(requestID)
		for i := range matches {
			r.ruleMatched(matches[i].RuleID, exemplar)
		}
	}
	r.coraza.found(o, matches)
}

// ruleMatched counts a match of a rule. With thousands of series there are no more for rules that have none
// yet: they count together, as "other".
func (r *Route) ruleMatched(id int, exemplar prometheus.Labels) {
	about := ruleMatch{r.id, id}
	if matches := r.all.ruleMatches; matches.full(about, ruleSeries) {
		about.rule = 0
	}
	incWith(r.all.ruleMatches.of(about), exemplar)
}

// Request is what is known of a finished request.
type Request struct {
	ID       string
	Outcome  *inspect.Outcome
	Status   int               // of the answer; 0: none
	Report   *inspect.Report   // of its inspection, that of messages apart
	Took     time.Duration     // in all
	Access   time.Duration     // until its access was decided about; 0: nobody had to
	Upstream time.Duration     // until the upstream's head was there; 0: none was asked
	In, Out  int64             // bytes of bodies
	Apart    [Directions]int64 // of them, those of messages that were inspected each by itself
}

// Done counts a finished request.
func (r *Route) Done(q *Request) {
	o := q.Outcome
	var exemplar prometheus.Labels
	if o.Verdict != inspect.Pass || q.Took >= slow {
		exemplar = exemplarOf(q.ID)
	}
	incWith(r.requests[o.Verdict].of(func() prometheus.Counter { return r.all.requests.WithLabelValues(r.id, o.Verdict.String()) }), exemplar)
	if class := q.Status / 100; class >= 1 && class <= 5 {
		r.responses[class].inc(func() prometheus.Counter {
			return r.all.responses.WithLabelValues(r.id, strconv.Itoa(class)+"xx")
		})
	}
	c := o.Coverage
	r.coverages[c.Label][c.Reason].inc(func() prometheus.Counter {
		return r.all.coverage.WithLabelValues(r.id, c.Label.String(), c.Reason.String())
	})
	observeWith(r.duration.of(r.all.duration, r.id), q.Took.Seconds(), exemplar)
	r.coraza.done(o)
	r.spent(accessing, q.Access)
	r.spent(asking, q.Upstream)
	report := q.Report
	if report.Inspected() {
		r.inspection.observe(r.all.inspection, r.id, report.Took.Seconds())
	}
	r.bytes(Requests, unseen, q.In-q.Apart[Requests]-int64(report.Request.All+report.Request.Partly))
	r.bytes(Responses, unseen, q.Out-q.Apart[Responses]-int64(report.Response.All+report.Response.Partly))
}
