package metrics

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/waf"
)

// labeled returns the series that have a label with that value.
func labeled(t *testing.T, r *prometheus.Registry, value string) (names []string) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetValue() == value {
					names = append(names, f.GetName())
				}
			}
		}
	}
	return names
}

// What is gone leaves no series behind, and what is there again begins anew.
func TestForget(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := New(registry, "", "", "")
	for range 2 {
		for _, id := range []string{"gone", "stays"} {
			r := m.Route(id, id)
			r.Done(finished(&inspect.Report{Took: 1}))
			r.Message(inspect.Block)
			r.Inspected(&inspect.Report{Took: 1, Findings: waf.Findings{Screened: waf.ScreenClean}})
			r.ruleMatched(942100, nil)
			m.UpstreamFailed(id, "timeout")
			m.UpstreamRetried(id, "connect")
			m.UpstreamRetriedOver(id, "answered")
			m.Ejected(id, "timeout")
			m.Spared(id)
			r.Untaken()
			m.Disagreed(id)
		}
		const series = 20 // 9 counters, two of them of two kinds, and 3 histograms of a route, 5 of an upstream, 2 of a policy, 1 a gauge
		if got := labeled(t, registry, "gone"); len(got) != series {
			t.Errorf("%d series: %v", len(got), got)
		}
		m.InForce(&Configuration{})
		m.Forget(Gone{Routes: []string{"gone"}, Upstreams: []string{"gone"}, Policies: []string{"gone"}})
		if got := labeled(t, registry, "gone"); len(got) > 0 {
			t.Errorf("left: %s", strings.Join(got, ", "))
		}
		if got := labeled(t, registry, "stays"); len(got) != series-1 { // the gauge is of the configuration
			t.Errorf("stays: %v", got)
		}
	}
}

// The series of a rule end with it, while its policy stays.
func TestForgetRules(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := New(registry, "", "", "")
	for range 2 {
		a := m.Access("shop")
		a.Decided("gone", "access_denied", false)
		a.Decided("gone", "access_denied", true)
		a.Decided("stays", "access_denied", false)
		a.Passed("default", "pass")
		m.Forget(Gone{Rules: []AccessRule{{"shop", "gone"}, {"other", "stays"}}})
		if got := labeled(t, registry, "gone"); len(got) > 0 {
			t.Errorf("left: %v", got)
		}
		if got := labeled(t, registry, "shop"); len(got) != 2 {
			t.Errorf("the policy has %v", got)
		}
	}
}

// An alert looks for an increase, so the counter of a policy is there before it counts.
func TestDisagreementsBeginAtZero(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := New(registry, "", "", "")
	m.InForce(&Configuration{Policies: []Policy{{ID: "shop", Screen: true}, {ID: "unread", Off: true}}})
	const name = "wafer_screen_disagreements_total"
	if got := labeled(t, registry, "shop"); !slices.Contains(got, name) {
		t.Errorf("no %s among %v", name, got)
	}
	if got := labeled(t, registry, "unread"); slices.Contains(got, name) {
		t.Errorf("%s of a policy that inspects nothing", name)
	}
}

// TestUpstreamsAreAsWhenAsked: what instruments say of upstreams is what is at the moment.
func TestUpstreamsAreAsWhenAsked(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := New(registry, "", "", "")
	now := []Upstream{{ID: "shop", Endpoints: map[string]int{"up": 2, "ejected": 1, "down": 0}, InFlight: 7, Queues: true, Waiting: 3, Sources: 2, Silent: 1, Panics: true}}
	m.WatchUpstreams(func() []Upstream { return now })
	want := []string{
		"wafer_upstream_connections", "wafer_upstream_endpoints", "wafer_upstream_endpoints", "wafer_upstream_endpoints", "wafer_upstream_panic",
		"wafer_upstream_queue", "wafer_upstream_requests_in_flight",
		"wafer_upstream_sources_failing",
	}
	if got := labeled(t, registry, "shop"); !slices.Equal(got, want) {
		t.Errorf("series %v", got)
	}
	now[0].Queues, now[0].Sources = false, 0
	if got := labeled(t, registry, "shop"); len(got) != len(want)-2 {
		t.Errorf("without a queue and sources: %v", got)
	}
	now = nil
	if got := labeled(t, registry, "shop"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

// Words that come again count in the same series.
// What waits in a sink is told as it is when somebody asks: an attempt may hang meanwhile.
func TestQueuesAreAsWhenAsked(t *testing.T) {
	registry := NewRegistry()
	all := NewSinks(registry)
	waiting := map[string]int64{}
	for _, id := range []string{"siem", "archive"} {
		all.Sink(id, 1000).Waits(func() int64 { return waiting[id] })
	}
	NewTraces(registry, 512).Waits(func() int64 { return waiting["spans"] })
	waiting["siem"], waiting["spans"] = 700, 7
	want := []string{`wafer_sink_queue_bytes{sink="archive"} 0`, `wafer_sink_queue_bytes{sink="siem"} 700`, `wafer_trace_queue_spans 7`}
	if got := linesOf(scrape(t, registry, nil), "wafer_sink_queue_bytes", "wafer_trace_queue_spans"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestWords(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := New(registry, "", "", "")
	for range 3 {
		m.Refused("no_route")
		m.Route("shop", "").ruleMatched(942100, nil)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if name := f.GetName(); name == "wafer_refused_total" || name == "wafer_rule_matches_total" {
			if got := f.GetMetric(); len(got) != 1 || got[0].GetCounter().GetValue() != 3 {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
}

// However many rules match on however many routes, their series are bounded, and nothing goes uncounted.
func TestRuleSeriesAreBounded(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := New(registry, "", "", "")
	const routes, rules = 100, 60
	for route := range routes {
		r := m.Route(strconv.Itoa(route), "")
		for rule := range rules {
			r.ruleMatched(1+rule, nil)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "wafer_rule_matches_total" {
			continue
		}
		sum := 0.0
		for _, one := range f.GetMetric() {
			sum += one.GetCounter().GetValue()
		}
		if n := len(f.GetMetric()); n < ruleSeries || n > ruleSeries+routes || sum != routes*rules {
			t.Errorf("%d series of %v matches", n, sum)
		}
	}
}

// A thousand routes that nobody asks cost no series.
func TestIdleRoutesCostNothing(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := New(registry, "", "", "")
	m.Route("idle", "")
	if got := labeled(t, registry, "idle"); len(got) > 0 {
		t.Errorf("series of a route without requests: %v", got)
	}
}
