package admin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/test/certs"
)

// secureListener serves the admin listener by TLS, with authorities and a folder of files.
func secureListener(t *testing.T, o Options) (address, dir string, ca *certs.Issued, files *Files) {
	t.Helper()
	dir, ca = t.TempDir(), certs.Authority(t, "tier")
	server := ca.Issue(t, certs.Of{CN: "wafer-admin", DNS: []string{"wafer-admin"}})
	certs.Write(t, dir, map[string][]byte{"tls.crt": server.Cert(), "tls.key": server.PrivateKey(), "ca.crt": ca.Cert()})
	at := func(name string) string { return filepath.Join(dir, name) }
	files = &Files{Cert: at("tls.crt"), Key: at("tls.key"), ClientCA: []string{at("ca.crt")}}
	if err := files.Open(); err != nil {
		t.Fatal(err)
	}
	o.Log = zerolog.Nop()
	o.Certificates = &Certificates{
		Files: files, Read: &identity.Allow{DNS: []string{"grafana.example"}}, Operate: &identity.Allow{CN: []string{"ops"}},
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, Secure(ln, files), New(o), zerolog.Nop()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String(), dir, ca, files
}

// askTLS returns the status, or the error, of a request by a connection of its own.
func askTLS(t *testing.T, address, method, path string, c *tls.Config) (int, error) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(t.Context(), method, "https://"+address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return response.StatusCode, nil
}

// TestCertificatesGiveRoles has clients without, with one that nobody knows and with those of the two roles.
func TestCertificatesGiveRoles(t *testing.T) {
	t.Parallel()
	o := Options{
		LocalNeedsToken: true, Config: func() any { return "config" }, Version: "test",
		Reload: func(context.Context) (any, error) { return "reloaded", nil },
	}
	address, _, ca, _ := secureListener(t, o)
	as := func(who *certs.Issued) *tls.Config {
		c := &tls.Config{RootCAs: ca.Pool(), ServerName: "wafer-admin", MinVersion: tls.VersionTLS12}
		if who != nil {
			c.Certificates = []tls.Certificate{who.Pair()}
		}
		return c
	}
	reader := ca.Issue(t, certs.Of{CN: "x", DNS: []string{"grafana.example"}})
	operator := ca.Issue(t, certs.Of{CN: "ops"})
	nobody := ca.Issue(t, certs.Of{CN: "other"})
	for _, c := range []struct {
		name                   string
		who                    *certs.Issued
		health, config, reload int
	}{
		{"nobody", nil, 200, 403, 403},
		{"no role", nobody, 200, 403, 403},
		{"reader", reader, 200, 200, 403},
		{"operator", operator, 200, 200, 200},
	} {
		for _, one := range []struct {
			method, path string
			want         int
		}{{"GET", "/healthz", c.health}, {"GET", "/api/v1/config", c.config}, {"POST", "/-/reload", c.reload}} {
			if got, err := askTLS(t, address, one.method, one.path, as(c.who)); got != one.want || err != nil {
				t.Errorf("%s: %s: %d, want %d (%v)", c.name, one.path, got, one.want, err)
			}
		}
	}
	stranger := certs.Authority(t, "somebody").Issue(t, certs.Of{CN: "ops"})
	pushy := as(nil) // shows its certificate although the listener has named other authorities
	pushy.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair := stranger.Pair()
		return &pair, nil
	}
	if got, err := askTLS(t, address, "GET", "/healthz", pushy); err == nil {
		t.Errorf("a certificate of a stranger's authority: %d", got)
	}
	if got, err := askTLS(t, address, "GET", "/healthz", &tls.Config{RootCAs: ca.Pool(), ServerName: "wafer-admin", MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Errorf("TLS 1.1: %d", got)
	}
}

// TestFilesChange gives the listener another certificate, and then one that is none.
func TestFilesChange(t *testing.T) {
	t.Parallel()
	address, dir, ca, files := secureListener(t, Options{Version: "test"})
	serial := func() string {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: ca.Pool(), ServerName: "wafer-admin", MinVersion: tls.VersionTLS12})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	told := make(chan error, 1)
	files.mu.Lock()
	files.Broken = func(err error) { told <- err }
	files.mu.Unlock()
	// What is believed is a second old at most.
	old := func() {
		files.mu.Lock()
		files.looked = time.Time{}
		files.mu.Unlock()
	}
	next := ca.Issue(t, certs.Of{CN: "wafer-admin", DNS: []string{"wafer-admin"}})
	certs.Write(t, dir, map[string][]byte{"tls.crt": next.Cert(), "tls.key": next.PrivateKey(), "ca.crt": ca.Cert()})
	old()
	second := serial()
	if second == first {
		t.Error("the certificate is the one that was replaced")
	}
	certs.Write(t, dir, map[string][]byte{"tls.crt": []byte("none"), "tls.key": next.PrivateKey(), "ca.crt": ca.Cert()})
	old()
	if serial() != second {
		t.Error("a file that cannot be read changes the certificate")
	}
	if err := <-told; !strings.Contains(err.Error(), "tls.crt") {
		t.Errorf("told %v", err)
	}
	if !files.NotAfter().Equal(next.Leaf.NotAfter) {
		t.Errorf("ends at %s", files.NotAfter())
	}
}

