package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

func said(message string) func(map[string]any) bool {
	return func(l map[string]any) bool { return l["message"] == message }
}

// TestLastGood breaks the file of a tier whose processes start again and again: each serves what was good last, as
// long as one of them or its folder has it, and the file as soon as it is good.
func TestLastGood(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	good := `
routes:
  - { id: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["` + back.url() + `"] }
`
	file := tier.RouteFile(t, good)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	protects := func(w *tier.Tier) {
		t.Helper()
		get(t, w, "shop.test", "/").wantStatus(t, 200)
		get(t, w, "shop.test", "/?q="+injection).wantStatus(t, 403)
	}
	old := func(w *tier.Tier, from string) {
		t.Helper()
		protects(w)
		if status, text := w.Get("/readyz"); status != 200 || !strings.Contains(text, "ready, but serving the last good configuration, from "+from) || !strings.Contains(text, file) {
			t.Errorf("/readyz: %d %s, want it from %s", status, text, from)
		}
		for _, path := range []string{"/api/v1/config", "/api/v1/standing"} {
			if _, text := w.Get(path); !strings.Contains(text, `"last_good": "`+from) || !strings.Contains(text, `"problems": [`) {
				t.Errorf("%s tells nothing:\n%s", path, text)
			}
		}
		if w.Metric("wafer_config_last_good") != 1 || w.Metric("wafer_config_last_reload_successful") != 0 {
			t.Error("the metrics tell nothing")
		}
		w.Log(said("serving the last good configuration, since the files are refused"))
	}
	const alone = "127.0.0.1:1" // nobody is there, but who comes from 127.0.0.1 is a peer
	first := tier.Start(t, file, "--last-good-peers", alone, "--reload-interval", "100ms")
	protects(first)

	write("routes: [{ id: shop, upstreams: [{ id: nobody }] }]\n")
	first.Log(said("reload failed, the configuration in force stays"))
	if status, text := first.Get("/readyz"); status != 200 || !strings.Contains(text, "ready, but serving the configuration from before") {
		t.Errorf("/readyz: %d %s", status, text)
	}
	dir := t.TempDir()
	second := tier.Start(t, file, "--last-good-peers", first.Admin, "--last-good-dir", dir)
	old(second, "the peer ")
	first.Kill()

	third := tier.Start(t, file, "--last-good-peers", second.Admin, "--last-good-dir", t.TempDir())
	old(third, "the peer ") // of what a peer was given
	second.Signal(syscall.SIGKILL)
	second.Wait()
	third.Kill()

	fourth := tier.Start(t, file, "--last-good-dir", dir, "--reload-interval", "100ms")
	old(fourth, "the folder "+dir)
	write(good)
	fourth.Log(said("the configuration is again the one in force"))
	if status, text := fourth.Get("/readyz"); status != 200 || text != "ready\n" {
		t.Errorf("/readyz: %d %s", status, text)
	}
	if fourth.Metric("wafer_config_last_good") != 0 || fourth.Metric("wafer_config_last_reload_successful") != 1 {
		t.Error("the metrics tell of what is over")
	}
}

// TestNothingWasGood starts a process with a refused file that has nothing else: it says why, and waits for
// a better one.
func TestNothingWasGood(t *testing.T) {
	t.Parallel()
	file := tier.RouteFile(t, "routes: [{ id: shop, upstreams: [{ id: nobody }] }]\n")
	w := tier.Launch(t, file, "--last-good-dir", t.TempDir(), "--last-good-peers", "127.0.0.1:1")
	w.Log(said("no last good configuration, waiting for one or for better files"))
	tier.Eventually(t, "the reason", func() bool {
		status, text := w.Get("/readyz")
		return status == 503 && strings.Contains(text, "no configuration to serve: the configuration is refused: "+file) && strings.Contains(text, "nobody")
	})
	if status, _ := w.Get("/healthz"); status != 200 {
		t.Errorf("/healthz: %d", status)
	}
	if status, text := w.Reload(); status != 503 || !strings.Contains(text, "nobody") {
		t.Errorf("/-/reload: %d %s", status, text)
	}
	if err := os.WriteFile(file, []byte("routes: [{ id: shop, redirect: { path: / } }]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.Log(said("serving"))
	if status, text := w.Get("/readyz"); status != 200 || text != "ready\n" {
		t.Errorf("/readyz: %d %s", status, text)
	}
	w.Signal(syscall.SIGTERM)
	if code := w.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	waits := tier.Launch(t, tier.RouteFile(t, "routes: ["), "--last-good-dir", t.TempDir())
	waits.Log(said("no last good configuration, waiting for one or for better files"))
	waits.Signal(syscall.SIGTERM)
	if code := waits.Wait(); code != 0 {
		t.Errorf("exit code %d of a process that waits", code)
	}
}

// TestLastGoodBehindTokens has processes that tell nobody what they serve but who shows a token: peers show theirs.
func TestLastGoodBehindTokens(t *testing.T) {
	t.Parallel()
	token, line := makeToken(t, "pods", "read")
	at := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	closed := []string{
		"--admin-tokens", at("tokens", line), "--admin-peer-token", at("token", token), "--admin-closed", "standing", "--admin-local-needs-token",
		"--reload-interval", "100ms",
	}
	file := tier.RouteFile(t, `
routes:
  - { id: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+newEcho(t, nil).url()+`"] }
`)
	first := tier.Plain(t, file, append(closed, "--last-good-peers", "127.0.0.1:1")...)
	if status, _ := first.Get("/api/v1/standing"); status != 401 {
		t.Errorf("without a token: %d", status)
	}
	if err := os.WriteFile(file, []byte("routes: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	first.Log(said("reload failed, the configuration in force stays"))
	second := tier.Plain(t, file, append(closed, "--last-good-peers", first.Admin)...)
	get(t, second, "shop.test", "/").wantStatus(t, 200)
	if _, text := second.Get("/readyz"); !strings.Contains(text, "the last good configuration, from the peer ") {
		t.Errorf("/readyz: %s", text)
	}
}
