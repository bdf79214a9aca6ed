package e2e

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/admin"
	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/test/tier"
)

// TestTierByTLSAndTokens has three pods with TLS, tokens and a token for each other. One of them is given a wrong one: it asks in
// vain, and is answered for all the same.
func TestTierByTLSAndTokens(t *testing.T) {
	t.Parallel()
	dir, ca := t.TempDir(), certs.Authority(t, "tier")
	server := ca.Issue(t, certs.Of{CN: "wafer-admin", DNS: []string{"wafer-admin"}})
	peerToken, peerLine := newToken(t, "pods")
	reader, readerLine := newToken(t, "grafana")
	certs.Write(t, dir, map[string][]byte{
		"ca.crt": ca.Cert(), "tls.crt": server.Cert(), "tls.key": server.PrivateKey(), "tokens": []byte(peerLine + "\n" + readerLine + "\n"),
		"peer": []byte(peerToken + "\n"), "wrong": []byte("wafer_0000000000000000000000000000000000000000000\n"),
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	routes := tier.RouteFile(t, "routes: [{ id: shop, upstreams: [{ id: app }] }]\nupstreams: [{ id: app, endpoints: [\"http://127.0.0.1:1\"] }]\n")
	start := func(name, token string, others ...*tier.Tier) *tier.Tier {
		names := []string{"127.0.0.1:1"}
		for _, o := range others {
			names = append(names, o.Admin)
		}
		text := "admin_local_needs_token: true\nadmin_tokens: " + at("tokens") + "\nadmin_peer_token: " + at(token) +
			"\nadmin_peers: [" + `"` + strings.Join(names, `", "`) + `"` + "]\nadmin_tls: { cert: " + at("tls.crt") + ", key: " + at("tls.key") +
			", client_ca: [" + at("ca.crt") + "], read: { cn: [nobody] }, server_name: wafer-admin }\n"
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return tier.Plain(t, routes, "--config", at(name))
	}
	first, second := start("first.yaml", "peer"), start("second.yaml", "peer")
	asked, stranger := start("asked.yaml", "peer", first, second), start("stranger.yaml", "wrong", first)

	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), ServerName: "wafer-admin", MinVersion: tls.VersionTLS12}}}
	open := func(w *tier.Tier, path, token string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+w.Admin+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Wafer-Peer", "x") // says nothing by itself
		if token != "" {
			r.Header.Del("Wafer-Peer")
			r.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	for _, w := range []*tier.Tier{first, second, asked} {
		r, err := http.Get("http://" + w.Addr + "/search?q=1%27+OR+1=1--")
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		w.Event(func(e map[string]any) bool { return e["event"] == "security" })
	}
	if r := open(asked, "/api/v1/events", ""); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("who shows no token: %d", r.StatusCode)
	}
	// On a busy machine a pod is late now and then.
	var all view.Events
	tier.Eventually(t, "all pods answer", func() bool {
		text, err := io.ReadAll(open(asked, "/api/v1/events?scope=tier&kind=security&rule=942100", reader).Body)
		if all = (view.Events{}); err != nil || json.Unmarshal(text, &all) != nil {
			t.Fatalf("%v: %.300s", err, text)
		}
		answered := 0
		for _, p := range all.About.Pods {
			if p.Answered {
				answered++
			}
		}
		return answered == 3
	})
	if len(all.Events) != 3 {
		t.Errorf("%d events: %+v", len(all.Events), all)
	}
	tier.Eventually(t, "a pod with a wrong token tells what is wrong", func() bool {
		text, err := io.ReadAll(open(stranger, "/api/v1/overview?scope=tier", reader).Body)
		return err == nil && strings.Contains(string(text), "it wants a token: admin_peer_token")
	})
	heard := map[string]bool{}
	lines := bufio.NewScanner(open(asked, "/api/v1/events/stream?scope=tier&backlog=10", reader).Body)
	lines.Buffer(nil, 1<<20)
	for id := ""; len(heard) < 3 && lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && strings.Contains(data, `"request_id":"`) {
			_, id, _ = strings.Cut(data, `"request_id":"`)
			id, _, _ = strings.Cut(id, `"`)
			heard[id] = true
		}
	}
	if len(heard) != 3 {
		t.Errorf("heard %v: %v", heard, lines.Err())
	}
	for _, w := range []*tier.Tier{first, second, asked, stranger} {
		if log := w.Stderr(); strings.Contains(log, peerToken) || strings.Contains(log, reader) {
			t.Errorf("a token is in the log: %s", log)
		}
	}
}

// newToken is a token of the role read, and its line in a file.
func newToken(t *testing.T, name string) (token, line string) {
	t.Helper()
	token, line, err := admin.NewToken(name, admin.Read, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return token, line
}
