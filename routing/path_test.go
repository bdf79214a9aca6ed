package routing

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestCanonicalPath(t *testing.T) {
	content, err := os.ReadFile("testdata/canonicalpath.txt")
	if err != nil {
		t.Fatal(err)
	}
	line := 0
	for text := range strings.Lines(string(content)) {
		line++
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' {
			continue
		}
		words := strings.Fields(text)
		if len(words) != 2 {
			t.Fatalf("line %d: want two strings: %s", line, text)
		}
		in, err := strconv.Unquote(words[0])
		if err != nil {
			t.Fatalf("line %d: %v", line, err)
		}
		want, err := strconv.Unquote(words[1])
		if err != nil {
			t.Fatalf("line %d: %v", line, err)
		}
		if got := CanonicalPath(nil, in); string(got) != want {
			t.Errorf("line %d: %q: got %q, want %q", line, in, got, want)
		}
		// What dst already holds is neither read nor changed.
		for _, dst := range []string{"x", "/", "/..", "a/b/"} {
			if got := CanonicalPath([]byte(dst), in); string(got) != dst+want {
				t.Errorf("line %d: %q after %q: got %q, want %q", line, in, dst, got, dst+want)
			}
		}
	}
}

func TestLiteralStart(t *testing.T) {
	tests := []struct{ pattern, want string }{
		{"/a.*", "/a"},
		{"^/a.*", "/a"},
		{"/ab?", "/a"},
		{"/a|/b", "/"},
		{"^/a|b", ""},
		{"^*a", ""},
		{"^?a", ""},
		{"(?i)/a", "/"},
		{`\A/a`, "/a"},
		{".*", ""},
		{"a$", "a"},
	}
	for _, test := range tests {
		if got := literalStart(test.pattern); got != test.want {
			t.Errorf("%q: got %q, want %q", test.pattern, got, test.want)
		}
	}
}

// slowPath is CanonicalPath for origin-form targets, written with lists of strings.
func slowPath(target string) string {
	path, _, _ := strings.Cut(target, "?")
	var decoded strings.Builder
	for path != "" {
		if len(path) > 2 && path[0] == '%' {
			if c, err := strconv.ParseUint(path[1:3], 16, 8); err == nil {
				decoded.WriteByte(byte(c))
				path = path[3:]
				continue
			}
		}
		decoded.WriteByte(path[0])
		path = path[1:]
	}
	var stack []string
	folder := true // whether the path ends below its last segment
	for segment := range strings.SplitSeq(decoded.String(), "/") {
		folder = segment == "" || segment == "." || segment == ".."
		switch {
		case segment == ".." && len(stack) > 0:
			stack = stack[:len(stack)-1]
		case !folder:
			stack = append(stack, segment)
		}
	}
	result := "/" + strings.Join(stack, "/")
	if folder && len(stack) > 0 {
		result += "/"
	}
	return result
}

func FuzzCanonicalPath(f *testing.F) {
	for _, target := range []string{
		"/", "*", "", "/a/b?c", "//a/./../b//", "/%2e%2E/%2f%61", "/a/..", "/%252e", "/%", "http://h/a/../b", "http://h", "/a%3fb", "/\x00\xff",
	} {
		f.Add([]byte(target))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		target := string(in)
		got := string(CanonicalPath([]byte("dst"), target))
		path, kept := strings.CutPrefix(got, "dst")
		if !kept {
			t.Fatalf("%q: dst is gone: %q", target, got)
		}
		if target == "*" {
			if path != "*" {
				t.Errorf("got %q for *", path)
			}
			return
		}
		if !strings.HasPrefix(path, "/") || len(path) > len(target)+1 {
			t.Errorf("%q: got %q", target, path)
		}
		for i, segment := range strings.Split(path[1:], "/") {
			last := i == strings.Count(path, "/")-1
			if segment == "." || segment == ".." || segment == "" && !last {
				t.Errorf("%q: %q has the segment %q", target, path, segment)
			}
		}
		if !strings.ContainsAny(path, "%?") {
			if again := string(CanonicalPath(nil, path)); again != path {
				t.Errorf("%q: without escapes %q becomes %q", target, path, again)
			}
		}
		if withQuery := string(CanonicalPath(nil, target+"?a/../b")); target != "" && withQuery != path {
			t.Errorf("%q: a query makes %q of %q", target, withQuery, path)
		}
		if target == "" || target[0] != '/' {
			return
		}
		if want := slowPath(target); path != want {
			t.Errorf("%q: got %q, want %q", target, path, want)
		}
		// A path hides nothing by escaping all of it.
		escaped := ""
		for _, c := range []byte(path) {
			escaped += fmt.Sprintf("%%%02X", c)
		}
		if got := string(CanonicalPath(nil, escaped)); got != path {
			t.Errorf("%q: %q escaped becomes %q", target, path, got)
		}
	})
}
