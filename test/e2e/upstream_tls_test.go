package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/test/tier"
)

// secureEndpoint is an application that speaks TLS, and says who has asked. It knows which connections are open, and whose.
type secureEndpoint struct {
	url string

	mu     sync.Mutex
	config *tls.Config
	open   map[net.Conn]string // client's common name, once it is known
}

func newSecureEndpoint(t testing.TB, c *tls.Config) *secureEndpoint {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &secureEndpoint{url: "https://" + ln.Addr().String(), config: c, open: map[net.Conn]string{}}
	s := &http.Server{
		ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			e.mu.Lock()
			defer e.mu.Unlock()
			return e.config, nil
		}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who := ""
			if len(r.TLS.PeerCertificates) > 0 {
				who = r.TLS.PeerCertificates[0].Subject.CommonName
			}
			w.Header().Set("X-Who", who)
			w.Header().Set("X-Proto", r.Proto)
		}),
		ConnState: func(c net.Conn, state http.ConnState) {
			e.mu.Lock()
			defer e.mu.Unlock()
			switch state {
			case http.StateClosed, http.StateHijacked:
				delete(e.open, c)
			case http.StateActive, http.StateIdle:
				if certs := c.(*tls.Conn).ConnectionState().PeerCertificates; len(certs) > 0 {
					e.open[c] = certs[0].Subject.CommonName
				}
			}
		},
	}
	t.Cleanup(func() { _ = s.Close() })
	go func() { _ = s.ServeTLS(ln, "", "") }()
	return e
}

func (e *secureEndpoint) use(c *tls.Config) { e.mu.Lock(); defer e.mu.Unlock(); e.config = c }

// connections are those of one client.
func (e *secureEndpoint) connections(who string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range e.open {
		if w == who {
			n++
		}
	}
	return n
}

var localhost = []net.IP{net.IPv4(127, 0, 0, 1)}

// Each way in which TLS with an application fails has a word of its own, in the event, in a counter and in the log.
func TestUpstreamTLSLeavesATrace(t *testing.T) {
	t.Parallel()
	ca, stranger := certs.Authority(t, "ours"), certs.Authority(t, "another")
	pair := func(i *certs.Issued) []tls.Certificate { return []tls.Certificate{i.Pair()} }
	good := ca.Issue(t, certs.Of{IPs: localhost, Server: true})
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	dir := t.TempDir()
	certs.Write(t, dir, map[string][]byte{"ca.crt": ca.Cert()})
	of := func(c *tls.Config) string { return newSecureEndpoint(t, c).url }
	faults := map[string]struct{ url, reason, text string }{
		"name":      {of(&tls.Config{Certificates: pair(ca.Issue(t, certs.Of{DNS: []string{"shop.test"}, Server: true}))}), "tls_name", "127.0.0.1"},
		"expired":   {of(&tls.Config{Certificates: pair(ca.Issue(t, certs.Of{IPs: localhost, Server: true, From: time.Now().Add(-2 * time.Hour), To: time.Now().Add(-time.Hour)}))}), "tls_expired", "expired"},
		"authority": {of(&tls.Config{Certificates: pair(stranger.Issue(t, certs.Of{IPs: localhost, Server: true}))}), "tls_authority", "unknown authority"},
		"client":    {of(&tls.Config{Certificates: pair(good), ClientAuth: tls.RequireAnyClientCert}), "tls_client_certificate", "certificate required"},
		"timeout":   {"https://" + silent, "tls_timeout", "tls handshake: "},
		"cleartext": {"https://" + newEcho(t, nil).addr, "tls_handshake", "tls handshake: "},
	}
	var routes, upstreams strings.Builder
	for id, f := range faults {
		fmt.Fprintf(&routes, "  - { id: %s, hosts: [%s.test], upstreams: [{ id: %s }] }\n", id, id, id)
		fmt.Fprintf(&upstreams, "  - { id: %s, endpoints: [\"%s\"], tls: { ca: [%s/ca.crt] }, timeouts: { connect: 1s, response: 2s } }\n", id, f.url, dir)
	}
	w := tier.Start(t, tier.RouteFile(t, "routes:\n"+routes.String()+"upstreams:\n"+upstreams.String()+off), "--log-access", "off")
	for id, f := range faults {
		r := get(t, w, id+".test", "/").wantStatus(t, 502)
		wantEvent(t, w.Access(r.id), map[string]any{"error": f.reason, "status": 502.0, "upstream": id})
		series := fmt.Sprintf(`wafer_upstream_errors_total{reason=%q,upstream=%q}`, f.reason, id)
		if n := w.Metric(series); n != 1 {
			t.Errorf("%s: %v, want 1", series, n)
		}
		l := w.Log(func(l map[string]any) bool {
			return l["message"] == "endpoint cannot be reached" && l["upstream"] == id
		})
		if text, _ := l["error"].(string); l["reason"] != f.reason || !strings.Contains(text, f.text) {
			t.Errorf("the log says of %s: %v", id, l)
		}
	}
}

