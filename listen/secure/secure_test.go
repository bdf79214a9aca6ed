package secure

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/test/certs"
)

// served is a listener that answers each line with what it knows of the client.
type served struct {
	t    *testing.T
	l    *Listener
	addr string

	mu         sync.Mutex
	handshakes []Handshake
}

// serve serves until the end of the test. What o does not say is usual.
func serve(t *testing.T, o Options, so socket.Options) *served {
	t.Helper()
	s := &served{t: t}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Gate == nil {
		o.Gate = NewGate(4)
	}
	if o.Read == nil {
		o.Read = os.ReadFile
	}
	o.Handshaken = func(h Handshake) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.handshakes = append(s.handshakes, h)
	}
	s.l = New(o)
	if r := s.l.Refresh(func(at string, err error) { t.Errorf("%s: %v", at, err) }); !r.Usable {
		t.Fatal("it cannot be used")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	listener := socket.Listen(ln, so)
	t.Cleanup(func() { _ = listener.Close(); listener.Cut() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go s.answer(c.Socket())
		}
	}()
	return s
}

func (s *served) answer(sock *socket.Conn) {
	defer sock.Close()
	sock.ReadBy(sock.Now(), sock.Now().After(s.l.o.Timeout))
	conn, security, err := s.l.Handshake(context.Background(), sock)
	if err != nil {
		return
	}
	lines := bufio.NewReader(conn)
	for {
		if _, err := lines.ReadString('\n'); err != nil {
			_ = conn.Close()
			return
		}
		_, _ = fmt.Fprintf(conn, "%s\n", told(security))
	}
}

func told(s *message.Security) string {
	who := "nobody"
	if s.Client != nil {
		who = s.Client.CN
	}
	return s.ServerName + " " + s.Version + " " + s.ALPN + " " + who
}

// ask asks once and returns the answer, and the connection's state.
func (s *served) ask(c *tls.Config) (string, tls.ConnectionState, error) {
	s.t.Helper()
	conn, err := tls.Dial("tcp", s.addr, c)
	if err != nil {
		return "", tls.ConnectionState{}, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, "?\n"); err != nil {
		return "", conn.ConnectionState(), err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line), conn.ConnectionState(), err
}

// results are those of all handshakes so far, when there are so many.
func (s *served) results(n int) (list []string) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		s.mu.Lock()
		if len(s.handshakes) >= n || time.Now().After(end) {
			for _, h := range s.handshakes {
				list = append(list, h.Result)
			}
			s.mu.Unlock()
			return list
		}
		s.mu.Unlock()
		<-time.After(time.Millisecond)
	}
}

