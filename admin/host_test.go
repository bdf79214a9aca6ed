package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHosts refuses requests that came by a name that somebody else could own.
func TestHosts(t *testing.T) {
	o := fullOptions()
	o.Hosts = []string{"wafer.example.com"}
	base := start(t, o)
	for host, own := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:9090": true, "[::1]:9090": true, "10.1.2.3:9090": true,
		"localhost:9090": true, "LOCALHOST": true, "wafer": true, "wafer-7d9c-x2:9090": true,
		"wafer-admin.shop.svc": true, "wafer-admin.shop.svc.cluster.local.:9090": true, "node.internal": true,
		"wafer.example.com": true, "Wafer.Example.com.:9090": true,
		"rebind.example.com": false, "rebind.example.com:9090": false, "127.0.0.1.example.com": false, "svc.example.com": false,
		"evil.svc.example": false, "xwafer.example.com": false, "a.wafer.example.com": false,
	} {
		for _, path := range []string{"/", "/metrics", "/api/v1/config", "/debug/pprof/", "/nothing"} {
			got := do(t, "GET", base+path, "Host", host)
			if refused := got.status == http.StatusMisdirectedRequest; refused == own {
				t.Errorf("%s for host %s: status %d", path, host, got.status)
			}
			if !own && !strings.Contains(got.body, "admin_hosts") {
				t.Errorf("host %s: the answer does not say what to do: %s", host, got.body)
			}
		}
		if got := do(t, "POST", base+"/-/reload", "Host", host); (got.status == http.StatusOK) != own {
			t.Errorf("reload for host %s: status %d", host, got.status)
		}
	}
}

// TestProfiles gives profiles to the same machine, and to others only if they are opened.
func TestProfiles(t *testing.T) {
	for _, test := range []struct {
		from   string
		open   bool
		status int
	}{
		{"127.0.0.1:5000", false, http.StatusOK},
		{"[::1]:5000", false, http.StatusOK},
		{"[::ffff:127.0.0.1]:5000", false, http.StatusOK},
		{"10.1.2.3:5000", false, http.StatusForbidden},
		{"[2001:db8::1]:5000", false, http.StatusForbidden},
		{"10.1.2.3:5000", true, http.StatusOK},
	} {
		o := fullOptions()
		o.Profiles = test.open
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=1"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
			r.RemoteAddr, r.Host = test.from, "10.0.0.1:9090"
			w := httptest.NewRecorder()
			New(o).ServeHTTP(w, r)
			if w.Code != test.status {
				t.Errorf("%s from %s, open %v: status %d, want %d", path, test.from, test.open, w.Code, test.status)
			}
		}
	}
}
