package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

const coverageRoutes = `
routes:
  - { id: plain, hosts: [plain.test], policy: plain, upstreams: [{ id: a }] }
  - { id: off, hosts: [off.test], policy: "off", upstreams: [{ id: a }] }
  - { id: heads, hosts: [heads.test], policy: heads, upstreams: [{ id: a }] }
  - { id: prefix, hosts: [prefix.test], policy: prefix, upstreams: [{ id: a }] }
  - { id: answers, hosts: [answers.test], policy: answers, websocket: allow, upstreams: [{ id: a }] }
  - { id: broken, hosts: [broken.test], policy: broken, upstreams: [{ id: a }] }
  - { id: poor, hosts: [poor.test], policy: poor, upstreams: [{ id: a }] }
  - { id: dear, hosts: [dear.test], policy: dear, upstreams: [{ id: a }] }
  - { id: moved, hosts: [moved.test], policy: plain, redirect: { path: /new } }
upstreams:
  - { id: a, endpoints: ["http://%s"] }
policies:
  - id: plain
    mode: detect
    rules_before:
      - inline: |
          SecRule ARGS:v "@streq deny" "id:1001,phase:1,deny,log,ctl:ruleEngine=On"
          SecRule ARGS:v "@streq off"  "id:1002,phase:1,pass,nolog,ctl:ruleEngine=Off"
  - { id: "off", mode: "off" }
  - { id: heads, mode: detect, request_body: { inspect: false } }
  - { id: prefix, mode: detect, request_body: { limit: 1KiB, oversize: inspect_prefix, undecodable: skip_inspection } }
  - id: answers
    mode: detect
    response_body: { inspect: true, limit: 1KiB, mime_types: [text/plain, text/event-stream] }
    rules_before:
      - inline: SecRule ARGS:v "@streq unread" "id:1003,phase:3,pass,nolog,ctl:responseBodyAccess=Off"
  - { id: poor, paranoia: { blocking: 4 }, inspection_budget: 10ms, screen: "off" }
  - { id: dear, paranoia: { blocking: 4 }, inspection_budget: 10ms, on_budget: allow, screen: "off" }
  - id: broken
    mode: detect
    on_error: allow
    rules_before:
      - inline: SecRule ARGS "@rx ^a{1000}" "id:1004,phase:2,pass,nolog,t:none,setvar:tx.nothing"
`

// coverageBackend answers with the type that the path names, with events that wait for
// each other to be read, or with a WebSocket.
func coverageBackend(t *testing.T, proceed <-chan struct{}) string {
	return listen(t, func(c net.Conn) {
		br := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body) // its end comes with the next request
			media := strings.TrimPrefix(r.URL.Path, "/type/")
			answer := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
			switch {
			case r.Header.Get("Upgrade") != "":
				answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
			case media == "text/event-stream":
				answer = "HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream ;charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
				for range 3 {
					answer += "9\r\ndata: x\n\n\r\n"
					if _, err := io.WriteString(c, answer); err != nil {
						return
					}
					<-proceed
					answer = ""
				}
				answer = "0\r\n\r\n"
			case media == "compressed":
				answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: compress\r\nContent-Length: 2\r\n\r\nok"
			case media == "long":
				answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3000\r\n\r\n" + strings.Repeat("ok\n", 1000)
			case media != r.URL.Path:
				answer = "HTTP/1.1 200 OK\r\nContent-Type: " + media + "\r\nContent-Length: 2\r\n\r\nok"
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	})
}

