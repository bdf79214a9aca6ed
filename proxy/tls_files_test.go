package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/test/certs"
)

// TestRotationUnderLoad renews a certificate again and again while clients connect and ask: none of them notices
// but by the certificate.
func TestRotationUnderLoad(t *testing.T) {
	s := newTLSTier(t, "  - { id: all, upstreams: [{ id: b }] }\n", "")
	var requests, shown atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			config := s.client("a.test", nil)
			if i%2 == 0 {
				config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
			}
			for {
				select {
				case <-stop:
					return
				default:
				}
				conn, err := tls.Dial("tcp", s.addr, config)
				if err != nil {
					t.Error(err)
					return
				}
				if conn.ConnectionState().PeerCertificates[0].Subject.CommonName != "first" {
					shown.Add(1)
				}
				for range 3 {
					if a := get(conn, "a.test", "/"); a.err != nil || a.status != 200 {
						t.Errorf("%d, %v", a.status, a.err)
					}
					requests.Add(1)
				}
				_ = conn.Close()
			}
		})
	}
	broken := []byte("x")
	for i := range 20 {
		before := requests.Load()
		if i%4 == 3 { // a renewal that went wrong
			certs.Write(t, filepath.Join(s.dir, "tls"), map[string][]byte{"tls.crt": broken, "tls.key": broken})
		} else {
			s.renew(fmt.Sprint("renewed ", i))
		}
		s.p.refreshDoors()
		until(t, "requests go on", func() bool { return requests.Load() > before+8 || t.Failed() })
	}
	close(stop)
	clients.Wait()
	if shown.Load() == 0 {
		t.Error("nobody has seen a new certificate")
	}
	got := counters(t, s.p)
	if got["tls_reloads_total tls success"] != 15 || got["tls_reloads_total tls failure"] != 5 {
		t.Errorf("reloads: %v good, %v not", got["tls_reloads_total tls success"], got["tls_reloads_total tls failure"])
	}
	if strings.Count(s.events.String(), "the last good one stays") != 5 {
		t.Errorf("the log does not tell of each failure once")
	}
}

// TestCheckBoot: all that is wrong with files is told at once, each with its line and key.
func TestCheckBoot(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	good, other := ca.Issue(t, certs.Of{DNS: []string{"a.test"}}), ca.Issue(t, certs.Of{DNS: []string{"a.test"}})
	old := ca.Issue(t, certs.Of{DNS: []string{"a.test"}, From: time.Now().Add(-2 * time.Hour), To: time.Now().Add(-time.Hour)})
	write := func(name string, data ...[]byte) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(string(bytes.Join(data, nil)), "DIR", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("good.pem", good.Cert(), good.PrivateKey())
	write("other.key", other.PrivateKey())
	write("old.pem", old.Cert(), old.PrivateKey())
	write("wafer.yaml", []byte(`routes: routes.yaml
listeners:
  - address: ":8443"
    tls:
      certificates:
        - { bundle: DIR/good.pem }
        - { cert: DIR/good.pem, key: DIR/other.key }
        - { bundle: DIR/old.pem }
        - { cert: DIR/none.crt, key: DIR/none.key }
        - { bundle: DIR }
      min_version: tls9
      client_certificate:
        mode: require
        ca: [DIR/good.pem]
        crl: [DIR/none.pem]
`))
	inputs, err := config.Inputs(filepath.Join(dir, "wafer.yaml"), nil)
	if err != nil || len(inputs) != 1 {
		t.Fatal(inputs, err)
	}
	if _, err := inputs[0].Load(); err == nil || !strings.Contains(err.Error(), `:11: listeners[0].tls.min_version: "tls9"`) {
		t.Errorf("got %v", err)
	}
	err = CheckBoot(inputs[0].Boot())
	want := []string{
		`:7: listeners[0].tls.certificates[1].key: the key is not the certificate's`, `:8: listeners[0].tls.certificates[2].bundle: the certificate has expired on `,
		`:9: listeners[0].tls.certificates[3].cert: stat DIR/none.crt: no such file`, `:9: listeners[0].tls.certificates[3].key: stat DIR/none.key: no such file`,
		`:10: listeners[0].tls.certificates[4].bundle: DIR is not a file`, `:14: listeners[0].tls.client_certificate.ca[0]: "" is not an authority's certificate`,
		`:15: listeners[0].tls.client_certificate.crl[0]: stat DIR/none.pem: no such file`,
	}
	lines := strings.Split(fmt.Sprint(err), "\n")
	for i, w := range want {
		if i >= len(lines) || !strings.HasPrefix(lines[i], filepath.Join(dir, "wafer.yaml")+strings.ReplaceAll(w, "DIR", dir)) {
			t.Fatalf("got\n%v\nwant %q", err, w)
		}
	}
	if len(lines) != len(want) {
		t.Errorf("got\n%v", err)
	}
}

// TestBootFileChanges: a change of what a process was started with is told, once, and until it is gone.
func TestBootFileChanges(t *testing.T) {
	s := newTLSTier(t, "  - { id: open, hosts: [open.test], upstreams: [{ id: b }] }\n", "")
	const told = "the boot file has changed"
	s.reload()
	if strings.Contains(s.events.String(), told) {
		t.Error("nothing has changed")
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "wafer.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.write("wafer.yaml", []byte(strings.Replace(string(text), "certificates: [", "certificates: [{ bundle: other.pem }, ", 1)))
	s.reload()
	s.reload()
	if n := strings.Count(s.events.String(), told); n != 1 {
		t.Errorf("told %d times", n)
	}
	s.write("wafer.yaml", text)
	s.reload()
	s.write("wafer.yaml", append(text, '\n'))
	s.reload()
	if n := strings.Count(s.events.String(), told); n != 2 {
		t.Errorf("told %d times, of two changes", n)
	}
}