func write(t *testing.T, dir, name string, data ...[]byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, slices.Concat(data...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pairOf writes a certificate and its key into one file.
func pairOf(t *testing.T, dir, name string, i *certs.Issued) Pair {
	path := write(t, dir, name, i.Cert(), i.PrivateKey())
	return Pair{Cert: path, Key: path, CertAt: name, KeyAt: name}
}

// TestNames: exact names come before those with a wildcard, and these before the first of the list, unless it is
// strict.
func TestNames(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	var pairs []Pair
	for _, of := range []certs.Of{
		{CN: "default", DNS: []string{"default.test"}}, {CN: "wild", DNS: []string{"*.shop.test", "shop.test"}}, {CN: "exact", DNS: []string{"WWW.shop.test"}},
		{CN: "rsa", DNS: []string{"both.test"}, RSA: true}, {CN: "ecdsa", DNS: []string{"both.test"}},
	} {
		pairs = append(pairs, pairOf(t, dir, of.CN, ca.Issue(t, of)))
	}
	for _, strict := range []bool{false, true} {
		s := serve(t, Options{Certificates: pairs, Strict: strict}, socket.Options{})
		for name, want := range map[string]string{
			"default.test": "default", "www.shop.test": "exact", "WWW.Shop.Test": "exact", "a.shop.test": "wild", "shop.test": "wild",
			"a.b.shop.test": "-default", "other.test": "-default", "": "-default", "both.test": "rsa",
		} {
			cn, ours := strings.CutPrefix(want, "-")
			_, state, err := s.ask(&tls.Config{ServerName: name, InsecureSkipVerify: true})
			if strict && ours {
				var op *net.OpError
				if !errors.As(err, &op) || op.Err.Error() != "tls: unrecognized name" {
					t.Errorf("strict, %q: %v", name, err)
				}
				continue
			}
			if err != nil || state.PeerCertificates[0].Subject.CommonName != cn {
				t.Errorf("strict %v, %q: %v, %v, want %s", strict, name, err, state.PeerCertificates, cn)
			}
		}
		_, state, err := s.ask(&tls.Config{ServerName: "both.test", InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12,
			CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
		if err != nil || state.PeerCertificates[0].Subject.CommonName != "ecdsa" {
			t.Errorf("who cannot have RSA gets %v, %v", state.PeerCertificates, err)
		}
	}
}

// TestDowngrade: old versions and weak suites do not work, whoever asks for them.
func TestDowngrade(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	pairs := []Pair{pairOf(t, dir, "rsa", ca.Issue(t, certs.Of{DNS: []string{"a.test"}, RSA: true}))}
	for name, tt := range map[string]struct {
		o      Options
		client *tls.Config
		want   string
	}{
		"the best":             {Options{}, &tls.Config{}, "TLS 1.3"},
		"TLS 1.2":              {Options{}, &tls.Config{MaxVersion: tls.VersionTLS12}, "TLS 1.2"},
		"TLS 1.1":              {Options{}, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, ResultVersion},
		"TLS 1.0":              {Options{}, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, ResultVersion},
		"TLS 1.2 to 1.3":       {Options{MinVersion: tls.VersionTLS13}, &tls.Config{MaxVersion: tls.VersionTLS12}, ResultVersion},
		"RSA key exchange":     {Options{}, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, ResultCipher},
		"3DES":                 {Options{}, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA}}, ResultCipher},
		"RC4":                  {Options{}, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA}}, ResultCipher},
		"a suite left out":     {Options{Ciphers: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}}, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}, ResultCipher},
		"the suite that is in": {Options{Ciphers: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}}, &tls.Config{MaxVersion: tls.VersionTLS12}, "TLS 1.2"},
		"another protocol":     {Options{ALPN: []string{"http/1.1"}}, &tls.Config{NextProtos: []string{"smtp"}}, ResultProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.Certificates = pairs
			s := serve(t, tt.o, socket.Options{})
			tt.client.InsecureSkipVerify = true
			answer, _, err := s.ask(tt.client)
			if got := s.results(1)[0]; strings.HasPrefix(tt.want, "TLS") != (err == nil) || err != nil && got != tt.want || err == nil && !strings.Contains(answer, tt.want) {
				t.Errorf("got %q, %v and %s, want %s", answer, err, got, tt.want)
			}
		})
	}
}

// By default both sides share a key that no quantum computer finds out.
func TestCurves(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	pairs := []Pair{pairOf(t, dir, "a", ca.Issue(t, certs.Of{DNS: []string{"a.test"}}))}
	for _, tt := range []struct{ curves, want []tls.CurveID }{{nil, []tls.CurveID{tls.X25519MLKEM768}}, {[]tls.CurveID{tls.CurveP384}, []tls.CurveID{tls.CurveP384}}} {
		s := serve(t, Options{Certificates: pairs, Curves: tt.curves}, socket.Options{})
		if _, state, err := s.ask(&tls.Config{InsecureSkipVerify: true}); err != nil || state.CurveID != tt.want[0] {
			t.Errorf("%v: %v, %v", tt.curves, state.CurveID, err)
		}
	}
}

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
		if !r.Usable || r.Changed != (tt.name != "the same again") || (tt.want == "") != (got == nil) || got != nil && !strings.HasPrefix(got[0], tt.want) {
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
		}, false, []string{"c0: open none", "k0: open nokey", "c1: certificate 1: ", "k2: found a certificate rather than a key", "nameless: the certificate has no names", "ca1: open no:",
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
