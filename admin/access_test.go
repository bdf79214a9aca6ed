package admin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/admin/api"
	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/peers"
	"github.com/wafer-waf/wafer/recent"
	"github.com/wafer-waf/wafer/test/certs"
)

// Whoever may be let through to an endpoint, in the words of docs/operations.md.
const (
	forAnyone   = "anyone"
	forReaders  = "read"
	forProved   = "read, always"
	forChanging = "read; operate"
	forOperator = "operate"
)

// access says of every endpoint whom it is for.
var access = map[string]string{
	"/{$}": forAnyone, "/page/": forAnyone, "/healthz": forAnyone, "/readyz": forAnyone, "/metrics": forAnyone, "/api/v1/standing": forAnyone,
	"/api/v1/bundle": forAnyone, // which says itself who is a peer
	"/api/v1/config": forReaders, "/api/v1/routes": forReaders, "/api/v1/upstreams": forReaders, "/api/v1/store": forReaders, "/api/v1/lists": forReaders,
	"/api/v1/routes?scope=tier": forProved, "/api/v1/upstreams?scope=pod": forProved,
	"/api/v1/bans":   forChanging,
	"/api/v1/events": forProved, "/api/v1/events/stream": forProved, "/api/v1/events/top": forProved, "/api/v1/events/{request_id}": forProved,
	"/api/v1/overview": forProved, "/api/v1/traffic": forProved, "/api/v1/policies": forProved, "/api/v1/certificates": forProved, "/api/v1/generations": forProved,
	"/-/reload": forOperator, "/debug/pprof/": forOperator, "/debug/pprof/cmdline": forOperator, "/debug/pprof/profile": forOperator,
	"/debug/pprof/symbol": forOperator, "/debug/pprof/trace": forOperator,
}

// What becomes of a request.
const (
	through = 0
	unknown = http.StatusUnauthorized
	refused = http.StatusForbidden
)

// asker is somebody who asks, and what becomes of it for each role that is needed.
type asker struct {
	name                       string
	from, token, certificate   string
	anyone, read, proved, does int
}

var (
	withTokens = []asker{
		{"on the same machine", here, "", "", through, through, through, through},
		{"on the same machine, wrong token", here, "wrong", "", through, unknown, unknown, unknown},
		{"neighbor", elsewhere, "", "", through, unknown, unknown, unknown},
		{"neighbor, wrong token", elsewhere, "wrong", "", through, unknown, unknown, unknown},
		{"neighbor, token that has ended", elsewhere, "ended", "", through, unknown, unknown, unknown},
		{"reader's token", elsewhere, "grafana", "", through, through, through, refused},
		{"operator's token", elsewhere, "ci", "", through, through, through, through},
		{"certificate without a role", elsewhere, "", "other", through, refused, refused, refused},
		{"reader's certificate", elsewhere, "", "reader", through, through, through, refused},
		{"operator's certificate", elsewhere, "", "operator", through, through, through, through},
		{"reader's certificate, operator's token", elsewhere, "ci", "reader", through, through, through, through},
		{"operator's certificate, wrong token", elsewhere, "wrong", "operator", through, unknown, unknown, unknown},
		{"pod of the tier", podOfTier, "", "", through, through, through, refused},
	}
	withCertificates = []asker{
		{"on the same machine", here, "", "", through, through, through, through},
		{"neighbor", elsewhere, "", "", through, refused, refused, refused},
		{"neighbor, any token", elsewhere, "wrong", "", through, refused, refused, refused},
		{"reader's certificate", elsewhere, "", "reader", through, through, through, refused},
		{"operator's certificate", elsewhere, "", "operator", through, through, through, through},
		{"pod of the tier", podOfTier, "", "", through, through, through, refused},
	}
	withNothing = []asker{
		{"on the same machine", here, "", "", through, through, through, through},
		{"neighbor", elsewhere, "", "", through, through, refused, refused},
		{"neighbor, any token", elsewhere, "wrong", "", through, through, refused, refused},
		{"pod of the tier", podOfTier, "", "", through, through, through, refused},
	}
	closed = []asker{ // both endpoints that may be
		{"on the same machine", here, "", "", through, through, through, through},
		{"neighbor", elsewhere, "", "", unknown, unknown, unknown, unknown},
		{"reader's token", elsewhere, "grafana", "", through, through, through, refused},
		{"reader's certificate", elsewhere, "", "reader", through, through, through, refused},
	}
)

