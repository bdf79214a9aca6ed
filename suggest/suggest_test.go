package suggest

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"policy", "paths", "hosts", "id"}
	f := func(given, want string) {
		t.Helper()
		if got := Nearest(given, known); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
	f("polcy", "policy")
	f("POLICY", "policy")
	f("plociy", "policy")
	f("hots", "hosts")
	f("path", "paths")
	f("di", "id")
	f("policies", "")
	f("weight", "")
	f("", "")
}

func TestEditDistance(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got := editDistance(a, b); got != want {
			t.Errorf("%q, %q: got %d, want %d", a, b, got, want)
		}
		if got := editDistance(b, a); got != want {
			t.Errorf("%q, %q: got %d, want %d", b, a, got, want)
		}
	}
	f("", "", 0)
	f("", "abc", 3)
	f("abc", "abc", 0)
	f("abc", "acb", 1)
	f("kitten", "sitting", 3)
}
