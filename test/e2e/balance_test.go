package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// echoes are n backends, and what a list of endpoints calls them.
func echoes(t *testing.T, n int) (addrs []string, list string) {
	t.Helper()
	var urls []string
	for range n {
		e := newEcho(t, nil)
		addrs, urls = append(addrs, e.addr), append(urls, fmt.Sprintf("%q", e.url()))
	}
	return addrs, "[" + strings.Join(urls, ", ") + "]"
}

// answeredBy is the backend that has answered.
func answeredBy(t *testing.T, r reply) string {
	t.Helper()
	return r.wantStatus(t, 200).Header.Get("X-Backend")
}

// A key leads every request that has it to one endpoint, other keys lead to others, and explain says which.
func TestConsistentHash(t *testing.T) {
	t.Parallel()
	_, list := echoes(t, 5)
	file := tier.RouteFile(t, `
routes:
  - { id: header, hosts: [header.test], upstreams: [{ id: header }] }
  - { id: cookie, hosts: [cookie.test], upstreams: [{ id: cookie }] }
  - { id: path, hosts: [path.test], upstreams: [{ id: path }] }
  - { id: client, hosts: [client.test], upstreams: [{ id: client }] }
upstreams:
  - { id: header, endpoints: `+list+`, balance: consistent_hash, hash_by: { header: X-User } }
  - { id: cookie, endpoints: `+list+`, balance: consistent_hash, hash_by: { cookie: session } }
  - { id: path, endpoints: `+list+`, balance: consistent_hash, hash_by: path }
  - { id: client, endpoints: `+list+`, balance: consistent_hash, hash_by: client }
`+off)
	w := tier.Start(t, file)
	for host, with := range map[string]func(key int) string{
		"header.test": func(key int) string { return request("GET", "header.test", "/", fmt.Sprintf("X-User: u%d", key)) },
		"cookie.test": func(key int) string {
			return request("GET", "cookie.test", "/", fmt.Sprintf("Cookie: other=1; session=s%d; more=2", key))
		},
		"path.test": func(key int) string {
			return request("GET", "path.test", fmt.Sprintf("/item/%d?q=%d", key, time.Now().UnixNano()))
		},
	} {
		seen := map[string]bool{}
		for key := range 20 {
			first := answeredBy(t, ask(t, w.Addr, with(key)))
			for range 3 {
				if again := answeredBy(t, ask(t, w.Addr, with(key))); again != first {
					t.Errorf("%s: key %d leads to %s, then to %s", host, key, first, again)
				}
			}
			seen[first] = true
		}
		if len(seen) < 4 {
			t.Errorf("%s: 20 keys lead to %d of 5 endpoints", host, len(seen))
		}
	}
	only := map[string]bool{}
	for range 8 {
		only[answeredBy(t, get(t, w, "client.test", "/"))] = true
	}
	if len(only) != 1 {
		t.Errorf("a client is led to %v", only)
	}
	code, out, errs := explain(t, "", file, "http://header.test/", "-H", "X-User: u7")
	want := answeredBy(t, ask(t, w.Addr, request("GET", "header.test", "/", "X-User: u7")))
	if code != 0 || !strings.Contains(out, "header (consistent_hash: the key leads to "+want) {
		t.Errorf("explain exits with %d, want %s:\n%s%s", code, want, out, errs)
	}
	if _, out, _ := explain(t, "", file, "http://header.test/"); !strings.Contains(out, "the request has no key, so as by least_request: of two that are drawn of 5 endpoints") {
		t.Errorf("explain without a key:\n%s", out)
	}
}

// A client comes back to the endpoint that has answered it, and goes elsewhere when that is gone.
func TestStickyCookie(t *testing.T) {
	t.Parallel()
	addrs, list := echoes(t, 4)
	file := func(list string) string {
		return `
routes: [{ id: shop, upstreams: [{ id: shop }] }]
upstreams:
  - { id: shop, endpoints: ` + list + `, balance: sticky, sticky: { secret: "0123456789abcdef", max_age: 1h } }
` + off
	}
	routes := tier.RouteFile(t, file(list))
	w := tier.Start(t, routes)
	r := get(t, w, "shop.test", "/").wantStatus(t, 200)
	first, set := answeredBy(t, r), r.Header.Get("Set-Cookie")
	m := regexp.MustCompile(`^(affinity-shop=[\w-]{20}); Path=/; HttpOnly; SameSite=Lax; Max-Age=3600$`).FindStringSubmatch(set)
	if m == nil {
		t.Fatalf("Set-Cookie %q", set)
	}
	for range 12 {
		r := get(t, w, "shop.test", "/", "Cookie: a=b; "+m[1])
		if got := answeredBy(t, r); got != first || r.Header.Get("Set-Cookie") != "" {
			t.Errorf("led to %s with %q, and has %q of %s", got, r.Header.Get("Set-Cookie"), m[1], first)
		}
	}
	if code, out, _ := explain(t, "", routes, "http://shop.test/", "-H", "Cookie: "+m[1]); code != 0 || !strings.Contains(out, "sticky: the cookie names "+first) {
		t.Errorf("explain exits with %d:\n%s", code, out)
	}
	if r := get(t, w, "shop.test", "/", "Cookie: affinity-shop=forged"); r.Header.Get("Set-Cookie") == "" {
		t.Error("a forged cookie is not replaced")
	}

	// A replica that has the secret knows the cookie.
	other := tier.Start(t, tier.RouteFile(t, file(list)))
	if got := answeredBy(t, get(t, other, "shop.test", "/", "Cookie: "+m[1])); got != first {
		t.Errorf("another replica leads to %s, want %s", got, first)
	}

	// Without the endpoint the client gets another one, and a cookie for it.
	var rest []string
	for _, addr := range addrs {
		if addr != first {
			rest = append(rest, `"http://`+addr+`"`)
		}
	}
	tier.Rewrite(t, routes, file("["+strings.Join(rest, ", ")+"]"))
	if code, text := w.Reload(); code != http.StatusOK {
		t.Fatal(code, text)
	}
	r = get(t, w, "shop.test", "/", "Cookie: "+m[1]).wantStatus(t, 200)
	if answeredBy(t, r) == first || r.Header.Get("Set-Cookie") == "" || strings.Contains(r.Header.Get("Set-Cookie"), m[1]) {
		t.Errorf("led to %s with %q", answeredBy(t, r), r.Header.Get("Set-Cookie"))
	}
}

// Three of four requests go to the endpoint with three times the weight, whatever else is going on.
func TestEndpointWeights(t *testing.T) {
	t.Parallel()
	light, heavy := newEcho(t, nil), newEcho(t, nil)
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(`
routes: [{ id: shop, upstreams: [{ id: shop }] }]
upstreams:
  - { id: shop, endpoints: [%q, { address: %q, weight: 3 }], balance: round_robin }
`, light.url(), heavy.url())+off))
	for range 40 {
		get(t, w, "shop.test", "/").wantStatus(t, 200)
	}
	if light.whole.Load() != 10 || heavy.whole.Load() != 30 {
		t.Errorf("%d and %d requests", light.whole.Load(), heavy.whole.Load())
	}
}
