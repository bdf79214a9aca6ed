package metrics

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/waf"
)

// finished is an ordinary request.
func finished(report *inspect.Report) *Request {
	return &Request{
		ID: "0197f2c4-8a51-7c3e-9d5b-0b8e3f6a2d11", Outcome: &inspect.Outcome{}, Status: http.StatusOK, Report: report,
		Took: 3 * time.Millisecond, Upstream: 2 * time.Millisecond, Out: 1000,
	}
}

// scrape asks for all metrics as a Prometheus does that wants exemplars.
func scrape(t testing.TB, registry *Registry, fields map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	for name, value := range fields {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	registry.ServeHTTP(w, r, func(err error) { t.Error(err) })
	return w
}

var openMetrics = map[string]string{"Accept": "application/openmetrics-text; version=1.0.0"}

// linesOf are the lines of a scrape that begin with a name.
func linesOf(w *httptest.ResponseRecorder, names ...string) (lines []string) {
	for line := range strings.Lines(w.Body.String()) {
		if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(line, name) }) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// What a request that the rules have seen counts: the time of each stage, bytes by whether they were looked at, its score.
func TestRequestCounts(t *testing.T) {
	registry := NewRegistry()
	r := New(registry, "", "", "").Route("shop", "")
	report := &inspect.Report{
		Took: 16 * time.Second, Waited: 2 * time.Second,
		Findings: waf.Findings{Screened: waf.ScreenInspect, InboundScore: 8, Phases: waf.Phases{4 * time.Second, 8 * time.Second, 0, 0, time.Second}},
		Request:  inspect.Looked{All: 300}, Response: inspect.Looked{Partly: 500},
	}
	r.Inspected(report)
	q := finished(report)
	q.Access, q.Upstream, q.In, q.Out, q.Apart = 32*time.Second, 64*time.Second, 1000, 500, [Directions]int64{100, 0}
	r.Done(q)
	want := []string{
		`wafer_body_bytes_total{direction="request",inspected="no",route="shop"} 600`,
		`wafer_body_bytes_total{direction="request",inspected="yes",route="shop"} 300`,
		`wafer_body_bytes_total{direction="response",inspected="partly",route="shop"} 500`,
		`wafer_route_stage_seconds_total{route="shop",stage="access"} 32`,
		`wafer_route_stage_seconds_total{route="shop",stage="phase_1"} 4`,
		`wafer_route_stage_seconds_total{route="shop",stage="phase_2"} 8`,
		`wafer_route_stage_seconds_total{route="shop",stage="phase_5"} 1`,
		`wafer_route_stage_seconds_total{route="shop",stage="queue"} 2`,
		`wafer_route_stage_seconds_total{route="shop",stage="screen"} 4`,
		`wafer_route_stage_seconds_total{route="shop",stage="upstream"} 64`,
	}
	w := scrape(t, registry, nil)
	if got := slices.Sorted(slices.Values(linesOf(w, "wafer_body_bytes_total", "wafer_route_stage"))); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	for _, line := range []string{
		`wafer_anomaly_score_bucket{route="shop",le="5"} 0`, `wafer_anomaly_score_bucket{route="shop",le="10"} 1`,
		`wafer_stage_duration_seconds_count{stage="phase_2"} 1`, `wafer_stage_duration_seconds_sum{stage="phase_2"} 8`,
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

// Requests that do not pass have exemplars, as have the rules that they match, and slow ones; the others have none.
func TestExemplars(t *testing.T) {
	registry := NewRegistry()
	r := New(registry, "", "", "").Route("shop", "")
	r.Done(finished(&inspect.Report{}))
	if got := linesOf(scrape(t, registry, openMetrics), "wafer_re"); slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, "request_id") }) {
		t.Errorf("a request that passes has an exemplar: %q", got)
	}
	for id, change := range map[string]func(*Request){
		"blocked":                  func(q *Request) { q.Outcome.Verdict = inspect.Block },
		"slow":                     func(q *Request) { q.Took = 7 * time.Second },
		strings.Repeat("long", 40): func(q *Request) { q.Outcome.Verdict = inspect.Refused },
	} {
		q := finished(&inspect.Report{})
		q.ID = id
		change(q)
		r.Done(q)
	}
	r.ruleMatched(942100, exemplarOf("matched"))
	told := strings.Join(linesOf(scrape(t, registry, openMetrics), "wafer_re", "wafer_rule"), "\n")
	for _, want := range []string{
		`wafer_requests_total{route="shop",verdict="block"} 1.0 # {request_id="blocked"} 1.0`,
		`wafer_request_duration_seconds_bucket{route="shop",le="10.0"} 4 # {request_id="slow"} 7.0`,
		`wafer_rule_matches_total{route="shop",rule_id="942100"} 1.0 # {request_id="matched"} 1.0`,
		`wafer_requests_total{route="shop",verdict="refused"} 1.0`,
	} {
		if !strings.Contains(told, want) {
			t.Errorf("no %s in\n%s", want, told)
		}
	}
	if strings.Contains(told, "longlong") {
		t.Error("an id that is too long became an exemplar")
	}
}

