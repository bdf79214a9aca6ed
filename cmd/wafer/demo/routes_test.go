package demo_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/wafer-waf/wafer/cmd/wafer/demo"
)

// TestRoutes pins what the demo promises about its route file: which host leads where and how it
// is treated. That the file is valid is for the tests of the command, which loads it.
func TestRoutes(t *testing.T) {
	var file struct {
		Routes []struct {
			ID        string
			Hosts     []string
			Policy    string
			Upstreams []struct{ ID string }
		}
		Upstreams []struct {
			ID        string
			Endpoints []string
		}
		Policies []struct {
			ID           string
			Mode         string
			ResponseBody struct{ Inspect bool } `yaml:"response_body"`
		}
	}
	dec := yaml.NewDecoder(bytes.NewReader(demo.Routes("127.0.0.1:1111", "127.0.0.1:2222")))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		t.Fatal(err)
	}
	if len(file.Routes) != 2 || len(file.Upstreams) != 2 || len(file.Policies) != 2 {
		t.Fatalf("%d routes, %d upstreams, %d policies", len(file.Routes), len(file.Upstreams), len(file.Policies))
	}
	f := func(i int, id, host, endpoint, mode string, inspect bool) {
		t.Helper()
		r, u, p := file.Routes[i], file.Upstreams[i], file.Policies[i]
		if r.ID != id || r.Policy != id || len(r.Upstreams) != 1 || r.Upstreams[0].ID != id || u.ID != id || p.ID != id {
			t.Errorf("route, upstream and policy %d are not all %q: %+v %+v %+v", i, id, r, u, p)
		}
		if !slices.Equal(r.Hosts, []string{host}) || !slices.Equal(u.Endpoints, []string{endpoint}) {
			t.Errorf("%s: hosts %q, endpoints %q", id, r.Hosts, u.Endpoints)
		}
		if p.Mode != mode || p.ResponseBody.Inspect != inspect {
			t.Errorf("%s: mode %q, inspects responses %t", id, p.Mode, p.ResponseBody.Inspect)
		}
	}
	f(0, "shop", "shop.localhost", "http://127.0.0.1:1111", "block", true)
	f(1, "legacy", "legacy.localhost", "http://127.0.0.1:2222", "detect", false)
}

func TestCurl(t *testing.T) {
	f := func(listen, admin, wantListen, wantAdmin string) {
		t.Helper()
		examples := demo.Curl(listen, admin)
		if len(examples) != 5 {
			t.Fatalf("%d examples", len(examples))
		}
		for i, e := range examples {
			want := "'http://" + wantListen + "/"
			if i == 4 {
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
