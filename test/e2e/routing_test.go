package e2e

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/ports"
	"github.com/wafer-waf/wafer/test/tier"
)

// off makes a route file's routes pass everything uninspected.
const off = `
policies:
  - { id: default, mode: off }
`

func TestRoutesAreChosen(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: exact-host, hosts: [one.example.test], upstreams: [{ id: a }] }
  - { id: wildcard, hosts: ["*.example.test"], upstreams: [{ id: a }] }
  - { id: post, hosts: [m.test], methods: [POST], upstreams: [{ id: a }] }
  - { id: method-rest, hosts: [m.test], methods: [GET, HEAD], upstreams: [{ id: a }] }
  - { id: tenant, hosts: [h.test], headers: [{ name: X-Tenant, exact: blue }], upstreams: [{ id: a }] }
  - { id: beta, hosts: [h.test], headers: [{ name: X-Version, regex: "v[12]" }, { name: X-Beta, present: true }], upstreams: [{ id: a }] }
  - { id: header-rest, hosts: [h.test], upstreams: [{ id: a }] }
  - { id: exact-path, hosts: [p.test], paths: [{ exact: /api/one }], ambiguous_paths: [dot_segment], upstreams: [{ id: a }] }
  - { id: regex, hosts: [p.test], paths: [{ regex: "/items/[0-9]+" }], upstreams: [{ id: a }] }
  - { id: prefix, hosts: [p.test], paths: [{ prefix: /api }], upstreams: [{ id: a }] }
  - { id: any-host, paths: [{ exact: /anywhere }], upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
`+off))
	f := func(raw, want string) {
		t.Helper()
		r := ask(t, w.Addr, raw)
		event := w.Access(r.id)
		if want == "" {
			r.wantStatus(t, 404)
			wantEvent(t, event, map[string]any{"route": nil, "verdict": "refused", "coverage": "none", "coverage_reason": "no_route", "error": "no_route"})
			return
		}
		r.wantStatus(t, 200)
		wantEvent(t, event, map[string]any{"route": want, "verdict": "pass", "coverage": "none", "coverage_reason": "policy_off"})
	}
	f(request("GET", "one.example.test", "/"), "exact-host")
	f(request("GET", "ONE.Example.TEST:8080", "/"), "exact-host")
	f(request("GET", "two.example.test", "/"), "wildcard")
	f(request("GET", "example.test", "/"), "")
	f(request("POST", "m.test", "/", "Content-Length: 0"), "post")
	f(request("GET", "m.test", "/"), "method-rest")
	f(request("DELETE", "m.test", "/"), "")
	f(request("GET", "h.test", "/", "x-tenant: blue"), "tenant")
	f(request("GET", "h.test", "/", "X-Tenant: bluest"), "header-rest")
	f(request("GET", "h.test", "/", "X-Beta: no", "X-Version: v2"), "beta")
	f(request("GET", "h.test", "/", "X-Version: v2"), "header-rest")
	f(request("GET", "h.test", "/", "X-Beta: no", "X-Version: v23"), "header-rest")
	f(request("GET", "p.test", "/api/one?x=/items/1"), "exact-path")
	f(request("GET", "p.test", "/api/one/more"), "prefix")
	f(request("GET", "p.test", "/api"), "prefix")
	f(request("GET", "p.test", "/apis"), "")
	f(request("GET", "p.test", "/items/17"), "regex")
	f(request("GET", "p.test", "/items/17/x"), "")
	f(request("GET", "p.test", "/x/../api/%6fne"), "exact-path") // as the backend will read it
	f(request("GET", "nowhere.test", "/anywhere"), "any-host")
	f(request("GET", "nowhere.test", "/"), "")
	r := get(t, w, "p.test", "/api/two/../one%2fmore").wantStatus(t, 400) // dots are fine on this route only
	wantEvent(t, w.Access(r.id), map[string]any{"route": "prefix", "verdict": "refused", "coverage_reason": "refused", "upstream": nil})
	if n := w.Metric(`wafer_refused_total{reason="no_route"}`); n != 5 {
		t.Errorf("no_route counted %v times, want 5", n)
	}
}

func TestRoutesChangeMessages(t *testing.T) {
	t.Parallel()
	back := newEcho(t, func(r *http.Request, _ string) string {
		if r.URL.Path == "/answer" {
			return "HTTP/1.1 200 OK\r\nServer: Old/1.0\r\nVary: Accept\r\nX-Frame-Options: ALLOW\r\nContent-Length: 0\r\n\r\n"
		}
		return ""
	})
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: prefix, hosts: [prefix.test], paths: [{ prefix: /old }], rewrite: { prefix: /new/er }, upstreams: [{ id: a }] }
  - { id: root, hosts: [root.test], paths: [{ prefix: /old }], rewrite: { prefix: / }, upstreams: [{ id: a }] }
  - { id: path, hosts: [path.test], rewrite: { path: /fixed }, upstreams: [{ id: a }] }
  - { id: host, hosts: [host.test], rewrite: { host: "internal.test:8080" }, upstreams: [{ id: a }] }
  - id: edits
    hosts: [edits.test]
    upstreams: [{ id: a }]
    request_headers:
      add: [{ name: X-Added, value: one }, { name: X-Added, value: two }]
      set: [{ name: X-Set, value: ours }]
      remove: [X-Removed]
    response_headers:
      add: [{ name: Vary, value: X-Tenant }]
      set: [{ name: X-Frame-Options, value: DENY }]
      remove: [Server]
  - { id: moved, hosts: [moved.test], redirect: { status: 308, scheme: https, host: "new.test:8443" } }
  - { id: moved-path, hosts: [moved-path.test], redirect: { path: /new } }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
`+off))

	rewritten := func(host, target, wantHost, wantTarget string) {
		t.Helper()
		r := get(t, w, host, target).wantStatus(t, 200)
		if want := "GET " + wantTarget + " HTTP/1.1\r\nHost: " + wantHost + "\r\n"; !strings.HasPrefix(r.body, want) {
			t.Errorf("%s%s: the backend received %q, want %q", host, target, r.body, want)
		}
		if want := "X-Forwarded-Host: " + host + "\r\n"; !strings.Contains(r.body, want) {
			t.Errorf("%s%s: the backend did not receive %q", host, target, want)
		}
	}
	rewritten("prefix.test", "/old", "prefix.test", "/new/er")
	rewritten("prefix.test", "/old/a%20b/?q=/old", "prefix.test", "/new/er/a%20b/?q=/old")
	rewritten("root.test", "/old", "root.test", "/")
	rewritten("root.test", "/old/x", "root.test", "/x")
	rewritten("path.test", "/whatever?a=b", "path.test", "/fixed?a=b")
	rewritten("host.test", "/", "internal.test:8080", "/")

	r := get(t, w, "edits.test", "/", "X-Set: theirs", "x-set: theirs too", "X-Removed: 1", "X-Added: zero").wantStatus(t, 200)
	for line, times := range map[string]int{"X-Set: ours": 1, "theirs": 0, "X-Removed": 0, "X-Added: zero": 1, "X-Added: one": 1, "X-Added: two": 1} {
		if strings.Count(r.body, line) != times {
			t.Errorf("the backend received %q not %d times:\n%s", line, times, r.body)
		}
	}
	h := get(t, w, "edits.test", "/answer").wantStatus(t, 200).header
	if v := h.Values("Vary"); len(v) != 2 || v[0] != "Accept" || v[1] != "X-Tenant" {
		t.Errorf("Vary %q", v)
	}
	if v := h.Values("X-Frame-Options"); len(v) != 1 || v[0] != "DENY" {
		t.Errorf("X-Frame-Options %q", v)
	}
	if v := h.Values("Server"); v != nil {
		t.Errorf("Server %q", v)
	}

	redirected := func(host, target string, status int, want string) {
		t.Helper()
		r := get(t, w, host, target).wantStatus(t, status)
		if got := r.header.Get("Location"); got != want {
			t.Errorf("%s%s: Location %q, want %q", host, target, got, want)
		}
		wantEvent(t, w.Access(r.id), map[string]any{"coverage": "none", "coverage_reason": "redirect", "upstream": nil})
	}
	redirected("moved.test", "/a?b=c", 308, "https://new.test:8443/a?b=c")
	redirected("moved-path.test", "/a?b=c", 302, "http://moved-path.test/new?b=c")
}

