package proxy

import (
	"testing"

	"github.com/wafer-waf/wafer/message"
)

func TestCookie(t *testing.T) {
	for _, c := range []struct {
		fields []string
		want   string
	}{
		{[]string{"a=1"}, "1"},
		{[]string{"b=2; a=1; a=3"}, "1"},
		{[]string{"b=2", "a=1"}, "1"},
		{[]string{" b = 2 ;\ta = 1 "}, "1"},
		{[]string{"a=x=y"}, "x=y"},
		{[]string{"a=\"q\""}, "\"q\""},
		{[]string{"aa=1; A=2; a; ;=3"}, ""},
		{[]string{""}, ""},
		{nil, ""},
	} {
		var fields message.Fields
		for _, value := range c.fields {
			fields = append(fields, message.Field{Name: "Accept", Value: "a=0"}, message.Field{Name: "cookie", Value: value})
		}
		if got := cookie(fields, "a"); got != c.want {
			t.Errorf("%q: %q, want %q", c.fields, got, c.want)
		}
	}
}
