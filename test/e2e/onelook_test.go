package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// TestOneLook asks a tier that runs why a request was blocked, by one command, and what is wrong with it: a sink that nobody takes
// events at.
func TestOneLook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	boot := filepath.Join(dir, "wafer.yaml")
	if err := os.WriteFile(boot, []byte(`
listen: 127.0.0.1:0
to: `+newEcho(t, nil).url()+`
events: { sinks: [{ id: siem, https: { url: "http://127.0.0.1:1/" } }] }
traces: { endpoint: "http://127.0.0.1:1" }
records: { file: { path: `+dir+`/nowhere/records.jsonl } }
`), 0o600); err != nil {
		t.Fatal(err)
	}
	w := tier.Listeners(t, boot)
	blocked := get(t, w, "shop.test", "/?q="+injection)
	blocked.wantStatus(t, 403)

	code, out, stderr := explain(t, "", "--admin", w.Admin, "--request-id", blocked.id)
	if code != 3 || !strings.Contains(out, blocked.id) || !strings.Contains(out, "942100") {
		t.Errorf("explain exits with %d: %s%s", code, out, stderr)
	}
	if code, out, stderr := explain(t, "", "--admin", w.Admin, "--request-id", "nobody"); code != 1 || !strings.Contains(stderr, `remembers no event of request "nobody"`) {
		t.Errorf("explain of no request exits with %d: %s%s", code, out, stderr)
	}
	tier.Eventually(t, "the overview tells of the sink", func() bool {
		_, text := w.Get("/api/v1/overview")
		return strings.Contains(text, "sink siem does not take events")
	})
	tier.Eventually(t, "the overview tells of traces", func() bool {
		_, text := w.Get("/api/v1/overview")
		return strings.Contains(text, "sink traces does not take spans")
	})
}