func TestWeightsAndFailover(t *testing.T) {
	t.Parallel()
	main, canary := newEcho(t, nil), newEcho(t, nil)
	dead := ports.Address(t)
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: canary, hosts: [canary.test], upstreams: [{ id: main, weight: 90 }, { id: canary, weight: 10 }, { id: dead, weight: 0 }] }
  - { id: failover, hosts: [failover.test], upstreams: [{ id: half }] }
  - { id: dead, hosts: [dead.test], upstreams: [{ id: dead }] }
upstreams:
  - { id: main, endpoints: ["`+main.url()+`"] }
  - { id: canary, endpoints: ["`+canary.url()+`"] }
  - { id: half, endpoints: ["http://`+dead+`", "`+main.url()+`"] }
  - { id: dead, endpoints: ["http://`+dead+`"] }
`+off), "--log-access", "off")
	c := dial(t, w.Addr, "")
	for range 200 {
		c.send(request("GET", "canary.test", "/")).reply("GET").wantStatus(t, 200)
	}
	if m, n := main.whole.Load(), canary.whole.Load(); m+n != 200 || n < 15 || n > 25 {
		t.Errorf("main got %d and canary %d of 200 requests, want 90 to 10", m, n)
	}
	for range 10 {
		post(t, w, "failover.test", "/", "a=b").wantStatus(t, 200)
	}
	r := get(t, w, "dead.test", "/").wantStatus(t, 503)
	if strings.Contains(r.body, dead) || strings.Contains(r.body, "refused") {
		t.Errorf("the answer tells about the inside: %s", r.body)
	}
	if n := w.Metric(`wafer_upstream_errors_total{reason="connect",upstream="dead"}`); n != 1 {
		t.Errorf("connect errors of dead: %v, want 1", n)
	}
}

func TestBackendsThatMisbehave(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	silent := listen(t, func(net.Conn) { <-end })
	script := func(answer string) string {
		e := newEcho(t, func(*http.Request, string) string { return answer })
		return e.addr
	}
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: timeout, hosts: [timeout.test], timeouts: { request: 2s }, upstreams: [{ id: silent }] }
  - { id: response, hosts: [response.test], upstreams: [{ id: hasty }] }
  - { id: garbage, hosts: [garbage.test], upstreams: [{ id: garbage }] }
  - { id: smuggle, hosts: [smuggle.test], upstreams: [{ id: smuggle }] }
upstreams:
  - { id: silent, endpoints: ["http://`+silent+`"] }
  - { id: hasty, endpoints: ["http://`+silent+`"], timeouts: { response: 2s } }
  - { id: garbage, endpoints: ["http://`+script("SSH-2.0-OpenSSH_9.9\r\n\r\n")+`"] }
  - { id: smuggle, endpoints: ["http://`+script("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")+`"] }
`+off))
	f := func(host string, status int, reason string) {
		t.Helper()
		r := get(t, w, host, "/").wantStatus(t, status)
		wantEvent(t, w.Access(r.id), map[string]any{"error": reason, "status": float64(status)})
	}
	f("timeout.test", 504, "request_timeout")
	f("response.test", 504, "timeout")
	f("garbage.test", 502, "malformed")
	f("smuggle.test", 502, "malformed")
}

