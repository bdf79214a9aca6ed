package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

const limitsFile = `
routes:
  - { id: shop, hosts: [shop.test], access: shop, upstreams: [{ id: a }] }
  - { id: other, hosts: [other.test], access: shop, upstreams: [{ id: a }] }
  - { id: plain, hosts: [plain.test], access: plain, websocket: allow, upstreams: [{ id: a }] }
  - { id: slow, hosts: [slow.test], access: slow, upstreams: [{ id: a }] }
  - { id: slower, hosts: [slower.test], access: slower, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["%s"] }
access:
  - id: shop
    rules:
      - { id: office, when: { headers: [{ name: X-Office, present: true }] }, then: always_allow }
    limits:
      - id: logins
        when: { paths: [{ exact: /login }] }
        rate: 3/h
        on_statuses: [401]
      - id: by-key
        when: { paths: [{ prefix: /api }] }
        rate: 2/h
        key: [{ header: X-Api-Key }]
        missing: deny
        fields: always
        legacy_fields: true
      - { id: seen, when: { paths: [{ exact: /seen }] }, rate: 1/h, mode: observe }
      - { id: users, when: { paths: [{ prefix: /users }] }, rate: 2/h, key: [client, { paths: ["/users/{id}"] }], missing: skip }
      - { id: downloads, when: { paths: [{ exact: /file }] }, rate: 100KiB/h, cost: response_bytes }
      - { id: each-route, when: { paths: [{ exact: /routes }] }, rate: 1/h, key: [client, route] }
      - { id: all-routes, when: { paths: [{ exact: /all }] }, rate: 1/h }
  - id: plain
    limits: [{ id: few, rate: 2/h, burst: 4 }]
  - id: slow
    limits: [{ id: turns, rate: 10/s, burst: 1, mode: throttle, max_delay: 1m }]
  - id: slower
    limits: [{ id: turns, rate: 1/m, burst: 1, mode: throttle, max_delay: 1m, waiters: 1 }]
`

// limited starts a tier with limits, in front of something that answers by the path.
func limited(t *testing.T) (w *tier.Tier, file string, backend *echo) {
	t.Helper()
	backend = newEcho(t, func(r *http.Request, _ string) string {
		status, body := "200 OK", "x"
		switch r.URL.Path {
		case "/login":
			if r.URL.RawQuery != "good" {
				status = "401 Unauthorized"
			}
		case "/file":
			body = strings.Repeat("x", 60<<10)
		}
		return "HTTP/1.1 " + status + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	})
	file = tier.RouteFile(t, fmt.Sprintf(limitsFile, backend.url())+off)
	return tier.Start(t, file, "--trusted-proxies", "127.0.0.1/32"), file, backend
}

// forwarded are the fields of a client that a trusted proxy names.
func forwarded(client string, more ...string) []string {
	return append(more, "X-Forwarded-For: "+client)
}

