package reading

import (
	"slices"
	"strings"
	"testing"
)

// TestPaths holds what is shown of paths beside REQUEST_FILENAME.
func TestPaths(t *testing.T) {
	for _, test := range []struct {
		path string
		want []string
	}{
		{"/", nil},
		{"/shop/a-b/c.html", nil},
		{"/users/1'%20OR%20'1'='1", []string{"1' OR '1'='1"}},
		{"/users/%3Bcat%20x/y", []string{";cat x"}},
		{"/users/1';drop%20table%20x", []string{"/users/1'", "1';drop table x", "1'", "drop table x"}},
		{"/files/sleep(5)/%E4%B8%AD.html", []string{"sleep(5)"}},
		{"/@scope%2fname", []string{"@scope/name"}},
		{"/a//b", []string{"/a/b"}},
		{"/web/2020/http://h.test/x", []string{"/web/2020/http:/h.test/x"}},
		{"/proxy/https%3A%2F%2Fh.test%2Fa%2520b", []string{
			"/proxy/https://h.test/a b", "/proxy/https:/h.test/a b", "https://h.test/a%20b", "https://h.test/a b",
		}},
		{"/wiki/C%252B%252B", []string{"/wiki/C++", "C%2B%2B", "C++"}},
		{"/shop;jsessionid=1A.b/item;v=2", []string{"/shop/item"}},
		{"/.git;a/config", []string{"/.git/config"}},
		{"/m;q=%27or;x=1,2;%3c", []string{"/m", "m;q='or;x=1,2;<", "'or", "1,2", "<"}},
		{`/a\b%5cc`, []string{"/a/b/c", `a\b\c`}},
		{"/%zz%4", nil},
		{"/a%c0%bcb", []string{"/a<b"}},
	} {
		v := new(Values)
		v.Head(&Request{Target: test.path + "?q=%2f;x"})
		var got []string
		for _, x := range v.Of(ArgsPath) {
			got = append(got, x.Text)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.path, got, test.want)
		}
		if n := len(v.Of(ArgsPathNames)); n != len(got) {
			t.Errorf("%s: %d names, %d values", test.path, n, len(got))
		}
	}
}

// TestPathsBound holds that no path makes more values than the limit or much more text than its own.
func TestPathsBound(t *testing.T) {
	v := new(Values)
	for _, unit := range []string{"/", ";", "/;", "/;%3c", ";=%", "%252f", "/%252f", "%25", "\\", "/\\", "/'", "/;'", "/%20", "%5c/;a=b,"} {
		s := "/" + strings.Repeat(unit, 20000)
		v.Head(&Request{Target: s})
		total := 0
		for _, x := range v.Of(ArgsPath) {
			total += len(x.Text)
		}
		if n := len(v.Of(ArgsPath)); n > argumentsLimit+5 || total > 4*len(s) {
			t.Errorf("%q: %d values of %d bytes", unit, n, total)
		} else if n >= argumentsLimit != (v.Text(ArgumentsLimitReached) == "1") {
			t.Errorf("%q: %d values, limit reached: %s", unit, n, v.Text(ArgumentsLimitReached))
		}
	}
}
