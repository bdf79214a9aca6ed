package challenge

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestPage wants a page that is whole, that only its own script and style work on, and that nobody keeps.
func TestPage(t *testing.T) {
	for name, test := range map[string]struct {
		wait time.Duration
		has  string
		not  string
	}{
		"with a wait":    {wait: 5 * time.Second, has: `http-equiv="refresh" content="8;url=` + Path + `?puzzle=`, not: "Please allow them"},
		"without a wait": {has: "Please allow them", not: "refresh"},
	} {
		t.Run(name, func(t *testing.T) {
			c := asking(t, func(o *Options) { o.Wait = test.wait }, secretA)
			r := c.Ask(new(client()), `/a?b="><script>alert(1)</script>&c='`, `"><script>id`, noon)
			body := string(r.Body)
			if strings.Contains(body, "{{") || strings.Contains(body, "alert(1)") || strings.Contains(body, "<script>id") {
				t.Errorf("not escaped, or not filled in:\n%s", body)
			}
			if !strings.Contains(body, test.has) || strings.Contains(body, test.not) {
				t.Errorf("want %q and not %q in\n%s", test.has, test.not, body)
			}
			policy := r.Fields.Get("Content-Security-Policy")
			for _, tag := range []string{"script", "style"} {
				parts := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(body, -1)
				if len(parts) != 1 {
					t.Fatalf("%d elements %s", len(parts), tag)
				}
				sum := sha256.Sum256([]byte(parts[0][1]))
				if want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
					t.Errorf("%s is not in %s", want, policy)
				}
			}
			if r.Status != http.StatusTooManyRequests || r.Fields.Get("Cache-Control") != "no-store" || r.Fields.Get("Retry-After") == "" {
				t.Errorf("%d %q", r.Status, r.Fields)
			}
			if len(body) > 10<<10 {
				t.Errorf("%d bytes", len(body))
			}
		})
	}
}

// TestStatus wants Retry-After with the statuses that it belongs to.
func TestStatus(t *testing.T) {
	for status, want := range map[int]string{http.StatusForbidden: "", http.StatusTooManyRequests: "8", http.StatusServiceUnavailable: "8"} {
		r := asking(t, func(o *Options) { o.Status = status }, secretA).Ask(new(client()), "/", "id", noon)
		if got := r.Fields.Get("Retry-After"); r.Status != status || got != want {
			t.Errorf("%d, Retry-After %q", r.Status, got)
		}
	}
}
