package upstream

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
)

func pools(n int) []*Pool {
	var ps []*Pool
	for i := range n {
		ps = append(ps, &Pool{id: fmt.Sprint(i)})
	}
	return ps
}

func TestSplit(t *testing.T) {
	for _, weights := range [][]int{
		{1}, {1, 1}, {5, 1, 1}, {90, 10}, {100, 300, 600}, {1, 0, 1}, {0, 7}, {-3, 2, 4},
		{999, 1}, {500000, 500000}, {999999, 1}, {1000000, 777777, 1}, {7, 1001}, {333, 333, 334, 1},
	} {
		t.Run(fmt.Sprint(weights), func(t *testing.T) {
			ps := pools(len(weights))
			var parts []Part
			total := 0
			for i, w := range weights {
				parts = append(parts, Part{ps[i], w})
				total += max(w, 0)
			}
			s := NewSplit(parts)
			if n := len(s.slots); n > 1000+len(parts) {
				t.Errorf("%d slots", n)
			}
			const rounds = 20
			n := rounds * len(s.slots)
			seen := map[*Pool]int{}
			for range n {
				seen[s.Pick()]++
			}
			for i, w := range weights {
				got, want := float64(seen[ps[i]])/float64(n), float64(max(w, 0))/float64(total)
				if w <= 0 && got != 0 || w > 0 && got == 0 || math.Abs(got-want) > 0.0015 {
					t.Errorf("part %d: share %.4f, want %.4f", i, got, want)
				}
				if total <= 1000 && math.Abs(got-want) > 1e-9 {
					t.Errorf("part %d: share %.6f, want exactly %.6f", i, got, want)
				}
			}
		})
	}
}

// TestSplitSmooth checks that shares hold over short runs too.
func TestSplitSmooth(t *testing.T) {
	ps := pools(2)
	s := NewSplit([]Part{{ps[0], 90}, {ps[1], 10}})
	const window = 10
	for i := range len(s.slots) {
		n := 0
		for j := range window {
			if s.slots[(i+j)%len(s.slots)] == ps[1] {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d of %d from slot %d", n, window, i)
		}
	}
}

func TestSplitEmpty(t *testing.T) {
	for _, parts := range [][]Part{nil, {{&Pool{}, 0}}, {{&Pool{}, -1}}} {
		if p := NewSplit(parts).Pick(); p != nil {
			t.Errorf("%v: picked %v", parts, p)
		}
	}
}

func TestSplitConcurrent(t *testing.T) {
	ps := pools(3)
	s := NewSplit([]Part{{ps[0], 3}, {ps[1], 2}, {ps[2], 1}})
	var seen [3]atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 600 {
				p := s.Pick()
				for i := range ps {
					if p == ps[i] {
						seen[i].Add(1)
					}
				}
			}
		})
	}
	wg.Wait()
	if a, b, c := seen[0].Load(), seen[1].Load(), seen[2].Load(); a != 2400 || b != 1600 || c != 800 {
		t.Error(a, b, c)
	}
}
