package api

import (
	"encoding/json"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/admin/view"
)

// TestPodsWithTwoAddresses has a pod found at two addresses, as where IPv4 and IPv6 are both spoken: it counts once.
func TestPodsWithTwoAddresses(t *testing.T) {
	a := newPod(t, "a")
	again := httptest.NewServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: a.address}))
	t.Cleanup(again.Close)
	c := newPod(t, "c", a.address, again.Listener.Addr().String())
	a.add("security", 1, "of-a", blockedMore)
	c.add("security", 2, "of-c", blockedMore)

	var page view.Events
	c.get(t, "/api/v1/events?scope=tier", &page)
	if len(page.Events) != 2 || len(page.About.Pods) != 2 || !page.About.Complete {
		t.Errorf("%d events, %+v", len(page.Events), page.About)
	}
	var top view.Top
	c.get(t, "/api/v1/events/top?scope=tier", &top)
	if len(top.Rows) != 1 || top.Rows[0].Count != 2 || top.About.Kept[0].Events != 2 {
		t.Errorf("%+v", top)
	}

	_, next := stream(t, c, "scope=tier")
	for complete := false; !complete; {
		name, data := next()
		var about view.About
		if name != "about" || json.Unmarshal([]byte(data), &about) != nil {
			t.Fatalf("%s %s", name, data)
		}
		complete = about.Complete
	}
	for _, id := range []string{"first", "second", "third"} {
		a.add("security", 3, id, blockedMore)
		if name, data := next(); name != "event" || !strings.Contains(data, `"request_id":"`+id+`"`) {
			t.Errorf("%s, not %s: %s", name, id, data)
		}
	}
}
