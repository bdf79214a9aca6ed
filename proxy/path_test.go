package proxy

import (
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/routing"
)

func TestAmbiguity(t *testing.T) {
	for path, want := range map[string]string{
		"":                    "",
		"*":                   "",
		"/":                   "",
		"/a/b.c/..d/...":      "",
		"/a/":                 "",
		"/a%20b/%C3%BC/x%25y": "",
		"/v1.0/a;b=c":         "",
		"/.well-known/x":      "",
		"/a/./b":              "dot_segment",
		"/a/../b":             "dot_segment",
		"/..":                 "dot_segment",
		"/a/.":                "dot_segment",
		"/a/%2e%2E/b":         "dot_segment",
		"/a/.%2e":             "dot_segment",
		"/a/..;/b":            "dot_segment",
		"/a/.;x/b":            "dot_segment",
		"/a/%2e.;x":           "dot_segment",
		"//a":                 "empty_segment",
		"/a//b":               "empty_segment",
		"/a//":                "empty_segment",
		"/a%2fb":              "encoded_separator",
		"/a%5Cb":              "encoded_separator",
		`/a\b`:                "encoded_separator",
		"/a%00":               "control",
		"/a%0d%0aX: y":        "control",
		"/a%7f":               "control",
		"/a\x01":              "control",
		"/a%252e":             "double_encoding",
		"/a%25%32%65":         "double_encoding",
		"/100%25%20off":       "",
		"/a%25":               "",
		"/a%2525":             "double_encoding",
		"/a%":                 "invalid_escape",
		"/a%4":                "invalid_escape",
		"/a%zz":               "invalid_escape",
		"/a%u0041":            "invalid_escape",
	} {
		if got := ambiguity(path, nil); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
		if want != "" {
			if got := ambiguity(path, []string{want}); got == want {
				t.Errorf("%q: %q is allowed and reported", path, want)
			}
			if !slices.Contains(config.AmbiguousPathKinds, want) {
				t.Errorf("%q is no kind that a route can allow", want)
			}
		}
	}
}

// What is not ambiguous means the same to whoever decodes it once or resolves it: the
// canonical path has the same segments.
func FuzzAmbiguity(f *testing.F) {
	for _, s := range []string{"/", "/a/b", "/a/../b", "/a%2fb", "/%2e/x", "//", "/a%252e", "/a;b/..;/c", "/x%zz", `/a\..\b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") {
			return
		}
		kind := ambiguity(path, nil)
		if all := ambiguity(path, config.AmbiguousPathKinds); all != "" {
			t.Fatalf("%q: %q although all kinds are allowed", path, all)
		}
		if kind != "" {
			return
		}
		canonical := string(routing.CanonicalPath(nil, []byte(path)))
		raw, clean := strings.Split(path, "/"), strings.Split(canonical, "/")
		if len(raw) != len(clean) {
			t.Fatalf("%q became %q: %d segments became %d", path, canonical, len(raw), len(clean))
		}
		for i := range raw {
			if !strings.Contains(raw[i], "%") && raw[i] != clean[i] {
				t.Fatalf("%q became %q", path, canonical)
			}
		}
	})
}
