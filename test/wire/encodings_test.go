package wire

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/wafer-waf/wafer/test/tier"
)

// encode applies codings in the order in which Content-Encoding lists them.
func encode(t testing.TB, text string, codings ...string) string {
	t.Helper()
	for _, coding := range codings {
		var b bytes.Buffer
		var w io.WriteCloser
		switch coding {
		case "gzip":
			w = gzip.NewWriter(&b)
		case "deflate":
			w = zlib.NewWriter(&b)
		case "br":
			w = brotli.NewWriter(&b)
		case "zstd":
			e, err := zstd.NewWriter(&b)
			if err != nil {
				t.Fatal(err)
			}
			w = e
		default:
			t.Fatal(coding)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		text = b.String()
	}
	return text
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	const leak = "<p>You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near 'x' at line 1</p>"
	back := newBackend(t, func(c *peer, m message) bool {
		coding, found := strings.CutPrefix(m.target, "/leak/")
		if !found {
			return ok(c, m)
		}
		body := encode(t, leak, coding)
		_, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", coding, len(body), body)
		return err == nil
	})
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: decoded, hosts: [decoded.test], policy: decoded, upstreams: [{ id: b }] }
  - { id: skipped, hosts: [skipped.test], policy: skipped, upstreams: [{ id: b }] }
  - { id: plain, hosts: [plain.test], upstreams: [{ id: b }] }
  - { id: strict, hosts: [strict.test], policy: strict, upstreams: [{ id: b }] }
upstreams:
  - { id: b, endpoints: ["%s"] }
policies:
  - { id: decoded, response_body: { inspect: true } }
  - { id: strict, crs: { restricted_headers_basic: [content-encoding] } }
  - { id: skipped, inherits: decoded, request_body: { undecodable: skip_inspection } }
`, back.url())))
	message := func(host, field, body string) string {
		return fmt.Sprintf("POST /form HTTP/1.1\r\nHost: %s\r\nUser-Agent: w\r\nAccept: */*\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
			"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", host, field, len(body), body)
	}
	send := func(t *testing.T, host, field, body string, status int, event map[string]any) {
		t.Helper()
		before := back.count()
		r := ask(t, w.Addr, message(host, field, body)).wantStatus(t, status)
		seen := back.seen(before)
		if status == 200 {
			if len(seen) != 1 || seen[0].body != body || strings.Join(seen[0].get("Content-Encoding"), "|") != field {
				t.Errorf("forwarded %+v, want %q", seen, body)
			}
		} else if len(seen) != 0 {
			t.Errorf("forwarded %+v", seen)
		}
		wantEvent(t, w.Access(r.id), event)
	}
	full := map[string]any{"verdict": "pass", "coverage": "full"}
	refused := map[string]any{"verdict": "refused", "error": "content_coding"}
	for _, coding := range []string{"gzip", "deflate", "br", "zstd", "gzip, br", "GZIP"} {
		t.Run(coding, func(t *testing.T) {
			codings := strings.Split(strings.ToLower(coding), ", ")
			whole := encode(t, "q=some+harmless+text&n="+strings.Repeat("0123456789", 100), codings...)
			send(t, "decoded.test", coding, whole, 200, full)
			send(t, "decoded.test", coding, encode(t, "q="+injection, codings...), 403, map[string]any{"verdict": "block"})
			send(t, "plain.test", coding, whole, 200, full)
			send(t, "strict.test", coding, whole, 403, map[string]any{"verdict": "block"})
			send(t, "decoded.test", coding, whole[:len(whole)-5], 415, refused)
			send(t, "skipped.test", coding, whole[:len(whole)-5], 200, map[string]any{"verdict": "pass", "coverage": "headers", "coverage_reason": "encoding"})
			send(t, "skipped.test", coding, encode(t, "q="+injection, codings...), 403, map[string]any{"verdict": "block"})
		})
	}
	t.Run("not what it says", func(t *testing.T) {
		send(t, "decoded.test", "gzip", "q=1", 415, refused)
		send(t, "decoded.test", "br", encode(t, "q=1", "gzip"), 415, refused)
		send(t, "decoded.test", "gzip", encode(t, "q=1", "gzip")+"&q="+injection, 415, refused)
	})
	t.Run("unknown", func(t *testing.T) {
		send(t, "decoded.test", "compress", "q=1", 415, refused)
		send(t, "decoded.test", "gzip, x", encode(t, "q=1", "gzip"), 415, refused)
		send(t, "decoded.test", "gzip;q=1", encode(t, "q=1", "gzip"), 415, refused)
		send(t, "skipped.test", "compress", "q=1", 200, map[string]any{"verdict": "pass", "coverage": "headers", "coverage_reason": "encoding"})
	})
	t.Run("too many", func(t *testing.T) {
		send(t, "decoded.test", "gzip, gzip, gzip", encode(t, "q=1", "gzip", "gzip", "gzip"), 415, refused)
	})
	t.Run("bombs", func(t *testing.T) {
		for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
			before := back.count()
			r := ask(t, w.Addr, message("decoded.test", coding, encode(t, strings.Repeat("a", 16<<20), coding)))
			if r.status != 413 && r.status != 415 {
				t.Errorf("%s: status %d", coding, r.status)
			}
			if seen := back.seen(before); len(seen) > 0 {
				t.Errorf("%s: %d forwarded", coding, len(seen))
			}
		}
	})
	t.Run("two fields", func(t *testing.T) {
		body := encode(t, "q="+injection, "gzip", "br")
		ask(t, w.Addr, message("decoded.test", "gzip\r\nContent-Encoding: br", body)).wantStatus(t, 403)
	})
	t.Run("responses", func(t *testing.T) {
		const get = "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: w\r\nAccept: */*\r\nAccept-Encoding: %s\r\n\r\n"
		for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
			r := ask(t, w.Addr, fmt.Sprintf(get, "/leak/"+coding, "decoded.test", coding)).wantStatus(t, 403)
			if strings.Contains(r.body, "SQL") {
				t.Errorf("%s: the answer was %q", coding, r.body)
			}
			wantEvent(t, w.Access(r.id), map[string]any{"verdict": "block", "coverage": "full"})
			ask(t, w.Addr, fmt.Sprintf(get, "/leak/"+coding, "plain.test", coding)).wantStatus(t, 200)
		}
		f := func(host, accept, want string) {
			t.Helper()
			before := back.count()
			ask(t, w.Addr, fmt.Sprintf(get, "/", host, accept)).wantStatus(t, 200)
			if got := strings.Join(back.seen(before)[0].get("Accept-Encoding"), "|"); got != want {
				t.Errorf("Accept-Encoding: %s was forwarded as %q, want %q", accept, got, want)
			}
		}
		f("plain.test", "gzip, x-odd, *;q=0.1", "gzip, x-odd, *;q=0.1")
		f("decoded.test", "gzip, compress;q=0.5, br;q=0.9, *;q=0.1", "gzip, br;q=0.9")
		f("decoded.test", "compress", "identity")
		f("decoded.test", "*", "identity")
	})
}
