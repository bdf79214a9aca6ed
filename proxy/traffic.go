package proxy

import (
	"time"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/recent"
	"github.com/wafer-waf/wafer/waf"
)

// NewTimeline returns a time line that counts requests by the words of their outcomes.
func NewTimeline() *recent.Timeline { return recent.NewTimeline(trafficWords()) }

// trafficWords are the words that outcomes have.
func trafficWords() (w recent.Words) {
	for v := range inspect.Verdicts {
		w.Verdicts = append(w.Verdicts, v.String())
	}
	for l := range inspect.Labels {
		w.Coverage = append(w.Coverage, l.String())
	}
	for r := range inspect.Reasons {
		w.Missed = append(w.Missed, r.String())
	}
	for s := range waf.ScreenedResults {
		w.Screened = append(w.Screened, s.String())
	}
	return w
}

// traffic counts requests over time. The zero value counts nothing.
type traffic struct {
	line   *recent.Timeline
	astray *recent.Counters // of requests that no route matches
}

func newTraffic(line *recent.Timeline) traffic {
	if line == nil {
		return traffic{}
	}
	return traffic{line, line.Route("")}
}

// of returns the counters of a route; nil: nobody counts.
func (t traffic) of(route string) *recent.Counters {
	if t.line == nil {
		return nil
	}
	return t.line.Route(route)
}

// keep lets go of the counters of routes that another configuration has not.
func (t traffic) keep(c *config.Routes) {
	if t.line == nil {
		return
	}
	there := map[string]bool{}
	for i := range c.Routes {
		there[c.Routes[i].ID] = true
	}
	t.line.Keep(func(id string) bool { return there[id] })
}

// done counts a request that has ended.
func (x *exchange) done(report *inspect.Report, status int, took time.Duration) {
	counters, screened := x.proxy.traffic.astray, -1
	if x.route != nil {
		if counters = x.route.traffic; report.Inspected() {
			screened = int(report.Findings.Screened)
		}
	}
	if counters == nil {
		return
	}
	o := recent.Outcome{Verdict: int(x.outcome.Verdict), Coverage: int(x.outcome.Coverage.Label), Missed: -1, Screened: screened, Status: status}
	if c := x.outcome.Coverage; c.Label != inspect.Full && c.Reason != inspect.ReasonRedirect && !x.outcome.Stops() { // it went on to an application
		o.Missed, o.Unseen = int(c.Reason), c.Label == inspect.None
	}
	counters.Done(&o, took)
}

// refused counts a request that could not be read.
func (t traffic) refused(status int) {
	if t.astray != nil {
		t.astray.Done(&recent.Outcome{Verdict: int(inspect.Refused), Coverage: int(inspect.None), Missed: -1, Screened: -1, Status: status}, 0)
	}
}