const podOfTier = "10.7.7.7:5000"

// implement sets all functions of a struct to ones that return nothing, so that an endpoint that is added is there.
func implement(of reflect.Value) {
	for i := range of.NumField() {
		switch f := of.Field(i); {
		case f.Kind() == reflect.Func && f.CanSet() && f.IsNil():
			f.Set(reflect.MakeFunc(f.Type(), func([]reflect.Value) (results []reflect.Value) {
				for i := range f.Type().NumOut() {
					results = append(results, reflect.Zero(f.Type().Out(i)))
				}
				return results
			}))
		case f.Kind() == reflect.Struct && f.CanSet() && f.Type() == reflect.TypeFor[Bans]():
			implement(f)
		}
	}
}

// completely are options of a listener that has every endpoint, those of the API in earnest.
func completely() Options {
	var state api.State
	implement(reflect.ValueOf(&state).Elem())
	nothing := func() any { return nil }
	state.Listed = map[string]func() any{"routes": nothing, "upstreams": nothing}
	a := api.New(api.Options{Pod: "wafer-1", Started: time.Now(), Store: recent.NewStore(1 << 20), Line: recent.NewTimeline(recent.Words{}), State: state, Log: zerolog.Nop()})
	o := Options{API: a.Endpoints(), Scoped: a.Scoped(), Version: "test", Log: zerolog.Nop(), Peer: func(_ context.Context, from netip.Addr) (bool, error) {
		return from == netip.MustParseAddrPort(podOfTier).Addr(), nil
	}}
	implement(reflect.ValueOf(&o).Elem())
	return o
}

