package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// TestReplayRecords records what a tier does, and tries it again: the same route file decides the same, but where a record
// does not have what was sent, and another one is told apart from it.
func TestReplayRecords(t *testing.T) {
	t.Parallel()
	back := newEcho(t, func(r *http.Request, _ string) string {
		body := "hello"
		if r.URL.Path == "/leaks" {
			body = "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version"
		}
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	})
	routes := func(policy string) string {
		return `
routes:
  - { id: shop, hosts: [shop.test], record: all, policy: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["` + back.url() + `"] }
policies:
  - { id: shop, response_body: { inspect: true }` + policy + ` }
records:
  - { id: all, sample: 100%, limits: { request_body: 4KiB } }
`
	}
	r := recording(t, routes(""), "")
	long := strings.Repeat("word ", 2000)
	for _, raw := range []string{
		message("GET", "shop.test", "/search?q=mug", ""),
		message("GET", "shop.test", "/search?q="+injection, ""),
		message("POST", "shop.test", "/form", "q="+injection, "Content-Type: application/x-www-form-urlencoded"),
		message("POST", "shop.test", "/login", "user=a&password=1'+OR+'1'='1'--+", "Content-Type: application/x-www-form-urlencoded"),
		message("POST", "shop.test", "/long", "q="+long+injection, "Content-Type: application/x-www-form-urlencoded"),
		message("GET", "shop.test", "/leaks", ""),
		message("POST", "shop.test", "/json", `{"a":{"b":["x","`+"<script>alert(1)</script>"+`"]}}`, "Content-Type: application/json"),
	} {
		c := dial(t, r.Addr, "")
		method, _, _ := strings.Cut(raw, " ")
		r.of(c.send(raw).reply(method).id)
		c.Close()
	}

	type row struct {
		Name, Request, Verdict, Unsure string
		Lost, Differs, Unexpected      []string
		Recorded                       struct{ Verdict string }
	}
	replay := func(file, policy string, wantCode int) (rows []row) {
		t.Helper()
		code, stdout, stderr := plainly(t, "", "replay", tier.RouteFile(t, routes(policy)), file, "--expect", "recorded", "--output", "json")
		var all struct{ Requests []row }
		if err := json.Unmarshal([]byte(stdout), &all); err != nil || code != wantCode || len(all.Requests) != 7 {
			t.Fatalf("exit code %d, want %d; %v\n%s%s", code, wantCode, err, stdout, stderr)
		}
		return all.Requests
	}
	path := func(r row) string { _, p, _ := strings.Cut(r.Request, "shop.test"); return p }
	har := filepath.Join(t.TempDir(), "records.har")
	_, exported, stderr := plainly(t, "", "records", "export", r.file, "--format", "har")
	if err := os.WriteFile(har, []byte(exported), 0o600); err != nil {
		t.Fatal(err, stderr)
	}
	for _, file := range []string{r.file, har} {
		lost := map[string]string{}
		for _, one := range replay(file, "", 0) {
			lost[path(one)] = strings.Join(one.Lost, ", ")
			same := one.Verdict == one.Recorded.Verdict
			if whole := one.Lost == nil && path(one) != "/leaks"; whole && !same || same != (one.Differs == nil) || !same && one.Unsure == "" || one.Name == "" {
				t.Errorf("%s: %+v", file, one)
			}
			if secret := fmt.Sprint(one); strings.Contains(secret, "OR") {
				t.Errorf("tells a value: %s", secret)
			}
		}
		if lost["/login"] != "body masked" || !strings.Contains(lost["/long"], "body cut: limit") || lost["/form"] != "" || lost["/json"] != "" {
			t.Errorf("%s: what is lost is %q", file, lost)
		}
	}
	changed := []string{}
	for _, one := range replay(r.file, ", mode: detect", 3) {
		if len(one.Unexpected) > 0 {
			changed = append(changed, path(one)+": "+one.Unexpected[0])
		}
	}
	want := []string{"/search: recorded block 403, now would_block", "/form: recorded block 403, now would_block", "/json: recorded block 403, now would_block"}
	if !slices.Equal(changed, want) {
		t.Errorf("what changes is %q, want %q", changed, want)
	}
}