// A request that passes allocates nothing here.
func TestCleanRequestAllocatesNothing(t *testing.T) {
	r := New(prometheus.NewRegistry(), "", "", "").Route("shop", "")
	clean := &inspect.Report{Took: time.Millisecond, Findings: waf.Findings{Screened: waf.ScreenClean}, Request: inspect.Looked{All: 10}}
	q := finished(clean)
	q.In, q.Access = 10, time.Millisecond
	count := func() {
		r.Inspected(clean)
		r.Done(q)
	}
	count()
	if n := testing.AllocsPerRun(100, count); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCleanRequest(b *testing.B) {
	r := New(prometheus.NewRegistry(), "", "", "").Route("shop", "")
	clean := &inspect.Report{Took: time.Millisecond, Findings: waf.Findings{Screened: waf.ScreenClean}}
	q := finished(clean)
	for b.Loop() {
		r.Inspected(clean)
		r.Done(q)
	}
}

// busyRoutes are the metrics of a tier whose routes have all seen a bit of everything.
func busyRoutes(n int) (*Registry, *Metrics) {
	registry := NewRegistry()
	m := New(registry, "", "", "")
	attack := inspect.Report{Took: time.Millisecond, Waited: 1, Findings: waf.Findings{InboundScore: 8, Screened: waf.ScreenInspect, Phases: waf.Phases{1, 1, 1, 1, 1}}}
	for i := range n {
		r := m.Route(fmt.Sprintf("team-%03d-application", i), "")
		for _, status := range []int{200, 304, 404, 502} {
			r.Inspected(&attack)
			q := finished(&attack)
			q.Status, q.In = status, 100
			r.Done(q)
			q.Outcome = &inspect.Outcome{Verdict: inspect.Block, Coverage: inspect.Coverage{Label: inspect.Headers, Reason: inspect.ReasonBlocked}}
			r.Done(q)
		}
		r.Inspected(&inspect.Report{Took: 1, Findings: waf.Findings{Screened: waf.ScreenClean}, Request: inspect.Looked{All: 1}, Response: inspect.Looked{All: 1}})
		for rule := range 5 {
			r.ruleMatched(942100+rule, exemplarOf("0197f2c4-8a51-7c3e-9d5b-0b8e3f6a2d11"))
		}
	}
	return registry, m
}

// BenchmarkScrape is a scrape of a thousand busy routes, in the ways in which it may be asked for.
func BenchmarkScrape(b *testing.B) {
	registry, _ := busyRoutes(1000)
	registry.gathering.atOnce = time.Hour
	zipped := maps.Clone(openMetrics)
	zipped["Accept-Encoding"] = "gzip"
	for name, fields := range map[string]map[string]string{"text": nil, "openmetrics": openMetrics, "gzip": zipped} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w := scrape(b, registry, fields)
				b.ReportMetric(float64(w.Body.Len()), "bytes")
			}
		})
	}
}
