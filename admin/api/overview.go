package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/admin/reply"
	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/recent"
)

const (
	overviewRules = 10
	overviewStep  = time.Minute
	rateOver      = time.Minute
)

// overview answers: is it working, and what is it stopping?
func (a *API) overview(w http.ResponseWriter, r *http.Request) {
	q, ok := a.ask(w, r, "since")
	if !ok {
		return
	}
	from, err := q.since(hour)
	if !q.fine(w, err) {
		return
	}
	if a.Line == nil || a.Store == nil {
		reply.Problem(w, http.StatusServiceUnavailable, "nothing is counted over time: recent.memory is 0", nil)
		return
	}
	if !q.tier {
		send(w, q.ownOverview(r.Context(), from))
		return
	}
	all, err := q.tierOverview(r.Context(), from)
	if err != nil {
		failed(w, err)
		return
	}
	send(w, all)
}

// ownOverview is what this pod knows.
func (q *question) ownOverview(ctx context.Context, from time.Time) *view.Overview {
	a := q.api
	all := q.own(spans{from: from, step: overviewStep, latency: true})
	out := &view.Overview{
		About: all.About, Started: a.Started.UTC(), Total: all.Total, Seconds: all.Seconds, Points: all.Points,
		Trouble: []view.Trouble{}, Routes: []view.RouteRow{}, Rules: []view.TopRow{},
	}
	last := q.own(spans{from: q.now.Add(-rateOver), step: recent.Step})
	out.Rate, out.Stopped = rates(last)
	if a.State.Routes != nil {
		out.Routes = joinRoutes(a.State.Routes(), all.Routes)
	}
	if a.State.Policies != nil {
		out.Policies = len(a.State.Policies())
	}
	if top, err := a.Store.Count(ctx, &recent.Filter{Kinds: []string{"security"}, Since: from}, "rule", overviewRules, a.bounds.findWithin/4); err != nil {
		out.About.Warnings = append(out.About.Warnings, "which rules have matched is not known: "+sentence(err))
	} else {
		for _, row := range top.Rows {
			out.Rules = append(out.Rules, view.TopRow{Value: row.Value, Message: row.Message, Count: row.Count, Blocked: row.Blocked, First: row.First, Last: row.Last})
		}
	}
	if a.State.Trouble != nil {
		out.Trouble = append(out.Trouble, a.State.Trouble()...)
	}
	out.Trouble = append(out.Trouble, dropTrouble(&out.About)...)
	out.Pods = []view.PodRow{q.ownRow(all)}
	if out.Pods[0].NotReady != "" {
		out.Trouble = append(out.Trouble, view.Trouble{What: "pod", Level: "warning", About: "not ready: " + out.Pods[0].NotReady})
	}
	for i := range out.Trouble {
		out.Trouble[i].Pod = a.Pod
	}
	out.Healthy = len(out.Trouble) == 0
	return out
}

// rates are requests per second, and those that rules stopped.
func rates(last *view.Traffic) (all, stopped float64) {
	seconds := last.About.Window.To.Sub(last.About.Window.From).Seconds()
	if seconds < 1 {
		seconds = 1
	}
	for verdict, n := range last.Total.Verdicts {
		if recent.Stopped(verdict) {
			stopped += float64(n) / seconds
		}
	}
	return float64(last.Total.Requests) / seconds, stopped
}

// dropTrouble tells of events that were lost.
func dropTrouble(about *view.About) (all []view.Trouble) {
	add := func(n uint64, why string) {
		if n > 0 {
			all = append(all, view.Trouble{What: "dropped", Level: "warning", About: fmt.Sprintf("%d events %s", n, why)})
		}
	}
	add(about.Dropped.Output, "were not taken by standard output")
	add(about.Dropped.Recent, "were too large to be kept here")
	return all
}

// ownRow is this pod among all.
func (q *question) ownRow(all *view.Traffic) view.PodRow {
	a, s := q.api, q.api.State
	row := view.PodRow{Pod: a.Pod, Version: a.Version, Started: a.Started.UTC(), Ready: true, Requests: all.Total.Requests}
	if s.Ready != nil {
		if err := s.Ready(); err != nil {
			row.Ready, row.NotReady = false, err.Error()
		}
	}
	if s.Generations != nil {
		if g := s.Generations(); g != nil {
			row.Generation, row.Digest = g.Current, g.Digest
		}
	}
	if s.InFlight != nil {
		row.InFlight = s.InFlight()
	}
	if s.Memory != nil {
		row.Memory = s.Memory()
	}
	for _, k := range all.About.Kept {
		row.Kept += k.Bytes
	}
	return row
}

// joinRoutes adds to routes what happened on them. Requests that no route matched have a row of their own, the last.
func joinRoutes(rows []view.RouteRow, lines []view.RouteLine) []view.RouteRow {
	counted := map[string]view.Counts{}
	for _, l := range lines {
		counted[l.Route] = l.Counts
	}
	for i := range rows {
		rows[i].Counts = counted[rows[i].ID]
		shares(&rows[i])
	}
	if astray := counted[""]; astray.Requests > 0 {
		row := view.RouteRow{Health: "none", Counts: astray}
		shares(&row)
		rows = append(rows, row)
	}
	return rows
}

