package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// makeToken has the binary make a token, and the line that lets it in.
func makeToken(tb testing.TB, name, role string) (token, line string) {
	tb.Helper()
	out, err := exec.Command(tier.PlainBinary(tb), "admin-token", "--name", name, "--role", role).CombinedOutput()
	found := regexp.MustCompile(`^token: (\S+)\nline: {2}(.+)\n$`).FindStringSubmatch(string(out))
	if err != nil || found == nil {
		tb.Fatalf("%v: %s", err, out)
	}
	return found[1], found[2]
}

// TestAdminTokens makes tokens, gives them out while the tier runs, and takes one back.
func TestAdminTokens(t *testing.T) {
	t.Parallel()
	reader, readerLine := makeToken(t, "grafana", "read")
	operator, operatorLine := makeToken(t, "ci", "operate")
	file := filepath.Join(t.TempDir(), "tokens")
	put := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(readerLine + "\n")

	w := tier.Plain(t, tier.RouteFile(t, `
routes:
  - { id: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+newEcho(t, nil).url()+`"] }
`), "--admin-tokens", file, "--admin-local-needs-token", "--admin-closed", "metrics")
	ask := func(method, path, token string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+w.Admin+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		return response.StatusCode
	}
	f := func(path string, nobody, read, operate int) {
		t.Helper()
		method := http.MethodGet
		if path == "/-/reload" {
			method = http.MethodPost
		}
		for token, want := range map[string]int{"": nobody, reader: read, operator: operate} {
			if got := ask(method, path, token); got != want {
				t.Errorf("%s with token %q: status %d, want %d", path, token, got, want)
			}
		}
	}
	f("/readyz", 200, 200, 200)
	f("/metrics", 401, 200, 401)
	f("/-/reload", 401, 403, 401)
	put(readerLine + "\n" + operatorLine + "\n")
	tier.Eventually(t, "the operator is known", func() bool { return ask(http.MethodPost, "/-/reload", operator) == http.StatusOK })
	f("/api/v1/config", 401, 200, 200)
	f("/debug/pprof/cmdline", 401, 403, 200)
	put(operatorLine + "\n")
	tier.Eventually(t, "the reader is not", func() bool { return ask(http.MethodGet, "/api/v1/routes", reader) == http.StatusUnauthorized })
}
