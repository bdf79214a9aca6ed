package reading

import (
	"slices"
	"strings"
	"testing"
)

// TestCookies holds what is read in Cookie fields.
func TestCookies(t *testing.T) {
	for _, test := range []struct {
		name   string
		fields []string
		want   []string // name=value
	}{
		{"ordinary", []string{"a=1; b=x-y_z; c="}, []string{"a=1", "b=x-y_z", "c="}},
		{"duplicates and spellings", []string{"s=1; S=2", "s=3"}, []string{"s=1", "S=2", "s=3"}},
		{"corners", []string{" ; =v; a; b==;=; \x01c\t=\td "}, []string{"=v", "a=", "=a", "b==", "c=d"}},
		{"escapes", []string{"a=%27+x; b%5Bc=1; d=50%"}, []string{"a=%27+x", "a='+x", "a=' x", "b%5Bc=1", "b[c=1", "d=50%"}},
		{"quotes", []string{`a="x y"; b=""`}, []string{`a="x y"`, "a=x y", `b=""`, "b="}},
		{"quotes around a semicolon", []string{`a="x;y"; c=1`}, []string{`a="x`, "a=x;y", `y"=`, `=y"`, "c=1"}},
		{"a quote that stays open", []string{`a="x; b=y`}, []string{`a="x`, "a=x; b=y", "b=y"}},
		{"a backslash at the end", []string{`a="x\`}, []string{`a="x\`, `a=x\`}},
		{"backslashes", []string{`a="\e\"v"`}, []string{`a="\e\"v"`, `a=e"v`}},
		{"octal", []string{`a="\047or\0"; b="\47"`}, []string{`a="\047or\0"`, "a=047or0", "a='or0", `b="\47"`, "b=47"}},
		{"escapes in quotes", []string{`a="%3c"`}, []string{`a="%3c"`, "a=%3c", "a=<", `a="<"`}},
		{"an escape behind a quote that stays open", []string{`a="%3c`}, []string{`a="%3c`, "a=%3c", "a=<", `a="<`}},
		{"quotes without a name", []string{`"\"or"`}, []string{`"\"or"=`, `="\"or"`, `="or`}},
		{"an escaped name", []string{`b%61="x"`}, []string{`b%61="x"`, "b%61=x", `ba="x"`}},
		{"quotes within quotes", []string{`a="x"y"; b=""\e""`}, []string{`a="x"y"`, "a=x", `a=x"y`, `b=""\e""`, "b=", `b="e"`}},
		{"quotes over two fields", []string{`a="x`, `y"`}, []string{`a="x`, "a=x; y", `y"=`, `=y"`}},
		{"plus signs", []string{"a=x+y"}, []string{"a=x+y", "a=x y"}},
		{"Base64", []string{"a=Ls+KATz7N6gHttqDb8/6TH==; b=cat+/etc/passwd+aA1b"}, []string{"a=Ls+KATz7N6gHttqDb8/6TH==", "b=cat+/etc/passwd+aA1b", "b=cat /etc/passwd aA1b"}},
		{"escapes of ASP", []string{"a=%u003c%uu; %u0062=1"}, []string{"a=%u003c%uu", "a=<uu", "%u0062=1", "b=1"}},
		{"version", []string{`$Version=1; a="1", b=2`}, []string{"$Version=1", `a="1", b=2`, "a=1"}},
		{"commas", []string{"a=1,b=2,{c=3"}, []string{"a=1,b=2,{c=3", "a=1", "b=2"}},
		{"JSON", []string{`a=j:{"q":"\u0027x"}; b=%7B%22q%22%3A%22%5Cu0027%22%7D`}, []string{
			`a=j:{"q":"\u0027x"}`, "a.q='x", `b=%7B%22q%22%3A%22%5Cu0027%22%7D`, `b={"q":"\u0027"}`, "b.q='",
		}},
		{"quotes behind white space", []string{`a= b="\054"; c=1 d="\054"`}, []string{
			`a=b="\054"`, `b="\054"`, "b=054", "b=,", `c=1 d="\054"`, "c=1", `d="\054"`, "d=054", "d=,",
		}},
		{"white space", []string{"a=1 x b=2"}, []string{"a=1 x b=2", "a=1", "b=2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &Request{Target: "/"}
			for _, f := range test.fields {
				r.Headers = append(r.Headers, Header{Name: "Cookie", Value: f})
			}
			v := new(Values)
			for range 2 {
				v.Head(r)
				if got := pairsOf(v, RequestCookies); !slices.Equal(got, test.want) {
					t.Errorf("%q, want %q", got, test.want)
				}
			}
		})
	}
}

// TestCookiesBound holds that there are never more cookies than the limit, that what is left out is
// told, and that what is shown of them is no more than a few times what was sent.
func TestCookiesBound(t *testing.T) {
	v := new(Values)
	for _, unit := range []string{"a;", "a=1;", ";", `a=";`, `a="\";`, `="";`, "a=%27;", "a=1,", "a ", "a=\" ", "a=+%27%u0027;"} {
		s := strings.Repeat(unit, 20000)
		v.Head(&Request{Target: "/", Headers: []Header{{Name: "Cookie", Value: s}}})
		total := 0
		for _, x := range v.Of(RequestCookies) {
			total += len(x.Key) + len(x.Text)
		}
		n := len(v.Of(RequestCookies))
		if n > cookiesLimit || total > 6*len(s) {
			t.Errorf("%q: %d cookies of %d bytes", unit, n, total)
		}
		if told := v.Text(ArgumentsLimitReached) == "1"; told != (n == cookiesLimit) {
			t.Errorf("%q: limit reached: %v with %d cookies", unit, told, n)
		}
	}
}
