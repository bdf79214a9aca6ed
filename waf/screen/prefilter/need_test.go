package prefilter

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// TestNeeds reads testdata/needs.txt: expressions or phrases, then values that must be candidates
// and values that must not be: these are about sharpness, the others about soundness.
func TestNeeds(t *testing.T) {
	f, err := os.Open("testdata/needs.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var s *Set
	var n Need
	var sc Scratch
	cases := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		kind, text, _ := strings.Cut(lines.Text(), " ")
		switch kind {
		case "rx":
			if n, err = Regexp(text); err != nil {
				t.Fatal(err)
			}
			s = NewSet([]Need{n})
		case "pm":
			n = Phrases(strings.Split(text, " "))
			s = NewSet([]Need{n})
		case "yes", "no":
			cases++
			sc.Take(text, byteset.Of(text))
			view := s.View([]int32{0})
			searched := len(view.Candidates(&sc)) == 1
			s.Scan(&sc)
			got := len(view.Candidates(&sc)) == 1
			if got && !searched {
				t.Errorf("%q is no candidate before it is scanned, for %s", text, n)
			}
			if want := kind == "yes"; got != want {
				t.Errorf("%q is a candidate: %v, want %v, for %s", text, got, want, n)
			}
		}
	}
	if cases < 40 {
		t.Errorf("read only %d cases", cases)
	}
}

// TestScratchForgets scans with one scratch for two sets, in which the same values mean another
// thing each time.
func TestScratchForgets(t *testing.T) {
	one := NewSet([]Need{Contains("union"), Contains("select"), Always(), Never(), AnyByte("'")})
	two := NewSet([]Need{And(Contains("select"), Contains("from")), Or(Contains("union"), Contains("x"))})
	var sc Scratch
	f := func(s *Set, value string, ids []int32, want ...int32) {
		t.Helper()
		sc.Take(value, byteset.Of(value))
		for range 2 { // a scan may be asked about more than once
			s.Scan(&sc)
			got := slices.Sorted(slices.Values(s.View(ids).Candidates(&sc)))
			if !slices.Equal(got, want) {
				t.Errorf("%q: candidates %v, want %v", value, got, want)
			}
		}
	}
	all := []int32{0, 1, 2, 3, 4}
	f(one, "UNION SELECT", all, 0, 1, 2)
	f(one, "UNION SELECT", []int32{1, 3}, 1)
	f(one, "", all, 2)
	f(two, "Select * From", all[:2], 0)
	f(two, "x", all[:2], 1)
	f(one, "un'ion", all, 0, 2, 4)
	f(two, "select", all[:2])
	f(one, "sel", all, 2)
}

func TestWarmScanAllocatesNothing(t *testing.T) {
	s, view := requestSet(t, 1)
	var sc Scratch
	value := "Don't select the union; cat /etc/passwd (or not) <script>alert(1)</script>"
	run := func() {
		sc.Take(value, byteset.Of(value))
		view.Candidates(&sc)
		s.Scan(&sc)
		view.Candidates(&sc)
	}
	run()
	if n := testing.AllocsPerRun(10, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
