package budget

import (
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
	if work > 1 || !b.Spent() {
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
