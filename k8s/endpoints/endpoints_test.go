package endpoints

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	discovery "k8s.io/api/discovery/v1"
	"k8s.io/client-go/rest"

	"github.com/wafer-waf/wafer/upstream/discover"
)

func TestTargets(t *testing.T) {
	unsaid := slice("a", "10.0.0.1")
	zoned := slice("z", "10.0.0.1")
	zone := "eu-1a"
	zoned.Endpoints[0].Zone = &zone
	anyPort := slice("a", "10.0.0.1")
	anyPort.Ports = []discovery.EndpointPort{{}}
	for _, c := range []struct {
		what, port string
		slices     []discovery.EndpointSlice
		want       string
	}{
		{"a port by name", "http", []discovery.EndpointSlice{slice("a", "10.0.0.2 ready", "10.0.0.1 ready")}, "10.0.0.1:8080 10.0.0.2:8080"},
		{"a port by number", "9090", []discovery.EndpointSlice{slice("a", "10.0.0.1 ready")}, "10.0.0.1:9090"},
		{"nothing said is ready", "http", []discovery.EndpointSlice{unsaid}, "10.0.0.1:8080"},
		{"ready, not, ending, ended", "http", []discovery.EndpointSlice{slice("a", "10.0.0.1 ready", "10.0.0.2 unready", "10.0.0.3 ending", "10.0.0.4 ended")}, "10.0.0.1:8080 10.0.0.3:8080?"},
		{"several slices, one pod in two", "http", []discovery.EndpointSlice{slice("a", "10.0.0.1 ending"), slice("b", "10.0.0.1 ready", "10.0.0.2")}, "10.0.0.1:8080 10.0.0.2:8080"},
		{"both families", "http", []discovery.EndpointSlice{slice("a", "fd00::1"), slice("b", "10.0.0.1")}, "10.0.0.1:8080"},
		{"IPv6", "http", []discovery.EndpointSlice{slice("a", "fd00::1")}, "[fd00::1]:8080"},
		{"no such port", "https", []discovery.EndpointSlice{slice("a", "10.0.0.1")}, "none: service shop/orders has no port https: its pods have admin 9090, http 8080"},
		{"nobody is ready", "http", []discovery.EndpointSlice{slice("a", "10.0.0.1 unready")}, "none: service shop/orders has no pod that is ready"},
		{"no slice", "http", nil, "none: service shop/orders has no pods, or is not there"},
		{"no number", "http", []discovery.EndpointSlice{anyPort}, "none: service shop/orders has no pods, or is not there"},
	} {
		s := &service{namespace: "shop", name: "orders", port: c.port}
		all := parts{}
		for i := range c.slices {
			all[c.slices[i].Name] = s.read(&c.slices[i])
		}
		if got := told(s.targets(all)); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
	s := &service{namespace: "shop", name: "orders", port: "http"}
	if got := s.read(&zoned).targets[0]; got.Zone != zone || got.Host != "orders.shop.svc" {
		t.Errorf("a target in a zone: %+v", got)
	}
}

// watching has a Service watched until the test ends. What is told comes one by one.
func watching(t *testing.T, c *Cluster) <-chan string {
	t.Helper()
	source, err := c.Service("shop/orders:http")
	if err != nil {
		t.Fatal(err)
	}
	source.(*service).shortest, source.(*service).soon = time.Millisecond, time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan string), make(chan struct{})
	go func() {
		defer close(ended)
		source.Watch(ctx, func(all []discover.Target, err error) {
			select {
			case heard <- told(all, err):
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return heard
}

func want(t *testing.T, from <-chan string, what string) {
	t.Helper()
	select {
	case got := <-from:
		if !strings.HasPrefix(got, what) {
			t.Fatalf("have %q, want %q", got, what)
		}
	case <-time.After(time.Minute):
		t.Fatalf("%q does not come", what)
	}
}

const (
	listed  = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices kubernetes.io/service-name=orders"
	nothing = "none: service shop/orders has no pods"
)

func TestWatch(t *testing.T) {
	api, cluster := start(t)
	api.set(5, 0, slice("a", "10.0.0.1"))
	heard := watching(t, cluster)
	want(t, api.asked, listed)
	want(t, heard, "10.0.0.1:8080")
	want(t, api.asked, "watch 5")

	api.watches <- event("ADDED", 6, slice("b", "10.0.0.2"))
	want(t, heard, "10.0.0.1:8080 10.0.0.2:8080")
	api.watches <- event("MODIFIED", 7, slice("a", "10.0.0.1 ending"))
	want(t, heard, "10.0.0.1:8080? 10.0.0.2:8080")
	api.watches <- event("DELETED", 8, slice("a"))
	want(t, heard, "10.0.0.2:8080")
	api.watches <- event("BOOKMARK", 20, slice(""))
	api.watches <- nil // servers end watches after a while
	want(t, api.asked, "watch 20")

	api.watches <- event("DELETED", 21, slice("b"))
	want(t, heard, nothing)

	api.set(40, 0, slice("c", "10.0.0.3"))
	api.watches <- map[string]any{"type": "ERROR", "object": status(410, "too old resource version")}
	want(t, api.asked, listed) // which nobody hears of: it is no failure
	want(t, heard, "10.0.0.3:8080")
	want(t, api.asked, "watch 40")
}

// An API server that fails in one way or another takes nothing away, and is asked again.
func TestWatchThroughFailures(t *testing.T) {
	api, cluster := start(t)
	api.set(1, 403)
	heard := watching(t, cluster)
	for range 3 {
		want(t, api.asked, listed)
		want(t, heard, "failed: watch EndpointSlices of service shop/orders: refused by the test")
	}
	api.set(5, 0, slice("a", "10.0.0.1"))
	for got := ""; got != "10.0.0.1:8080"; {
		got = <-heard
	}
	for got := ""; got != "watch 5"; {
		got = <-api.asked
	}
	api.set(5, 503)
	api.watches <- event("BOOKMARK", 9, slice(""))
	api.watches <- nil
	want(t, api.asked, "watch 9")
	want(t, heard, "failed: ")
	api.set(11, 0, slice("a", "10.0.0.9"))
	for got := ""; got != "10.0.0.9:8080"; {
		got = <-heard
	}
	for got := ""; got != "watch 11"; {
		got = <-api.asked
	}
	api.watches <- nil // at once, and without a word: whoever does that is not asked without a pause
	want(t, heard, "failed: watch EndpointSlices of service shop/orders: the watch ended at once")
	want(t, api.asked, listed)
	want(t, heard, "10.0.0.9:8080")
	want(t, api.asked, "watch 11")
	api.watches <- map[string]any{"type": "ADDED", "object": map[string]any{"kind": "Pod", "apiVersion": "v1"}}
	want(t, heard, "failed: ")
}

func TestNoCluster(t *testing.T) {
	none := &Cluster{connect: func() (*rest.Config, error) { return nil, errors.New("no cluster") }}
	if _, err := none.Service("shop/orders:http"); err == nil {
		t.Error("a Service without a cluster")
	}
	_, cluster := start(t)
	for _, ref := range []string{"", "orders", "orders:http", "shop/orders", "/orders:http", "shop/:http"} {
		if _, err := cluster.Service(ref); err == nil {
			t.Errorf("%q is taken for a Service", ref)
		}
	}
}
