package suite

import "testing"

func TestEncodeForm(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := encodeForm(in); got != want {
			t.Errorf("encodeForm(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("a=b", "a=b")
	f("a=<b>&c==d", "a=%3Cb%3E&c=%3Dd")
	f("a b;c&d", "a+b%3Bc&d")
	f("a=%3Cb> c", "a=%3Cb> c")
	f("a+b=<c>", "a+b=<c>")
	f("100%", "100%")
}
