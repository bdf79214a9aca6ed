package demo_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/cmd/wafer/demo"
	"github.com/wafer-waf/wafer/config"
)

// TestRoutes pins what the demo promises about its route file: which host leads where and how it
// is treated.
func TestRoutes(t *testing.T) {
	file, err := config.ParseRoutes("demo", demo.Routes("127.0.0.1:1111", "127.0.0.1:2222"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Routes) != 2 {
		t.Errorf("%d routes, want 2", len(file.Routes))
	}
	f := func(id string, hosts []string, endpoint, mode string, inspect bool) {
		t.Helper()
		r := slices.IndexFunc(file.Routes, func(r config.Route) bool { return r.ID == id })
		u := slices.IndexFunc(file.Upstreams, func(u config.Upstream) bool { return u.ID == id })
		p := slices.IndexFunc(file.Policies, func(p config.Policy) bool { return p.ID == id })
		if r < 0 || u < 0 || p < 0 {
			t.Fatalf("no route, upstream or policy %q", id)
		}
		route, upstream, policy := file.Routes[r], file.Upstreams[u], file.Policies[p]
		if route.Policy != id || len(route.Upstreams) != 1 || route.Upstreams[0].ID != id {
			t.Errorf("%s: policy %q, upstreams %v", id, route.Policy, route.Upstreams)
		}
		if !slices.Equal(route.Hosts, hosts) || len(upstream.Endpoints) != 1 || upstream.Endpoints[0].Address != endpoint {
			t.Errorf("%s: hosts %q, endpoints %v", id, route.Hosts, upstream.Endpoints)
		}
		if string(policy.Mode) != mode || policy.ResponseBody.Inspect != inspect {
			t.Errorf("%s: mode %q, inspects responses %t", id, policy.Mode, policy.ResponseBody.Inspect)
		}
	}
	f("shop", []string{"shop.localhost", "localhost", "127.0.0.1", "[::1]"}, "http://127.0.0.1:1111", "block", true)
	f("legacy", []string{"legacy.localhost"}, "http://127.0.0.1:2222", "detect", false)
}

func TestCurl(t *testing.T) {
	f := func(listen, admin, wantListen, wantAdmin string) {
		t.Helper()
		examples := demo.Curl(listen, admin)
		if len(examples) != 6 {
			t.Fatalf("%d examples", len(examples))
		}
		for i, e := range examples {
			want := "'http://" + wantListen + "/"
			if i == len(examples)-1 {
				want = "'http://" + wantAdmin + "/metrics'"
			}
			if !strings.Contains(e.Command, want) {
				t.Errorf("Curl(%q, %q): %q lacks %q", listen, admin, e.Command, want)
			}
			if e.Title == "" || strings.ContainsAny(e.Title+e.Command, "\r\n") {
				t.Errorf("example %d is not one line with a title: %+v", i, e)
			}
		}
	}
	f("127.0.0.1:8080", "127.0.0.1:9090", "127.0.0.1:8080", "127.0.0.1:9090")
	f(":8080", "0.0.0.0:9090", "127.0.0.1:8080", "127.0.0.1:9090")
	f("[::]:8080", "[::1]:9090", "127.0.0.1:8080", "[::1]:9090")
	f("waf.test:80", "localhost:9090", "waf.test:80", "localhost:9090")
}