func TestLimits(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	back := newEcho(t, func(r *http.Request, _ string) string {
		if r.URL.Path == "/slow" {
			arrived <- struct{}{}
			<-release
		}
		return ""
	})
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: single, hosts: [single.test], policy: open, limits: { in_flight: 1 }, upstreams: [{ id: a }] }
  - { id: small, hosts: [small.test], policy: open, limits: { request_body: 1KiB }, upstreams: [{ id: a }] }
  - { id: reject, hosts: [reject.test], policy: reject, upstreams: [{ id: a }] }
  - { id: prefix, hosts: [prefix.test], policy: prefix, upstreams: [{ id: a }] }
  - { id: skip, hosts: [skip.test], policy: skip, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
policies:
  - { id: open, mode: off }
  - { id: reject, request_body: { limit: 1KiB, oversize: reject } }
  - { id: prefix, request_body: { limit: 1KiB, oversize: inspect_prefix } }
  - { id: skip, request_body: { limit: 1KiB, oversize: skip_inspection } }
`))

	slow := dial(t, w.Addr, "").send(request("GET", "single.test", "/slow"))
	tier.Receive(t, "the first request at the backend", arrived)
	r := get(t, w, "single.test", "/").wantStatus(t, 503)
	if r.header.Get("Retry-After") == "" {
		t.Errorf("503 without Retry-After: %v", r.header)
	}
	wantEvent(t, w.Access(r.id), map[string]any{"error": "in_flight", "verdict": "refused"})
	close(release)
	slow.reply("GET").wantStatus(t, 200)
	// The first request is over once its event is written, which is after its answer.
	w.Event(func(e map[string]any) bool { return e["path"] == "/slow" })
	get(t, w, "single.test", "/").wantStatus(t, 200)

	form := "Content-Type: application/x-www-form-urlencoded"
	chunked := func(host, body string) string {
		return request("POST", host, "/", form, "Transfer-Encoding: chunked") + hex(len(body)) + "\r\n" + body + "\r\n0\r\n\r\n"
	}
	body := func(n int, attackAt int) string {
		const attack = "&x=1'+OR+'1'='1'+--+"
		b := strings.Repeat("a", n)
		if attackAt < 0 {
			return "q=" + b[2:]
		}
		return "q=" + b[2:attackAt] + attack + b[attackAt+len(attack):]
	}
	f := func(raw string, status int, want map[string]any) {
		t.Helper()
		before := back.whole.Load()
		r := ask(t, w.Addr, raw).wantStatus(t, status)
		wantEvent(t, w.Access(r.id), want)
		passed := back.whole.Load() - before
		if (status == 200) != (passed == 1) {
			t.Errorf("status %d, and the backend received %d whole requests", status, passed)
		}
		_, sent, _ := strings.Cut(raw, "\r\n\r\n")
		if status == 200 && !strings.Contains(raw, "chunked") && !strings.HasSuffix(r.body, sent) {
			t.Errorf("the backend did not receive the body that was sent, but\n%s", r.body)
		}
	}
	event := func(verdict, coverage, reason string) map[string]any {
		e := map[string]any{"verdict": verdict, "coverage": coverage}
		if e["coverage_reason"] = reason; reason == "" {
			e["coverage_reason"] = nil
		}
		return e
	}
	sized := func(host, body string) string { return message("POST", host, "/", body, form) }
	for name, spell := range map[string]func(host, body string) string{"Content-Length": sized, "chunked": chunked} {
		t.Run(name, func(t *testing.T) {
			f(spell("small.test", body(1024, -1)), 200, event("pass", "none", "policy_off"))
			f(spell("small.test", body(1025, -1)), 413, map[string]any{"verdict": "refused", "error": "request_body"})
			f(spell("reject.test", body(1024, -1)), 200, event("pass", "full", ""))
			f(spell("reject.test", body(1025, -1)), 413, event("refused", "headers", "oversize"))
			f(spell("prefix.test", body(1024, 100)), 403, event("block", "full", ""))
			f(spell("prefix.test", body(5000, 100)), 403, event("block", "partial", "oversize"))
			f(spell("prefix.test", body(5000, 3000)), 200, event("pass", "partial", "oversize"))
			f(spell("skip.test", body(1024, 100)), 403, event("block", "full", ""))
			f(spell("skip.test", body(5000, 100)), 200, event("pass", "headers", "oversize"))
		})
	}
	if n := w.Metric("wafer_engines"); n != 1 {
		t.Errorf("%v engines for policies that differ only in what is done with large bodies", n)
	}
}
