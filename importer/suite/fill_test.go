package suite

import (
	"strings"
	"testing"
)

func TestFill(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got, err := fill(in); err != nil || got != want {
			t.Errorf("fill(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	f("", "")
	f(`a={{ "1" | repeat 3 }}&b={{"\t"|repeat 2}}`, "a=111&b=\t\t")
	f(`{{ "x" | repeat 0 }}`, "")
	f("{{7*7}} {{constructor.constructor('alert(1)')()}}", "{{7*7}} {{constructor.constructor('alert(1)')()}}")
	for _, bomb := range []string{`{{ "1" | repeat 999999999 }}`, strings.Repeat(`{{ "1" | repeat 9000000 }}`, 9), `{{ "\q" | repeat 2 }}`} {
		if got, err := fill(bomb); err == nil {
			t.Errorf("%.60s becomes %d bytes", bomb, len(got))
		}
	}
}
