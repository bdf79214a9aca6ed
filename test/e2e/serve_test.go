package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// trusted is the address from which a test's requests come as from a trusted proxy.
const trusted = "127.0.0.2"

func TestServeTo(t *testing.T) {
	t.Parallel()
	back := newEcho(t, func(r *http.Request, _ string) string {
		if r.URL.Path != "/fields" {
			return ""
		}
		return "HTTP/1.1 200 OK\r\nServer: Old/1.0\r\nConnection: X-Private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\n" +
			"Proxy-Authenticate: Basic\r\nX-Request-Id: forged\r\nsEt-cOOkie: a=1\r\nSet-Cookie: b=2\r\nX-Public: 2\r\nContent-Length: 2\r\n\r\nok"
	})
	w := tier.Run(t, "serve", "--to", back.url(), "--trusted-proxies", trusted+"/32")

	t.Run("a clean request arrives as it was sent", func(t *testing.T) {
		raw := "GET /a/%62;c=1/?c=d&c=%27 HTTP/1.1\r\nuser-agent: e2e\r\nCOOKIE: a=1\r\naCCept: */*\r\nHost: shop.test\r\nx-B: 2\r\nCookie: c=3\r\nX-b: 1\r\n\r\n"
		r := ask(t, w.Addr, raw).wantStatus(t, 200)
		want := "GET /a/%62;c=1/?c=d&c=%27 HTTP/1.1\r\nHost: shop.test\r\nuser-agent: e2e\r\nCOOKIE: a=1\r\naCCept: */*\r\nx-B: 2\r\nCookie: c=3\r\nX-b: 1\r\n" +
			"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: shop.test\r\nX-Request-Id: " + r.id + "\r\n\r\n"
		if r.body != want {
			t.Errorf("the backend received\n%q, want\n%q", r.body, want)
		}
		if r.id == "" {
			t.Error("no request id in the answer")
		}
		wantEvent(t, w.Access(r.id), map[string]any{"verdict": "pass", "coverage": "full", "status": 200.0, "upstream": "backend", "endpoint": back.addr, "path": "/a/%62;c=1/"})
	})

	t.Run("an attack is blocked and reported once", func(t *testing.T) {
		before := back.whole.Load() + back.broken.Load()
		r := get(t, w, "shop.test", "/login?password=hunter2-"+injection).wantStatus(t, 403)
		event := w.Security(r.id)
		wantEvent(t, event, map[string]any{"verdict": "block", "status": 403.0, "route": "default", "policy": "default", "coverage": "full", "phase": 2.0, "rule_id": 949110.0})
		found := false
		rules, _ := event["rules"].([]any)
		for _, one := range rules {
			rule, _ := one.(map[string]any)
			if rule["id"] == 942100.0 {
				found = true
				value, _ := rule["value"].(string)
				if rule["target"] != "ARGS:password" || !strings.HasPrefix(value, "[masked ") {
					t.Errorf("rule 942100 reports target %v, value %v", rule["target"], rule["value"])
				}
			}
		}
		if !found {
			t.Errorf("the event does not name rule 942100: %v", event)
		}
		if text := fmt.Sprint(event); strings.Contains(text, "hunter2") {
			t.Errorf("the event shows the password: %s", text)
		}
		w.Access(r.id) // written after the security event
		same := w.Events(func(e map[string]any) bool { return e["request_id"] == r.id && e["event"] == "security" })
		if len(same) != 1 {
			t.Errorf("%d security events, want 1", len(same))
		}
		if after := back.whole.Load() + back.broken.Load(); after != before {
			t.Errorf("the backend received %d requests", after-before)
		}
	})

	t.Run("the block page follows Accept", func(t *testing.T) {
		f := func(accept, wantType, wantBody string) {
			t.Helper()
			r := ask(t, w.Addr, "GET /?q="+injection+" HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: e2e\r\nAccept: "+accept+"\r\n\r\n").wantStatus(t, 403)
			if got := r.header.Get("Content-Type"); got != wantType {
				t.Errorf("Accept %q: Content-Type %q, want %q", accept, got, wantType)
			}
			if !strings.Contains(r.body, wantBody) || !strings.Contains(r.body, r.id) || strings.Contains(r.body, "942100") {
				t.Errorf("Accept %q: body lacks %q or the id %s, or names a rule:\n%s", accept, wantBody, r.id, r.body)
			}
			if got := r.header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Accept %q: Cache-Control %q", accept, got)
			}
		}
		f("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8", "<h1>This request was blocked</h1>")
		f("application/json", "application/problem+json", `"title":"Request blocked"`)
		f("application/json, text/html", "application/problem+json", `"status":403`)
		f("*/*", "application/problem+json", `"status":403`)
	})

	t.Run("forwarding fields are believed from trusted proxies only", func(t *testing.T) {
		raw := request("GET", "shop.test", "/", "X-Request-Id: from-client", "X-Forwarded-For: 203.0.113.7, 198.51.100.1",
			"X-Forwarded-Proto: https", "X-Forwarded-Host: www.shop.test", "Forwarded: for=203.0.113.7", "X-Real-IP: 203.0.113.7")
		f := func(from string, want, not []string) reply {
			t.Helper()
			r := askFrom(t, w.Addr, from, raw).wantStatus(t, 200)
			for _, line := range append(want, "X-Request-Id: "+r.id) {
				if strings.Count(r.body, "\r\n"+line+"\r\n") != 1 {
					t.Errorf("from %s: the backend did not receive %q once:\n%s", from, line, r.body)
				}
			}
			for _, part := range not {
				if strings.Contains(strings.ToLower(r.body), part) {
					t.Errorf("from %s: the backend received %q:\n%s", from, part, r.body)
				}
			}
			return r
		}
		r := f("127.0.0.1",
			[]string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: shop.test"},
			[]string{"203.0.113.7", "from-client", "https", "www.shop.test", "x-real-ip"})
		wantEvent(t, w.Access(r.id), map[string]any{"client": "127.0.0.1"})
		r = f(trusted,
			[]string{"X-Forwarded-For: 203.0.113.7, 198.51.100.1, " + trusted, "X-Forwarded-Proto: https", "X-Forwarded-Host: www.shop.test", "Forwarded: for=203.0.113.7", "X-Real-Ip: 203.0.113.7"},
			nil)
		if r.id != "from-client" {
			t.Errorf("request id %q, want that of the trusted proxy", r.id)
		}
		wantEvent(t, w.Access(r.id), map[string]any{"client": "198.51.100.1"})
		r = askFrom(t, w.Addr, trusted, request("GET", "shop.test", "/", "X-Request-Id: two words")).wantStatus(t, 200)
		if strings.Contains(r.id, "words") {
			t.Errorf("request id %q is taken as it is", r.id)
		}
	})

	t.Run("fields of one connection stay there", func(t *testing.T) {
		r := get(t, w, "shop.test", "/", "Connection: X-Hop, keep-alive, Cookie", "X-Hop: 1", "Keep-Alive: timeout=5", "TE: trailers",
			"Proxy-Connection: keep-alive", "X_Under: 1", "Cookie: kept=1", "X-End: 2").wantStatus(t, 200)
		for _, name := range []string{"\r\nconnection:", "\r\nx-hop:", "\r\nkeep-alive:", "\r\nte:", "\r\nproxy-connection:", "\r\nx_under:"} {
			if strings.Contains(strings.ToLower(r.body), name) {
				t.Errorf("the backend received %q:\n%s", name, r.body)
			}
		}
		for _, line := range []string{"\r\nCookie: kept=1\r\n", "\r\nX-End: 2\r\n"} {
			if !strings.Contains(r.body, line) {
				t.Errorf("the backend did not receive %q:\n%s", line, r.body)
			}
		}

		c := dial(t, w.Addr, "")
		first := c.send(request("GET", "shop.test", "/fields")).reply("GET").wantStatus(t, 200)
		for _, name := range []string{"X-Private", "Keep-Alive", "Proxy-Authenticate"} {
			if v := first.header.Values(name); v != nil {
				t.Errorf("the client received %s: %q", name, v)
			}
		}
		if got := first.header.Values("Set-Cookie"); len(got) != 2 || got[0] != "a=1" || got[1] != "b=2" {
			t.Errorf("Set-Cookie %q", got)
		}
		if first.header.Get("X-Public") != "2" || first.id == "forged" || len(first.header.Values("X-Request-Id")) != 1 {
			t.Errorf("answer's fields: %v", first.header)
		}
		c.send(request("GET", "shop.test", "/fields")).reply("GET").wantStatus(t, 200) // the connection is kept
	})
}

