package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/admin/view"
)

// overviewLooker takes pictures of a whole tier, of its last minute, as the pod that is asked puts them together.
type overviewLooker struct {
	ask    *adminClient
	client *http.Client
}

// mostOverview bounds an answer: one of a pod may have 8 MiB, and routes of all pods are put together in it.
const mostOverview = 32 << 20

func (l *overviewLooker) look(ctx context.Context) (*topFrame, error) {
	r, err := l.ask.request(ctx, http.MethodGet, "/api/v1/overview", url.Values{"scope": {view.ScopeTier}, "since": {"1m"}})
	if err != nil {
		return nil, err
	}
	var o view.Overview
	_, err = l.ask.answer(r, l.client, mostOverview, &o, func() bool { return !o.About.Time.IsZero() })
	if refused := (*adminError)(nil); errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return nil, errNoPicture
	}
	if err != nil {
		return nil, err
	}
	return overviewFrame(&o, r.URL.Host), nil
}

// overviewFrame makes a picture of an overview.
func overviewFrame(o *view.Overview, host string) *topFrame {
	seconds := 60.0
	if w := o.About.Window; !w.From.IsZero() && w.To.After(w.From) {
		seconds = w.To.Sub(w.From).Seconds()
	}
	f := &topFrame{
		Time: o.About.Time, Tier: host, Version: o.About.Version, Seconds: seconds,
		Rate: float64(o.Total.Requests) / seconds, Verdicts: perSecond(o.Total.Verdicts, seconds), Coverage: perSecond(o.Total.Coverage, seconds),
		P50: o.Total.P50, P99: o.Total.P99,
	}
	screened := perSecond(o.Total.Screened, seconds)
	f.Clean = share(screened["clean"], screened)
	for _, t := range o.Trouble {
		text := t.About
		if t.Pod != "" && !strings.HasPrefix(text, t.Pod) { // it may say itself which
			text = t.Pod + ": " + text
		}
		f.Trouble = append(f.Trouble, text)
	}
	for i := range o.Routes {
		f.Routes = append(f.Routes, overviewRoute(&o.Routes[i], seconds))
		for reason, n := range o.Routes[i].Missed {
			f.Missed = append(f.Missed, topMissed{Reason: reason, Route: o.Routes[i].ID, Rate: float64(n) / seconds, Total: float64(n)})
		}
	}
	f.Missed = sortedMissed(f.Missed)
	slices.SortFunc(f.Routes, func(x, y topRoute) int { return cmp.Or(cmp.Compare(y.Rate, x.Rate), cmp.Compare(x.ID, y.ID)) })
	for _, r := range o.Rules {
		f.Rules = append(f.Rules, topRule{ID: r.Value, Message: r.Message, Rate: float64(r.Count) / seconds, Total: float64(r.Count)})
	}
	for i := range o.Pods {
		p := &o.Pods[i]
		f.Generation = max(f.Generation, int(p.Generation))
		f.InFlight += int(p.InFlight)
		f.Memory += float64(p.Memory)
		f.Pods = append(f.Pods, topPod{ID: p.Pod, Version: p.Version, State: podState(p), InFlight: int(p.InFlight), Memory: float64(p.Memory)})
	}
	for _, p := range o.About.Pods {
		if !p.Answered {
			f.Pods = append(f.Pods, topPod{ID: cmp.Or(p.Pod, p.Address), State: "no answer: " + p.Error})
		}
	}
	return f
}

func podState(p *view.PodRow) string {
	switch {
	case !p.Ready:
		return "not ready: " + p.NotReady
	case p.Differs:
		return "serves another configuration"
	}
	return podReady
}

func overviewRoute(r *view.RouteRow, seconds float64) topRoute {
	v := perSecond(r.Verdicts, seconds)
	screened := map[string]float64{}
	for result, n := range r.Screened {
		screened[result] = float64(n)
	}
	return topRoute{
		ID: r.ID, Rate: float64(r.Requests) / seconds, Block: v["block"] + v["redirect"] + v["drop"], Would: v["would_block"],
		Refused: v["refused"] + v["error_deny"] + v["error_allow"], Errors: perSecond(r.Statuses, seconds)["5xx"],
		P50: r.P50, P99: r.P99, Clean: share(screened["clean"], screened),
	}
}

func perSecond(counts map[string]uint64, seconds float64) map[string]float64 {
	out := map[string]float64{}
	for word, n := range counts {
		out[word] = float64(n) / seconds
	}
	return out
}