// TestPeersKnowEachOther asks the listener as another process of the tier would.
func TestPeersKnowEachOther(t *testing.T) {
	t.Parallel()
	address, _, _, files := secureListener(t, Options{Version: "test"})
	if got, err := askTLS(t, address, "GET", "/healthz", files.Client("wafer-admin")); got != 200 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	if got, err := askTLS(t, address, "GET", "/healthz", files.Client("somebody")); err == nil {
		t.Errorf("by a name that the certificate has not: %d", got)
	}
}

// TestRevoked has an authority take back a certificate while a connection of its owner is open.
func TestRevoked(t *testing.T) {
	t.Parallel()
	dir, ca := t.TempDir(), certs.Authority(t, "tier")
	operator := ca.Issue(t, certs.Of{CN: "ops"})
	certs.Write(t, dir, map[string][]byte{"tls.crt": operator.Cert(), "tls.key": operator.PrivateKey(), "ca.crt": ca.Cert(), "ca.crl": ca.Revoke()})
	at := func(name string) string { return filepath.Join(dir, name) }
	files := &Files{Cert: at("tls.crt"), Key: at("tls.key"), ClientCA: []string{at("ca.crt")}, ClientCRL: []string{at("ca.crl")}}
	if err := files.Open(); err != nil {
		t.Fatal(err)
	}
	c := &Certificates{Files: files, Operate: &identity.Allow{CN: []string{"ops"}}}
	state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{operator.Leaf}}
	if who := c.find(state, time.Now()); who.role != Operate {
		t.Fatalf("%+v", who)
	}
	if who := c.find(state, time.Now().Add(24*time.Hour)); who.role != Anyone {
		t.Errorf("with a certificate that has ended: %+v", who)
	}
	certs.Write(t, dir, map[string][]byte{"tls.crt": operator.Cert(), "tls.key": operator.PrivateKey(), "ca.crt": ca.Cert(), "ca.crl": ca.Revoke(operator)})
	files.looked = time.Time{}
	if who := c.find(state, time.Now()); who.role != Anyone {
		t.Errorf("revoked: %+v", who)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	dir, ca := t.TempDir(), certs.Authority(t, "tier")
	leaf, other := ca.Issue(t, certs.Of{CN: "a"}), ca.Issue(t, certs.Of{CN: "b"})
	certs.Write(t, dir, map[string][]byte{"a.crt": leaf.Cert(), "a.key": leaf.PrivateKey(), "b.key": other.PrivateKey(), "ca.crt": ca.Cert()})
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		files *Files
		want  string
	}{
		{&Files{Cert: at("none.crt"), Key: at("a.key")}, "none.crt: no such file"},
		{&Files{Cert: at("a.crt"), Key: at("b.key")}, "does not match"},
		{&Files{Cert: at("a.crt"), Key: at("a.key"), ClientCA: []string{at("a.crt")}}, "not an authority's certificate"},
		{&Files{Cert: at("a.crt"), Key: at("a.key"), ClientCA: []string{at("a.key")}}, "a.key: no certificate in it"},
		{&Files{Cert: at("a.crt"), Key: at("a.key"), PeerCA: []string{at("a.key")}}, "a.key: no certificate in it"},
	} {
		if err := c.files.Open(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}
