package proxy

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/spf13/pflag"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/test/certs"
)

// tlsTier is a tier with a listener in clear text and one with TLS.
type tlsTier struct {
	t           *testing.T
	p           *Proxy
	dir         string
	clear, addr string
	ca          *certs.Issued // of servers and clients
	events      *syncBuffer
}

// syncBuffer is written by many.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newTLSTier serves routes to a backend that answers with the fields it has got. Certificates are in tls/, the
// authority of clients in ca.crt and what it has revoked in crl.pem.
func newTLSTier(t *testing.T, routes, boot string, revoked ...*certs.Issued) *tlsTier {
	t.Helper()
	ca := certs.Authority(t, "ca")
	return newTLSTierBy(t, ca, routes, boot, revoked...)
}

func newTLSTierBy(t *testing.T, ca *certs.Issued, routes, boot string, revoked ...*certs.Issued) *tlsTier {
	t.Helper()
	s := &tlsTier{t: t, dir: t.TempDir(), ca: ca, events: &syncBuffer{}}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=1")
		for _, name := range []string{"X-Forwarded-Proto", forwardedCertificate, clientCertificate, "Client-Cert-Chain"} {
			fmt.Fprintf(w, "%s=%s\n", name, strings.Join(r.Header.Values(name), ","))
		}
		for name := range r.Header {
			if strings.HasPrefix(name, "Wafer-") {
				fmt.Fprintln(w, name) // which is for rules alone
			}
		}
	}))
	t.Cleanup(backend.Close)
	s.renew("first")
	s.write("ca.crt", ca.Cert())
	s.write("crl.pem", ca.Revoke(revoked...))
	if !strings.HasPrefix(routes, "policies:") {
		routes = "policies: [{ id: default, mode: off }]\nroutes:\n" + routes
	}
	s.write("routes.yaml", fmt.Appendf(nil, "upstreams: [{ id: b, endpoints: [%q] }]\n%s", backend.URL, routes))
	text := "listeners:\n  - { name: clear, address: \"127.0.0.1:0\" }\n  - name: tls\n    address: \"127.0.0.1:0\"\n    tls:\n" +
		"      certificates: [{ cert: DIR/tls/tls.crt, key: DIR/tls/tls.key }]\n" + boot + "routes: DIR/routes.yaml\nadmin: \"\"\nlog: { level: debug }\n"
	s.write("wafer.yaml", []byte(strings.ReplaceAll(text, "DIR", s.dir)))
	fs := pflag.NewFlagSet("wafer", pflag.ContinueOnError)
	config.BootFlags(fs)
	if err := fs.Parse([]string{"--config", filepath.Join(s.dir, "wafer.yaml")}); err != nil {
		t.Fatal(err)
	}
	b, err := config.LoadBoot(fs, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckBoot(&b); err != nil {
		t.Fatal(err)
	}
	s.p, err = New(Options{
		Boot: b, Source: config.FileSource(b.Routes), Log: zerolog.New(s.events), Events: audit.New(s.events, audit.Options{}), Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	var lns []net.Listener
	for range 2 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		lns = append(lns, ln)
	}
	s.clear, s.addr = lns[0].Addr().String(), lns[1].Addr().String()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 2)
	go func() { done <- s.p.Serve(lns...) }()
	go func() { s.p.Run(ctx); done <- nil }()
	t.Cleanup(func() {
		s.p.SkipDrainDelay()
		if err := s.p.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		stop()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

func (s *tlsTier) write(name string, data []byte) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// renew puts a new certificate in the place of the one there is, as the kubelet does.
func (s *tlsTier) renew(cn string) {
	s.t.Helper()
	dir := filepath.Join(s.dir, "tls")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	i := s.ca.Issue(s.t, certs.Of{CN: cn, DNS: []string{"*.test"}})
	certs.Write(s.t, dir, map[string][]byte{"tls.crt": i.Cert(), "tls.key": i.PrivateKey()})
}

// reload has the tier read everything now.
func (s *tlsTier) reload() {
	s.t.Helper()
	if _, err := s.p.Reload(s.t.Context(), "test"); err != nil {
		s.t.Fatal(err)
	}
}

// client is a connection for one name, with a certificate or without.
func (s *tlsTier) client(name string, by *certs.Issued) *tls.Config {
	c := &tls.Config{ServerName: name, RootCAs: s.ca.Pool()}
	if by != nil {
		pair := by.Pair()
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return c
}

// answer is what came of a request.
type answer struct {
	status int
	fields http.Header
	body   string
	closes bool // the connection
	err    error
}

// get asks for a path of a host over one connection, which it leaves open.
func get(c net.Conn, host, path string, more ...string) (a answer) {
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	request := "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(append(more, ""), "\r\n") + "\r\n"
	if _, err := io.WriteString(c, request); err != nil {
		return answer{err: err}
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return answer{err: err}
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return answer{r.StatusCode, r.Header, string(body), r.Close, err}
}

// askTLS is get over a connection of its own.
func (s *tlsTier) askTLS(c *tls.Config, host, path string, more ...string) answer {
	conn, err := tls.Dial("tcp", s.addr, c)
	if err != nil {
		return answer{err: err}
	}
	defer conn.Close()
	return get(conn, host, path, more...)
}

const clientRoutes = `
  - { id: open, hosts: [open.test], upstreams: [{ id: b }] }
  - { id: whole, hosts: [whole.test], client_certificate: { ca: [ca.crt], crl: [crl.pem] }, upstreams: [{ id: b }] }
  - { id: site, hosts: [part.test], client_certificate: { mode: optional, ca: [ca.crt], crl: [crl.pem] }, forward_client_certificate: client_cert, upstreams: [{ id: b }] }
  - { id: staff, hosts: [part.test], paths: [{ prefix: /staff }], client_certificate: { mode: require, ca: [ca.crt], crl: [crl.pem] }, forward_client_certificate: xfcc, upstreams: [{ id: b }] }
  - { id: few, hosts: [part.test], paths: [{ prefix: /few }], client_certificate: { mode: require, ca: [ca.crt], crl: [crl.pem], allow: { uri: ["spiffe://x/few/*"] } }, upstreams: [{ id: b }] }
  - { id: curious, hosts: [curious.test], client_certificate: { mode: request, ca: [ca.crt], crl: [crl.pem] }, forward_client_certificate: xfcc, upstreams: [{ id: b }] }
`

// identityRoutes follow them: who may ask is decided by certificates.
const identityRoutes = `
  - { id: mine, hosts: [part.test], paths: [{ prefix: /mine }], access: mine, client_certificate: { mode: optional, ca: [ca.crt], crl: [crl.pem] }, upstreams: [{ id: b }] }
access:
  - { id: mine, default: deny, rules: [{ id: web, when: { identity: { uri: ["spiffe://x/web"] } }, then: allow }] }
`

// TestClientCertificates is what routes ask of clients, by handshake and by request.
func TestClientCertificates(t *testing.T) {
	ca := certs.Authority(t, "ca")
	web := ca.Issue(t, certs.Of{CN: "web \"x\"\r\nX-Evil: 1", URIs: []string{"spiffe://x/web"}, DNS: []string{"web.x"}})
	few, gone := ca.Issue(t, certs.Of{CN: "few", URIs: []string{"spiffe://x/few/a"}}), ca.Issue(t, certs.Of{CN: "gone"})
	stranger := certs.Authority(t, "ca").Issue(t, certs.Of{CN: "web"})
	s := newTLSTierBy(t, ca, clientRoutes+identityRoutes, "", gone)
	const cut = -1 // the handshake ends, which a client of TLS 1.3 sees when it reads
	for _, tt := range []struct {
		host, path string
		by         *certs.Issued
		want       int
		error      string
	}{
		{"open.test", "/", nil, 200, ""},
		{"open.test", "/", web, 200, ""},
		{"whole.test", "/", nil, cut, ""},
		{"whole.test", "/", web, 200, ""},
		{"whole.test", "/", stranger, cut, ""},
		{"whole.test", "/", gone, cut, ""},
		{"part.test", "/", nil, 200, ""},
		{"part.test", "/", web, 200, ""},
		{"part.test", "/", stranger, cut, ""},
		{"part.test", "/staff", nil, 403, "client_certificate_missing"},
		{"part.test", "/staff/x", web, 200, ""},
		{"part.test", "/staff/../staff", nil, 403, "client_certificate_missing"},
		{"part.test", "/few", web, 403, "client_certificate_not_allowed"},
		{"part.test", "/few", few, 200, ""},
		{"part.test", "/mine", nil, 403, "access_denied"},
		{"part.test", "/mine", few, 403, "access_denied"},
		{"part.test", "/mine", web, 200, ""},
		{"curious.test", "/", nil, 200, ""},
		{"curious.test", "/", web, 200, ""},
		{"curious.test", "/", stranger, 200, ""},
		{"curious.test", "/", gone, 200, ""},
	} {
		who := "nobody"
		if tt.by != nil {
			who = tt.by.Leaf.Subject.CommonName[:3] + " of " + tt.by.Leaf.Issuer.CommonName
		}
		a := s.askTLS(s.client(tt.host, tt.by), tt.host, tt.path)
		if tt.want == cut {
			if a.err == nil {
				t.Errorf("%s%s by %s: %d, want no handshake", tt.host, tt.path, who, a.status)
			}
			continue
		}
		if a.err != nil || a.status != tt.want {
			t.Errorf("%s%s by %s: %d, %v, want %d", tt.host, tt.path, who, a.status, a.err, tt.want)
		}
		if tt.error != "" {
			until(t, "the event names "+tt.error, func() bool { return strings.Contains(s.events.String(), `"error":"`+tt.error+`"`) })
		}
	}
	t.Run("in clear text", func(t *testing.T) {
		for _, tt := range []struct {
			host, path string
			want       int
		}{{"whole.test", "/", 403}, {"part.test", "/", 200}, {"part.test", "/staff", 403}, {"open.test", "/", 200}} {
			if a := s.askClear(tt.host, tt.path); a.status != tt.want {
				t.Errorf("%s%s: %d, %v, want %d", tt.host, tt.path, a.status, a.err, tt.want)
			}
		}
	})
	t.Run("forwarded", func(t *testing.T) { s.forwards(web, stranger) })
	until(t, "events have the identity", func() bool {
		return strings.Contains(s.events.String(), `"client_certificate":"spiffe://x/web","client_certificate_sha256":"`)
	})
}

func (s *tlsTier) askClear(host, path string, more ...string) answer {
	conn, err := net.Dial("tcp", s.clear)
	if err != nil {
		return answer{err: err}
	}
	defer conn.Close()
	return get(conn, host, path, more...)
}

// forwards: the application hears of who was verified, and of nobody else, whatever clients write.
func (s *tlsTier) forwards(web, stranger *certs.Issued) {
	s.t.Helper()
	forged := []string{"x-forwarded-client-cert: Hash=1;Subject=\"admin\"", "Client-Cert: :AAAA:", "Client-Cert-Chain: :AAAA:", "X-Forwarded-Proto: gopher"}
	sum := fmt.Sprintf("%x", sha256.Sum256(web.Leaf.Raw))
	xfcc := "X-Forwarded-Client-Cert=Hash=" + sum + `;Subject="CN=web \\\"x\\\"\0D\0AX-Evil: 1";URI="spiffe://x/web";DNS="web.x"` + "\n"
	for _, tt := range []struct {
		host, path string
		by         *certs.Issued
		want       string
	}{
		{"part.test", "/staff", web, xfcc + "Client-Cert=\n"},
		{"part.test", "/", web, "X-Forwarded-Client-Cert=\nClient-Cert=:" + base64.StdEncoding.EncodeToString(web.Leaf.Raw) + ":\n"},
		{"part.test", "/", nil, "X-Forwarded-Client-Cert=\nClient-Cert=\n"},
		{"curious.test", "/", stranger, "X-Forwarded-Client-Cert=\nClient-Cert=\n"},
		{"open.test", "/", nil, "X-Forwarded-Client-Cert=\nClient-Cert=\n"},
	} {
		a := s.askTLS(s.client(tt.host, tt.by), tt.host, tt.path, forged...)
		if want := "X-Forwarded-Proto=https\n" + tt.want + "Client-Cert-Chain=\n"; a.body != want {
			s.t.Errorf("%s%s: got\n%s\nwant\n%s", tt.host, tt.path, a.body, want)
		}
	}
	if a := s.askClear("open.test", "/", forged...); a.body != "X-Forwarded-Proto=http\nX-Forwarded-Client-Cert=\nClient-Cert=\nClient-Cert-Chain=\n" {
		s.t.Errorf("in clear text: %q", a.body)
	}
}

// A connection is for hosts that ask for what its handshake has asked for.
func TestMisdirected(t *testing.T) {
	ca := certs.Authority(t, "ca")
	web := ca.Issue(t, certs.Of{CN: "web"})
	s := newTLSTierBy(t, ca, clientRoutes+"  - { id: twin, hosts: [twin.test], client_certificate: { ca: [ca.crt], crl: [crl.pem] }, upstreams: [{ id: b }] }\n", "")
	for _, tt := range []struct {
		sni, host string
		want      int
	}{
		{"open.test", "open.test", 200}, {"open.test", "other.test", 404}, {"open.test", "whole.test", 421}, {"open.test", "part.test", 421},
		{"whole.test", "open.test", 421}, {"whole.test", "part.test", 421}, {"whole.test", "twin.test", 200}, {"whole.test", "WHOLE.test:443", 200},
		{"part.test", "curious.test", 421}, {"part.test", "whole.test", 421}, {"curious.test", "open.test", 421},
	} {
		a := s.askTLS(s.client(tt.sni, web), tt.host, "/")
		if a.status != tt.want {
			t.Errorf("%s over %s: %d, %v, want %d", tt.host, tt.sni, a.status, a.err, tt.want)
		}
		if tt.want == 421 && !a.closes {
			t.Errorf("%s over %s: the connection stays open", tt.host, tt.sni)
		}
	}
	noName := s.client("", web)
	noName.InsecureSkipVerify = true
	if a := s.askTLS(noName, "whole.test", "/"); a.status != 421 {
		t.Errorf("whole.test over no name: %d, %v", a.status, a.err)
	}
}

// What changes is true for connections that are open, too: whom a list revokes, and what a host asks.
func TestOpenConnections(t *testing.T) {
	ca := certs.Authority(t, "ca")
	web := ca.Issue(t, certs.Of{CN: "web"})
	s := newTLSTierBy(t, ca, clientRoutes, "")
	conn, err := tls.Dial("tcp", s.addr, s.client("whole.test", web))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if a := get(conn, "whole.test", "/"); a.status != 200 {
		t.Fatalf("%d, %v", a.status, a.err)
	}
	s.write("crl.pem", ca.Revoke())
	s.reload()
	if a := get(conn, "whole.test", "/"); a.status != 200 {
		t.Errorf("another list that revokes nothing: %d, %v", a.status, a.err)
	}
	s.write("crl.pem", ca.Revoke(web))
	s.reload()
	if a := get(conn, "whole.test", "/"); a.status != 403 || !a.closes {
		t.Errorf("revoked: %d, %v", a.status, a.err)
	}
	open, err := tls.Dial("tcp", s.addr, s.client("open.test", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if a := get(open, "open.test", "/"); a.status != 200 {
		t.Fatalf("%d, %v", a.status, a.err)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "routes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.write("routes.yaml", []byte(strings.Replace(string(text), "hosts: [open.test]", "hosts: [open.test], client_certificate: { ca: [ca.crt] }", 1)))
	s.reload()
	if a := get(open, "open.test", "/"); a.status != 421 {
		t.Errorf("a host that asks now: %d, %v", a.status, a.err)
	}
}

// A listener asks for hosts whose routes say nothing, reads its authorities anew, and takes only who is let in.
func TestClientCertificatesOfAListener(t *testing.T) {
	ca, other := certs.Authority(t, "ca"), certs.Authority(t, "other")
	web, guest := ca.Issue(t, certs.Of{CN: "web"}), other.Issue(t, certs.Of{CN: "web"})
	s := newTLSTierBy(t, ca, `
  - { id: quiet, hosts: [quiet.test], forward_client_certificate: xfcc, upstreams: [{ id: b }] }
  - { id: open, hosts: [open.test], client_certificate: { mode: off }, upstreams: [{ id: b }] }
`, "      client_certificate: { mode: require, ca: [DIR/ca.crt], crl: [DIR/crl.pem], allow: { cn: [web] } }\n")
	status := func(host string, by *certs.Issued) int { return s.askTLS(s.client(host, by), host, "/").status }
	if got := []int{status("quiet.test", nil), status("quiet.test", web), status("quiet.test", guest), status("open.test", nil), status("quiet.test", ca.Issue(t, certs.Of{CN: "x"}))}; fmt.Sprint(got) != "[0 200 0 200 0]" {
		t.Errorf("statuses %v", got)
	}
	conn, err := tls.Dial("tcp", s.addr, s.client("quiet.test", web))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if a := get(conn, "quiet.test", "/"); a.status != 200 || !strings.Contains(a.body, `Subject="CN=web"`) {
		t.Errorf("%d %q %v", a.status, a.body, a.err)
	}
	s.write("ca.crt", []byte("nothing"))
	s.reload()
	if got := status("quiet.test", web); got != 200 {
		t.Errorf("with authorities that cannot be read: %d", got)
	}
	s.write("ca.crt", other.Cert())
	s.write("crl.pem", other.Revoke())
	s.reload()
	if got := []int{status("quiet.test", web), status("quiet.test", guest)}; fmt.Sprint(got) != "[0 200]" {
		t.Errorf("after a change of authorities: %v", got)
	}
	if a := get(conn, "quiet.test", "/"); a.status != 403 {
		t.Errorf("a connection by an authority that is gone: %d, %v", a.status, a.err)
	}
}
