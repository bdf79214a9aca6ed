package waf

import (
	"fmt"
	"strings"
	"testing"
)

// TestLimits has one more of everything that is countable than is read, and as many as are: the former is
// refused with 400 before anything is decided about its contents, the latter is not.
func TestLimits(t *testing.T) {
	const (
		form = "application/x-www-form-urlencoded"
		json = "application/json"
		xml  = "text/xml"
		many = 1000
	)
	times := func(n int, what string) string { return strings.Repeat(what, n) }
	parts := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "--X\r\nContent-Disposition: form-data; name=\"a%d\"\r\n\r\nb\r\n", i)
		}
		return b.String() + "--X--\r\n"
	}
	cookies := func(n int) *Request {
		return get("/", Header{Name: "Cookie", Value: strings.TrimSuffix(times(n, "a=b; "), "; ")})
	}
	body := func(mediaType string) func(string) *message {
		return func(text string) *message { return &message{request: post("/", mediaType, text), body: []byte(text)} }
	}
	head := func(r *Request) *message { return &message{request: r} }
	for _, screenOff := range []bool{false, true} {
		e := mustEngine(t, func(p *Policy) { p.ScreenOff, p.ResponseBody = screenOff, false })
		for _, tt := range []struct {
			name           string
			within, beyond *message
		}{
			{"arguments of the query", head(get("/?" + times(many, "a=b&"))), head(get("/?" + times(many+1, "a=b&")))},
			{"fields of a form", body(form)(times(many-1, "a=b&") + "a=b"), body(form)(times(many, "a=b&") + "a=b")},
			{"cookies", head(cookies(many / 4)), head(cookies(20 * many))},
			{"parts", body("multipart/form-data; boundary=X")(parts(many)), body("multipart/form-data; boundary=X")(parts(many + 1))},
			{"depth of JSON", body(json)(times(500, "[") + times(500, "]")), body(json)(times(600, "[") + times(600, "]"))},
			{"values of JSON", body(json)("[" + times(2*many, "1,") + "1]"), body(json)("[" + times(70*many, "1,") + "1]")},
			{"depth of XML", body(xml)(times(256, "<a>") + times(256, "</a>")), body(xml)(times(257, "<a>") + times(257, "</a>"))},
			{"nodes of XML", body(xml)("<a>" + times(2*many, "<b>c</b>") + "</a>"), body(xml)("<a>" + times(70*many, "<b>c</b>") + "</a>")},
		} {
			status := func(m *message) int {
				tx := e.Begin(t.Context(), Terms{ID: "id"})
				m.response = &benchResponse
				v, err := through(tx, m, true)
				if _, ferr := tx.Finish(); err != nil || ferr != nil {
					t.Fatal(tt.name, err, ferr)
				}
				return v.Status
			}
			if got := status(tt.within); got == 400 {
				t.Errorf("%s, screen off %v: as many as are read are refused", tt.name, screenOff)
			}
			if got := status(tt.beyond); got != 400 {
				t.Errorf("%s, screen off %v: more than are read: status %d", tt.name, screenOff, got)
			}
		}
	}
}
