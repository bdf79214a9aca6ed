package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// minimal is a route file that is valid with whatever policies are appended to it.
const minimal = `routes: [{ id: all, upstreams: [{ id: app }] }]
upstreams: [{ id: app, endpoints: ["http://app:80"] }]
`

func noFiles(rel string) ([]byte, error) { return nil, fs.ErrNotExist }

func mustParse(t *testing.T, text string) *Routes {
	t.Helper()
	r, err := ParseRoutes("routes.yaml", []byte(text), noFiles)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func policy(t *testing.T, r *Routes, id string) Policy {
	t.Helper()
	for _, p := range r.Policies {
		if p.ID == id {
			return p
		}
	}
	t.Fatalf("no policy %q", id)
	return Policy{}
}

func TestValidFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/valid/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r, err := LoadRoutes(file)
			if err != nil {
				t.Fatal(err)
			}
			if ps := recheck(r); len(ps) > 0 {
				t.Errorf("valid when loaded, not when checked again:\n%s", ps.Error())
			}
		})
	}
}

// recheck checks values that were loaded already.
func recheck(r *Routes) Problems {
	var c checker
	c.checkRoutes(r)
	for i := range r.Policies {
		c.checkPolicy(indexPath("policies", i), &r.Policies[i])
	}
	return c.problems
}

