package routing

import (
	"strings"
	"testing"
)

func TestAppendReading(t *testing.T) {
	const canonical = SplitEscaped | MergeSlashes
	for _, test := range []struct {
		path string
		how  Reading
		want string
		dots bool
	}{
		{"/", 0, "/", false},
		{"/a/b/", 0, "/a/b/", false},
		{"/@scope%2fname", 0, "/@scope%2Fname", false},
		{"/@scope%2fname", SplitEscaped, "/@scope/name", false},
		{"/a//b", 0, "/a//b", false},
		{"/a//b", MergeSlashes, "/a/b", false},
		{"/a%2f/b//", canonical, "/a/b/", false},
		{"//h/a", 0, "//h/a", false},
		{"//h/a", MergeSlashes, "/h/a", false},
		{"//h/a", DropAuthority, "/a", false},
		{"/\\h\\a", DropAuthority, "/a", false},
		{"//h", DropAuthority, "/", false},
		{"/h/a", DropAuthority, "/h/a", false},
		{`/a\b%5cc`, 0, `/a\b\c`, false},
		{`/a\b%5cc`, SplitBackslash, "/a/b/c", false},
		{"/a;x=1/b;y", 0, "/a;x=1/b;y", false},
		{"/a;x=1/b;y", CutParameters, "/a/b", false},
		{"/ad;%2fx/min", CutParameters, "/ad/min", false},
		{"/ad;%2fx/min", CutParameters | SplitEscaped, "/ad/x/min", false},
		{"/a%3bb/c", CutParameters, "/a;b/c", false},
		{"/a%252fb", 0, "/a%2fb", false},
		{"/a%252fb", DecodeTwice, "/a%2Fb", false},
		{"/a%252fb", DecodeTwice | SplitEscaped, "/a/b", false},
		{"/a/../b", 0, "/b", true},
		{"/a/.", 0, "/a/", true},
		{"/p/..%2f..%2fa", 0, "/p/..%2F..%2Fa", false},
		{"/p/..%2f..%2fa", SplitEscaped, "/a", true},
		{"/p/..;/a", CutParameters, "/a", true},
		{"/p/..;/a", 0, "/p/..;/a", false},
		{`/p/..\a`, SplitBackslash, "/a", true},
		{"/p/%252e%252e/a", DecodeTwice, "/a", true},
		{"/a/../b/.", KeepDots, "/a/../b/.", true},
		{"/a/..;x/b", KeepDots | CutParameters, "/a/../b", true},
		{"/a/..%2fb", KeepDots | SplitEscaped, "/a/../b", true},
		{"/p//../a", 0, "/p/a", true},
		{"/p//../a", MergeSlashes, "/a", true},
	} {
		got, dots := AppendReading([]byte("x/"), test.path, test.how)
		if string(got) != "x/"+test.want || dots != test.dots {
			t.Errorf("%q, %06b: %q, %v; want %q, %v", test.path, test.how, got[2:], dots, test.want, test.dots)
		}
	}
}

// FuzzAppendReading holds that the canonical path is one of the readings, and what each promises.
func FuzzAppendReading(f *testing.F) {
	for _, s := range []string{"/", "/a/../b", "/a%2f..%2fb", "//h/x", "/a;b/..;/c", "/%252e/x", `/a\..\b`, "/x%zz"} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, path string, bits uint8) {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?") {
			return
		}
		canonical, _ := AppendReading(nil, path, SplitEscaped|MergeSlashes)
		if want := CanonicalPath(nil, path); string(canonical) != string(want) {
			t.Fatalf("%q is read as %q, canonical is %q", path, canonical, want)
		}
		how := Reading(bits) & (DropAuthority<<1 - 1)
		read, _ := AppendReading(nil, path, how)
		if read[0] != '/' || len(read) > 3*len(path) {
			t.Fatalf("%q is read as %q", path, read)
		}
		for segment := range strings.SplitSeq(string(read), "/") {
			if segment == "." || segment == ".." {
				t.Fatalf("%q is read as %q", path, read)
			}
		}
		if how&MergeSlashes != 0 && strings.Contains(string(read), "//") {
			t.Fatalf("%q is read as %q", path, read)
		}
	})
}
