package waf

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"runtime"
	"strings"
	"testing"
)

// TestInspectionMemory measures what a body of 1 MiB costs beside itself while it is inspected: at most
// what the proxy accounts for it (inspect.ReadingCost). What Holds says is logged beside: memory that
// belongs to the processors, not to the transaction, is not in it.
func TestInspectionMemory(t *testing.T) {
	const n, cost = 1 << 20, 14
	const form, multipart = "application/x-www-form-urlencoded", "multipart/form-data; boundary=xx"
	random := rand.New(rand.NewPCG(1, 2))
	e := mustEngine(t)
	live := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for _, tt := range []struct{ name, media, body string }{
		{"form", form, "a=" + strings.Repeat("apples and pears ", n/17)},
		{"form, encoded", form, "a=" + url.QueryEscape(strings.Repeat("it's <b>bold</b> %41 ", n/30))},
		{"form, many values", form, upTo(n, func() string { return fmt.Sprintf("%x=%x&", random.Uint32(), random.Uint64()) })},
		{"JSON", "application/json", fmt.Sprintf("{\"a\":%q}", strings.Repeat("apples \"and\" pears\n", n/20))},
		{"JSON, many values", "application/json", "[" + upTo(n, func() string { return fmt.Sprintf("{\"k%x\":%d},", random.Uint32(), random.Uint32()) }) + "1]"},
		{"JSON in JSON", "application/json", fmt.Sprintf("{\"a\":%q}", fmt.Sprintf("{\"b\":%q}", strings.Repeat("ab\\\"", n/8)))},
		{"NDJSON", "application/x-ndjson", strings.Repeat("{\"a\":\"b c d e f\"}\n", n/18)},
		{"XML", "application/xml", "<a>" + strings.Repeat("<b c='d'>hello world</b>", n/24) + "</a>"},
		{"multipart", multipart, "--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + strings.Repeat("hello world\n", n/12) + "\r\n--xx--\r\n"},
		{"file", multipart, "--xx\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.json\"\r\nContent-Type: application/json\r\n\r\n{\"a\":\"" +
			strings.Repeat("hello ", n/6) + "\"}\r\n--xx--\r\n"},
		{"text", "text/plain", strings.Repeat("hello world\n", n/12)},
		{"text with escapes", "text/plain", "\"" + strings.Repeat("\\x27 ", n/5) + "\""},
		{"strings", "application/graphql", "{ a(b: \"" + strings.Repeat("\\u{27} ", n/7) + "\") { c } }"},
		{"strings, many", "application/graphql", "{ a(b: [" + strings.Repeat("\"\\u0027 or 1=1\", ", n/18) + "]) { c } }"},
		{"strings, many, twice", "application/graphql", "{ a(b: [" + strings.Repeat("\"\\u0027 or 1=1\", ", 16000) + strings.Repeat("x", n-18*16000) + "'']) { c } }"},
		{"marks twice", "text/csv", strings.Repeat("\"a \"\"b\"\" c\",", n/14)},
		{"XML in JSON", "application/json", fmt.Sprintf("{\"a\":%q}", "<a>"+strings.Repeat("<b c='d'>hello&#39;world</b>", n/28)+"</a>")},
		{"binary", "application/octet-stream", strings.Repeat("\x01\x02\x03\xffabcdef", n/10)},
	} {
		for _, ask := range []bool{false, true} {
			body := []byte(tt.body)
			request := post("/", tt.media, tt.body)
			before := live()
			tx := e.Begin(t.Context(), Terms{ID: "memory"})
			if _, err := tx.RequestHead(request); err != nil {
				t.Fatal(err)
			}
			if tx.clean = tx.clean && !ask; !ask {
				tx.gate = closed{}
			}
			if _, err := tx.RequestBody(body, true); err != nil && !errors.Is(err, errClosed) {
				t.Fatal(err)
			}
			took := live() - before
			holds, _ := tx.BodyRead()
			t.Logf("%s, rules %v: %.1f times its length, Holds %.1f", tt.name, ask, float64(took)/n, float64(holds)/n)
			if took > cost*n {
				t.Errorf("%s, rules %v: %d bytes, more than %d times its length", tt.name, ask, took, cost)
			}
			if _, err := tx.Finish(); err != nil {
				t.Error(err)
			}
			runtime.KeepAlive(body)
		}
	}
}
