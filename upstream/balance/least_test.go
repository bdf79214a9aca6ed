package balance

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// slowest has one of n answer ten times slower than the others, and returns the 99th percentile of the times
// that requests take, and the part of them that the slow one gets.
func slowest(tb testing.TB, p Policy, n int, rate float64) (p99 time.Duration, share float64) {
	all, usual := fleet(n), around(10*time.Millisecond)
	var took []time.Duration
	s := simulation{
		set: setOf(Options{Policy: p}, all), all: all, rate: rate,
		takes: func(f *fake) time.Duration {
			if f == all[0] {
				return 10 * usual()
			}
			return usual()
		},
		each: func(_ *fake, d time.Duration) { took = append(took, d) },
	}
	s.run(tb, time.Duration(max(20, 10_000/rate))*time.Second)
	slices.Sort(took)
	return took[len(took)*99/100], asked(all)[0]
}

// The slow endpoint does nothing worse than to be slow: it takes whatever it is given, at any load.
func TestSlowEndpoint(t *testing.T) {
	for _, n := range []int{2, 3, 10} {
		for _, rate := range []float64{20, 200, 2000} {
			p99, share := slowest(t, LeastRequest, n, rate)
			turns, _ := slowest(t, RoundRobin, n, rate)
			if 2*p99 > turns {
				t.Errorf("%d endpoints, %g requests a second: p99 %s, with turns %s; the slow one gets %.2f %%", n, rate, p99, turns, 100*share)
			}
		}
	}
}

// BenchmarkSlowEndpoint reports what TestSlowEndpoint asserts.
func BenchmarkSlowEndpoint(b *testing.B) {
	for name, p := range map[string]Policy{"least_request": LeastRequest, "round_robin": RoundRobin} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p99, share := slowest(b, p, 3, 500)
				b.ReportMetric(float64(p99)/float64(time.Millisecond), "p99-ms")
				b.ReportMetric(100*share, "%slow")
			}
		})
	}
}

// An endpoint that is no longer slow gets as many requests as the others again.
func TestSlowEndpointRecovers(t *testing.T) {
	for _, times := range []time.Duration{10, 100} {
		all, usual := fleet(3), around(10*time.Millisecond)
		slow := times
		s := simulation{set: setOf(Options{}, all), all: all, rate: 200, takes: func(f *fake) time.Duration {
			if f == all[0] {
				return slow * usual()
			}
			return usual()
		}}
		s.run(t, time.Minute)
		slow = 1
		s.run(t, 45*time.Second)
		asked(all)
		s.run(t, time.Minute)
		if got := asked(all); got[0] < 0.28 {
			t.Errorf("%d times slower once: %.3f", times, got)
		}
	}
}

// One request of fifty takes a hundred times longer: none of the endpoints is slow for that.
func TestLongRequestsMakeNobodySlow(t *testing.T) {
	all, usual := fleet(4), around(10*time.Millisecond)
	n := 0
	s := simulation{set: setOf(Options{}, all), all: all, rate: 100, takes: func(*fake) time.Duration {
		if n++; n%50 == 0 {
			return 100 * usual()
		}
		return usual()
	}}
	for minute := range 10 {
		s.run(t, time.Minute)
		for _, share := range asked(all) {
			if share < 0.15 || share > 0.35 {
				t.Errorf("minute %d: an endpoint gets %.3f of the requests", minute, share)
			}
		}
	}
}

func TestWeights(t *testing.T) {
	for _, weights := range [][]int{{1, 1, 1}, {1, 3}, {1, 2, 3}, {1, 1, 8}, {5, 5, 5, 1}} {
		for _, rate := range []float64{10, 100, 1000, 5000} {
			for _, p := range []Policy{LeastRequest, RoundRobin} {
				all, usual := fleet(len(weights)), around(10*time.Millisecond)
				total := 0
				for i, w := range weights {
					all[i].Weight = w
					total += w
				}
				s := simulation{set: setOf(Options{Policy: p}, all), all: all, rate: rate, takes: func(*fake) time.Duration { return usual() }}
				s.run(t, time.Duration(5000/rate+10)*time.Second)
				off := 0.005
				if p == LeastRequest { // who is busy for the moment is passed over, and a light one is for longer
					off = 0.1
				}
				for i, share := range asked(all) {
					if want := float64(weights[i]) / float64(total); math.Abs(share-want) > off {
						t.Errorf("policy %d, weights %v, %g requests a second: %d gets %.3f, want %.3f", p, weights, rate, i, share, want)
					}
				}
			}
		}
	}
}

// Turns pass over who is not asked, and that is no gain of who comes next.
func TestRoundRobinWithoutOne(t *testing.T) {
	all := fleet(4)
	s := setOf(Options{Policy: RoundRobin}, all)
	all[1].standing = Sick
	last := -1
	order := map[int]int{0: 2, 2: 3, 3: 0}
	for n := range 300 {
		i, ok := s.Next(&Ask{Now: epoch})
		if !ok {
			t.Fatal("nobody")
		}
		if last >= 0 && i != order[last] {
			t.Fatalf("turn %d: %d after %d", n, i, last)
		}
		last = i
	}
}

func TestSequence(t *testing.T) {
	for _, c := range []struct {
		weights []int
		want    string
	}{
		{[]int{1, 1, 1}, "[0 1 2]"},
		{[]int{5, 1, 1}, "[0 0 1 0 2 0 0]"},
		{[]int{0, 2}, "[1]"},
		{[]int{0, -1}, "[]"},
		{nil, "[]"},
	} {
		if got := fmt.Sprint(Sequence(c.weights)); got != c.want {
			t.Errorf("%v: %s, want %s", c.weights, got, c.want)
		}
	}
	if n := len(Sequence([]int{1_000_000, 1})); n > longest+2 {
		t.Errorf("%d turns", n)
	}
}