// TestCoverage makes a request for each way in which one is not inspected whole. The event
// and the metric that tell are compared, and at the end all reasons of the documentation
// have been seen.
func TestCoverage(t *testing.T) {
	t.Parallel()
	proceed := make(chan struct{}, 3)
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(coverageRoutes, coverageBackend(t, proceed))))
	const form = "Content-Type: application/x-www-form-urlencoded"
	long := "q=" + strings.Repeat("a", 3000)
	seen := map[string]bool{
		"overload": true, // takes a flood, which is TestOverload's
	}
	counts := map[string]float64{}
	told := func(host, id, coverage, reason string) {
		t.Helper()
		seen[reason] = true
		want := map[string]any{"coverage": coverage, "coverage_reason": reason}
		if reason == "" {
			want["coverage_reason"] = nil
		}
		wantEvent(t, w.Access(id), want)
		route, _, _ := strings.Cut(host, ".")
		if reason == "no_route" || reason == "refused" && host == "" {
			return // belongs to no route
		}
		series := fmt.Sprintf(`wafer_coverage_total{coverage="%s",reason="%s",route="%s"}`, coverage, reason, route)
		if counts[series]++; w.Metric(series) != counts[series] {
			t.Errorf("%s is %v, want %v", series, w.Metric(series), counts[series])
		}
	}
	f := func(host, raw string, status int, coverage, reason string) {
		t.Helper()
		told(host, ask(t, w.Addr, raw).wantStatus(t, status).id, coverage, reason)
	}
	get := func(host, target string) string { return request("GET", host, target) }

	f("plain.test", get("plain.test", "/"), 200, "full", "")
	f("plain.test", message("POST", "plain.test", "/", "q=1", form), 200, "full", "")
	f("plain.test", get("plain.test", "/?v=deny"), 403, "headers", "blocked")
	f("plain.test", get("plain.test", "/?v=off"), 200, "none", "excluded")
	f("plain.test", get("plain.test", "/a/../b"), 400, "none", "refused")
	f("", "GET / HTTP/1.1\r\nHost: plain.test\r\nHost: plain.test\r\n\r\n", 400, "none", "refused")
	f("other.test", get("other.test", "/"), 404, "none", "no_route")
	f("moved.test", get("moved.test", "/"), 302, "none", "redirect")
	f("off.test", message("POST", "off.test", "/", "q=1", form), 200, "none", "policy_off")
	f("heads.test", message("POST", "heads.test", "/", "q=1", form), 200, "headers", "body_off")
	f("heads.test", get("heads.test", "/"), 200, "full", "")
	f("prefix.test", message("POST", "prefix.test", "/", long, form), 200, "partial", "oversize")
	f("prefix.test", message("POST", "prefix.test", "/", "q=1", form, "Content-Encoding: compress"), 200, "headers", "encoding")
	f("plain.test", message("POST", "plain.test", "/", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01", "Content-Type: image/png"), 200, "partial", "binary")
	f("plain.test", message("POST", "plain.test", "/", "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nhello\r\n--b--\r\n",
		"Content-Type: multipart/form-data; boundary=b"), 200, "partial", "files")
	f("broken.test", message("POST", "broken.test", "/", long, form), 200, "none", "error")

	f("poor.test", message("POST", "poor.test", "/", "q="+strings.Repeat("select+a+from+b+where+", 40000), form), 503, "partial", "budget")
	f("plain.test", message("POST", "plain.test", "/", "a='"+strings.Repeat(`\'`, 200000)+"'", form), 200, "full", "")
	f("dear.test", message("POST", "dear.test", "/", "q="+strings.Repeat("select+a+from+b+where+", 40000), form), 200, "partial", "budget")

	f("answers.test", get("answers.test", "/"), 200, "full", "") // no type: read like any that is inspected
	f("answers.test", get("answers.test", "/type/image/png"), 200, "partial", "mime")
	f("answers.test", get("answers.test", "/type/Text/PLAIN"), 200, "full", "")
	f("answers.test", request("HEAD", "answers.test", "/type/image/png"), 200, "full", "") // nothing was sent
	f("answers.test", get("answers.test", "/type/text/plain?v=unread"), 200, "partial", "excluded")
	f("answers.test", get("answers.test", "/type/compressed"), 200, "partial", "encoding")
	f("answers.test", get("answers.test", "/type/long"), 200, "partial", "oversize")
	// A route without response inspection covers no response, of whatever type.
	f("plain.test", get("plain.test", "/type/image/png"), 200, "full", "")

	// Events are not held back for the rules, even where the policy names their type.
	c := dial(t, w.Addr, "").send(get("answers.test", "/type/text/event-stream"))
	resp := c.head("GET")
	for range 3 {
		event := make([]byte, len("data: x\n\n"))
		if _, err := io.ReadFull(resp.Body, event); err != nil || string(event) != "data: x\n\n" {
			t.Fatalf("event %q, %v", event, err)
		}
		proceed <- struct{}{}
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	told("answers.test", resp.Header.Get("X-Request-Id"), "partial", "stream")

	c = dial(t, w.Addr, "").send(request("GET", "answers.test", "/", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
	upgraded := c.head("GET")
	if upgraded.StatusCode != 101 {
		t.Errorf("status %d", upgraded.StatusCode)
	}
	_ = c.Close()
	told("answers.test", upgraded.Header.Get("X-Request-Id"), "headers", "upgrade")

	f("plain.test", message("POST", "plain.test", "/", `{"a":`, "Content-Type: application/json"), 200, "partial", "unreadable")

	// The screen and the scores tell of those that were inspected, and of no others.
	for series, want := range map[string]float64{
		`wafer_screened_total{result="off",route="plain"}`: 0, `wafer_screened_total{result="off",route="moved"}`: 0,
		`wafer_anomaly_score_count{route="moved"}`: 0, `wafer_screened_total{result="off",route="poor"}`: 1, `wafer_anomaly_score_count{route="poor"}`: 1,
	} {
		if got := w.Metric(series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	if _, text := w.Get("/api/v1/traffic?route=moved"); !strings.Contains(text, `"requests":1`) || strings.Contains(text, `"off":`) {
		t.Errorf("of a route that redirects: %s", text)
	}

	for _, reason := range documentedReasons(t) {
		if !seen[reason] {
			t.Errorf("no test produces the documented reason %q", reason)
		}
		delete(seen, reason)
	}
	delete(seen, "")
	if len(seen) > 0 {
		t.Errorf("reasons without documentation: %v", seen)
	}
}

// documentedReasons reads the table behind "coverage_reason is" of docs/operations.md.
func documentedReasons(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "`coverage_reason` is")
	_, table, found := strings.Cut(rest, "|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var reasons []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(table, -1) {
		reasons = append(reasons, m[1])
	}
	if !ok || !found || len(reasons) < 12 || !slices.Contains(reasons, "oversize") {
		t.Fatalf("the documentation lists %q", reasons)
	}
	return reasons
}
