package reading

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestPairs holds what is read in queries, and in forms just so.
func TestPairs(t *testing.T) {
	for _, test := range []struct {
		name, query string
		want        []string // name=value, quoted
	}{
		{"ordinary", "a=1&b=x+y%20z&c", []string{"a=1", "b=x y z", "c="}},
		{"array names stay", "a[]=1&b[x]=2&c.d=3", []string{"a[]=1", "b[x]=2", "c.d=3"}},
		{"empty pairs", "&&a=1&&", []string{"a=1"}},
		{"no name", "=v&=", []string{"=v", "="}},
		{"two signs", "a==b", []string{"a==b"}},
		{"question mark", "?a=1?b", []string{"?a=1?b"}},
		{"all spellings of a name", "q=x&Q=y&q=z", []string{"q=x", "Q=y", "q=z", "q=x,y,z"}},
		{"a value alone is not joined", "a=&a=1&A=", []string{"a=", "a=1", "A="}},
		{"Kelvin sign", "k=1&%E2%84%AA=2", []string{"k=1", "\u212a=2"}},
		{"an attack in two halves", "id=1/*&b=2&ID=*/union", []string{"id=1/*", "b=2", "ID=*/union", "id=1/*,*/union"}},
		{"semicolon", "a=1;b=2&c=3", []string{"a=1;b=2", "c=3", "a=1", "b=2"}},
		{"text with semicolons", "a=b=1;c d=2;e;(f)=3;g[h]=4", []string{"a=b=1;c d=2;e;(f)=3;g[h]=4", "a=b=1", "g[h]=4"}},
		{"escaped semicolon", "a=1%3Bb=2", []string{"a=1;b=2"}},
		{"written for HTML", "a=1&amp;b=2", []string{"a=1", "amp;b=2", "b=2"}},
		{"space before a name", "+%20a=1", []string{"  a=1", "a=1"}},
		{"NUL in a name", "a%00b=1", []string{"a\x00b=1", "a=1"}},
		{"NUL in a value", "a=b%00c", []string{"a=b\x00c"}},
		{"loose escapes", "a=100%&b=%zz%4&c=sel%zect%41", []string{
			"a=100%", "b=%zz%4", "c=sel%zectA", "a=100", "b=zz4", "c=selzectA",
		}},
		{"unicode escapes", "a=%u003cb%U003E+%uff1c&%u0041=%u12", []string{
			"a=%u003cb%U003E %uff1c", "%u0041=%u12", "a=<b> <", "A=u12",
		}},
		{"low bytes", "a=\u013cb\u013e+%ff&\u0161%=\U0001f600", []string{
			"a=\u013cb\u013e \xff", "\u0161%=\U0001f600", "a=<b> \xff", "\u0161=\U0001f600", "a%==\x00",
		}},
		{"no low bytes", "a=\u013c%41&b=\u013c&%ff=1", []string{"a=\u013cA", "b=\u013c", "\xff=1"}},
		{"double encoding stays", "a=%253c", []string{"a=%3c"}},
		{"overlong", "a=%c0%ae%c0%af%e0%80%af%f0%80%80%bc", []string{
			"a=\xc0\xae\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xbc", "a=.//<",
		}},
		{"valid characters that begin alike", "a=%e0%a4%85%f0%9f%98%80&b=%c0x", []string{"a=\u0905\U0001f600", "b=\xc0x"}},
		{"overlong part", "a=1;b=%c0%af", []string{"a=1;b=\xc0\xaf", "a=1;b=/", "a=1", "b=\xc0\xaf", "b=/"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := new(Values)
			v.Head(&Request{Target: "/?" + test.query})
			if got := pairsOf(v, ArgsGet); !slices.Equal(got, test.want) {
				t.Errorf("query: %q, want %q", got, test.want)
			}
			v.Head(&Request{Target: "/"})
			v.Body("URLENCODED", "application/x-www-form-urlencoded", []byte(test.query), true)
			if got := pairsOf(v, ArgsPost); !slices.Equal(got, test.want) {
				t.Errorf("form: %q, want %q", got, test.want)
			}
		})
	}
}

func pairsOf(v *Values, k Kind) (out []string) {
	for _, x := range v.Of(k) {
		out = append(out, x.Key+"="+x.Text)
	}
	return out
}

// TestPairsBound holds that no query makes more values than a few times the limit, nor more text than
// a few times its own, and that what is left out is told.
func TestPairsBound(t *testing.T) {
	const n = 20000
	v := new(Values)
	for _, test := range []struct {
		unit string
		told bool
	}{
		{"a&", true}, {"a=1&", true}, {"&", false}, {";", false}, {"a;", false}, {"a=;", true}, {"%", false}, {"%u", false},
		{"%u0041;", false}, {"a=%&", true}, {"+a&", true}, {"%00;&", true}, {"%c0%ae;", false}, {"a=1&A=%c0%ae;&", true}, {"=;&", true},
		{"\u013c%;&", true},
	} {
		unit := test.unit
		s := strings.Repeat(unit, n)
		v.Head(&Request{Target: "/?" + s})
		total := 0
		for _, x := range v.Of(ArgsGet) {
			total += len(x.Key) + len(x.Text)
		}
		if values := len(v.Of(ArgsGet)); values > 9*argumentsLimit || total > 4*len(s) {
			t.Errorf("%q: %d values of %d bytes", unit, values, total)
		}
		told := v.Text(ArgumentsLimitReached) == "1"
		if told != test.told {
			t.Errorf("%q: limit reached: %v", unit, told)
		}
	}
}

// TestPairsSameOrder holds that the values come in the same order in every process and every time.
func TestPairsSameOrder(t *testing.T) {
	var s strings.Builder
	for i := range 300 {
		fmt.Fprintf(&s, "&name%d=%d", i%100, i)
	}
	v := new(Values)
	v.Head(&Request{Target: "/?" + s.String()})
	joined := pairsOf(v, ArgsGet)[300:]
	for i, got := range joined {
		if want := fmt.Sprintf("name%d=%d,%d,%d", i, i, i+100, i+200); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	if len(joined) != 100 {
		t.Errorf("%d joined values", len(joined))
	}
}
