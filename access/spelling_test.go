package access

import (
	"testing"

	"github.com/wafer-waf/wafer/access/rate"
	"github.com/wafer-waf/wafer/message"
)

// TestOneKey has fields that an application may take for the same ones be parts of one key, and others not.
func TestOneKey(t *testing.T) {
	cookie, header := rate.Part{Kind: rate.PartCookie, Name: "my.sid"}, rate.Part{Kind: rate.PartHeader, Name: "Authorization"}
	key := func(p rate.Part, name string, values ...string) string {
		r := &Request{}
		for _, v := range values {
			r.Fields = append(r.Fields, message.Field{Name: name, Value: v})
		}
		b, has := (*keyed)(r).AppendPart([]byte("before "), &p)
		if !has {
			return "none"
		}
		return string(b)
	}
	for _, test := range []struct {
		values []string
		want   string
	}{
		{[]string{"my.sid=a+b"}, "a b"},
		{[]string{"my.sid=a%2Bb"}, "a b"},
		{[]string{"my.sid=%61%20b"}, "a b"},
		{[]string{`x=1; my.sid="a b"; y=2`}, "a b"},
		{[]string{`my.sid="\141\ b"`}, "a b"},
		{[]string{"my%2esid=a b"}, "a b"},
		{[]string{"my_sid=a b"}, "a b"},
		{[]string{"my.sid=a b", "my.sid=%61 b"}, "a b"},
		{[]string{"my.sid[0]=a b"}, "a b"},
		{[]string{"my.sid=a b; my.sid=c"}, several},
		{[]string{"my.sid=a b", "my_sid=a b; my_sid=c"}, several},
		{[]string{"my.sid=%zz%4"}, "%zz%4"},
		{[]string{`my.sid="a`}, `"a`},
		{[]string{`my.sid=\141`}, `\141`},
		{[]string{`my.sid="\477\"`}, `477\`},
		{[]string{"my.sid="}, ""},
	} {
		if got := key(cookie, "Cookie", test.values...); got != "before "+test.want {
			t.Errorf("cookies %q: %q, want %q", test.values, got, test.want)
		}
	}
	for _, other := range []string{"My.sid=a", "mysid=a", "my.sid", "sid=a", "my.si%=a"} {
		if got := key(cookie, "Cookie", other); got != "none" {
			t.Errorf("cookies %q: %q", other, got)
		}
	}
	for _, test := range []struct {
		values []string
		want   string
	}{
		{[]string{"Bearer aB"}, "bearer aB"},
		{[]string{"bEARER  \t aB"}, "bearer aB"},
		{[]string{"BEARER aB", "Bearer  aB"}, "bearer aB"},
		{[]string{"Bearer aB", "Bearer ab"}, several},
		{[]string{""}, ""},
	} {
		if got := key(header, "Authorization", test.values...); got != "before "+test.want {
			t.Errorf("fields %q: %q, want %q", test.values, got, test.want)
		}
	}
}
