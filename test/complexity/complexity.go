// Package complexity finds work that grows faster than its input. It repeats short strings, after prefixes that
// open what might have to be closed, and compares what small and large repetitions cost.
//
// Cost is the CPU time of the thread, so that a busy machine is none, and the least of several runs. What looks
// suspicious is measured again alone before it counts: the small text and the large one in turn, so that a
// processor that is slower for a while is so for both, and without the garbage collector, whose work for the
// whole heap would be put on the account of whoever allocates.
//
// Two forms: the short one, for every run of the tests, has some hundred repetitions and finds what is
// quadratic or worse, with so wide a margin that no machine's moods reach it. The full one
// (WAFER_TEST_COMPLEXITY=full) has thousands, and finds what doubles to more than 2.3 times as much.
package complexity

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/waf/budget"
)

// Full reports whether the full form is wanted.
func Full() bool { return os.Getenv("WAFER_TEST_COMPLEXITY") == "full" }

// Input is a text of any length: a prefix and a unit again and again.
type Input struct{ Prefix, Unit string }

// Text is a text of n bytes, or a little more.
func (i Input) Text(n int) string {
	return i.Prefix + strings.Repeat(i.Unit, max(n-len(i.Prefix), 0)/len(i.Unit)+1)
}

// Special are bytes that rules, operators, transformations and readers treat specially.
const Special = "'\"`\\/*<>=&;%+-#!?(){}[]:,.@$|~^_ \n\x00axe0s\xc3"

// opening are prefixes that open what may have to be closed, and nothing.
var opening = []string{"", "'", "\"", "`", "/*", "<!--", "<a ", "<a b=\"", "<![CDATA[", "{\"a\":\"", "[", "\\", "%", "&#", "--", "$a$", "q'(", "1 ", "a=", "s'"}

// Inputs are repetitions of strings of up to three of the bytes, after prefixes in turn: of all strings of one
// byte, and in the full form of two; of others, some.
func Inputs(bytes string) (list []Input) {
	pairs, triples, prefixes := 7, 89, 1
	if Full() {
		pairs, triples, prefixes = 1, 7, 4
	}
	add := func(unit string, prefixes int) {
		for range prefixes {
			list = append(list, Input{opening[len(list)%len(opening)], unit})
		}
	}
	n := len(bytes)
	for i := range n {
		add(bytes[i:i+1], len(opening))
	}
	for i := 0; i < n*n; i += pairs {
		add(string([]byte{bytes[i/n], bytes[i%n]}), prefixes)
	}
	for i := 0; i < n*n*n; i += triples {
		add(string([]byte{bytes[i/n/n], bytes[i/n%n], bytes[i%n]}), 1)
	}
	return list
}

// Some are n of the inputs; others for another turn.
func Some(inputs []Input, n, turn int) (list []Input) {
	step := max(len(inputs)/n, 1)
	for i := turn % step; i < len(inputs); i += step {
		list = append(list, inputs[i])
	}
	return list
}

// sizes are between which growth is measured, and how much of it is too much: small and large for a first
// look, few the number of runs that confirm it.
type sizes struct {
	small, large int
	most         float64 // times as much per doubling
}

func within(limit int) sizes {
	if Full() {
		return sizes{limit / 4, limit, 2.3}
	}
	return sizes{limit / 16, limit, 3} // 16 times the input: 81 times the work, where a square makes it 256
}

// most is how often the work for the small text the large one may cost.
func (s sizes) allowed() float64 {
	return math.Pow(s.most, math.Log2(float64(s.large)/float64(s.small)))
}

// Check fails the test if work grows too fast with a text of up to limit bytes, for one of the inputs. Of a
// kind of failure it shows a few.
func Check(t *testing.T, inputs []Input, limit int, work func(text string)) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := within(limit)
	further := sizes{s.large, 4 * s.large, s.most}
	if Full() {
		further.large *= 4 // caches that a larger text does not fit into are no growth
	}
	failed, suspects := 0, 0
	for _, in := range inputs {
		small, large := in.Text(s.small), in.Text(s.large)
		if !s.suspicious(least(3, small, work), least(1, large, work)) {
			continue
		}
		suspects++
		if _, _, ok := s.confirmed(small, large, work); !ok {
			continue
		}
		// What becomes dearer at some length, and is linear below and above, is not meant: memory that is no longer
		// kept, another way to do it.
		small, large = large, in.Text(further.large)
		a, b, ok := further.confirmed(small, large, work)
		if !ok {
			continue
		}
		t.Errorf("%q and %q again and again: %d bytes take %s, %d take %s", in.Prefix, in.Unit, len(small), a, len(large), b)
		if failed++; failed == 3 {
			t.Fatal("and perhaps others")
		}
	}
	t.Logf("%d texts, %d measured again", len(inputs), suspects)
}

// long is long for a text of some ten thousand bytes.
const long = 200 * time.Millisecond

// noise is below what a difference means nothing.
const noise = 30 * time.Microsecond

func (s sizes) suspicious(small, large time.Duration) bool {
	return float64(large) > s.allowed()*float64(max(small, noise/time.Duration(s.large/s.small)))+float64(noise)
}

// rounds is how often what looks suspicious is measured again, and enough how often in any case: the first
// runs of a small text are the ones that are disturbed most.
const (
	rounds = 15
	enough = 5
)

// confirmed measures a small text and a large one in turn, and reports what they cost at the least. When
// that is no longer suspicious, it reports false: it costs no more than that, whatever else was measured.
func (s sizes) confirmed(small, large string, work func(string)) (a, b time.Duration, suspicious bool) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	a, b = math.MaxInt64, math.MaxInt64
	for round := 1; round <= rounds; round++ {
		runtime.GC()
		a = min(a, least(3, small, work))
		runtime.GC()
		b = min(b, least(1, large, work))
		switch {
		case round > enough && !s.suspicious(a, b):
			return a, b, false
		case round > 1 && b > 5*long:
			return a, b, s.suspicious(a, b) // what takes so long is little disturbed
		}
	}
	return a, b, s.suspicious(a, b)
}

// least is what the work costs, in the cheapest of several runs; of fewer, if one takes long: what takes long is
// little disturbed.
func least(runs int, text string, work func(string)) time.Duration {
	out := time.Duration(math.MaxInt64)
	for spent := time.Duration(0); runs > 0 && spent < long; runs-- {
		begun := budget.ThreadTime()
		work(text)
		took := budget.ThreadTime() - begun
		out = min(out, took)
		spent += took
	}
	return out
}
