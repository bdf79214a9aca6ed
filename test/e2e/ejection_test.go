package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// An endpoint that answers 503 is ejected: the log says so once, metrics and the admin listener tell, and when it is
// well again, it gets requests.
func TestEjectionIsTold(t *testing.T) {
	t.Parallel()
	var sick atomic.Bool
	var urls []string
	for i := range 3 {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if i == 0 && sick.Load() {
				w.WriteHeader(503)
			}
		}))
		t.Cleanup(s.Close)
		urls = append(urls, fmt.Sprintf("%q", s.URL))
	}
	w := tier.Start(t, tier.RouteFile(t, `routes: [{ id: shop, upstreams: [{ id: shop }] }]
upstreams:
  - id: shop
    endpoints: [`+strings.Join(urls, ", ")+`]
    ejection: { errors_5xx: 2, base: 100ms, max: 100ms }
`+off))
	endpoints := func() (list []struct {
		Address, State, Reason, Since string
	}) {
		status, text := w.Get("/api/v1/upstreams")
		var all []struct {
			ID        string
			Panic     bool
			Endpoints json.RawMessage
		}
		if err := json.Unmarshal([]byte(text), &all); err != nil || status != 200 || len(all) != 1 || all[0].ID != "shop" || all[0].Panic {
			t.Fatalf("%d %v: %s", status, err, text)
		}
		if err := json.Unmarshal(all[0].Endpoints, &list); err != nil || len(list) != 3 {
			t.Fatalf("%v: %s", err, text)
		}
		return list
	}
	for _, e := range endpoints() {
		if e.State != "up" || e.Reason != "" || e.Since == "" {
			t.Errorf("%+v", e)
		}
	}

	sick.Store(true)
	failed := 0
	tier.Eventually(t, "the endpoint is ejected", func() bool {
		failed += count(get(t, w, "a.test", "/").status == 503)
		return w.Metric(`wafer_upstream_endpoints{state="ejected",upstream="shop"}`) == 1
	})
	if failed < 2 {
		t.Errorf("ejected after %d failures", failed)
	}
	if e := endpoints()[0]; e.State != "ejected" && e.State != "trying" || e.Reason != "5xx" || `"http://`+e.Address+`"` != urls[0] {
		t.Errorf("%+v", e)
	}
	l := w.Log(func(l map[string]any) bool { return l["message"] == "endpoint is ejected" })
	if l["upstream"] != "shop" || l["reason"] != "5xx" || l["state"] != "ejected" || l["ejections"] != 1.0 || l["level"] != "warn" {
		t.Errorf("log %v", l)
	}
	if n := w.Metric(`wafer_upstream_ejections_total{reason="5xx",upstream="shop"}`); n < 1 {
		t.Errorf("%v ejections", n)
	}

	sick.Store(false)
	tier.Eventually(t, "the endpoint is up again", func() bool {
		get(t, w, "a.test", "/")
		return w.Metric(`wafer_upstream_endpoints{state="up",upstream="shop"}`) == 3
	})
	w.Log(func(l map[string]any) bool { return l["message"] == "endpoint is up" && l["level"] == "info" })
	if n := w.Metric(`wafer_upstream_panic{upstream="shop"}`); n != 0 {
		t.Errorf("panic %v", n)
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}
