package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/test/tier"
)

// tool is a program of the system that has to be there.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("NOT TESTED: there is no %s", name)
	}
	return path
}

// secured is a folder with what a tier with TLS needs: its listener's address is the second one.
type secured struct {
	t       *testing.T
	dir     string
	ca, web *certs.Issued
	files   int
	backend string
}

func newSecured(t *testing.T) *secured {
	t.Helper()
	s := &secured{t: t, dir: t.TempDir(), ca: certs.Authority(t, "ca")}
	s.web = s.ca.Issue(t, certs.Of{CN: "web", URIs: []string{"spiffe://shop/web"}})
	server := s.ca.Issue(t, certs.Of{CN: "server", DNS: []string{"open.test", "guarded.test", "staff.test"}, RSA: true})
	for name, data := range map[string][]byte{
		"ca.crt": s.ca.Cert(), "tls.crt": server.Cert(), "tls.key": server.PrivateKey(), "web.crt": s.web.Cert(), "web.key": s.web.PrivateKey(),
		"keys": []byte("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"),
	} {
		s.write(name, data)
	}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %d xfcc=%s\n", r.Method, r.URL.Path, len(body), r.Header.Get("X-Forwarded-Client-Cert"))
	}))
	t.Cleanup(backend.Close)
	s.backend = backend.URL
	return s
}

func (s *secured) write(name string, data []byte) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// start serves, and returns the address of the listener with TLS.
func (s *secured) start(more string) (w *tier.Tier, addr string) {
	s.t.Helper()
	s.files++
	routes := s.write("routes.yaml", fmt.Appendf(nil, `
upstreams: [{ id: b, endpoints: [%q] }]
policies: [{ id: off, mode: off }]
routes:
  - { id: open, hosts: [open.test], policy: off, upstreams: [{ id: b }] }
  - { id: guarded, hosts: [guarded.test], upstreams: [{ id: b }] }
  - { id: staff, hosts: [staff.test], policy: off, client_certificate: { ca: [ca.crt] }, forward_client_certificate: xfcc, upstreams: [{ id: b }] }
`, s.backend))
	boot := s.write(fmt.Sprintf("wafer%d.yaml", s.files), fmt.Appendf(nil, `
listeners:
  - { name: clear, address: "127.0.0.1:0" }
  - name: tls
    address: "127.0.0.1:0"
    tls:
      certificates: [{ cert: %[1]s/tls.crt, key: %[1]s/tls.key }]
      session_ticket_keys: %[1]s/keys
%[2]sroutes: %[3]s
reload: { interval: 0 }
`, s.dir, more, routes))
	w = tier.Listeners(s.t, boot)
	_, addr, _ = strings.Cut(w.Addr, ", ")
	return w, addr
}

// run runs a program in the folder and returns all that it prints.
func (s *secured) run(stdin, name string, args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Stdin = s.dir, strings.NewReader(stdin)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	_ = c.Run() // what it prints says how it went
	return out.String()
}

