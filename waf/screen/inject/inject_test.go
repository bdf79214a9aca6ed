package inject

import (
	"testing"

	libinjection "github.com/corazawaf/libinjection-go"
)

// checkBoth compares both functions with the library, for one value.
func checkBoth(t *testing.T, s string) {
	t.Helper()
	checkSQLi(t, s)
	checkXSS(t, s)
}

func checkSQLi(t *testing.T, s string) {
	t.Helper()
	if want, print := libinjection.IsSQLi(s); SQLi(s) != want {
		t.Errorf("SQLi(%q) = %t, the library says %t (%s)", s, !want, want, print)
	}
}

func checkXSS(t *testing.T, s string) {
	t.Helper()
	if want := libinjection.IsXSS(s); XSS(s) != want {
		t.Errorf("XSS(%q) = %t, the library says %t", s, !want, want)
	}
}
