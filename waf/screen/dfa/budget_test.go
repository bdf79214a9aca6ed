package dfa

import (
	"runtime"
	"testing"
)

// What a matcher took from the budget goes back when nobody has the matcher any more.
func TestGarbageGivesBack(t *testing.T) {
	const all = 1 << 20
	b := NewBudget(all)
	func() {
		m, err := compileWithin(manyStates, b, limits{own: 0, most: 1 << 20, price: 1, allowance: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range newTexts(200) {
			m.MatchString(text)
		}
		if b.free.Load() == all {
			t.Fatal("nothing was taken, so that nothing is tested")
		}
	}()
	for range 100 {
		runtime.GC()
		if b.free.Load() == all {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d of %d bytes are free", b.free.Load(), all)
}
