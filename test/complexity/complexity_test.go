package complexity

import (
	"strings"
	"testing"
	"time"
)

var sink int

// TestSuspicious is about the numbers, not about this machine.
func TestSuspicious(t *testing.T) {
	s := sizes{1 << 10, 4 << 10, 2.3}
	for _, c := range []struct {
		small, large int
		want         bool
	}{{100, 400, false}, {100, 540, false}, {100, 600, true}, {100, 1600, true}, {0, 30, false}, {1, 16, false}} {
		if got := s.suspicious(time.Duration(c.small)*time.Microsecond, time.Duration(c.large)*time.Microsecond); got != c.want {
			t.Errorf("%d µs, then %d µs: %t", c.small, c.large, got)
		}
	}
}

func TestInputs(t *testing.T) {
	seen := map[string]bool{}
	for _, in := range Inputs(Special) {
		seen[in.Unit] = true
		if text := in.Text(100); len(text) < 100 || len(text) > 110 || !strings.HasPrefix(text, in.Prefix+in.Unit) {
			t.Errorf("%q: %q", in, text)
		}
	}
	for i := range len(Special) {
		if !seen[Special[i:i+1]] {
			t.Errorf("no repetition of %q", Special[i])
		}
	}
}

// TestLeast is about what is counted: each run, whole.
func TestLeast(t *testing.T) {
	runs := 0
	if took := least(7, "abc", func(text string) { runs++; sink += len(text) }); runs != 7 || took < 0 {
		t.Errorf("%d runs, the least takes %s", runs, took)
	}
}