// TestAccess asks every endpoint by every method as everybody.
func TestAccess(t *testing.T) {
	file, tokens := keys(t)
	given, err := OpenTokens(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	tokens["wrong"] = tokenPrefix + "wrong"
	dir, ca := t.TempDir(), certs.Authority(t, "tier")
	server := ca.Issue(t, certs.Of{CN: "wafer-admin", DNS: []string{"wafer-admin"}})
	certs.Write(t, dir, map[string][]byte{"tls.crt": server.Cert(), "tls.key": server.PrivateKey(), "ca.crt": ca.Cert()})
	files := &Files{Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), ClientCA: []string{filepath.Join(dir, "ca.crt")}}
	if err := files.Open(); err != nil {
		t.Fatal(err)
	}
	certificates := &Certificates{Files: files, Read: &identity.Allow{DNS: []string{"reader.example"}}, Operate: &identity.Allow{CN: []string{"operator"}}}
	shown := map[string]*certs.Issued{
		"reader": ca.Issue(t, certs.Of{CN: "x", DNS: []string{"reader.example"}}), "operator": ca.Issue(t, certs.Of{CN: "operator"}),
		"other": ca.Issue(t, certs.Of{CN: "other"}),
	}
	all := completely()
	seen := map[string]bool{"/api/v1/routes?scope=tier": true, "/api/v1/upstreams?scope=pod": true}
	for _, e := range all.endpoints() {
		seen[e.path] = true
		if access[e.path] == "" {
			t.Errorf("%s: it is not said here whom it is for", e.path)
		}
	}
	for path := range access {
		if !seen[path] {
			t.Errorf("%s: there is no such endpoint", path)
		}
	}
	over, end := context.WithCancel(t.Context()) // so that streams and profiles end at once
	end()
	status := func(h http.Handler, who *asker, method, path string) int {
		path = strings.NewReplacer("{$}", "", "{request_id}", "r1").Replace(path)
		r := httptest.NewRequestWithContext(over, method, path, http.NoBody)
		r.RemoteAddr, r.Host = who.from, "10.0.0.1:9090"
		r.Header.Set(peers.Header, "wafer-2") // which anybody can
		if who.token != "" {
			r.Header.Set("Authorization", "Bearer "+tokens[who.token])
		}
		if c := shown[who.certificate]; c != nil {
			leaf, err := x509.ParseCertificate(c.Pair().Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden {
			return w.Code
		}
		return through
	}
	for _, c := range []struct {
		about  string
		change func(*Options)
		askers []asker
		only   []string
	}{
		{"tokens and certificates", func(o *Options) { o.Tokens, o.Certificates = given, certificates }, withTokens, nil},
		{"certificates", func(o *Options) { o.Certificates = certificates }, withCertificates, nil},
		{"neither", func(*Options) {}, withNothing, nil},
		{"closed", func(o *Options) {
			o.Tokens, o.Certificates, o.Closed = given, certificates, []string{"/metrics", "/api/v1/standing"}
		}, closed, []string{"/metrics", "/api/v1/standing"}},
	} {
		for i := range c.askers {
			who := &c.askers[i]
			t.Run(c.about+": "+who.name, func(t *testing.T) {
				for path, role := range access {
					if c.only != nil && !slices.Contains(c.only, path) {
						continue
					}
					for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
						o := completely() // whose limits are all unspent
						c.change(&o)
						if !allows(&o, path, method) {
							continue
						}
						want := map[string]int{
							forAnyone: who.anyone, forReaders: who.read, forProved: who.proved, forChanging: who.read, forOperator: who.does,
						}[role]
						if role == forChanging && method != "GET" && method != "HEAD" {
							want = who.does
						}
						got := status(New(o), who, method, path)
						if who.from == podOfTier && method != "GET" { // which pods do not ask with, so that they are nobody
							open := role == forAnyone || method == "HEAD" && (role == forReaders || role == forChanging) && !o.proofs()
							if got == through && !open {
								t.Errorf("%s %s is let through", method, path)
							}
							continue
						}
						if got != want {
							t.Errorf("%s %s, which is for %s: %d, want %d", method, path, role, got, want)
						}
					}
				}
			})
		}
	}
}

// allows reports whether an endpoint has a method.
func allows(o *Options, path, method string) bool {
	path, _, _ = strings.Cut(path, "?")
	return slices.ContainsFunc(o.endpoints(), func(e endpoint) bool {
		return e.path == path && slices.Contains(strings.Split(e.methods, ", "), method)
	})
}

// TestAccessIsDocumented compares the table of docs/operations.md with the endpoints, their methods and roles.
func TestAccessIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| endpoint | method | role | answer |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	o := completely()
	named := map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.SplitN(line, "|", 5)
		if strings.HasPrefix(line, "|---") || len(cells) < 5 {
			continue
		}
		for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			path := quoted[1]
			if path == "/" {
				path = "/{$}"
			}
			named[path] = true
			if role := strings.TrimSpace(cells[3]); access[path] != role {
				t.Errorf("%s is documented for %q, and is for %q", path, role, access[path])
			}
			for _, method := range []string{"GET", "POST", "DELETE"} {
				documented := slices.Contains(strings.Split(strings.TrimSpace(cells[2]), ", "), method)
				if allows(&o, path, method) != documented {
					t.Errorf("%s: %s is documented: %v", path, method, documented)
				}
			}
		}
	}
	for _, e := range o.endpoints() {
		if part := strings.HasPrefix(e.path, "/debug/pprof/"); !part && !named[e.path] {
			t.Errorf("%s is not documented", e.path)
		}
	}
}
