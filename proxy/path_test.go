package proxy

import (
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/snapshot"
)

func TestOddities(t *testing.T) {
	all := kindsOf(config.AmbiguousPathKinds)
	if len(kindWords) != kinds || !slices.IsSorted(kindWords) {
		t.Errorf("%d kinds, in the order of the alphabet, have the words %q", kinds, kindWords)
	}
	for path, want := range map[string]string{
		"":                    "",
		"*":                   "",
		"/":                   "",
		"/a/b.c/..d/...":      "",
		"/a/":                 "",
		"/a%20b/%C3%BC/x%25y": "",
		"/v1.0/a;b=c":         "parameter",
		"/v1.0/a%3bb":         "",
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
		found, first := oddities(path, 0)
		got := ""
		if found != 0 {
			got = kindWords[first.bit()]
		}
		if got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
		if found, _ := oddities(path, all&^first); found != first {
			t.Errorf("%q: %b is left where all but %b are allowed", path, found, first)
		}
		if found, _ := oddities(path, all); found != 0 {
			t.Errorf("%q: %b although all kinds are allowed", path, found)
		}
	}
}

// TestAmbiguity holds which paths are refused, and for what, among routes that a path may lead to in one
// reading and not in another.
func TestAmbiguity(t *testing.T) {
	entry := func(id string, change func(r *route), paths ...string) routing.Entry[*route] {
		e := routing.Entry[*route]{ID: id, Value: &route{Route: &snapshot.Route{Config: config.Route{ID: id}}}}
		if change != nil {
			change(e.Value)
		}
		for _, p := range paths {
			e.Paths = append(e.Paths, routing.Path{Kind: routing.PathPrefix, Value: p})
		}
		return e
	}
	table, err := routing.New([]routing.Entry[*route]{
		entry("rest", nil),
		entry("admin", nil, "/admin"),
		entry("name", nil, "/x/@s/name"),
		entry("strict", func(r *route) { r.strictPaths = true }, "/strict"),
		entry("strict but", func(r *route) { r.strictPaths, r.lenient = true, kindEmptySegment }, "/but"),
		entry("lenient", func(r *route) { r.lenient = kindsOf(config.AmbiguousPathKinds) }, "/lenient"),
		entry("slashes", func(r *route) { r.lenient = kindEncodedSeparator }, "/slashes"),
		entry("rewritten", func(r *route) { r.Config.Rewrite = &config.Rewrite{Prefix: "/"} }, "/r", "/r/s"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ path, want string }{
		// What ordinary applications use.
		{"/@scope%2Fname", ""},
		{"/@scope%2fname/-/name-1.0.0.tgz", ""},
		{"/api/v4/projects/group%2Fsub%2Fproject/issues", ""},
		{"/web/20200101/http://example.com/a//b?c", ""},
		{"/proxy/https%3A%2F%2Fexample.com%2Fa%2520b", ""},
		{"/wiki/C%252B%252B", ""},
		{"/shop;jsessionid=1A.b/item;v=2", ""},
		{"//index.html", ""},
		{"/a//", ""},
		{`/files/a%5Cb`, ""},

		// What leads to another route in one of its readings.
		{"/admin%2Fx", "encoded_separator"},
		{"/admin%5cx", "encoded_separator"},
		{`/admin\x`, "encoded_separator"},
		{"/admin;a/x", "parameter"},
		{"/admin;a", "parameter"},
		{"/adm;/in", ""},
		{"//admin/x", "empty_segment"},
		{"//h/admin/x", "empty_segment"},
		{`/\h/admin/x`, "empty_segment"},
		{"/%2fadmin", "encoded_separator"},
		{"/admin%252fx", "double_encoding"},
		{"/%2561dmin", "double_encoding"},
		{"/x//@s/name", "empty_segment"},
		{"/x/@s%2fname", "encoded_separator"},
		{"/x;a/@s/name", "parameter"},
		{"/;/admin", "parameter"},
		{"/r/s%2fx", "encoded_separator"},
		{"/r/t%2fx", ""},

		// What goes upward, wherever it leads.
		{"/a/../b", "dot_segment"},
		{"/public/..%2f..%2fadmin", "encoded_separator"},
		{"/public/..%2fb", "encoded_separator"},
		{"/public/..;/admin", "dot_segment"},
		{`/public/..\b`, "encoded_separator"},
		{"/public/%252e%252e/b", "double_encoding"},
		{"/public/%25%32e./b", "double_encoding"},
		{"/public/.%252e%252fb", "double_encoding"},
		{"/public/..;a%2fb", "dot_segment"},
		{"/a%00", "control"},
		{"/a%2500", "double_encoding"},
		{"/a%zz", "invalid_escape"},

		// What routes say.
		{"/strict/a%2fb", "encoded_separator"},
		{"/strict/a;b", "parameter"},
		{"/strict/a", ""},
		{"/but/a//b", ""},
		{"/but/a//b;c", "parameter"},
		{`/lenient/..;/%2e%2e\x%252e//%zz%00`, ""},
		{"/slashes/a%2f..%2fb", ""},
		{"/slashes%2fb", ""},
		{"/slashes/../b", "dot_segment"},

		// More ways at once than are compared.
		{`/a%2fb\c;d%252f`, "encoded_separator"},
	} {
		t.Run(test.path, func(t *testing.T) {
			path, _, _ := strings.Cut(test.path, "?")
			x := newExchange()
			x.snapshot = &snapshot.Snapshot[*route]{Table: table}
			x.view = view{Request: message.Request{Method: "GET", Target: path, Host: "a.test"}, path: path}
			match, ok := table.Match(x.view.routed(routing.CanonicalPath(nil, path)))
			if !ok {
				t.Fatal("no route")
			}
			x.route, x.matched = match.Value, match.Path
			got := ""
			if kind := x.ambiguity(); kind != 0 {
				got = kindWords[kind.bit()]
			}
			if got != test.want {
				t.Errorf("on route %s: %q, want %q", match.ID, got, test.want)
			}
		})
	}
}

// FuzzOddities holds that a path without oddities is the same to every server, however it reads.
func FuzzOddities(f *testing.F) {
	for _, s := range []string{"/", "/a/b", "/a/../b", "/a%2fb", "/%2e/x", "//", "/a%252e", "/a;b/..;/c", "/x%zz", `/a\..\b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") {
			return
		}
		found, first := oddities(path, 0)
		if left, _ := oddities(path, kindsOf(config.AmbiguousPathKinds)); left != 0 {
			t.Fatalf("%q: %b although all kinds are allowed", path, left)
		}
		if found&first != first || (found == 0) != (first == 0) {
			t.Fatalf("%q: %b, %b first", path, found, first)
		}
		if found != 0 {
			return
		}
		want := string(routing.CanonicalPath(nil, path))
		for how := routing.Reading(0); how < routing.DropAuthority<<1; how++ {
			if how&routing.DecodeTwice != 0 && how&routing.CutParameters != 0 {
				continue // an escaped semicolon is none to a server behind no other
			}
			if got, dots := routing.AppendReading(nil, path, how); dots || string(got) != want {
				t.Fatalf("%q is %q to some, %q to others (%b)", path, want, got, how)
			}
		}
	})
}
