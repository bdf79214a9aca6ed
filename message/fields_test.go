package message

import (
	"strings"
	"testing"
)

func TestFields(t *testing.T) {
	fields := Fields{{"Host", "a.test"}, {"x-a", "1"}, {"X-Empty", ""}, {"X-A", "2"}, {"x-empty", "3"}}
	for name, want := range map[string][2]string{
		"host": {"a.test", "a.test"}, "X-A": {"1", "1, 2"}, "X-Empty": {"", "3"}, "X": {"", ""}, "X-AB": {"", ""}, "": {"", ""},
	} {
		if got := fields.Get(name); got != want[0] {
			t.Errorf("Get(%q): %q, want %q", name, got, want[0])
		}
		if got := fields.Join(name); got != want[1] {
			t.Errorf("Join(%q): %q, want %q", name, got, want[1])
		}
	}
}

// The sign for degrees Kelvin is a "k" to who compares Unicode without case.
func TestFieldIsASCII(t *testing.T) {
	for _, name := range []string{"coo\u212aie", "\u212a", "co\u212ae"} {
		f := Field{Name: name}
		for _, known := range []string{"Cookie", "k", "cookiexx", "coke"} {
			if f.Is(known) {
				t.Errorf("%q is taken for %q", name, known)
			}
		}
	}
}

func TestToken(t *testing.T) {
	const chars = "!#$%&'*+-.^_`|~" + "0123456789" + "abcdefghijklmnopqrstuvwxyz" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" // RFC 9110 5.6.2
	for c := range 256 {
		b := byte(c)
		want := strings.IndexByte(chars, b) >= 0
		if IsTokenByte(b) != want || IsToken(string([]byte{b})) != want || IsToken([]byte{'x', b}) != want {
			t.Errorf("byte %#x: want %v", b, want)
		}
	}
	if IsToken("") {
		t.Error("nothing is taken for a token")
	}
}
