package screen

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// TestDecoded holds what the screen takes from values that are marked as decoded: rules that
// begin with urlDecodeUni see in one that stands before them what they would see in them.
func TestDecoded(t *testing.T) {
	decode, ok := transform.Lookup("urlDecodeUni")
	if !ok {
		t.Fatal("there is no urlDecodeUni")
	}
	pieces := []string{"a", "Z", "0", " ", "+", "%", "%2", "%41", "%2b", "%2B", "%20", "%25", "%252b", "%u0041", "%U00e4", "%e4", "%C3%A4", "ä", "\xff", "%00", `"`, "\\", ",", "{", "=", "%7B%22a%22%3A"}
	random := rand.New(rand.NewPCG(20, 26))
	marked := 0
	for range 200_000 {
		var field strings.Builder
		for i := range 1 + random.IntN(2) {
			if i > 0 {
				field.WriteString("; ")
			}
			field.WriteString([]string{"a", "b%41", "a+b", ""}[random.IntN(4)] + "=")
			for range random.IntN(6) {
				field.WriteString(pieces[random.IntN(len(pieces))])
			}
		}
		var v reading.Values
		v.Head(&reading.Request{Method: "GET", Target: "/", Protocol: "HTTP/1.1", Headers: []reading.Header{{Name: "Cookie", Value: field.String()}}, ID: "1"})
		all := v.All()
		for i := range all {
			if all[i].Decoded {
				marked++
				testDecoded(t, decode, all[:i], &all[i])
			}
		}
	}
	if marked < 10_000 {
		t.Errorf("only %d values are marked", marked)
	}
}

func testDecoded(t *testing.T, decode *transform.Transformation, before []reading.Value, v *reading.Value) {
	t.Helper()
	apply := func(s string) string {
		s, _ = decode.Apply(s, new(transform.Buffer))
		return strings.Clone(s)
	}
	ascii := func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0 }
	for i := range before {
		if b := &before[i]; b.Kind == v.Kind && b.Key == v.Key && !b.Decoded && ascii(b.Text) && ascii(v.Text) && apply(b.Text) == apply(v.Text) {
			return
		}
	}
	t.Errorf("%s:%q is marked as decoded: %q", v.Kind, v.Key, v.Text)
}
