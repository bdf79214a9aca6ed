package secure

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/test/certs"
)

// TestClients: whom a listener asks, and what comes of it.
func TestClients(t *testing.T) {
	ca, other, dir := certs.Authority(t, "ca"), certs.Authority(t, "other"), t.TempDir()
	good, gone, stranger := ca.Issue(t, certs.Of{CN: "good", URIs: []string{"spiffe://x/a"}}), ca.Issue(t, certs.Of{CN: "gone"}), other.Issue(t, certs.Of{CN: "stranger"})
	old := ca.Issue(t, certs.Of{CN: "old", From: time.Now().Add(-2 * time.Hour), To: time.Now().Add(-time.Hour)})
	caFile, crl := write(t, dir, "ca", ca.Cert()), write(t, dir, "crl", ca.Revoke(gone))
	pairs := []Pair{pairOf(t, dir, "server", ca.Issue(t, certs.Of{DNS: []string{"a.test"}}))}
	pinned := &identity.Allow{SPKI: []string{identity.Of([]*x509.Certificate{stranger.Leaf}).SPKI}}
	for _, tt := range []struct {
		name string
		mode identity.Mode
		only *identity.Allow
		by   *certs.Issued
		want string // who; or the result
	}{
		{"off", identity.Off, nil, good, "nobody"},
		{"request, nothing", identity.Request, nil, nil, "nobody"},
		{"request, good", identity.Request, nil, good, "good"},
		{"request, a stranger's", identity.Request, nil, stranger, "nobody"},
		{"request, revoked", identity.Request, nil, gone, "nobody"},
		{"optional, nothing", identity.Optional, nil, nil, "nobody"},
		{"optional, good", identity.Optional, nil, good, "good"},
		{"optional, a stranger's", identity.Optional, nil, stranger, ResultUntrusted},
		{"optional, revoked", identity.Optional, nil, gone, ResultRevoked},
		{"require, nothing", identity.Require, nil, nil, ResultNone},
		{"require, good", identity.Require, nil, good, "good"},
		{"require, a stranger's", identity.Require, nil, stranger, ResultUntrusted},
		{"require, expired", identity.Require, nil, old, ResultExpired},
		{"require, revoked", identity.Require, nil, gone, ResultRevoked},
		{"require, let in", identity.Require, &identity.Allow{URI: []string{"spiffe://x/*"}}, good, "good"},
		{"require, not let in", identity.Require, &identity.Allow{CN: []string{"x"}}, good, ResultNotAllowed},
		{"a key alone", identity.Require, pinned, stranger, "stranger"},
		{"a key alone, another", identity.Require, pinned, good, ResultNotAllowed},
		{"a key alone, nothing", identity.Require, pinned, nil, ResultNone},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("%s/%x", tt.name, version), func(t *testing.T) {
				o := Options{Certificates: pairs, Client: tt.mode, Only: tt.only}
				if tt.only != pinned {
					o.CA, o.CRL = []File{{caFile, "ca"}}, []File{{crl, "crl"}}
				}
				s := serve(t, o, socket.Options{})
				client := &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}
				if tt.by != nil {
					pair := tt.by.Pair()
					client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
				}
				answer, _, err := s.ask(client)
				_, who, _ := strings.Cut(strings.TrimSpace(answer), "  ")
				if got := s.results(1)[0]; err == nil && who != tt.want || err != nil && got != tt.want {
					t.Errorf("got %q, %v and %s, want %s", answer, err, got, tt.want)
				}
			})
		}
	}
}

// Hosts may ask for something else than their listener, and never issue a ticket to whom they ask.
func TestTermsOfHosts(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	pairs := []Pair{pairOf(t, dir, "server", ca.Issue(t, certs.Of{DNS: []string{"*.test"}}))}
	by := identity.ParseAuthorities([]identity.Text{{Data: ca.Cert()}}, nil, func(_ string, err error) { t.Error(err) })
	s := serve(t, Options{Certificates: pairs, Terms: func(name string) *identity.Terms {
		if name == "secret.test" || name == "127.0.0.1" {
			return &identity.Terms{ID: "secret", Mode: identity.Require, By: by}
		}
		return nil
	}}, socket.Options{})
	sessions := tls.NewLRUClientSessionCache(8)
	client := func(name string, by *certs.Issued) *tls.Config {
		c := &tls.Config{ServerName: name, RootCAs: ca.Pool(), ClientSessionCache: sessions}
		if by != nil {
			c.Certificates = []tls.Certificate{by.Pair()}
		}
		return c
	}
	who := ca.Issue(t, certs.Of{CN: "web"})
	for range 2 {
		if answer, _, err := s.ask(client("open.test", nil)); err != nil || answer != "open.test TLS 1.3  nobody" {
			t.Errorf("open: %q, %v", answer, err)
		}
		if answer, state, err := s.ask(client("SECRET.test", who)); err != nil || answer != "secret.test TLS 1.3  web" || state.DidResume {
			t.Errorf("secret: %q, %v, resumed %v", answer, err, state.DidResume)
		}
		if answer, _, err := s.ask(client("secret.test", nil)); err == nil {
			t.Errorf("secret without a certificate: %q", answer)
		}
		if answer, _, err := s.ask(&tls.Config{InsecureSkipVerify: true}); err == nil { // no name: the address is one
			t.Errorf("without a name: %q", answer)
		}
	}
	if got := s.results(8); !slices.Equal(got, []string{ResultOK, ResultOK, ResultNone, ResultNone, ResultResumed, ResultOK, ResultNone, ResultNone}) {
		t.Errorf("results %v", got)
	}
}

