package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// What docs/operations.md says about a user whose request is blocked: take rule and target from the event,
// exclude them, load that, and the same request passes. Chains are what made it fail: their first link
// often takes everything, and the event named any of it.
func TestExclusionsFromEvents(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	for _, path := range []string{"", "/app"} {
		t.Run("path "+path, func(t *testing.T) {
			t.Parallel()
			exclusionsFromEvents(t, back, path)
		})
	}
}

func exclusionsFromEvents(t *testing.T, back *echo, path string) {
	var exclusions []string
	routes := func() string {
		text := `
routes:
  - { id: shop, policy: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["` + back.url() + `"] }
policies:
  - id: shop
    thresholds: { inbound: 2 }
    paranoia: { blocking: 2 }
`
		if len(exclusions) > 0 {
			text += "    exclusions:\n" + strings.Join(exclusions, "")
		}
		return text
	}
	file := tier.RouteFile(t, routes())
	w := tier.Plain(t, file, "--reload-interval", "0s") // it compiles sixteen policies
	form := "Content-Type: application/x-www-form-urlencoded"
	for _, one := range []struct{ request, rule string }{
		{request("GET", "shop.test", "/app", "Proxy: none"), "920450 REQUEST_HEADERS_NAMES:Proxy"},
		{request("GET", "shop.test", "/app/a", "Range: bytes=5-2"), "920190 REQUEST_HEADERS:Range"},
		{request("GET", "shop.test", "/app?PHPSESSID=1", "Referer: http://other.test/"), "943110 ARGS_NAMES:PHPSESSID"},
		{request("GET", "shop.test", "/app?a=1&back=http://10.0.0.1/x"), "931100 ARGS:back"},
		{message("GET", "shop.test", "/app", "a=b", form), "920170 REQUEST_HEADERS:Content-Length"},
		{message("POST", "shop.test", "/app/notes", "b=2&note=1'+OR+'1'='1'+--+", form), "942100 ARGS:note"},
		{"GET /app HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\n\r\n", "920320 &REQUEST_HEADERS:user-agent"},
	} {
		var named []string
		for range 4 { // an event names one target of each rule
			method, _, _ := strings.Cut(one.request, " ")
			r := dial(t, w.Addr, "").send(one.request).reply(method)
			if r.status == http.StatusOK {
				break
			}
			for _, rule := range w.Security(r.id)["rules"].([]any) {
				m := rule.(map[string]any)
				named = append(named, fmt.Sprintf("%v %v", m["id"], m["target"]))
				exclusion := fmt.Sprintf("      - { rule: %v, reason: a test", m["id"])
				if target := m["target"].(string); !strings.HasPrefix(target, "&") {
					exclusion += fmt.Sprintf(", target: %q", target)
				}
				if path != "" {
					exclusion += ", path: " + path
				}
				if exclusion += " }\n"; !slices.Contains(exclusions, exclusion) {
					exclusions = append(exclusions, exclusion)
				}
			}
			tier.Rewrite(t, file, routes())
			if r := ask(t, w.Admin, request("POST", w.Admin, "/-/reload", "Connection: close")); r.status != http.StatusOK {
				t.Fatalf("%d %s\n%s", r.status, r.body, routes())
			}
		}
		if !slices.Contains(named, one.rule) {
			t.Errorf("events named %q, want %s", named, one.rule)
		}
		method, _, _ := strings.Cut(one.request, " ")
		if r := dial(t, w.Addr, "").send(one.request).reply(method); r.status != http.StatusOK {
			t.Errorf("still %d with exclusions\n%s\nof %s", r.status, strings.Join(exclusions, ""), one.request)
		}
	}
}

// A request that the connection refuses is told by its first line, without what may be secret in it.
func TestRefusedRequestsAreTold(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: all, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
`+off), "--log-access", "off")
	f := func(raw, method, path, reason string) {
		t.Helper()
		r := dial(t, w.Addr, "").send(raw).reply("GET")
		wantEvent(t, w.Access(r.id), map[string]any{"method": method, "path": path, "error": reason, "verdict": "refused"})
	}
	f("TRACE /a/b?secret=1 HTTP/1.1\r\nHost: a.test\r\n\r\n", "TRACE", "/a/b", "method_refused")
	f("CONNECT me:pw@a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", "CONNECT", "a.test:443", "method_refused")
	f("GET http://me:pw@a.test/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n", "GET", "/x", "userinfo")
	f("GET /twice HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n", "GET", "/twice", "repeated_field")
	f("G\x1bT /x HTTP/1.1\r\nHost: a.test\r\n\r\n", "", "/x", "control_byte")
}

// Who has sent a signal wants to know that it was heard.
func TestUnchangedReloadIsTold(t *testing.T) {
	t.Parallel()
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: all, redirect: { status: 308, scheme: https, host: a.test } }
`))
	w.Signal(syscall.SIGHUP)
	line := w.Log(func(l map[string]any) bool { return l["trigger"] == "SIGHUP" })
	if line["message"] != "the configuration is unchanged" || line["generation"] != 1.0 {
		t.Errorf("%v", line)
	}
}
