package secure

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/test/certs"
)

// TestRenewal: what is good is taken, and what is not leaves the last that was.
func TestRenewal(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	now := time.Now()
	issue := func(cn string, of certs.Of) *certs.Issued {
		of.CN, of.DNS = cn, []string{"a.test"}
		return ca.Issue(t, of)
	}
	first, second := issue("first", certs.Of{}), issue("second", certs.Of{})
	files := func(cert, key *certs.Issued) map[string][]byte {
		return map[string][]byte{"tls.crt": cert.Cert(), "tls.key": key.PrivateKey()}
	}
	certs.Write(t, dir, files(first, first))
	pair := Pair{Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), CertAt: "cert", KeyAt: "key"}
	s := serve(t, Options{Certificates: []Pair{pair}}, socket.Options{})
	for _, tt := range []struct {
		name        string
		cert, key   *certs.Issued
		shown, want string
	}{
		{"the same again", first, first, "first", ""},
		{"another key", second, first, "first", "key: the key is not the certificate's"},
		{"one that has expired", issue("old", certs.Of{From: now.Add(-2 * time.Hour), To: now.Add(-time.Hour)}), nil, "first", "cert: the certificate has expired on "},
		{"one of tomorrow", issue("new", certs.Of{From: now.Add(time.Hour), To: now.Add(2 * time.Hour)}), nil, "first", "cert: the certificate is not valid before "},
		{"a good one", second, second, "second", ""},
	} {
		if tt.key == nil {
			tt.key = tt.cert
		}
		certs.Write(t, dir, files(tt.cert, tt.key))
		var got []string
		report := func(at string, err error) { got = append(got, at+": "+err.Error()) }
		r := s.l.Refresh(report)
		if !r.Usable || r.Changed != (tt.name != "the same again") || (tt.want == "") != (len(got) == 0) || len(got) > 0 && !strings.HasPrefix(got[0], tt.want) {
			t.Errorf("%s: %+v, %q", tt.name, r, got)
		}
		got = nil
		if again := s.l.Refresh(report); again.Changed || got != nil {
			t.Errorf("%s: told again: %+v %q", tt.name, again, got)
		}
		if _, state, err := s.ask(&tls.Config{ServerName: "a.test", RootCAs: ca.Pool()}); err != nil || state.PeerCertificates[0].Subject.CommonName != tt.shown {
			t.Errorf("%s: shows %v, %v", tt.name, state.PeerCertificates, err)
		}
	}
}

// A file that is swapped between the reading of the two is not of two versions.
func TestSwapWhileReading(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	write := func(cn string) {
		i := ca.Issue(t, certs.Of{CN: cn, DNS: []string{"a.test"}})
		certs.Write(t, dir, map[string][]byte{"tls.crt": i.Cert(), "tls.key": i.PrivateKey()})
	}
	write("first")
	swap := 0
	pair := Pair{Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), CertAt: "cert", KeyAt: "key"}
	l := New(Options{Certificates: []Pair{pair}, Timeout: time.Minute, Gate: NewGate(1), Read: func(path string) ([]byte, error) {
		data, err := os.ReadFile(path)
		if path == pair.Cert && swap > 0 {
			swap--
			write(fmt.Sprint("swap ", swap))
		}
		return data, err
	}})
	report := func(at string, err error) { t.Errorf("%s: %v", at, err) }
	l.Refresh(report)
	swap = 2
	l.Refresh(report)
	if got := l.Leaf(0).Subject.CommonName; got != "swap 0" {
		t.Errorf("it has %q", got)
	}
}

// At the start there is nothing to stay with: all that is wrong is told, and what only has a wrong date is shown.
func TestStart(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	old := ca.Issue(t, certs.Of{DNS: []string{"a.test"}, From: time.Now().Add(-2 * time.Hour), To: time.Now().Add(-time.Hour)})
	nameless := ca.Issue(t, certs.Of{CN: "a.test"})
	bad := write(t, dir, "bad", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	good := pairOf(t, dir, "good", ca.Issue(t, certs.Of{DNS: []string{"good.test"}}))
	for name, tt := range map[string]struct {
		o      Options
		usable bool
		want   []string
	}{
		"expired": {Options{Certificates: []Pair{pairOf(t, dir, "old", old)}}, true, []string{"old: the certificate has expired on "}},
		"all at once": {Options{
			Certificates: []Pair{{Cert: "none", Key: "nokey", CertAt: "c0", KeyAt: "k0"}, {Cert: bad, Key: bad, CertAt: "c1", KeyAt: "c1"}, {Cert: good.Cert, Key: bad, CertAt: "c2", KeyAt: "k2"},
				pairOf(t, dir, "nameless", nameless)},
			TicketKeys: File{bad, "tickets"}, Client: identity.Require, CA: []File{{bad, "ca"}, {"no", "ca1"}}, CRL: []File{{bad, "crl"}},
		}, false, []string{"c0: open none", "k0: open nokey", "c1: certificate 1: ", "k2: a certificate, and no key in it", "nameless: the certificate has no names", "ca1: open no:",
			"ca: certificate 1: ", "crl: no list of revoked", "tickets: line 1 is no key"}},
		"names are not needed by the first": {Options{Certificates: []Pair{pairOf(t, dir, "nameless", nameless), good}}, true, nil},
	} {
		var got []string
		tt.o.Read, tt.o.Gate = os.ReadFile, NewGate(1)
		l := New(tt.o)
		if r := l.Refresh(func(at string, err error) { got = append(got, at+": "+err.Error()) }); r.Usable != tt.usable || r.Changed {
			t.Errorf("%s: %+v", name, r)
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s:\n%s", name, strings.Join(got, "\n"))
			continue
		}
		for i, want := range tt.want {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("%s: got %q, want %q", name, got[i], want)
			}
		}
	}
}
