package reading

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3"
)

// TestOrdinary holds the requests that most traffic is made of: the rules see of them at least what
// Coraza would show them, and none is refused.
func TestOrdinary(t *testing.T) {
	v := new(Values)
	for name, m := range messages(t, "ordinary") {
		t.Run(name, func(t *testing.T) {
			if why := check(t, v, m); why != "" {
				t.Errorf("refused: %s", why)
			}
		})
	}
}

// TestOdd holds requests that are rare or made to be misread: none has less than Coraza would show,
// and those whose name begins with "refused-" are refused.
func TestOdd(t *testing.T) {
	v := new(Values)
	for name, m := range messages(t, "odd") {
		t.Run(name, func(t *testing.T) {
			why := check(t, v, m)
			if strings.HasPrefix(name, "refused-") != (why != "") {
				t.Errorf("refused: %q, the file's name says otherwise", why)
			}
		})
	}
}

// TestWarm holds that ordinary requests need no memory once a Values has seen them.
func TestWarm(t *testing.T) {
	for name, m := range messages(t, "ordinary") {
		a := ask(t, m)
		v := new(Values)
		run := func() {
			v.Head(&m.Request)
			v.Body(a.processor, m.header("Content-Type"), m.body, true)
			if why := refused(v); why != "" {
				t.Fatalf("%s: refused: %s", name, why)
			}
		}
		run()
		run() // the second time the memory has its final size
		if n := testing.AllocsPerRun(20, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestMultipartLong compares parts that end around the size of the buffer that Coraza's
// reader looks for delimiters in, with beginnings of delimiters in them.
func TestMultipartLong(t *testing.T) {
	v := new(Values)
	m := &sample{Request: Request{Method: "POST", Target: "/", Protocol: "HTTP/1.1", ID: "id", Headers: []Header{
		{Name: "Content-Type", Value: "multipart/form-data; boundary=frontier"},
	}}}
	for size := 3800; size < 4300; size += 7 {
		m.body = fmt.Appendf(nil, "--frontier\r\nContent-Disposition: form-data; name=\"a\"\r\nX-Long: %s\r\n\r\n"+
			"%s\r\n--fronti%s\r\n\r\n--f\r\n--frontier\r\nContent-Disposition: form-data; name=\"f\"; filename=\"%[1]s\"\r\n\r\n"+
			"%[2]s\r\r\n\r\n--frontier--\r\n", strings.Repeat("h", size), strings.Repeat("x", size), strings.Repeat("y", size%97))
		if why := check(t, v, m); why != "" {
			t.Fatalf("size %d: refused: %s", size, why)
		}
	}
}

// TestResponse compares responses.
func TestResponse(t *testing.T) {
	request := messages(t, "ordinary")["browser-get.http"].Request
	v := new(Values)
	for name, m := range map[string]*sample{
		"page": {
			response: &Response{Status: 200, Protocol: "HTTP/1.1", Headers: []Header{
				{Name: "Content-Type", Value: "text/html; charset=utf-8"}, {Name: "Set-Cookie", Value: "a=b"}, {Name: "set-cookie", Value: "c=d"}, {Name: "X-Empty", Value: ""},
			}},
			answer: []byte("<html>hello</html>"),
		},
		"empty page":         {response: &Response{Status: 500, Protocol: "HTTP/1.0"}},
		"body not looked at": {response: &Response{Status: 200, Headers: []Header{{Name: "Content-Type", Value: "image/png"}}}, answer: []byte("x")},
		"two media types": {
			response: &Response{Status: 1200, Headers: []Header{{Name: "content-type", Value: "image/png"}, {Name: "", Value: "x"}, {Name: "Content-Type", Value: "text/html"}}},
			answer:   []byte("x"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			m.Request = request
			if why := check(t, v, m); why != "" {
				t.Error(why)
			}
		})
	}
}

// TestSelectors compares what selectors select with rules of Coraza that count it.
func TestSelectors(t *testing.T) {
	r := &Request{
		Method: "GET", Target: "/?a=1&A=&b.C=3&=4&%C3%89=5", Protocol: "HTTP/1.1",
		Headers: []Header{{Name: "X-One", Value: "1"}, {Name: "x-one", Value: "2"}, {Name: "Cookie", Value: "Sid=1; sid=2; t=3"}, {Name: "Coo\u212aie", Value: "u=4"}},
	}
	v := new(Values)
	v.Head(r)
	for _, target := range []string{
		"ARGS", "ARGS:a", "ARGS:A", "ARGS:b.c", "ARGS:B.C", "ARGS:é", "ARGS:É", "ARGS:x",
		"ARGS_GET:a", "ARGS_POST", "ARGS_POST:a",
		"ARGS_NAMES", "ARGS_NAMES:a", "ARGS_NAMES:A", "ARGS_GET_NAMES:b.c", "ARGS_GET_NAMES:b.C", "ARGS_NAMES:é", "ARGS_NAMES:É",
		"REQUEST_HEADERS", "REQUEST_HEADERS:X-ONE", "REQUEST_HEADERS:x-one", "REQUEST_HEADERS:cookie",
		"REQUEST_HEADERS_NAMES:X-ONE", "REQUEST_HEADERS_NAMES:x-one",
		"REQUEST_COOKIES:SID", "REQUEST_COOKIES:sid", "REQUEST_COOKIES_NAMES:SID", "REQUEST_COOKIES_NAMES:t", "REQUEST_COOKIES:u",
		"REQUEST_METHOD", "REQUEST_BODY", "FILES", "XML:/*", "MULTIPART_UNMATCHED_BOUNDARY", "AUTH_TYPE",
		"ARGS:/^a$/", "ARGS:/^A$/", "ARGS_NAMES:/^A$/", "ARGS_NAMES:/^a|b/",
		"REQUEST_HEADERS:/^X-ONE$/", "REQUEST_HEADERS_NAMES:/^X/", "REQUEST_COOKIES:/^S/",
	} {
		variable, selector, _ := strings.Cut(target, ":")
		kinds, ok := KindOf(variable)
		if !ok {
			t.Fatalf("%s is not modeled", variable)
		}
		n := 0
		for _, k := range kinds {
			n += selected(v, k, selector)
		}
		w, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(fmt.Sprintf(
			"SecRuleEngine On\nSecRule &%s \"@eq %d\" \"id:1,phase:1,deny\"", target, n)))
		if err != nil {
			t.Fatal(err)
		}
		tx := w.NewTransaction()
		tx.ProcessURI(r.Target, r.Method, r.Protocol)
		for _, h := range r.Headers {
			tx.AddRequestHeader(h.Name, h.Value)
		}
		if tx.ProcessRequestHeaders() == nil {
			t.Errorf("&%s is not %d to Coraza", target, n)
		}
		if err := tx.Close(); err != nil {
			t.Error(err)
		}
	}
}

// selected counts what a selector, or a regular expression between slashes, selects.
func selected(v *Values, k Kind, selector string) (n int) {
	if !strings.HasPrefix(selector, "/^") {
		if x, found := v.First(k, selector); found && !k.Selects(selector, x.Key) {
			return -1
		}
		return v.Count(k, selector)
	}
	expression := strings.Trim(selector, "/")
	switch k {
	case ArgsGet, ArgsPost, ArgsPath, ArgsGetNames, ArgsPostNames, ArgsPathNames: // Coraza leaves its case as it is
	default:
		expression = strings.ToLower(expression)
	}
	for _, x := range v.Of(k) {
		if regexp.MustCompile(expression).MatchString(Lower(x.Key)) {
			n++
		}
	}
	return n
}

// TestEqualKeys holds EqualKeys to its definition, for the pairs its short cuts could get wrong.
func TestEqualKeys(t *testing.T) {
	words := []string{"", "a", "A", "k", "\u212a", "K", "i", "\u0130", "ab", "aB", "a\u212a", "ak", "\xff", "\xfe", "\ufffd", "é", "É", "[", "{", "@", "`"}
	for _, a := range words {
		for _, b := range words {
			if got, want := EqualKeys(a, b), Lower(a) == Lower(b); got != want {
				t.Errorf("EqualKeys(%q, %q) = %v", a, b, got)
			}
		}
	}
}

// TestBounds holds that one large request does not stay in memory.
func TestBounds(t *testing.T) {
	v := new(Values)
	text := strings.Repeat("%41", keepBytes)
	v.Head(&Request{Target: "/?" + strings.Repeat("&a=", 2*argumentsLimit) + text})
	v.Body("URLENCODED", "", []byte("a="+text), true)
	if got := len(v.Of(ArgsPost)[0].Text); got != keepBytes {
		t.Fatalf("%d bytes decoded, want %d", got, keepBytes)
	}
	v.Reset()
	if cap(v.all) > keepValues || cap(v.arena.buf) > keepBytes || cap(v.json.path) > keepBytes {
		t.Errorf("kept %d values, %d bytes, a path of %d", cap(v.all), cap(v.arena.buf), cap(v.json.path))
	}
	if len(v.All()) != 0 || v.Of(ArgsGet) != nil && len(v.Of(ArgsGet)) != 0 {
		t.Error("values are left")
	}
}