func TestLimitsOfAccess(t *testing.T) {
	t.Parallel()
	w, _, _ := limited(t)
	statuses := func(want string, n int, host, target string, fields ...string) {
		t.Helper()
		var got []string
		for range n {
			got = append(got, strconv.Itoa(ask(t, w.Addr, request("GET", host, target, fields...)).StatusCode))
		}
		if all := strings.Join(got, " "); all != want {
			t.Errorf("%s%s: %s, want %s", host, target, all, want)
		}
	}
	statuses("200 200 200 200 200", 5, "shop.test", "/login?good", forwarded("192.0.2.1")...)
	statuses("401 401 401 429 429", 5, "shop.test", "/login", forwarded("192.0.2.1")...)
	statuses("429", 1, "shop.test", "/login?good", forwarded("192.0.2.1")...)
	statuses("200", 1, "shop.test", "/login?good", forwarded("192.0.2.1", "X-Office: 1")...)
	statuses("401 401 401 429", 4, "shop.test", "/login", forwarded("2001:db8::1")...)
	statuses("429", 1, "shop.test", "/login", forwarded("2001:db8::ffff:ffff:ffff:ffff")...)
	statuses("401", 1, "shop.test", "/login", forwarded("2001:db8:0:1::1")...)
	statuses("403", 1, "shop.test", "/api")
	statuses("200 200 429", 3, "shop.test", "/api", "X-Api-Key: a")
	statuses("200", 1, "shop.test", "/api", "X-Api-Key: b")
	statuses("200 200 429", 3, "shop.test", "/api", "X-Api-Key: c", "X-Api-Key: d")
	statuses("429", 1, "shop.test", "/api", "X-Api-Key: c", "X-Api-Key: another beside it")
	statuses("200 200 200", 3, "shop.test", "/seen")
	statuses("200", 1, "shop.test", "/users/1")
	statuses("200 429", 2, "shop.test", "/users/2")
	statuses("200 200 200", 3, "shop.test", "/users/2/orders")
	statuses("200 200 429", 3, "shop.test", "/file")
	statuses("200 429", 2, "shop.test", "/routes")
	statuses("200 429", 2, "other.test", "/routes")
	statuses("200 429", 2, "shop.test", "/all")
	statuses("429", 1, "other.test", "/all")

	for series, want := range map[string]float64{
		`wafer_access_limit_requests_total{limit="seen",policy="shop",result="observed"}`:       2,
		`wafer_access_limit_requests_total{limit="by-key",policy="shop",result="limited"}`:      3,
		`wafer_access_limit_requests_total{limit="by-key",policy="shop",result="no_key"}`:       1,
		`wafer_access_limit_buckets{limit="by-key",policy="shop"}`:                              3,
		`wafer_access_decisions_total{decision="would_rate_limited",policy="shop",rule="seen"}`: 2,
		`wafer_access_decisions_total{decision="rate_limited",policy="shop",rule="by-key"}`:     3,
		`wafer_access_limit_forgotten_total{limit="by-key",policy="shop"}`:                      0,
	} {
		if got := w.Metric(series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
}

// What a client, and whoever looks at events, is told.
func TestLimitsOfAccessTell(t *testing.T) {
	t.Parallel()
	w, _, _ := limited(t)
	r := ask(t, w.Addr, request("GET", "shop.test", "/api", "X-Api-Key: a"))
	for name, want := range map[string]string{
		"RateLimit-Policy": `"by-key";q=2;w=3600`, "X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "1", "Retry-After": "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := r.Header.Get("RateLimit"); !strings.HasPrefix(got, `"by-key";a=1;w=1`) || !strings.Contains(got, ";r=1;t=1") {
		t.Errorf("RateLimit: %q", got)
	}
	ask(t, w.Addr, request("GET", "shop.test", "/api", "X-Api-Key: a"))
	r = ask(t, w.Addr, request("GET", "shop.test", "/api", "X-Api-Key: a"))
	if after, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || after < 1 || after > 1800 {
		t.Errorf("Retry-After: %q", r.Header.Get("Retry-After"))
	}
	if got := r.Header.Get("RateLimit"); !strings.HasPrefix(got, `"by-key";a=0;w=1`) {
		t.Errorf("RateLimit: %q", got)
	}
	wantEvent(t, w.Access(r.id), map[string]any{"status": 429.0, "verdict": "refused", "error": "rate_limited", "access_rule": "by-key", "coverage": "none"})
	ask(t, w.Addr, request("GET", "shop.test", "/seen"))
	r = ask(t, w.Addr, request("GET", "shop.test", "/seen"))
	wantEvent(t, w.Access(r.id), map[string]any{"status": 200.0, "access_rule": nil, "access_would": "rate_limited seen"})
}

// A reload forgets nobody, and a limit that is changed goes on with what was counted.
func TestLimitsOfAccessOutliveReloads(t *testing.T) {
	t.Parallel()
	w, file, backend := limited(t)
	passes := func(want bool) {
		t.Helper()
		if got := get(t, w, "plain.test", "/").StatusCode == 200; got != want {
			t.Errorf("passes: %v", got)
		}
	}
	for range 4 {
		passes(true)
	}
	passes(false)
	text := fmt.Sprintf(limitsFile, backend.url()) + off
	tier.Rewrite(t, file, strings.Replace(text, "mode: observe", "mode: off", 1))
	if status, body := w.Reload(); status != 200 {
		t.Fatal(body)
	}
	passes(false)
	tier.Rewrite(t, file, strings.Replace(text, "rate: 2/h, burst: 4", "rate: 2/h, burst: 6", 1))
	if status, body := w.Reload(); status != 200 {
		t.Fatal(body)
	}
	passes(true)
	passes(true)
	passes(false)
}

// Streams of HTTP/2, handshakes of WebSockets and calls of gRPC are requests as all others.
func TestLimitsOfAccessForAllKindsOfRequests(t *testing.T) {
	t.Parallel()
	w, _, backend := limited(t)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	send := func(from, contentType string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.Addr+"/", nil)
		if err != nil {
			t.Error(err)
			return nil
		}
		r.Host = "plain.test"
		r.Header.Set("X-Forwarded-For", from)
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
			r.Header.Set("Te", "trailers")
		}
		response, err := client.Do(r)
		if err != nil {
			t.Error(err)
			return nil
		}
		_ = response.Body.Close()
		return response
	}
	var passed, limited atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			switch r := send("192.0.2.1", ""); {
			case r == nil:
			case r.StatusCode == 200:
				passed.Add(1)
			case r.StatusCode == 429:
				limited.Add(1)
			}
		})
	}
	all.Wait()
	if passed.Load() != 4 || limited.Load() != 16 {
		t.Errorf("of 20 streams %d passed and %d were limited", passed.Load(), limited.Load())
	}
	if r := send("192.0.2.1", "application/grpc"); r != nil && (r.StatusCode != 200 || r.Header.Get("Grpc-Status") != "8") {
		t.Errorf("a call got %d, grpc-status %q", r.StatusCode, r.Header.Get("Grpc-Status"))
	}
	upgrade := forwarded("192.0.2.1", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
	if r := ask(t, w.Addr, request("GET", "plain.test", "/", upgrade...)); r.StatusCode != 429 {
		t.Errorf("a handshake got %d", r.StatusCode)
	}
	if n := backend.whole.Load(); n != 4 {
		t.Errorf("%d requests have reached the upstream", n)
	}
}

