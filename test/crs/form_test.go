package crs

import (
	"net/url"
	"strings"
	"testing"
)

// encodeForm percent-encodes a form that is written out in the clear. One that holds "%"
// or "+" says itself how it is encoded.
func encodeForm(body string) string {
	if plain, err := url.QueryUnescape(body); err != nil || plain != body || body == "" {
		return body
	}
	fields := strings.Split(strings.TrimSuffix(body, "&"), "&")
	for i, f := range fields {
		name, value, ok := strings.Cut(f, "=")
		fields[i] = url.QueryEscape(name)
		if ok {
			fields[i] += "=" + url.QueryEscape(value)
		}
	}
	return strings.Join(fields, "&")
}

func TestEncodeForm(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := encodeForm(in); got != want {
			t.Errorf("encodeForm(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("a=b", "a=b")
	f("a=<b>&c==d", "a=%3Cb%3E&c=%3Dd")
	f("a b;c&d", "a+b%3Bc&d")
	f("a=%3Cb> c", "a=%3Cb> c")
	f("a+b=<c>", "a+b=<c>")
	f("100%", "100%")
}
