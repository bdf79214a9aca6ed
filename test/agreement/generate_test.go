package agreement

import (
	"math/rand/v2"
	"strings"
	"unicode/utf16"
)

// source makes requests. Requests with the same number are the same in each run.
type source struct {
	*rand.Rand
	wild bool // much of it may be malformed; otherwise it is well-formed, mostly
}

// kinds are the generators, by what they make.
var kinds = []string{"query", "cookies", "form", "form", "multipart", "multipart", "multipart", "multipart", "json", "json", "xml", "xml", "mixed"}

// generate makes the request with a number.
func generate(n int) *request {
	s := source{Rand: rand.New(rand.NewPCG(12, uint64(n)))}
	s.wild = s.one(3)
	r := &request{kind: kinds[n%len(kinds)], method: s.pick("POST", "POST", "POST", "POST", "POST", "PUT", "PATCH", "DELETE")}
	switch r.kind {
	case "query":
		r.method = "GET"
		r.query = s.pairs(false)
	case "cookies":
		r.method = "GET"
		r.cookies = s.cookies()
	case "form":
		r.contentType, r.body = s.form()
	case "multipart":
		r.contentType, r.body = s.multipart()
	case "json":
		r.contentType, r.body = s.json()
	case "xml":
		r.contentType, r.body = s.xml()
	case "mixed":
		r.contentType, r.body = s.mixed()
	}
	if r.body != "" {
		if s.one(12) {
			r.contentType = s.pick(mediaTypes...)
		}
		r.chunked = s.one(10)
		r.gzip = s.one(20)
	}
	return r
}

// mediaTypes are those under which any body may come.
var mediaTypes = []string{
	"", "text/plain", "application/x-www-form-urlencoded", "application/json", "text/json", "text/xml",
	"application/xml", "application/octet-stream", "application/vnd.api+json", "image/svg+xml",
	"application/x-ndjson", "multipart/form-data; boundary=XX", "text/plain; charset=utf-8",
	"application/csp-report", "application/graphql", "text/html", "application/x-amf", "*/*", "x",
}

// one is true once in n times.
func (s source) one(n int) bool { return s.IntN(n) == 0 }

func (s source) pick(list ...string) string { return list[s.IntN(len(list))] }

// odd is one of a list if the request is wild, mostly not even then.
func (s source) odd(n int, list ...string) string {
	if !s.wild {
		return ""
	}
	return s.maybe(n, list...)
}

// maybe is one of a list once in n times, and empty otherwise.
func (s source) maybe(n int, list ...string) string {
	if !s.one(n) {
		return ""
	}
	return s.pick(list...)
}

// word is text that occurs nowhere else.
func (s source) word() string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	b := []byte("v")
	for range 6 {
		b = append(b, digits[s.IntN(len(digits))])
	}
	return string(b)
}

// around is a word, or two with something odd between them, before or behind them.
func (s source) around(odd ...string) string {
	switch s.IntN(5) {
	case 0:
		return s.pick(odd...) + s.word()
	case 1:
		return s.word() + s.pick(odd...)
	case 2, 3:
		return s.word() + s.pick(odd...) + s.word()
	default:
		return s.word()
	}
}

// join puts one of several separators between the parts, mostly the first one.
func (s source) join(parts []string, separators ...string) string {
	var b strings.Builder
	for i, p := range parts {
		switch {
		case i == 0:
		case s.wild && s.one(6):
			b.WriteString(s.pick(separators...))
		default:
			b.WriteString(separators[0])
		}
		b.WriteString(p)
	}
	return b.String()
}

// wide is text in UTF-16, with a byte order mark or without.
func wide(text string, big, mark bool) string {
	var b []byte
	if mark {
		text = "\ufeff" + text
	}
	for _, u := range utf16.Encode([]rune(text)) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}
