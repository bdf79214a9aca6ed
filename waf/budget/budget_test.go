package budget

import (
	"runtime"
	"strconv"
	"testing"
	"time"
)

// TestSpend takes steps until the smallest budget is spent, whatever they cost on this machine.
func TestSpend(t *testing.T) {
	b := New(1)
	work := 0
	for b.Spend(stretch) {
		work++
	}
	if work > 3 || !b.Spent() {
		t.Errorf("%d looks within a nanosecond", work)
	}
	b.Rest()
	for range 3 {
		if b.Spend(1) || !b.Spent() {
			t.Fatal("a budget that is spent has time again")
		}
	}
}

func TestSpendOverRests(t *testing.T) {
	b := New(time.Millisecond)
	rests := 0
	for ; b.Spend(stretch) && rests < 1e8; rests++ {
		b.Rest()
	}
	if !b.Spent() {
		t.Errorf("after %d stretches nothing is spent", rests)
	}
}

func TestWithoutLimit(t *testing.T) {
	for _, b := range []*Budget{nil, {}} {
		for range 100 {
			if !b.Spend(1 << 30) {
				t.Fatal("a budget without a limit is spent")
			}
		}
		if b.Rest(); b.Spent() {
			t.Fatal("a budget without a limit is spent")
		}
	}
}

// TestStopIf asks at every look but the first, and never again when the answer was yes, with and without a limit.
func TestStopIf(t *testing.T) {
	for _, limit := range []time.Duration{0, time.Hour} {
		b, asked := New(limit), 0
		b.StopIf(func() bool { asked++; return asked == 3 })
		stretches := 0
		for b.Spend(stretch + 1) {
			stretches++
		}
		if b.Rest(); asked != 3 || stretches != 3 || !b.Stopped() || !b.Spent() {
			t.Errorf("limit %s: asked %d times within %d stretches; stopped: %v, spent: %v", limit, asked, stretches, b.Stopped(), b.Spent())
		}
		if b.Spend(1) || asked != 3 {
			t.Errorf("limit %s: it goes on", limit)
		}
	}
	b := New(1)
	b.StopIf(func() bool { return false })
	for b.Spend(stretch) {
	}
	if b.Rest(); b.Stopped() {
		t.Error("spent, and nobody stopped it")
	}
}

// TestOnceValue is about what all inspections have in common: it is on nobody's account.
func TestOnceValue(t *testing.T) {
	b := New(10 * time.Millisecond)
	b.Spend(stretch + 1) // the clock runs
	table := OnceValue(func() int {
		sum := 0
		for begun := ThreadTime(); ThreadTime() < begun+50*time.Millisecond; sum++ {
		}
		return sum
	})
	first := table()
	if !b.Spend(stretch + 1) {
		t.Error("the first to need a table pays for it")
	}
	if b.Rest(); table() != first {
		t.Error("made twice")
	}
}

func TestNoMemory(t *testing.T) {
	b := New(time.Hour)
	if n := testing.AllocsPerRun(100, func() { b.Spend(stretch); b.Rest() }); n > 0 {
		t.Errorf("%.0f allocations", n)
	}
}

func BenchmarkSpend(b *testing.B) {
	for _, steps := range []int{1, 1000, stretch} {
		b.Run(strconv.Itoa(steps), func(b *testing.B) {
			budget := New(time.Hour)
			b.ReportAllocs()
			for b.Loop() {
				budget.Spend(steps)
			}
			budget.Rest()
		})
	}
}

// TestOnceValueNested is about tables that take others: the time for these counts once.
func TestOnceValueNested(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	work := func() {
		for begun := ThreadTime(); ThreadTime()-begun < 2*time.Millisecond; {
		}
	}
	inner := func() func() int {
		return OnceValue(func() int { work(); return 1 })
	}
	middle := OnceValue(func() int { work(); return inner()() + inner()() })
	outer := OnceValue(func() int { return inner()() + middle() + inner()() })
	begun, before := ThreadTime(), shared.Load()
	if got := outer(); got != 4 {
		t.Errorf("made %d", got)
	}
	counted, took := time.Duration(shared.Load()-before), ThreadTime()-begun
	if counted > took || counted < 10*time.Millisecond {
		t.Errorf("%s of %s are everybody's", counted, took)
	}
	if len(making.within) != 0 {
		t.Errorf("somebody is still making something: %v", making.within)
	}
}
