package k8s

import (
	"regexp"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/config/file"
)

// TestWholePath compares with what the expressions matched in nginx: "~* ^expression".
func TestWholePath(t *testing.T) {
	f := func(expr string, yes, no []string) {
		t.Helper()
		whole, err := wholePath(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			return
		}
		ours, nginx := regexp.MustCompile("^(?s:"+whole+")$"), regexp.MustCompile("(?i)^"+strings.TrimPrefix(expr, "^"))
		for _, path := range yes {
			if !ours.MatchString(path) || !nginx.MatchString(path) {
				t.Errorf("%s does not take %s", whole, path)
			}
		}
		for _, path := range no {
			if ours.MatchString(path) || nginx.MatchString(path) {
				t.Errorf("%s takes %s", whole, path)
			}
		}
	}
	f("/v[0-9]+/items$", []string{"/v1/items", "/V22/ITEMS"}, []string{"/v1/items/1", "/v/items"})
	f("/docs/(en|de)", []string{"/docs/en", "/docs/de/a", "/docs/english"}, []string{"/docs/fr", "/a/docs/en"})
	f("^/a|/b", []string{"/a", "/b", "/bc"}, []string{"/c"})
	f("/a/.*", []string{"/a/", "/a/b"}, []string{"/a"})
	f(`/price\$`, []string{"/price$", "/price$1"}, []string{"/price"})
	if _, err := wholePath("/(?!a)"); err == nil {
		t.Error("an expression that RE2 has not is accepted")
	}
}

func TestRewritten(t *testing.T) {
	f := func(path, target, prefix, to string) {
		t.Helper()
		var r file.Route
		if err := rewritten(path, target, &r); err != nil {
			if prefix != "" {
				t.Errorf("%s %s: %v", path, target, err)
			}
			return
		}
		got := ""
		if r.Rewrite != nil {
			got = r.Rewrite.Prefix
		}
		if len(r.Paths) != 1 || r.Paths[0].Prefix != prefix || got != to {
			t.Errorf("%s %s: %+v, %+v, want %s to %s", path, target, r.Paths, r.Rewrite, prefix, to)
		}
	}
	f("/api(/|$)(.*)", "/$2", "/api", "/")
	f("/api($|/)(.*)", "/v2/$2", "", "")
	f("/api(|/)(.*)", "/v2/$2", "/api", "/v2")
	f("/old/(.*)", "/new/$1", "/old", "/new")
	f("/(.*)", "/$1", "/", "")
	f("/a/(.*)", "/a/$1", "/a", "")
	f("/a/(.*)", "/b/$2", "", "")
	f("/a/(.*)/(.*)", "/$1/$2", "", "")
	f("/a/b", "/$1", "", "")
}

func TestNginxSize(t *testing.T) {
	f := func(s string, want string) {
		t.Helper()
		n, err := nginxSize(s)
		got := file.Size(n)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
	f("8m", "8MiB")
	f("10K", "10KiB")
	f("2g", "2GiB")
	f("1500", "1500B")
	f("0", "0B")
	f("x", "error")
	f("-1", "error")
	f("1mm", "error")
	f("", "error")
}
