package soak

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// tally is what a flood got.
type tally struct {
	passed, blocked, overload atomic.Int64
	errors                    chan error
}

// flood sends expensive requests from many clients at once until end, half of them attacks,
// and checks each answer: 200 with its own nonce, 403 for attacks only, or 503 with
// Retry-After.
func flood(addr, host string, clients int, end <-chan struct{}, got *tally) *sync.WaitGroup {
	var wg sync.WaitGroup
	var nonces atomic.Int64
	filler := strings.Repeat(`{"name":"lorem ipsum","list":["dolor","sit","amet"]},`, 8)
	one := func(c *conn, attack bool) (closed bool, err error) {
		n := fmt.Sprintf("%s-%d", host, nonces.Add(1))
		text := "an apple"
		if attack {
			text = "1' OR '1'='1' -- "
		}
		body := `{"items":[` + filler + `{"text":"` + text + `"}]}`
		if err := c.send(request("POST", host, "/", n, body, "Content-Type: application/json")); err != nil {
			return false, err
		}
		a, err := c.answer("POST")
		switch {
		case err != nil:
		case a.StatusCode == 200:
			got.passed.Add(1)
			if a.Header.Get("X-Nonce") != n || !strings.HasPrefix(string(a.body), n+" POST ") {
				err = fmt.Errorf("answer to %s: %v %s", n, a.Header, a.body)
			}
		case a.StatusCode == 403 && attack:
			got.blocked.Add(1)
			err = a.page(n)
		case a.StatusCode == 503 && a.Header.Get("Retry-After") != "":
			got.overload.Add(1)
			err = a.page(n)
		default:
			err = fmt.Errorf("attack %v: status %d %v", attack, a.StatusCode, a.Header)
		}
		return a.Response == nil || a.Close, err
	}
	for i := range clients {
		wg.Go(func() {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			var c *conn
			for pause(end, tick.C) {
				var err error
				if c == nil {
					c, err = dial(addr)
				}
				closed := false
				if err == nil {
					closed, err = one(c, i%2 == 0)
				}
				if err != nil {
					got.errors <- err
					return
				}
				if closed {
					_ = c.Close()
					c = nil
				}
			}
			if c != nil {
				_ = c.Close()
			}
		})
	}
	return &wg
}

// TestOverload floods one route with more than the bulkhead takes. Other routes are served,
// what is too much gets 503, and nothing passes without inspection but where the policy
// says so. How much is too much is the machine's to say, so that it was is asked by make soak
// only; TestOverloaded in package proxy is without doubt. The race detector would make inspections
// so slow that little else was tested.
func TestOverload(t *testing.T) {
	const clients, times = 150, 100
	flooded, fair, open := newBackend(t), newBackend(t), newBackend(t)
	w := tier.Plain(t, tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: flooded, hosts: [flooded.test], upstreams: [{ id: flooded }] }
  - { id: fair, hosts: [a.test], upstreams: [{ id: fair }] }
  - { id: open, hosts: [open.test], policy: open, upstreams: [{ id: open }] }
upstreams:
  - { id: flooded, endpoints: ["%s"] }
  - { id: fair, endpoints: ["%s"] }
  - { id: open, endpoints: ["%s"] }
policies:
  - { id: open, on_overload: allow }
`, flooded.url(), fair.url(), open.url())), "--reload-interval", "0", "--log-access", "off", "--trusted-proxies", "127.0.0.1/32",
		"--limit-inspections", "2")
	under := func(host string, during func()) *tally {
		got := &tally{errors: make(chan error, clients)}
		end := make(chan struct{})
		wg := flood(w.Addr, host, clients, end, got)
		during()
		close(end)
		wg.Wait()
		close(got.errors)
		for err := range got.errors {
			t.Error(err)
		}
		tier.Eventually(t, "nothing in flight", func() bool { return w.Metric("wafer_requests_in_flight") == 0 })
		return got
	}

	got := under("flooded.test", func() {
		tier.Eventually(t, "the flood has begun", func() bool { return flooded.got.Load() > 0 })
		took := clean(t, w.Addr, 2, times) // fails if one is not answered with 200
		t.Logf("beside the flood, %d clean requests on another route: p50 %v, p99 %v", len(took), percentile(took, 0.5), percentile(took, 0.99))
	})
	t.Logf("flood: %d passed, %d blocked, %d refused", got.passed.Load(), got.blocked.Load(), got.overload.Load())
	want := func(what string, have, want int) {
		t.Helper()
		if have != want {
			t.Errorf("%s: %d, want %d", what, have, want)
		}
	}
	if soaking() && (got.overload.Load() == 0 || got.passed.Load() == 0 || got.blocked.Load() == 0) {
		t.Error("the flood has to be served in part and refused in part")
	}
	want("wafer_refused_total of overload", int(w.Metric(`wafer_refused_total{reason="overload"}`)), int(got.overload.Load()))
	want("uninspected", sum(w, "wafer_coverage_total", `route="flooded"`, `coverage="none"`, `reason="overload"`), int(got.overload.Load()))
	want("inspected whole and passed", sum(w, "wafer_requests_total", `route="flooded"`, `verdict="pass"`), int(got.passed.Load()))
	want("refused", sum(w, "wafer_requests_total", `route="flooded"`, `verdict="refused"`), int(got.overload.Load()))
	want("requests that reached the backend", int(flooded.got.Load()), int(got.passed.Load()))
	want("less than full on the other route", sum(w, "wafer_coverage_total", `route="fair"`)-sum(w, "wafer_coverage_total", `route="fair"`, `coverage="full"`), 0)

	got = under("open.test", func() {
		clean(t, w.Addr, 2, times)
		tier.Eventually(t, "the flood has begun", func() bool { return open.got.Load() > 0 })
	})
	t.Logf("flood with on_overload: allow: %d passed, %d blocked", got.passed.Load(), got.blocked.Load())
	want("503 with on_overload: allow", int(got.overload.Load()), 0)
	none := sum(w, "wafer_coverage_total", `route="open"`, `coverage="none"`, `reason="overload"`)
	if soaking() && none == 0 {
		t.Error("no request has the label none, overload")
	}
	full := sum(w, "wafer_coverage_total", `route="open"`, `coverage="full"`)
	t.Logf("coverage: %d full, %d none", full, none)
	want("requests that reached the backend", int(open.got.Load()), int(got.passed.Load()))
	want("all requests of the open route", sum(w, "wafer_coverage_total", `route="open"`), int(got.passed.Load()+got.blocked.Load()))
	if n := w.Metric("wafer_panics_total"); n != 0 {
		t.Errorf("%v panics", n)
	}
}
