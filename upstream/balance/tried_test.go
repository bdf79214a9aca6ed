package balance

import (
	"math/rand/v2"
	"testing"
)

// Tried is what was added, few or many, and nothing else after it was cleared.
func TestTried(t *testing.T) {
	var tried Tried
	if (*Tried)(nil).Has(0) || tried.Has(0) {
		t.Error("nobody was tried")
	}
	for _, n := range []int{few, 300, 1, few + 1, 70} {
		tried.Clear()
		added := map[int]bool{}
		for _, i := range rand.Perm(300)[:n] {
			tried.Add(i)
			added[i] = true
			for k := range 400 {
				if tried.Has(k) != added[k] {
					t.Fatalf("%d of %v: %v", k, added, tried.Has(k))
				}
			}
		}
		if tried.Len() != n {
			t.Errorf("%d of %d", tried.Len(), n)
		}
	}
}