// TestFullFile makes sure that each key of the file arrives in its field: every field of
// the first route, upstream and policies must differ from the default.
func TestFullFile(t *testing.T) {
	r, err := LoadRoutes("testdata/valid/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	differs := func(what string, got, byDefault any, except ...string) {
		t.Helper()
		g, d := reflect.ValueOf(got), reflect.ValueOf(byDefault)
		for _, path := range leafPaths(g.Type()) {
			if !slices.Contains(except, path) && reflect.DeepEqual(valueAt(g, path).Interface(), valueAt(d, path).Interface()) {
				t.Errorf("%s: %s has its default value", what, path)
			}
		}
	}
	differs("route", r.Routes[0], DefaultRoute(), "redirect")
	differs("records", r.Records[1], DefaultRecording())
	differs("redirect", *r.Routes[2].Redirect, Redirect{})
	differs("upstream", r.Upstreams[0], DefaultUpstream(), "service", // which excludes endpoints
		"sticky", "zone", "slow_start.window", "slow_start.least") // which exclude consistent_hash
	if got := r.Upstreams[3]; got.Service != "shop/orders:http" || got.TLS == nil {
		t.Errorf("an upstream of a Service: %+v", got)
	}
	sessions := r.Upstreams[5]
	if got := sessions.Endpoints; !slices.Equal(got, []Endpoint{{"http://a:80", 1, ""}, {"http://b:80", 3, "eu-1b"}}) {
		t.Errorf("endpoints %v", got)
	}
	if got := *sessions.Sticky; got != (Sticky{"shop", "0123456789abcdef", SameSiteStrict, time.Hour}) || *sessions.Zone != (ZonePreference{"eu-1a", 50}) ||
		sessions.Balance != Sticking || sessions.SlowStart != (SlowStart{30 * time.Second, 5}) {
		t.Errorf("sessions %+v", sessions)
	}
	if got := r.Upstreams[6]; got.HashBy.Value != HashPath || got.BoundedLoad != 0 {
		t.Errorf("hash by %+v, bounded load %s", *got.HashBy, got.BoundedLoad)
	}
	if got := r.Upstreams[7]; *got.Zone != (ZonePreference{"eu-1a", DefaultSpill}) || got.SlowStart != (SlowStart{time.Minute, 10}) {
		t.Errorf("zone %+v, slow start %+v", *got.Zone, got.SlowStart)
	}
	differs("policy", policy(t, r, "shop"), DefaultPolicy(), "mode")
	access := r.Access[1]
	differs("access policy", access, DefaultAccess())
	differs("access rule", access.Rules[1], AccessRule{Mode: Enforce})
	differs("limit", access.Limits[0], DefaultLimit(), "cost", "mode", "max_delay", "waiters", "replicas")
	differs("ban", access.Bans[0], DefaultBan())
	if got := access.Limits[1]; got.Rate != (Rate{Amount{10 << 20, true}, time.Second}) || got.Burst != (Amount{1 << 30, true}) || got.Replicas != 3 {
		t.Errorf("limit %+v", got)
	}
	if got := access.Limits[2]; got.Burst != got.Rate.Amount || got.MaxDelay != 2*time.Second || got.Waiters != 50 {
		t.Errorf("limit %+v", got)
	}
	differs("list", r.Lists[2], DefaultList(), "entries", "file", "column", "set", "ca", "format")
	if got := r.Lists[0].Entries; len(got) != 4 || got[2].Reason != "audit" || got[2].Until.String() != "2027-01-31T00:00:00Z" || got[3].Until.Hour() != 12 {
		t.Errorf("entries %+v", got)
	}
	if got := r.Lists[1]; got.MaxShrink != 100 || got.MaxBad != 0 || got.MinEntries != 0 || got.ShortestIPv4 != 0 || got.Column != "ip" {
		t.Errorf("a file %+v", got)
	}
	if got := r.Lists[3]; got.StaleAfter != 3*time.Hour || got.MinEntries != 1 || !strings.HasPrefix(got.Signature.Key, "RWQ") {
		t.Errorf("a URL %+v", got)
	}
	if *r.Geo != (Geo{Country: "geo/country.mmdb", ASN: "geo/asn.mmdb", Dir: r.Geo.Dir}) {
		t.Errorf("%+v", r.Geo)
	}
	differs("conditions", *access.Rules[1].When, AccessWhen{})
	differs("tokens", *access.Tokens, DefaultTokens())
	differs("issuer", access.Tokens.Issuers[0], DefaultIssuer(), "jwks_file", "secret_file", "ca")
	differs("API keys", *access.APIKeys, DefaultAPIKeys(), "invalid")
	differs("login", *access.Login, DefaultLogin(), "failures.statuses", "failures.location", "account.form")
	const secret = "0123456789abcdef0123456789abcdef"
	if access.Tokens.Issuers[1].Secret != secret || access.Login.Key != secret || !strings.HasPrefix(access.APIKeys.Keys, "partner ") {
		t.Errorf("files of tokens, keys and logins: %+v", access)
	}

	if got := r.Routes[0].Timeouts; got != (RouteTimeouts{Request: 0, Idle: 5 * time.Minute}) {
		t.Errorf("a zero that stands in the file must stay: %v", got)
	}
	if got := r.Routes[0].Upstreams[2].Weight; got != 0 {
		t.Errorf("weight 0 became %d", got)
	}
	if got := r.Routes[1].Upstreams[0].Weight; got != DefaultWeight {
		t.Errorf("weight without a value is %d", got)
	}
	shop := policy(t, r, "shop")
	if len(shop.RulesAfter) != 1 || !strings.HasPrefix(shop.RulesAfter[0].Inline, "SecRule REQUEST_URI") {
		t.Errorf("rule file was not read: %+v", shop.RulesAfter)
	}
	var paths []string
	for _, f := range r.Files {
		paths = append(paths, filepath.ToSlash(f.Path))
	}
	text := func(name string) string {
		b, err := os.ReadFile("testdata/valid/tls/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if u := r.Upstreams[0].TLS; string(u.CAText) != text("ca.pem")+"\n" || string(u.CertText) != text("own.pem") || string(u.KeyText) != text("own.key") || u.Verify != On {
		t.Errorf("files of certificates: %+v", u)
	}
	if u := r.Upstreams[1].TLS; string(u.CertText) != text("bundle.pem") || u.KeyText != nil || u.CAText != nil || r.Upstreams[2].TLS.Verify != Off {
		t.Errorf("a bundle: %+v", u)
	}
	want := []string{"full.yaml", "tls/ca.pem", "tls/own.pem", "tls/own.key", "tls/bundle.pem", "rules/shop.conf", "shop.binpb", "secret", "keys.txt"}
	for i := range want {
		want[i] = "testdata/valid/" + want[i]
	}
	if !slices.Equal(paths, want) {
		t.Errorf("files %q, want %q", paths, want)
	}
}

func TestDefaults(t *testing.T) {
	r := mustParse(t, minimal)
	want := DefaultRoute()
	want.ID = "all"
	want.Upstreams = []WeightedUpstream{{ID: "app", Weight: 1}}
	if !reflect.DeepEqual(r.Routes[0], want) {
		t.Errorf("route\n got %+v\nwant %+v", r.Routes[0], want)
	}
	up := DefaultUpstream()
	up.ID, up.Endpoints = "app", []Endpoint{{Address: "http://app:80", Weight: 1}}
	if !reflect.DeepEqual(r.Upstreams[0], up) {
		t.Errorf("upstream\n got %+v\nwant %+v", r.Upstreams[0], up)
	}
	if !reflect.DeepEqual(r.Policies, []Policy{DefaultPolicy()}) {
		t.Errorf("policies: %+v", r.Policies)
	}
	r = mustParse(t, strings.Replace(minimal, "id: all,", "id: all, policy: own,", 1)+"policies: [{ id: own }]\n")
	if len(r.Policies) != 1 {
		t.Errorf("nobody asked for the default policy: %+v", r.Policies)
	}
}

func TestAliases(t *testing.T) {
	r, err := LoadRoutes("testdata/valid/aliases.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, c := r.Routes[1], r.Routes[2]
	if b.ID != "b" || b.Hosts[0] != "B.Example.Com" || b.Timeouts.Request != 5*time.Minute || b.Upstreams[0].ID != "app" {
		t.Errorf("merged route: %+v", b)
	}
	if c.Hosts[0] != "a.example.com" || c.Timeouts != (RouteTimeouts{Request: 5 * time.Minute, Idle: 2 * time.Minute}) {
		t.Errorf("route of aliases: %+v", c)
	}
}

func TestEachFileIsReadOnce(t *testing.T) {
	reads := map[string]int{}
	text := minimal + `policies:
  - id: a
    rules_before: [{ file: rules/x.conf }, { file: ./rules/x.conf }]
  - { id: b, inherits: a, rules_after: [{ file: rules/x.conf }, { file: y.conf }] }
`
	r, err := ParseRoutes("dir/routes.yaml", []byte(text), func(rel string) ([]byte, error) {
		reads[rel]++
		return []byte("SecAction " + rel), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]int{"rules/x.conf": 1, "y.conf": 1}; !reflect.DeepEqual(reads, want) {
		t.Errorf("reads %v, want %v", reads, want)
	}
	if len(r.Files) != 3 || filepath.ToSlash(r.Files[1].Path) != "dir/rules/x.conf" {
		t.Errorf("files %v", r.Files)
	}
}

func TestDigest(t *testing.T) {
	parse := func(name, text, rules string) string {
		r, err := ParseRoutes(name, []byte(minimal+text), func(string) ([]byte, error) { return []byte(rules), nil })
		if err != nil {
			t.Fatal(err)
		}
		return r.Digest()
	}
	const own = "policies: [{ id: own, rules_before: [{ file: x.conf }] }]\n"
	base := parse("routes.yaml", own, "SecAction a")
	if base != parse("routes.yaml", own, "SecAction a") {
		t.Error("the same bytes have two digests")
	}
	for what, other := range map[string]string{
		"a comment":   parse("routes.yaml", own+"# more\n", "SecAction a"),
		"a rule file": parse("routes.yaml", own, "SecAction b"),
		"a name":      parse("other.yaml", own, "SecAction a"),
	} {
		if other == base {
			t.Errorf("%s does not change the digest", what)
		}
	}
}

func TestFromTo(t *testing.T) {
	r, err := FromTo("http://127.0.0.1:8081")
	if err != nil {
		t.Fatal(err)
	}
	if ps := recheck(r); len(ps) > 0 {
		t.Errorf("not valid: %v", ps)
	}
	route, up := r.Routes[0], r.Upstreams[0]
	if route.ID != "default" || route.Policy != "default" || route.Upstreams[0] != (WeightedUpstream{"backend", 1}) ||
		up.ID != "backend" || up.Endpoints[0].Address != "http://127.0.0.1:8081" || r.Policies[0].ID != "default" {
		t.Errorf("got %+v", r)
	}
	other, err := FromTo("http://127.0.0.1:8082")
	if err != nil || other.Digest() == r.Digest() {
		t.Errorf("another backend has the same digest (%v)", err)
	}
	if _, err := FromTo("127.0.0.1:8081"); err == nil || err.Error() != `to: "127.0.0.1:8081" is not http://host:port or https://host:port` {
		t.Errorf("got %v", err)
	}
}

func TestLoadRoutesWithoutFile(t *testing.T) {
	_, err := LoadRoutes(filepath.Join(t.TempDir(), "absent.yaml"))
	if err == nil || !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "read route file: ") {
		t.Errorf("got %v", err)
	}
}
