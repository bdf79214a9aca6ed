package admin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/admin/api"
	"github.com/wafer-waf/wafer/peers"
)

// TestWhoSeesEvents asks for events as everybody: without tokens only who is on the same machine sees them, and pods.
func TestWhoSeesEvents(t *testing.T) {
	file, tokens := keys(t)
	given, err := OpenTokens(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	tokens[""] = ""
	const peerAt = "10.0.0.9:1234"
	for _, c := range []struct {
		about  string
		tokens *Tokens
		from   string
		token  string
		peer   bool // says so
		method string
		status int
	}{
		{"elsewhere", nil, elsewhere, "", false, "GET", http.StatusForbidden},
		{"here", nil, here, "", false, "GET", http.StatusOK},
		{"a peer", nil, peerAt, "", true, "GET", http.StatusOK},
		{"a peer that does not say so", nil, peerAt, "", false, "GET", http.StatusForbidden},
		{"who says to be a peer", nil, elsewhere, "", true, "GET", http.StatusForbidden},
		{"a peer changes nothing", nil, peerAt, "", true, "POST", http.StatusMethodNotAllowed},
		{"with tokens, none shown", given, elsewhere, "", false, "GET", http.StatusUnauthorized},
		{"with tokens, a reader", given, elsewhere, "grafana", false, "GET", http.StatusOK},
		{"with tokens, one that has ended", given, elsewhere, "ended", false, "GET", http.StatusUnauthorized},
		{"with tokens, a peer", given, peerAt, "", true, "GET", http.StatusOK},
		{"with tokens, a peer with one that has ended", given, peerAt, "ended", true, "GET", http.StatusUnauthorized},
	} {
		h := New(Options{
			Log: zerolog.Nop(), Tokens: c.tokens,
			API:  []api.Endpoint{{Path: "/api/v1/events", Serve: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }}},
			Peer: func(_ context.Context, a netip.Addr) (bool, error) { return a == netip.MustParseAddr("10.0.0.9"), nil },
		})
		r := httptest.NewRequest(c.method, "/api/v1/events", http.NoBody)
		r.RemoteAddr, r.Host = c.from, "10.0.0.1:9090"
		if c.peer {
			r.Header.Set(peers.Header, "wafer-1")
		}
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+tokens[c.token])
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != c.status {
			t.Errorf("%s: %d %s, want %d", c.about, w.Code, w.Body, c.status)
		}
	}
}

// TestPagesOfOthers has a browser of somebody with a role sent here by a page: nothing that needs the role is done, and the page itself, and what everybody may read, can be linked to.
func TestPagesOfOthers(t *testing.T) {
	h := New(Options{
		Log: zerolog.Nop(), Config: func() any { return "config" }, Ready: func() error { return nil },
		API: []api.Endpoint{{Path: "/api/v1/events", Serve: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }}},
	})
	for site, refused := range map[string]bool{"": false, "none": false, "same-origin": false, "same-site": true, "cross-site": true} {
		for path, free := range map[string]bool{"/api/v1/events": false, "/api/v1/config": true, "/debug/pprof/cmdline": false, "/readyz": true, "/": true} {
			r := httptest.NewRequest("GET", path, http.NoBody)
			r.RemoteAddr, r.Host = here, "localhost:9090"
			if site != "" {
				r.Header.Set("Sec-Fetch-Site", site)
			}
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); (w.Code == http.StatusForbidden) != (refused && !free) {
				t.Errorf("%s from %q: %d %s", path, site, w.Code, w.Body)
			}
		}
	}
}

// TestWhoAsksAllPods has everybody see a list who always has, and who may read that of all pods.
func TestWhoAsksAllPods(t *testing.T) {
	h := New(Options{
		Log: zerolog.Nop(), Upstreams: func() any { return []string{"shop"} },
		Scoped: map[string]http.HandlerFunc{"/api/v1/upstreams": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }},
	})
	for _, c := range []struct {
		from, query string
		status      int
	}{
		{elsewhere, "", http.StatusOK}, {elsewhere, "?scope=tier", http.StatusForbidden}, {elsewhere, "?scope=pod", http.StatusForbidden},
		{elsewhere, "?scope", http.StatusForbidden}, {here, "", http.StatusOK}, {here, "?scope=tier", http.StatusAccepted},
	} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/upstreams"+c.query, http.NoBody)
		r.RemoteAddr, r.Host = c.from, "10.0.0.1:9090"
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.from, c.query, w.Code, w.Body, c.status)
		}
	}
}