// TestOpenSSL: handshakes with another implementation of TLS.
func TestOpenSSL(t *testing.T) {
	openssl := tool(t, "openssl")
	s := newSecured(t)
	w, addr := s.start("")
	_, other := s.start("")
	client := func(to, name string, args ...string) string {
		return s.run("GET / HTTP/1.1\r\nHost: "+name+"\r\nConnection: close\r\n\r\n", openssl,
			append([]string{"s_client", "-connect", to, "-servername", name, "-CAfile", "ca.crt", "-ign_eof"}, args...)...)
	}
	asWeb := []string{"-cert", "web.crt", "-key", "web.key"}
	for name, tt := range map[string]struct {
		host string
		args []string
		want []string
	}{
		"TLS 1.3":            {"open.test", []string{"-tls1_3"}, []string{"New, TLSv1.3", "Verify return code: 0 (ok)", "200 OK", "GET / 0 xfcc="}},
		"TLS 1.2":            {"open.test", []string{"-tls1_2"}, []string{"New, TLSv1.2", "Verify return code: 0 (ok)", "200 OK"}},
		"TLS 1.1":            {"open.test", []string{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}, []string{"alert protocol version"}},
		"TLS 1.0":            {"open.test", []string{"-tls1", "-cipher", "ALL:@SECLEVEL=0"}, []string{"alert protocol version"}},
		"RSA key exchange":   {"open.test", []string{"-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"}, []string{"alert handshake failure"}},
		"CBC with SHA-256":   {"open.test", []string{"-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"}, []string{"alert handshake failure"}},
		"no certificate":     {"staff.test", []string{"-tls1_3"}, []string{"alert certificate required"}},
		"no certificate 1.2": {"staff.test", []string{"-tls1_2"}, []string{"alert handshake failure"}},
		"a certificate":      {"staff.test", append(asWeb, "-tls1_3"), []string{"200 OK", `Subject="CN=web";URI="spiffe://shop/web"`}},
		"renegotiation":      {"open.test", []string{"-tls1_2"}, []string{"Secure Renegotiation IS supported"}},
		"no compression":     {"open.test", []string{"-tls1_2", "-comp"}, []string{"Compression: NONE"}},
		"no early data":      {"open.test", []string{"-tls1_3"}, []string{"Max Early Data: 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := client(addr, tt.host, tt.args...)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
		})
	}

	// A ticket of one process is good for the other one, and no longer when the key is gone.
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		first := client(addr, "open.test", version, "-sess_out", "session")
		if !strings.Contains(first, "New, TLSv1") {
			t.Fatalf("no session:\n%s", first)
		}
		if again := client(other, "open.test", version, "-sess_in", "session"); !strings.Contains(again, "Reused, TLSv1") {
			t.Errorf("%s: the other process takes no ticket:\n%s", version, again)
		}
	}
	s.write("keys", []byte("QUJDREVGR0hJSktMTU5PUEFCQ0RFRkdISUpLTE1OT1A=\n"))
	if r, err := http.Post("http://"+w.Admin+"/-/reload", "", nil); err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r, err)
	}
	if again := client(addr, "open.test", "-tls1_3", "-sess_in", "session"); !strings.Contains(again, "New, TLSv1.3") {
		t.Errorf("a ticket of a key that is gone:\n%s", again)
	}
	if again := client(other, "open.test", "-tls1_3", "-sess_in", "session"); !strings.Contains(again, "Reused, TLSv1.3") {
		t.Errorf("the other process has its key still:\n%s", again)
	}
}

// TestCurl: attacks are blocked over TLS, by HTTP/1.1 and HTTP/2, uploads arrive, and 421 is told.
func TestCurl(t *testing.T) {
	curl := tool(t, "curl")
	s := newSecured(t)
	_, addr := s.start("")
	_, port, _ := strings.Cut(addr, ":")
	s.write("upload", bytes.Repeat([]byte("0123456789"), 1<<17))
	for _, version := range []string{"--http1.1", "--http2"} {
		ask := func(host, path string, args ...string) string {
			return s.run("", curl, append([]string{"-sS", version, "--cacert", "ca.crt", "--connect-to", "::127.0.0.1:" + port, "-w", " %{http_code} %{http_version}",
				"https://" + host + ":" + port + path}, args...)...)
		}
		for _, tt := range []struct {
			host, path string
			args       []string
			want       string
		}{
			{"open.test", "/a", nil, "GET /a 0 xfcc=\n 200"},
			{"open.test", "/up", []string{"--data-binary", "@upload"}, "POST /up 1310720 xfcc=\n 200"},
			{"guarded.test", "/?q=1%27%20OR%20%271%27=%271%27--%20-", nil, " 403"},
			{"guarded.test", "/?q=hello", nil, " 200"},
			{"staff.test", "/", []string{"--cert", "web.crt", "--key", "web.key"}, `Subject="CN=web";URI="spiffe://shop/web"` + "\n 200"},
			{"open.test", "/", []string{"-H", "Host: staff.test"}, " 421"},
		} {
			got := ask(tt.host, tt.path, tt.args...)
			if !strings.Contains(got, tt.want) {
				t.Errorf("%s %s%s: %q, want %q", version, tt.host, tt.path, got, tt.want)
			}
			if version == "--http2" && !strings.HasSuffix(got, " 2") || version == "--http1.1" && !strings.HasSuffix(got, " 1.1") {
				t.Errorf("%s %s%s: another version: %q", version, tt.host, tt.path, got)
			}
		}
	}
}
