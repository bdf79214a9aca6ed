package browser

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/wafer-waf/wafer/test/tier"
)

// attacks has the tier itself, two routes and real requests behind the page: what is sent to it appears by itself, in all views.
func attacks(t *testing.T, chromium *browser) {
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	t.Cleanup(application.Close)
	routes := `
routes:
  - { id: shop, hosts: [shop.test], policy: shop, upstreams: [{ id: a }] }
  - { id: legacy, hosts: [legacy.test], policy: legacy, upstreams: [{ id: a }] }
  - { id: dead, hosts: [dead.test], policy: shop, upstreams: [{ id: dead }] }
upstreams: [{ id: a, endpoints: ["` + application.URL + `"] }, { id: dead, endpoints: ["http://127.0.0.2:1"] }]
policies:
  - { id: shop, mode: block }
  - { id: legacy, mode: detect }
`
	file := tier.RouteFile(t, routes)
	wafer := tier.Plain(t, file, "--reload-interval", "0s")
	send := func(method, host, target, agent, body string) (id string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+wafer.Addr+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("User-Agent", agent)
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		if agent == "camera" {
			req.Header.Set("Content-Type", "image/png")
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.Header.Get("X-Request-Id")
	}
	const injection = "1%27%20OR%20%271%27%3D%271%27%20--%20"

	v := chromium.look(t, "http://"+wafer.Admin, wide, "light")
	v.has("Working, and waiting for requests")
	send("GET", "shop.test", "/", "curl", "")
	send("GET", "shop.test", "/search?q="+injection, "curl", "")
	send("POST", "shop.test", "/api/orders", "curl", `{"note":"<script>alert(1)</script>"}`)
	send("GET", "legacy.test", "/item?id="+injection, "curl", "")
	v.has("2 requests were stopped")
	v.has("1 more would have been")
	v.has("942100")
	v.judge("overview")
	questions(v, send)
	v.see("events?kind=security,access", "shop.test/api/orders")
	v.until("document.getElementById('stream').innerText.includes('live')")

	// What is sent now appears without a question, and is text whatever it holds.
	for i, text := range payloads {
		send("GET", "shop.test", fmt.Sprintf("/live/%d/%s?%s=%s", i, url.PathEscape(text), url.QueryEscape(text), url.QueryEscape(text)), text, "")
		v.has(fmt.Sprintf("/live/%d/", i))
	}
	v.clean("live")
	v.see("events?rule=942100&route=shop&path=/search", "/search")
	v.until("![...document.querySelectorAll('.events tbody tr')].some((r) => r.innerText.includes('legacy'))")
	v.click(".events a.open")
	v.has("SQL Injection Attack Detected via libinjection")
	v.has("ARGS:q")
	v.has("1' OR '1'='1'")
	v.has("stops from 5 on")
	v.has("exclusions:")
	v.has("What it would let through")
	v.has("wafer explain")
	v.until("document.querySelector('.found pre').textContent.includes('@detectSQLi')")
	v.judge("event")

	tier.Rewrite(t, file, strings.Replace(routes, "id: shop, mode: block", "id: shop, mode: block, paranoia: { detection: 2 }", 1))
	if status, text := wafer.Reload(); status != http.StatusOK {
		t.Fatal(status, text)
	}
	for _, one := range []struct{ name, text string }{
		{"overview", "The latest findings"}, {"routes", "detects only"}, {"policies", "paranoia.detection"}, {"upstreams", strings.TrimPrefix(application.URL, "http://")},
		{"certificates", "There are none"}, {"configuration", "policies.shop.paranoia.detection"},
	} {
		v.see(one.name, one.text)
		v.until("document.getElementById('basis').innerText.includes('As of')")
		v.judge(one.name)
		v.clean(one.name)
	}
}

// TestPageWholeRing has a real tier keep a hundred thousand events, or with -short some thousands, and looks for one of them.
func TestPageWholeRing(t *testing.T) {
	many, memory := 100_000, "256MiB"
	if testing.Short() {
		many, memory = 3000, "64MiB"
	}
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	t.Cleanup(application.Close)
	wafer := tier.Plain(t, tier.RouteFile(t, `
routes: [{ id: shop, upstreams: [{ id: a }] }]
upstreams: [{ id: a, endpoints: ["`+application.URL+`"] }]
`), "--reload-interval", "0s", "--recent-memory", memory)
	var clients sync.WaitGroup
	const atOnce = 16
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	t.Cleanup(client.CloseIdleConnections)
	for c := range atOnce {
		clients.Go(func() {
			for i := c; i < many; i += atOnce {
				answer, err := client.Get(fmt.Sprintf("http://%s/item/%06d", wafer.Addr, i))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body) // so that the connection is used again
				answer.Body.Close()
			}
		})
	}
	if clients.Wait(); t.Failed() {
		return
	}
	v := start(t).look(t, "http://"+wafer.Admin, wide, "dark")
	v.see("events?kind=access", "100 events shown")
	v.see("events?kind=access&text=/item/000042", "1 event shown") // the oldest, but for some
	v.see("events?kind=access&path=/item/00", "100 events shown")
	for range 5 {
		before := eval[string](v, "document.querySelector('.events tbody tr:last-child').dataset.key")
		v.click("section .right button")
		v.until("document.querySelector('.events tbody tr:last-child').dataset.key !== " + quote(before))
	}
	v.clean("whole ring")
}

// questions asks what was not inspected, whether the tier is healthy, and what has become of a request that no rule has seen.
func questions(v *viewer, send func(method, host, target, agent, body string) string) {
	v.t.Helper()
	refused := send("GET", "nobody.test", "/", "curl", "")
	send("POST", "shop.test", "/photo", "camera", "\x00\x01\x02")
	send("POST", "shop.test", "/photo", "camera", strings.Repeat("\x00", 2<<20)) // is refused, and went nowhere
	send("GET", "dead.test", "/", "curl", "")
	v.see("overview", "Upstream dead has no endpoint that is up")
	v.has("through 3 routes on 1 pod")
	v.has("1 seen in part")
	v.has("binary a body that is no text")
	v.has("not known before")
	v.until("[...document.querySelectorAll('.tile')].some((t) => t.innerText.startsWith('Failed\\n1\\nanswers 5xx'))")
	v.click(".tile:nth-child(4) a") // Refused
	v.has("nobody.test/")
	v.has("shop.test/photo")
	v.see("upstreams", "unreachable")
	v.has("takes no connections")
	v.has("0 of 1 up")
	v.see("events?request_id="+refused, "nobody.test/") // though no rule has found anything
	v.see("events?verdict=pass&request_id="+refused, "No event that is kept fits this filter.")
	v.see("events?route=dead&text=nothing", "Look at all kinds")
	v.see("overview", "Traffic")
	eval[any](v, "void document.querySelector('input[name=id]').focus()")
	v.press(refused + kb.Enter)
	v.has("No route takes this host, path and method")
}