// Requests that are made to wait come through in the end, and hold nobody up but those behind them.
func TestLimitsOfAccessThrottle(t *testing.T) {
	t.Parallel()
	w, _, _ := limited(t)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			if r := ask(t, w.Addr, request("GET", "slow.test", "/")); r.StatusCode != 200 {
				t.Errorf("got %d", r.StatusCode)
			}
		})
	}
	all.Wait()
	const series = `wafer_access_limit_requests_total{limit="turns",policy="slow",result="delayed"}`
	if got := w.Metric(series); got < 1 || got > 5 {
		t.Errorf("%v of 6 requests have waited", got)
	}
	if got := w.Metric(`wafer_access_limit_waiting{limit="turns",policy="slow"}`); got != 0 {
		t.Errorf("%v wait, and nobody does", got)
	}
}

// Who leaves while it waits waits no more, and its request goes nowhere. No more wait than may.
func TestLimitsOfAccessLetWaitersLeave(t *testing.T) {
	t.Parallel()
	w, _, backend := limited(t)
	const waiting = `wafer_access_limit_waiting{limit="turns",policy="slower"}`
	get(t, w, "slower.test", "/").wantStatus(t, 200)
	c := dial(t, w.Addr, "").send(request("GET", "slower.test", "/"))
	tier.Eventually(t, "the second request waits", func() bool { return w.Metric(waiting) == 1 })
	get(t, w, "slower.test", "/").wantStatus(t, 429)
	_ = c.Close()
	tier.Eventually(t, "its client has left", func() bool { return w.Metric(waiting) == 0 })
	if n := backend.whole.Load(); n != 1 {
		t.Errorf("%d requests have reached the upstream", n)
	}
}
