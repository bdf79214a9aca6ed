package snapshot_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/waf"
)

// built builds a configuration of routes alone, whose authorities are in ca.crt and other.crt.
func built(t *testing.T, routes string) (*snapshot.Snapshot[int], error) {
	t.Helper()
	return builtFrom(t, "upstreams: [{ id: a, endpoints: [\"http://127.0.0.1:1\"] }]\npolicies: [{ id: default, mode: off }]\nroutes:\n"+routes)
}

// builtFrom builds a whole route file, beside which the same files stand.
func builtFrom(t *testing.T, text string) (*snapshot.Snapshot[int], error) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"ca.crt": certs.Authority(t, "ca").Cert(), "other.crt": certs.Authority(t, "other").Cert(), "broken.crt": []byte("x"), "routes.yaml": []byte(text),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.LoadRoutes(filepath.Join(dir, "routes.yaml"))
	if err != nil {
		return nil, snapshot.Complete(c, err)
	}
	b := snapshot.NewBuilder(waf.NewCompiler(), func(*snapshot.Route) int { return 0 }, func(*inspect.Policy) ([]snapshot.Stopped, error) { return nil, nil })
	s, err := b.Build(c, metrics.New(prometheus.NewRegistry(), "", "", ""))
	if err == nil {
		t.Cleanup(func() { _ = b.Free(s) })
	}
	return s, err
}

// Routes of a host agree on what is asked in the handshake, or the configuration is refused.
func TestRoutesOfAHostAgree(t *testing.T) {
	const target = ", upstreams: [{ id: a }] }\n"
	certificate := func(mode string) string { return ", client_certificate: { mode: " + mode + ", ca: [ca.crt] }" }
	for name, tt := range map[string]struct {
		routes string
		want   []string // of the problems
	}{
		"optional and require": {
			"  - { id: all, hosts: [a.test]" + certificate("optional") + target + "  - { id: part, hosts: [a.test], paths: [{ prefix: /x }]" + certificate("require") + target, nil},
		"hosts of their own": {
			"  - { id: all, hosts: [a.test]" + certificate("require") + target + "  - { id: other, hosts: [b.test]" + target, nil},
		"what nobody falls through to": {
			"  - { id: all, hosts: [a.test]" + certificate("require") + target + "  - { id: any" + target, nil},
		"off and require": {
			"  - { id: all, hosts: [a.test], client_certificate: { mode: off }" + target + "  - { id: part, hosts: [a.test], paths: [{ prefix: /x }]" + certificate("require") + target,
			[]string{`routes[1].client_certificate: require here and off of route "all" exclude each other for a.test`}},
		"request and require": {
			"  - { id: all, hosts: [a.test]" + certificate("request") + target + "  - { id: part, hosts: [a.test], paths: [{ prefix: /x }]" + certificate("require") + target,
			[]string{`routes[1].client_certificate: require here and request of route "all" exclude each other for a.test`}},
		"one says nothing": {
			"  - { id: all, hosts: [a.test]" + target + "  - { id: part, hosts: [a.test], paths: [{ prefix: /x }]" + certificate("require") + target,
			[]string{`routes[0].client_certificate: says nothing, while route "part" says require for a.test`}},
		"what it falls through to says nothing": {
			"  - { id: part, hosts: [a.test], paths: [{ prefix: /x }]" + certificate("require") + target + "  - { id: any" + target,
			[]string{`routes[1].client_certificate: says nothing, while route "part" says require for a.test`}},
		"by a wildcard": {
			"  - { id: part, hosts: [a.test], paths: [{ prefix: /x }]" + certificate("require") + target + "  - { id: wild, hosts: [\"*.test\"], client_certificate: { mode: off }" + target,
			[]string{`routes[1].client_certificate: off here and require of route "part" exclude each other for a.test`}},
		"other authorities": {
			"  - { id: all, hosts: [a.test]" + certificate("require") + target + "  - { id: part, hosts: [a.test], paths: [{ prefix: /x }], client_certificate: { ca: [other.crt] }" + target,
			[]string{`routes[1].client_certificate: ca and crl are not those of route "all" for a.test`}},
		"broken and missing files": {
			"  - { id: all, hosts: [a.test], client_certificate: { ca: [broken.crt] }" + target + "  - { id: b, hosts: [b.test], client_certificate: { ca: [ca.crt], crl: [ca.crt] }" + target,
			[]string{"routes[0].client_certificate.ca[0]: no certificate in it", "routes[1].client_certificate.crl[0]: no list of revoked certificates"}},
		"no such file": {
			"  - { id: all, hosts: [a.test], client_certificate: { ca: [none.crt, /none/x.crt] }" + target,
			[]string{"routes[0].client_certificate.ca[0]: read none.crt: no such file", "routes[0].client_certificate.ca[1]: read /none/x.crt: no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := built(t, tt.routes)
			if tt.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("it is built")
			}
			lines := strings.Split(err.Error(), "\n")
			for i, want := range tt.want {
				if i >= len(lines) || !strings.Contains(lines[i], want) {
					t.Errorf("got\n%v\nwant %q", err, want)
				}
			}
			if len(lines) != len(tt.want) {
				t.Errorf("got\n%v\nwant %d problems", err, len(tt.want))
			}
		})
	}
}

// Where all routes of a host require a certificate, the handshake does.
func TestHandshakeOfAHost(t *testing.T) {
	s, err := built(t, `
  - { id: all, hosts: [a.test, b.test], client_certificate: { ca: [ca.crt] }, upstreams: [{ id: a }] }
  - { id: part, hosts: [b.test], paths: [{ prefix: /x }], client_certificate: { mode: optional, ca: [ca.crt] }, upstreams: [{ id: a }] }
  - { id: off, hosts: [c.test], client_certificate: { mode: off }, upstreams: [{ id: a }] }
  - { id: any, upstreams: [{ id: a }] }
`)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]identity.Mode{"a.test": identity.Require, "B.test:443": identity.Optional, "c.test": identity.Off} {
		if got := s.Hosts.Find(host); got == nil || got.Mode != want {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
	if got := s.Hosts.Find("d.test"); got != nil {
		t.Errorf("d.test: %v, of which nothing is said", got)
	}
	if a, b := s.Hosts.Find("a.test"), s.Hosts.Find("b.test"); a.ID == b.ID {
		t.Errorf("what differs has one id: %q", a.ID)
	}
}
