package e2e

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/test/tier"
)

// adminTLS are the files of an admin listener and of those who ask it.
func adminTLS(t *testing.T) (dir string, ca *certs.Issued, boot string) {
	t.Helper()
	dir, ca = t.TempDir(), certs.Authority(t, "tier")
	server := ca.Issue(t, certs.Of{CN: "wafer-admin", DNS: []string{"wafer-admin"}})
	reader, operator := ca.Issue(t, certs.Of{CN: "grafana"}), ca.Issue(t, certs.Of{CN: "ops", URIs: []string{"spiffe://cluster/ns/ops/sa/oncall"}})
	certs.Write(t, dir, map[string][]byte{
		"ca.crt": ca.Cert(), "tls.crt": server.Cert(), "tls.key": server.PrivateKey(), "ops.crt": operator.Cert(), "ops.key": operator.PrivateKey(),
		"grafana.crt": reader.Cert(), "grafana.key": reader.PrivateKey(),
	})
	boot = filepath.Join(dir, "boot.yaml")
	at := func(name string) string { return filepath.Join(dir, name) }
	text := `
admin_local_needs_token: true
admin_tls:
  cert: ` + at("tls.crt") + `
  key: ` + at("tls.key") + `
  client_ca: [` + at("ca.crt") + `]
  read: { cn: [grafana] }
  operate: { uri: ["spiffe://cluster/ns/ops/*"] }
`
	if err := os.WriteFile(boot, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, ca, boot
}

// TestAdminTLS asks the admin listener as probes, people with OpenSSL, operators by a command, and strangers do.
func TestAdminTLS(t *testing.T) {
	t.Parallel()
	dir, ca, boot := adminTLS(t)
	w := tier.Plain(t, tier.RouteFile(t, `
routes:
  - { id: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+newEcho(t, nil).url()+`"] }
`), "--config", boot)
	at := func(name string) string { return filepath.Join(dir, name) }

	answer := func(method, path, who string) (int, string) {
		c := &tls.Config{RootCAs: ca.Pool(), ServerName: "wafer-admin", MinVersion: tls.VersionTLS12}
		if who != "" {
			pair, err := tls.LoadX509KeyPair(at(who+".crt"), at(who+".key"))
			if err != nil {
				t.Fatal(err)
			}
			c.Certificates = []tls.Certificate{pair}
		}
		client := http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
		r, err := http.NewRequestWithContext(t.Context(), method, "https://"+w.Admin+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	for _, c := range []struct {
		method, path            string
		nobody, grafana, oncall int
	}{
		{"GET", "/healthz", 200, 200, 200},
		{"GET", "/readyz", 200, 200, 200},
		{"GET", "/metrics", 200, 200, 200},
		{"GET", "/api/v1/config", 403, 200, 200},
		{"GET", "/api/v1/events", 403, 200, 200},
		{"GET", "/debug/pprof/cmdline", 403, 403, 200},
		{"POST", "/-/reload", 403, 403, 200},
	} {
		for who, want := range map[string]int{"": c.nobody, "grafana": c.grafana, "ops": c.oncall} {
			if got, _ := answer(c.method, c.path, who); got != want {
				t.Errorf("%s as %q: %d, want %d", c.path, who, got, want)
			}
		}
	}
	pair, err := tls.LoadX509KeyPair(at("tls.crt"), at("tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	ends := "\nwafer_admin_certificate_not_after_timestamp_seconds " + strconv.FormatFloat(float64(pair.Leaf.NotAfter.Unix()), 'g', -1, 64) + "\n"
	if _, metrics := answer("GET", "/metrics", ""); !strings.Contains(metrics, ends) {
		t.Errorf("metrics do not say %q", ends)
	}
	w.Log(func(l map[string]any) bool {
		return l["message"] == "admin request" && l["who"] == "spiffe://cluster/ns/ops/sa/oncall" && l["path"] == "/-/reload" && l["status"] != nil
	})

	// OpenSSL, as somebody would look at it by hand.
	c := exec.CommandContext(t.Context(), "openssl", "s_client", "-connect", w.Admin, "-servername", "wafer-admin", "-CAfile", at("ca.crt"),
		"-verify_return_error", "-quiet", "-cert", at("grafana.crt"), "-key", at("grafana.key"))
	c.Stdin = strings.NewReader("GET /api/v1/routes HTTP/1.1\r\nHost: wafer-admin\r\nConnection: close\r\n\r\n")
	if out, err := c.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("HTTP/1.1 200 OK")) {
		t.Errorf("openssl: %v: %s", err, out)
	}
	// Clear text is answered by nobody.
	conn, err := net.Dial("tcp", w.Admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, _ := io.ReadAll(conn); bytes.Contains(answer, []byte("200 OK")) {
		t.Errorf("clear text is answered: %s", answer)
	}

	for _, c := range []struct {
		says string // empty: it works
		args []string
	}{
		{"", []string{"https://" + w.Admin, "--admin-name", "wafer-admin", "--admin-ca", at("ca.crt"), "--admin-cert", at("ops.crt"), "--admin-key", at("ops.key")}},
		{"speaks TLS: ask it by --admin https://" + w.Admin, []string{"http://" + w.Admin}},
		{"by --admin-ca", []string{"https://" + w.Admin, "--admin-name", "wafer-admin"}},
		{"by --admin-name", []string{"https://" + w.Admin, "--admin-ca", at("ca.crt")}},
	} {
		list := exec.CommandContext(t.Context(), tier.PlainBinary(t), append([]string{"bans", "list", "--admin"}, c.args...)...)
		if out, err := list.CombinedOutput(); (err == nil) != (c.says == "") || !bytes.Contains(out, []byte(c.says)) {
			t.Errorf("wafer bans %v: %v: %s, want %q", c.args, err, out, c.says)
		}
	}
}
