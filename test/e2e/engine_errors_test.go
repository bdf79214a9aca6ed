package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// TestEngineErrors sends bodies on which the engine panics: Coraza 3.8.1 cannot set a variable to
// nothing. There is no folder for temporary files, and none is needed.
func TestEngineErrors(t *testing.T) {
	tier.Binary(t) // built while there is a temporary folder
	back := newEcho(t, nil)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	policy := `
    rules_before:
      - inline: SecRule ARGS "@rx ^a{1000}" "id:1001,phase:2,pass,nolog,t:none,setvar:tx.nothing"
`
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: deny, hosts: [deny.test], policy: deny, upstreams: [{ id: a }] }
  - { id: allow, hosts: [allow.test], policy: allow, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
policies:
  - id: deny`+policy+`
  - id: allow
    on_error: allow`+policy))
	small, large := "q="+strings.Repeat("a", 100), "q="+strings.Repeat("a", 5000)
	pass := func(host, body string, want map[string]any) {
		t.Helper()
		r := post(t, w, host, "/", body).wantStatus(t, 200)
		if !strings.HasSuffix(r.body, "\r\n\r\n"+body) {
			t.Errorf("%s: the backend received %q", host, r.body)
		}
		wantEvent(t, w.Access(r.id), want)
	}
	clean := map[string]any{"verdict": "pass", "coverage": "full", "error": nil}
	for _, host := range []string{"deny.test", "allow.test"} {
		pass(host, small, clean)
	}
	before := back.whole.Load()
	r := post(t, w, "deny.test", "/", large).wantStatus(t, 500)
	if strings.Contains(r.body, "tmp") || !strings.Contains(r.body, r.id) {
		t.Errorf("body %q", r.body)
	}
	broken := map[string]any{"coverage": "none", "coverage_reason": "error", "error": "engine"}
	event := w.Access(r.id)
	wantEvent(t, event, broken)
	wantEvent(t, event, map[string]any{"verdict": "error_deny", "status": 500.0})
	if n := back.whole.Load() - before; n != 0 {
		t.Errorf("the backend received %d requests that nobody inspected", n)
	}
	w.Log(func(l map[string]any) bool {
		return l["message"] == "engine panicked" && l["request_id"] == r.id && l["level"] == "error"
	})
	allowed := map[string]any{"verdict": "error_allow", "coverage": "none", "coverage_reason": "error", "error": "engine"}
	pass("allow.test", large, allowed)
	for series, want := range map[string]float64{
		`wafer_requests_total{route="deny",verdict="error_deny"}`:            1,
		`wafer_requests_total{route="allow",verdict="error_allow"}`:          1,
		`wafer_coverage_total{coverage="none",reason="error",route="deny"}`:  1,
		`wafer_coverage_total{coverage="none",reason="error",route="allow"}`: 1,
		`wafer_coverage_total{coverage="full",reason="",route="allow"}`:      1,
	} {
		if got := w.Metric(series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}

	// A file is inspected and forwarded without being written to disk.
	form := "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n"
	r = ask(t, w.Addr, message("POST", "deny.test", "/", form, "Content-Type: multipart/form-data; boundary=b")).wantStatus(t, 200)
	wantEvent(t, w.Access(r.id), map[string]any{"verdict": "pass", "coverage": "partial", "coverage_reason": "files", "error": nil})
	for _, host := range []string{"deny.test", "allow.test"} {
		pass(host, small, clean)
	}
}
