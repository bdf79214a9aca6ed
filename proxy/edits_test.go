package proxy

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/snapshot"
)

func TestTarget(t *testing.T) {
	for _, tt := range []struct {
		name             string
		rewrite          *config.Rewrite
		received, prefix string
		want             string
	}{
		{"none", nil, "/a%41?x=%zz#", "", "/a%41?x=%zz#"},
		{"host only", &config.Rewrite{Host: "x"}, "/a//b?", "", "/a//b?"},
		{"path", &config.Rewrite{Path: "/new"}, "/a?x=1", "", "/new?x=1"},
		{"path, empty query", &config.Rewrite{Path: "/new"}, "/a?", "", "/new?"},
		{"prefix", &config.Rewrite{Prefix: "/app"}, "/shop/a%2fb?x", "/shop", "/app/a%2fb?x"},
		{"prefix itself", &config.Rewrite{Prefix: "/app"}, "/shop", "/shop", "/app"},
		{"prefix with slash", &config.Rewrite{Prefix: "/app/"}, "/shop/x", "/shop", "/app/x"},
		{"prefix away", &config.Rewrite{Prefix: "/"}, "/shop/x?y", "/shop", "/x?y"},
		{"prefix away, nothing left", &config.Rewrite{Prefix: "/"}, "/shop", "/shop", "/"},
		{"prefix of all", &config.Rewrite{Prefix: "/app"}, "/x", "/", "/app/x"},
		{"spelled otherwise", &config.Rewrite{Prefix: "/app"}, "/sh%6Fp/a%20b%3F?q", "/shop", "/app/a%20b%3F?q"},
		{"with dots", &config.Rewrite{Prefix: "/app"}, "/shop/x/../y", "/shop", "/app/y"},
		{"with encoded dots", &config.Rewrite{Prefix: "/app"}, "/shop/x/%2e%2E/y", "/shop", "/app/x/%2e%2E/y"},
		{"with dots that would lead out", &config.Rewrite{Prefix: "/app"}, "/shop/x/%2e%2e/.%2e/shop/y", "/shop", "/app/y"},
		{"with encoded separators that would lead out", &config.Rewrite{Prefix: "/app"}, "/shop/x%2f..%2f..%2fshop/y", "/shop", "/app/y"},
		{"with empty segments", &config.Rewrite{Prefix: "/"}, "/shop//evil.example/y", "/shop", "/evil.example/y"},
		{"with dots and parameters", &config.Rewrite{Prefix: "/app"}, "/shop/..;/y", "/shop", "/app/..;/y"},
		{"asterisk", &config.Rewrite{Path: "/new"}, "*", "", "*"},
	} {
		r := &route{Route: &snapshot.Route{Config: config.Route{Rewrite: tt.rewrite}}}
		if got := r.target(tt.received, routing.Path{Kind: routing.PathPrefix, Value: tt.prefix}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestRedirectLocation(t *testing.T) {
	asked := func(r message.Request) view { return view{Request: r} }
	for _, tt := range []struct {
		name     string
		redirect config.Redirect
		view     view
		want     string
	}{
		{"scheme", config.Redirect{Scheme: "https"}, asked(message.Request{Host: "a.example:8080", Target: "/x?y=1"}), "https://a.example/x?y=1"},
		{"host", config.Redirect{Host: "b.example"}, asked(message.Request{Host: "a.example", Target: "/x"}), "http://b.example/x"},
		{"path keeps the query", config.Redirect{Path: "/new"}, asked(message.Request{Host: "a.example:8080", Target: "/x?y"}), "http://a.example:8080/new?y"},
		{"v6", config.Redirect{Scheme: "https"}, asked(message.Request{Host: "[::1]:8080", Target: "/"}), "https://[::1]/"},
		{"no Host", config.Redirect{Path: "/new"}, asked(message.Request{Target: "/evil.example/"}), "http://192.0.2.1:80/new"},
		{"no Host, path kept", config.Redirect{Scheme: "http"}, asked(message.Request{Target: "/evil.example/"}), "http://192.0.2.1/evil.example/"},
		{"asterisk", config.Redirect{Scheme: "https"}, asked(message.Request{Host: "a.example", Target: "*"}), "https://a.example"},
		{"behind TLS", config.Redirect{Path: "/new"}, view{trusted: true, Request: message.Request{Host: "a.example", Target: "/",
			Fields: message.Fields{{Name: "X-Forwarded-Proto", Value: "https"}}}}, "https://a.example/new"},
	} {
		r := &route{Route: &snapshot.Route{Config: config.Route{Redirect: &tt.redirect}}}
		if got := r.redirectLocation(&tt.view, cmp.Or(tt.view.Host, "192.0.2.1:80")); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestPassable: behind a body goes on what would in a head.
func TestPassable(t *testing.T) {
	p := &Proxy{boot: config.Boot{ClientAddressHeader: "CF-Connecting-IP"}}
	edits := &config.HeaderEdit{Remove: []string{"X-Admin"}, Set: []config.HeaderField{{Name: "X-Role", Value: "guest"}}}
	var fields message.Fields
	for _, name := range []string{
		"x-note", "grpc-status", "client-cert", "Client-Cert-Chain", "x-forwarded-client-cert", "x_note", "cf-connecting-ip",
		"x-admin", "x-role", "x-request-id", "x-real-ip", "host", "cookie", "content-length", "te",
	} {
		fields = append(fields, message.Field{Name: name})
	}
	var got []string
	for _, f := range p.passable(fields, edits) {
		got = append(got, f.Name)
	}
	if want := []string{"x-note", "grpc-status"}; !slices.Equal(got, want) {
		t.Errorf("%q go on, want %q", got, want)
	}
}

// Connection may not take end-to-end fields away.
func TestConnectionOptions(t *testing.T) {
	got := connectionOptions(nil, "close, X-A ,,Authorization,	cookie, x-b")
	if want := []string{"close", "X-A", "x-b"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWantsHTML(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": false, "text/html,application/xhtml+xml,*/*;q=0.8": true,
		"application/json, text/html": false, "application/problem+json": false, "TEXT/HTML;q=0.1": true, "image/png,*/*": false,
	} {
		if got := wantsHTML(accept); got != want {
			t.Errorf("%q: %v, want %v", accept, got, want)
		}
	}
}

func TestHostname(t *testing.T) {
	for host, want := range map[string]string{"a": "a", "a:1": "a", "[::1]": "::1", "[::1]:80": "::1", "": ""} {
		if got := (&view{Request: message.Request{Host: host}}).hostname(); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}

// Many options drop the same fields as a few: those they name, in any case, and none that has to stay.
func TestNominated(t *testing.T) {
	fields := message.Fields{{Name: "Connection", Value: "close, X-a,, \u212a"}, {Name: "connection", Value: "cookie,x-b"}}
	many := append(message.Fields{{Name: "Connection", Value: strings.Repeat("c,", 2*mostFew)}}, fields...)
	for _, head := range []message.Fields{fields, many} {
		o := nominated(nil, head)
		for name, want := range map[string]bool{"x-A": true, "X-B": true, "Close": true, "X-C": false, "Cookie": false, "k": false, "": false} {
			if o.name(name) != want {
				t.Errorf("%d fields, %q: named: %v, want %v", len(head), name, !want, want)
			}
		}
	}
}