// Authorities and certificates are changed while clients keep asking, on mounted Secrets and on a bundle in one file. No request
// fails, and connections with the old certificate end.
func TestUpstreamCertificatesRotate(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"h1", "auto"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			before, after := certs.Authority(t, "before"), certs.Authority(t, "after")
			both := before.Pool()
			both.AppendCertsFromPEM(after.Cert())
			server := func(ca *certs.Issued, trust *certs.Issued) *tls.Config {
				c := &tls.Config{
					Certificates: []tls.Certificate{ca.Issue(t, certs.Of{IPs: localhost, Server: true}).Pair()}, ClientAuth: tls.RequireAndVerifyClientCert,
					ClientCAs: both, NextProtos: []string{"h2", "http/1.1"},
				}
				if trust != nil {
					c.ClientCAs = trust.Pool()
				}
				return c
			}
			identity := func(ca *certs.Issued, name string) []byte { // key first, as podCertificate volumes have it
				i := ca.Issue(t, certs.Of{CN: name})
				return append(i.PrivateKey(), i.Cert()...)
			}
			e := newSecureEndpoint(t, server(before, before))
			trust, own := t.TempDir(), t.TempDir()
			certs.Write(t, trust, map[string][]byte{"ca.crt": before.Cert()})
			bundle := filepath.Join(own, "credentialbundle.pem")
			tier.Rewrite(t, bundle, string(identity(before, "old")))
			w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(`
routes: [{ id: all, upstreams: [{ id: app }] }]
upstreams: [{ id: app, endpoints: ["%s"], protocol: %s, tls: { ca: [%s/ca.crt], certificate: { bundle: %s } } }]
`, e.url, protocol, trust, bundle)+off), "--log-access", "off")

			if ends := w.Metric(`wafer_upstream_certificate_not_after_timestamp_seconds{upstream="app"}`); ends < float64(time.Now().Unix()) {
				t.Errorf("its certificate ends at %v", ends)
			}
			var mu sync.Mutex
			who := map[string]int{}
			stop, answered := counting(4, 2*time.Millisecond, func(_ int, c *http.Client) error {
				resp, body, err := do(c, "GET", "http://"+w.Addr+"/", "shop.test", nil)
				switch {
				case err != nil:
					return err
				case resp.StatusCode != 200:
					return fmt.Errorf("%d %s", resp.StatusCode, body)
				case (resp.Header.Get("X-Proto") == "HTTP/2.0") != (protocol == "auto"):
					return fmt.Errorf("spoken by %s", resp.Header.Get("X-Proto"))
				}
				mu.Lock()
				defer mu.Unlock()
				who[resp.Header.Get("X-Who")]++
				return nil
			})
			seen := func(name string) func() bool {
				return func() bool { mu.Lock(); defer mu.Unlock(); return who[name] > 20 }
			}
			reload := func() {
				t.Helper()
				if status, body := w.Reload(); status != 200 {
					t.Fatal(status, body)
				}
				n := answered()
				tier.Eventually(t, "requests after the change", func() bool { return answered() > n+20 })
			}
			tier.Eventually(t, "requests of old", seen("old"))
			certs.Write(t, trust, map[string][]byte{"ca.crt": append(before.Cert(), after.Cert()...)})
			reload()
			e.use(server(after, nil))
			reload()
			tier.Rewrite(t, bundle, string(identity(after, "new")))
			reload()
			tier.Eventually(t, "requests of new", seen("new"))
			tier.Eventually(t, "an end of old connections", func() bool { return e.connections("old") == 0 })
			e.use(server(after, after))
			certs.Write(t, trust, map[string][]byte{"ca.crt": after.Cert()})
			reload()
			// What cannot be used changes nothing.
			tier.Rewrite(t, bundle, string(identity(after, "broken"))[:200])
			if status, body := w.Reload(); status == 200 || !strings.Contains(body, "certificate") {
				t.Errorf("a broken bundle: %d %s", status, body)
			}
			n := answered()
			tier.Eventually(t, "requests after what was refused", func() bool { return answered() > n+20 })
			if n, err := stop(); err != nil {
				t.Errorf("after %d: %v", n, err)
			}
		})
	}
}