// TestTickets: listeners with the same keys take each other's tickets, while keys are changed.
func TestTickets(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	pairs := []Pair{pairOf(t, dir, "server", ca.Issue(t, certs.Of{DNS: []string{"a.test"}}))}
	const first, second, third = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n", "3031323334353637383961626364656630313233343536373839616263646566\n# old\n", "QUJDREVGR0hJSktMTU5PUEFCQ0RFRkdISUpLTE1OT1A=\n"
	keys := func(name, text string) File { return File{write(t, dir, name, []byte(text)), name} }
	one := serve(t, Options{Certificates: pairs, TicketKeys: keys("one", first)}, socket.Options{})
	two := serve(t, Options{Certificates: pairs, TicketKeys: keys("two", second)}, socket.Options{})
	sessions := tls.NewLRUClientSessionCache(8)
	ask := func(s *served) bool {
		t.Helper()
		_, state, err := s.ask(&tls.Config{ServerName: "a.test", RootCAs: ca.Pool(), ClientSessionCache: sessions})
		if err != nil {
			t.Fatal(err)
		}
		return state.DidResume
	}
	refresh := func(s *served, name, text string) {
		t.Helper()
		write(t, dir, name, []byte(text))
		if r := s.l.Refresh(func(at string, err error) { t.Errorf("%s: %v", at, err) }); !r.Changed {
			t.Error("it has not changed")
		}
	}
	if ask(one) || !ask(two) || !ask(one) {
		t.Error("the same key in another spelling is not the same")
	}
	refresh(two, "two", third+first)
	if !ask(two) { // with the old key; the new ticket is made with the new one
		t.Error("an old key is not taken")
	}
	if ask(one) {
		t.Error("a key is taken that one does not have")
	}
	refresh(one, "one", first+third)
	ask(two)
	if !ask(one) {
		t.Error("the new key is not taken")
	}
	refresh(two, "two", third)
	if ask(two) {
		t.Error("a key is taken that was taken away")
	}
	off := serve(t, Options{Certificates: pairs, NoTickets: true}, socket.Options{})
	ask(off)
	if ask(off) {
		t.Error("there are tickets")
	}
}

// TestAlertInClearText: a client that leaves TLS 1.3 before it has changed its keys, as those of OpenSSL do, is understood.
func TestAlertInClearText(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	pairs := []Pair{pairOf(t, dir, "server", ca.Issue(t, certs.Of{DNS: []string{"a.test"}}))}
	const change = "\x14\x03\x03\x00\x01\x01"
	for name, tt := range map[string]struct{ says, want string }{
		"an unknown authority":                 {"\x15\x03\x03\x00\x02\x02\x30", ResultDistrusted},
		"an expired certificate, and a change": {change + "\x15\x03\x03\x00\x02\x02\x2d", ResultDistrusted},
		"something else":                       {"\x15\x03\x03\x00\x02\x02\x50", ResultAlert},
		"what is no alert":                     {"\x17\x03\x03\x00\x02\x02\x30", ResultMalformed},
		"an alert that is too long":            {"\x15\x03\x03\x00\x03\x02\x30\x00", ResultMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, Options{Certificates: pairs}, socket.Options{})
			c, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = tls.Client(saying{c, tt.says}, &tls.Config{ServerName: "a.test", MinVersion: tls.VersionTLS13}).Handshake()
			if got := s.results(1)[0]; got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// saying says something, once the server has answered, and nothing else.
type saying struct {
	net.Conn
	text string
}

func (c saying) Read(p []byte) (int, error) {
	if _, err := c.Conn.Read(p); err != nil {
		return 0, err
	}
	_, _ = c.Conn.Write([]byte(c.text))
	return 0, io.EOF
}