// shares reckons what part of requests was proved clean and inspected.
func shares(r *view.RouteRow) {
	r.Clean, r.Inspected = 0, 0
	if asked := r.Screened["clean"] + r.Screened["inspect"]; asked > 0 {
		r.Clean = float64(r.Screened["clean"]) / float64(asked)
	}
	if r.Requests > 0 {
		r.Inspected = float64(r.Coverage["full"]) / float64(r.Requests)
	}
}

// podTrouble is as much trouble as one pod can make.
const podTrouble = 100

// tierOverview joins what all pods know.
func (q *question) tierOverview(ctx context.Context, from time.Time) (*view.Overview, error) {
	query := url.Values{"since": {from.UTC().Format(time.RFC3339Nano)}}
	all, about, err := askTier(ctx, q, "/api/v1/overview", same(query), func(o *view.Overview) *view.About { return &o.About },
		func(string) (*view.Overview, error) { return q.ownOverview(ctx, from), nil }, nil)
	if err != nil {
		return nil, err
	}
	sum := &view.Overview{About: about, Trouble: []view.Trouble{}, Routes: []view.RouteRow{}, Rules: []view.TopRow{}, Pods: []view.PodRow{}, Points: []view.Point{}}
	traffic := &view.Traffic{}
	for _, one := range all {
		o := one.value
		addTraffic(traffic, &view.Traffic{Total: o.Total, Points: o.Points})
		sum.Seconds, sum.Policies = max(sum.Seconds, o.Seconds), max(sum.Policies, o.Policies)
		sum.Rate, sum.Stopped = sum.Rate+o.Rate, sum.Stopped+o.Stopped
		if o.Started.After(sum.Started) {
			sum.Started = o.Started
		}
		name := printable(o.About.Pod) // a pod tells of itself and of no other
		for _, trouble := range o.Trouble[:min(len(o.Trouble), podTrouble)] {
			trouble.Pod, trouble.About = name, toldBy(trouble.About)
			sum.Trouble = append(sum.Trouble, trouble)
		}
		for _, row := range o.Pods[:min(len(o.Pods), 1)] {
			row.Pod = name
			sum.Pods = append(sum.Pods, row)
		}
		sum.Routes = addRoutes(sum.Routes, o.Routes)
		sum.Rules = addRows(sum.Rules, o.Rules)
	}
	sum.Total, sum.Points = traffic.Total, traffic.Points
	slices.SortFunc(sum.Points, func(a, b view.Point) int { return a.Time.Compare(b.Time) })
	finish(&sum.Total)
	for i := range sum.Points {
		finish(&sum.Points[i].Counts)
	}
	for i := range sum.Routes {
		finish(&sum.Routes[i].Counts)
		shares(&sum.Routes[i])
	}
	sum.Rules = sum.Rules[:min(len(sum.Rules), overviewRules)]
	for _, pod := range about.Pods {
		if !pod.Answered {
			sum.Trouble = append(sum.Trouble, view.Trouble{Pod: pod.Address, What: "pod", Level: "error", About: pod.Address + " does not answer: " + pod.Error})
		}
	}
	if differ(sum.Pods) {
		sum.Trouble = append(sum.Trouble, view.Trouble{What: "disagree", Level: "warning", About: "pods serve different configurations: see generations"})
	}
	sum.Healthy = len(sum.Trouble) == 0
	return sum, nil
}

// addRoutes adds the routes of a pod.
func addRoutes(sum, more []view.RouteRow) []view.RouteRow {
	places := placesOf(sum, func(r *view.RouteRow) string { return r.ID })
	for i := range more {
		one := &more[i]
		at, known := places[one.ID]
		if !known {
			places[one.ID] = len(sum)
			sum = append(sum, *one)
			continue
		}
		r := &sum[at]
		addCounts(&r.Counts, &one.Counts)
		r.InFlight += one.InFlight
		if worse(one.Health, r.Health) { // as the pod sees it that sees least
			r.Health, r.Up, r.Endpoints = one.Health, one.Up, one.Endpoints
		}
	}
	return sum
}

// worse orders words of health.
func worse(a, b string) bool {
	order := []string{"none", "up", "degraded", "down"}
	return slices.Index(order, a) > slices.Index(order, b)
}

// addRows adds values that were counted, the most frequent first.
func addRows(sum, more []view.TopRow) []view.TopRow {
	places := placesOf(sum, func(r *view.TopRow) string { return r.Value })
	for _, row := range more {
		at, known := places[row.Value]
		if !known {
			places[row.Value] = len(sum)
			sum = append(sum, row)
			continue
		}
		r := &sum[at]
		r.Count, r.Blocked = r.Count+row.Count, r.Blocked+row.Blocked
		r.First, r.Last = min(r.First, row.First), max(r.Last, row.Last)
	}
	slices.SortStableFunc(sum, func(a, b view.TopRow) int { return b.Count - a.Count })
	return sum
}

// differ marks pods that serve another configuration than most, and reports whether there are any.
func differ(pods []view.PodRow) bool {
	count := map[string]int{}
	for _, p := range pods {
		count[p.Digest]++
	}
	most := ""
	for digest, n := range count {
		if n > count[most] || n == count[most] && strings.Compare(digest, most) < 0 {
			most = digest
		}
	}
	found := false
	for i := range pods {
		pods[i].Differs = pods[i].Digest != most
		found = found || pods[i].Differs
	}
	return found
}
