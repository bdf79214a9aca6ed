package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/wafer-waf/wafer/admin/reply"
	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/recent"
)

// hour is how far back traffic is counted.
const hour = recent.Step * recent.Steps

// traffic answers with requests over time.
func (a *API) traffic(w http.ResponseWriter, r *http.Request) {
	q, ok := a.ask(w, r, "route", "since", "step", "latency")
	if !ok {
		return
	}
	if a.Line == nil {
		reply.Problem(w, http.StatusServiceUnavailable, "nothing is counted over time: recent.memory is 0", nil)
		return
	}
	ask, err := q.spans()
	if !q.fine(w, err) {
		return
	}
	all, err := q.trafficOf(r.Context(), ask)
	if err != nil {
		failed(w, err)
		return
	}
	send(w, all)
}

// spans is what of a time line is asked for.
type spans struct {
	from    time.Time
	step    time.Duration
	route   *string // nil: all
	latency bool
}

func (q *question) spans() (s spans, err error) {
	from, sinceErr := q.since(hour)
	if oldest := q.now.Add(-hour); from.Before(oldest) {
		from = oldest
	}
	s = spans{from: from, latency: q.query.Get("latency") == "true"}
	if q.query.Has("route") {
		route := q.query.Get("route")
		s.route = &route
	}
	var stepErr error
	if text := q.query.Get("step"); text != "" {
		if s.step, stepErr = time.ParseDuration(text); stepErr != nil || s.step < recent.Step || s.step > hour || s.step%recent.Step != 0 {
			stepErr = fmt.Errorf("step: %.40q is not a multiple of %s up to %s", text, recent.Step, hour)
		}
	} else { // about sixty points
		s.step = max(q.now.Sub(from)/60, recent.Step).Round(recent.Step)
	}
	return s, errors.Join(sinceErr, stepErr)
}

// trafficOf is the traffic of this pod, or of all.
func (q *question) trafficOf(ctx context.Context, ask spans) (*view.Traffic, error) {
	if q.tier {
		return q.tierTraffic(ctx, ask)
	}
	return q.own(ask), nil
}

// own is the traffic of this pod.
func (q *question) own(ask spans) *view.Traffic {
	line := q.api.Line
	got := line.Read(ask.from, ask.step, ask.route)
	out := &view.Traffic{About: q.about(), Seconds: int(ask.step / time.Second), Points: []view.Point{}, Routes: []view.RouteLine{}}
	if ask.route != nil {
		out.Route = *ask.route
	}
	for _, p := range got.Points {
		out.Points = append(out.Points, view.Point{Time: p.Time, Counts: counts(line, p.Counts)})
	}
	out.Total, out.RoutesFrom = counts(line, got.Total), got.RoutesFrom
	for _, r := range got.Routes {
		one := view.RouteLine{Route: r.Route, Counts: counts(line, r.Counts), Line: []uint64{}, Blocked: []uint64{}}
		for _, n := range r.Line {
			one.Line, one.Blocked = append(one.Line, n[0]), append(one.Blocked, n[1])
		}
		out.Routes = append(out.Routes, one)
	}
	if len(got.Points) > 0 {
		out.About.Window.From = got.Points[0].Time
	}
	if started := q.api.Started.UTC(); started.After(out.About.Window.From) {
		out.About.Window.From = started
	}
	if !ask.latency {
		dropLatency(out)
	}
	return out
}

// counts puts a count in words.
func counts(line *recent.Timeline, of []uint64) view.Counts {
	told := line.Tell(of)
	c := view.Counts{
		Requests: told.Requests, Verdicts: told.Verdicts, Coverage: told.Coverage, Missed: told.Missed, Unseen: told.Unseen,
		Statuses: told.Statuses, Screened: told.Screened, Latency: told.Latency,
	}
	quantiles(&c)
	return c
}

// quantiles reckons how long requests took.
func quantiles(c *view.Counts) {
	if c.Requests == 0 {
		c.Latency = nil
		return
	}
	of := func(share float64) float64 { return math.Round(recent.Quantile(c.Latency, share)*100) / 100 }
	c.P50, c.P95, c.P99 = of(0.5), of(0.95), of(0.99)
}

// dropLatency leaves out what only who adds up wants.
func dropLatency(t *view.Traffic) {
	t.Total.Latency = nil
	for i := range t.Points {
		t.Points[i].Latency = nil
	}
	for i := range t.Routes {
		t.Routes[i].Latency = nil
	}
}
