package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// An access policy decides before anything is inspected, whatever comes and whichever route it is for.
func TestAccess(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: shop, hosts: [shop.test], access: shop, upstreams: [{ id: a }] }
  - { id: open, hosts: [open.test], upstreams: [{ id: a }] }
  - { id: watched, hosts: [watched.test], access: watched, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
access:
  - id: default
    rules:
      - { id: scrapers, when: { user_agents: ["(?i)scrapy"] }, then: deny, status: 410 }
  - id: shop
    inherits: default
    rules:
      - { id: office, when: { headers: [{ name: X-Office, present: true }] }, then: always_allow }
      - { id: admin, when: { paths: [{ prefix: /admin }] }, then: deny }
      - { id: trial, when: { methods: [DELETE] }, then: deny, mode: observe }
      - { id: elsewhere, when: { addresses: [192.0.2.0/24] }, then: deny }
  - { id: watched, mode: observe, default: deny }
`), "--trusted-proxies", "127.0.0.1/32")
	f := func(raw string, status int, want map[string]any) {
		t.Helper()
		r := ask(t, w.Addr, raw)
		r.wantStatus(t, status)
		wantEvent(t, w.Access(r.id), want)
	}
	denied := func(rule string) map[string]any {
		return map[string]any{"verdict": "refused", "error": "access_denied", "access_rule": rule, "access_would": nil, "coverage": "none"}
	}
	passes := func(rule, would any) map[string]any {
		return map[string]any{"verdict": "pass", "error": nil, "access_rule": rule, "access_would": would}
	}
	scrapes := func(host string) string {
		return "GET / HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: Scrapy/2\r\nAccept: */*\r\nConnection: close\r\n\r\n"
	}
	f(request("GET", "shop.test", "/"), 200, passes(nil, nil))
	f(request("GET", "shop.test", "/admin/users"), 403, denied("admin"))
	f(request("GET", "shop.test", "/x/..%2fadmin"), 403, denied("admin"))
	f(request("GET", "shop.test", "/admin/users", "X-Office: 1"), 200, passes("office", nil))
	f(request("GET", "shop.test", "/?q=1'+or+1=1--+", "X-Office: 1"), 403, map[string]any{"verdict": "block", "access_rule": "office"})
	f(request("DELETE", "shop.test", "/"), 200, passes(nil, "access_denied trial"))
	f(request("GET", "shop.test", "/", "X-Forwarded-For: 192.0.2.9"), 403, denied("elsewhere"))
	f(scrapes("shop.test"), 410, denied("scrapers"))
	f(scrapes("open.test"), 410, denied("scrapers"))
	f(scrapes("nowhere.test"), 410, denied("scrapers"))
	f(request("GET", "nowhere.test", "/"), 404, map[string]any{"error": "no_route", "access_rule": nil})
	f(request("GET", "watched.test", "/"), 200, passes(nil, "access_denied default"))
	f(request("GET", "shop.test", "/admin", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), 403, denied("admin"))
	// Nobody is told to go on with a body that nobody will read, and HTTP/2 is no way around.
	f(request("PUT", "shop.test", "/admin", "Expect: 100-continue", "Content-Length: 5"), 403, denied("admin"))
	curl := exec.CommandContext(t.Context(), "curl", "-sS", "--http2-prior-knowledge", "-w", "%{http_code} %{http_version}", "-o", os.DevNull,
		"-H", "Host: shop.test", "http://"+w.Addr+"/admin")
	if out, err := curl.CombinedOutput(); err != nil || string(out) != "403 2" {
		t.Errorf("by HTTP/2: %s %v", out, err)
	}
	for series, want := range map[string]float64{
		`wafer_access_decisions_total{decision="access_denied",policy="shop",rule="admin"}`:            5,
		`wafer_access_decisions_total{decision="access_denied",policy="shop",rule="scrapers"}`:         1,
		`wafer_access_decisions_total{decision="access_denied",policy="default",rule="scrapers"}`:      2,
		`wafer_access_decisions_total{decision="would_access_denied",policy="shop",rule="trial"}`:      1,
		`wafer_access_decisions_total{decision="would_access_denied",policy="watched",rule="default"}`: 1,
		`wafer_access_decisions_total{decision="pass",policy="shop",rule="office"}`:                    2,
		`wafer_refused_total{reason="access_denied"}`:                                                  9,
	} {
		if got := w.Metric(series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
}

// An explanation shows the way of a request through its access policy, and what that would do.
func TestExplainAccess(t *testing.T) {
	t.Parallel()
	file := tier.RouteFile(t, `
routes: [{ id: shop, access: shop, policy: open, upstreams: [{ id: a }] }]
upstreams: [{ id: a, endpoints: ["http://a.invalid:80"] }]
policies: [{ id: open, mode: off }]
access:
  - id: shop
    rules:
      - { id: office, when: { addresses: [192.0.2.0/24] }, then: always_allow }
      - { id: trial, when: { methods: [GET] }, then: deny, mode: observe }
      - { id: admin, when: { paths: [{ prefix: /admin }], not: { addresses: [10.0.0.0/8] } }, then: deny, status: 410 }
`)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"http://shop.test/", "--client", "192.0.2.8"}, 0, "access shop: pass rule office: always allow (192.0.2.8 is in 192.0.2.0/24) policy"},
		{[]string{"http://shop.test/", "--client", "10.0.0.1"}, 0, "access shop: pass, would be access_denied trial rule trial: would deny, but is only observed default: allow policy"},
		{[]string{"http://shop.test/admin", "--client", "10.0.0.1", "-v"}, 0, "rule admin: does not apply: not.addresses (10.0.0.1 is in 10.0.0.0/8) default: allow"},
		{[]string{"http://shop.test/admin/x", "--client", "203.0.113.9", "-d", "a=b"}, 3, "access shop: access_denied rule admin: deny (203.0.113.9 is in none of them) policy open (off, paranoia level 1) verdict refused 410 why access_denied"},
	} {
		code, out, stderr := explain(t, "", append([]string{file}, c.args...)...)
		if said := strings.Join(strings.Fields(out), " "); code != c.code || !strings.Contains(said, c.says) {
			t.Errorf("%q: exit code %d, want %d and %q\n%s%s", c.args, code, c.code, c.says, out, stderr)
		}
	}
}