func TestBlockedAnswerIsThePolicys(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: custom, hosts: [custom.test], policy: custom, upstreams: [{ id: a }] }
  - { id: watched, hosts: [watched.test], policy: watched, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
policies:
  - id: custom
    block:
      status: 406
      html: "<p>no {{status}} {{request_id}}</p>"
      json: '{"no":{{status}},"id":"{{request_id}}"}'
  - { id: watched, mode: detect }
`))
	r := get(t, w, "custom.test", "/?q="+injection).wantStatus(t, 406)
	if want := `{"no":406,"id":"` + r.id + `"}`; r.body != want {
		t.Errorf("body %q, want %q", r.body, want)
	}
	wantEvent(t, w.Security(r.id), map[string]any{"verdict": "block", "status": 406.0})
	r = ask(t, w.Addr, "GET /?q="+injection+" HTTP/1.1\r\nHost: custom.test\r\nUser-Agent: e2e\r\nAccept: text/html\r\n\r\n").wantStatus(t, 406)
	if want := "<p>no 406 " + r.id + "</p>"; r.body != want {
		t.Errorf("body %q, want %q", r.body, want)
	}
	if n := back.whole.Load(); n != 0 {
		t.Errorf("the backend received %d blocked requests", n)
	}
	r = get(t, w, "watched.test", "/?q="+injection).wantStatus(t, 200)
	if !strings.HasPrefix(r.body, "GET /?q="+injection+" HTTP/1.1\r\n") {
		t.Errorf("the backend received %q", r.body)
	}
	wantEvent(t, w.Security(r.id), map[string]any{"verdict": "would_block", "status": 200.0, "mode": "detect"})
	if n := w.Metric(`wafer_requests_total{route="watched",verdict="would_block"}`); n != 1 {
		t.Errorf("would_block counted %v times", n)
	}
}
