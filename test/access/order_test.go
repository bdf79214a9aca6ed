package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// everything is an access policy with all its parts, so that each of them meets the others.
const everything = `
routes:
  - { id: shop, hosts: [shop.test], upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["BACKEND"] }
lists:
  - { id: office, entries: [192.0.2.0/24] }
  - { id: bad, file: bad.txt }
access:
  - id: default
    rules:
      - { id: office, when: { addresses: [office] }, then: always_allow }
      - { id: bad, when: { addresses: [bad] }, then: deny, status: 410 }
      - { id: bots, when: { user_agents: ["(?i)scrapy"] }, then: challenge }
      - { id: trial, when: { methods: [OPTIONS] }, then: deny, mode: observe }
    limits:
      - { id: few, rate: 2/d, key: [client] }
    api_keys: { mode: required, from: [{ header: X-Api-Key }], file: keys.txt }
    bans:
      - { id: probing, statuses: [410], count: 3, window: 1h, for: 1h }
    challenge: { keys: [0123456789abcdef0123456789abcdef], otherwise: deny }
`

const apiKey = "the-key-of-a-client-that-is-long-enough"

// TestOrder goes the way of a decision from its end to its beginning: what comes later is shown to be asked, and then that what
// comes before it decides instead.
func TestOrder(t *testing.T) {
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") }))
	defer back.Close()
	dir := t.TempDir()
	sum := sha256.Sum256([]byte(apiKey))
	for name, text := range map[string]string{
		"routes.yaml": strings.Replace(everything, "BACKEND", back.URL, 1),
		"bad.txt":     "198.51.100.0/24\n203.0.113.66\n",
		"keys.txt":    "client sha256:" + hex.EncodeToString(sum[:]) + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := tier.Start(t, filepath.Join(dir, "routes.yaml"), "--trusted-proxies", "127.0.0.1/32")
	ask := func(client string, status int, refusedBy string, more ...string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.Addr+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "shop.test"
		r.Header = http.Header{"X-Forwarded-For": {client}, "Accept": {"text/html"}, "User-Agent": {"Mozilla/5.0"}}
		for _, field := range more {
			name, value, _ := strings.Cut(field, ": ")
			if name == ":method" {
				r.Method = value
			} else if name == ":query" {
				r.URL.RawQuery = value
			} else {
				r.Header.Set(name, value)
			}
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		event := w.Access(response.Header.Get("X-Request-Id"))
		by := strings.TrimSpace(fmt.Sprint(event["error"], " ", event["access_rule"]))
		if refusedBy == "" {
			refusedBy = "<nil> <nil>"
		}
		if status == 0 {
			return response // that is looked at elsewhere
		}
		if response.StatusCode != status || by != refusedBy || event["client"] != client {
			t.Errorf("%s with %q: %d by %s, want %d by %s\n%v", client, more, response.StatusCode, by, status, refusedBy, event)
		}
		return response
	}
	const key, robot, injection = "X-Api-Key: " + apiKey, "User-Agent: Scrapy/2", ":query: q=1%27+OR+%271%27%3D%271%27+--+"

	// A challenge comes last: with a key and within the limit. Then the limit decides, before it.
	ask("203.0.113.1", 429, "challenged bots", key, robot)
	ask("203.0.113.1", 429, "challenged bots", key, robot)
	if r := ask("203.0.113.1", 429, "rate_limited few", key, robot); r.Header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After in %v", r.Header)
	}
	// A token is asked for before a limit: what is refused for want of one takes nothing from it.
	for range 4 {
		ask("203.0.113.2", 401, "unauthenticated api_keys.missing", robot)
	}
	ask("203.0.113.2", 200, "", key)
	ask("203.0.113.2", 200, "", key)
	ask("203.0.113.2", 429, "rate_limited few", key)
	// A rule decides before a token is asked for; one that is only observed lets go on.
	ask("198.51.100.1", 410, "access_denied bad")
	ask("203.0.113.3", 401, "unauthenticated api_keys.missing", ":method: OPTIONS")
	// A ban decides before rules, once there is one, for that client alone.
	ask("198.51.100.1", 410, "access_denied bad", key)
	ask("198.51.100.1", 410, "access_denied bad")
	tier.Eventually(t, "the ban", func() bool { return ask("198.51.100.1", 0, "").StatusCode == http.StatusForbidden })
	ask("198.51.100.1", 403, "banned probing", key)
	ask("198.51.100.2", 410, "access_denied bad")
	// Who is always allowed passes all of it, as often as it likes, and is inspected like everybody.
	for range 5 {
		ask("192.0.2.1", 200, "<nil> office", robot)
	}
	ask("192.0.2.1", 403, "<nil> office", injection)
	if got := w.Metric(`wafer_access_decisions_total{decision="would_access_denied",policy="default",rule="trial"}`); got != 1 {
		t.Errorf("observed %v times, want once", got)
	}
}
