package proxy

import (
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/wafer-waf/wafer/config"
)

// TestOverloaded takes every place of the bulkhead away. What the screen proves clean is served
// nevertheless; what the rules have to see gets 503, or passes without them where the policy says so.
func TestOverloaded(t *testing.T) {
	c, err := config.ParseRoutes("overload", fmt.Appendf(nil, `
routes:
  - { id: shut, hosts: [shut.test], upstreams: [{ id: b }] }
  - { id: open, hosts: [open.test], policy: open, upstreams: [{ id: b }] }
upstreams: [{ id: b, endpoints: ["http://%s"] }]
policies: [{ id: open, on_overload: allow }]
`, benchBackend(t, "\r\n\r\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, addr := benchProxy(t, c)
	p.bulkhead = newBulkhead(1, 0, inspectionWait)
	const clean, attack = "/?q=apples", "/?q=1%27%20OR%20%271%27=%271%27--%20-"
	f := func(when, host, target string, want int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Accept", "*/*")
		r.Header.Set("User-Agent", "Mozilla/5.0")
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want || (want == 503) != (resp.Header.Get("Retry-After") != "") {
			t.Errorf("%s: %s%s: status %d %v, want %d", when, host, target, resp.StatusCode, resp.Header, want)
		}
	}
	var other lane
	if !p.bulkhead.enter(&other, who{}) {
		t.Fatal("no place")
	}
	for range 3 {
		f("no place", "shut.test", attack, 503)
		f("no place", "open.test", attack, 200)
		f("no place", "shut.test", clean, 200)
		f("no place", "open.test", clean, 200)
	}
	p.bulkhead.leave(&other, netip.Prefix{})
	f("a place", "shut.test", attack, 403)
	f("a place", "open.test", attack, 403)

	// An exchange is counted when it has ended, a moment after its response.
	var wrong []string
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); runtime.Gosched() {
		wrong = wrong[:0]
		counted := counters(t, p)
		for series, want := range map[string]float64{
			"refused_total overload":            3,
			"coverage_total none overload shut": 3,
			"coverage_total none overload open": 3,
			"requests_total shut refused":       3,
			"requests_total open pass":          6,
			"requests_total shut block":         1,
			"coverage_total full  shut":         4,
			"coverage_total full  open":         4,
		} {
			if counted[series] != want {
				wrong = append(wrong, fmt.Sprintf("%s: %v, want %v", series, counted[series], want))
			}
		}
		if len(wrong) == 0 {
			return
		}
	}
	t.Errorf("%q", wrong)
}

// counters are the counters of a proxy, by name and labels.
func counters(t *testing.T, p *Proxy) map[string]float64 {
	t.Helper()
	families, err := p.metrics.Registry.(prometheus.Gatherer).Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			key := strings.TrimPrefix(family.GetName(), "wafer_")
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			found[key] = m.GetCounter().GetValue()
		}
	}
	return found
}
