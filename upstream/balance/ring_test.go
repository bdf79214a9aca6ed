package balance

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// keys leads many keys to members, by their names.
func keys(tb testing.TB, s *Set) []string {
	tb.Helper()
	var to []string
	for k := range 20_000 {
		i, ok := s.Next(&Ask{Now: epoch, Key: Hash(fmt.Sprintf("client %d", k)), Keyed: true})
		if !ok {
			tb.Fatal("nobody")
		}
		to = append(to, s.members[i].Name)
	}
	return to
}

func moved(a, b []string) float64 {
	n := 0
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return float64(n) / float64(len(a))
}

// Whatever happens to one of n endpoints moves the keys of one, and no others.
func TestFewKeysMove(t *testing.T) {
	for _, n := range []int{2, 3, 10, 50, 200} {
		all := fleet(n + 1)
		const without = 1
		before := keys(t, setOf(Options{Policy: ConsistentHash}, all[:n]))
		rest := append(append([]*fake{}, all[:without]...), all[without+1:n]...)
		changes := map[string]func() []string{
			"one leaves": func() []string { return keys(t, setOf(Options{Policy: ConsistentHash}, rest)) },
			"one comes":  func() []string { return keys(t, setOf(Options{Policy: ConsistentHash}, all)) },
			"one is sick": func() []string {
				all[without].standing = Sick
				defer func() { all[without].standing = Well }()
				return keys(t, setOf(Options{Policy: ConsistentHash}, all[:n]))
			},
			"in another order": func() []string {
				mixed := append([]*fake{}, all[:n]...)
				rand.New(rand.NewPCG(1, 1)).Shuffle(n, func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
				return keys(t, setOf(Options{Policy: ConsistentHash}, mixed))
			},
		}
		for what, change := range changes {
			limit := 1/float64(n) + 0.05
			if what == "in another order" {
				limit = 0
			}
			after := change()
			if got := moved(before, after); got > limit {
				t.Errorf("%d endpoints, %s: %.3f of the keys move, want %.3f at most", n, what, got, limit)
			}
			for k := range before {
				gone := all[without].Name
				if before[k] != after[k] && before[k] != gone && after[k] != all[n].Name {
					t.Fatalf("%d endpoints, %s: a key moves from %s to %s", n, what, before[k], after[k])
				}
			}
		}
	}
}

func TestKeysAreSpread(t *testing.T) {
	for _, weights := range [][]int{{1, 1, 1}, {1, 2, 3, 4}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}} {
		all := fleet(len(weights))
		total := 0
		for i, w := range weights {
			all[i].Weight = w
			total += w
		}
		count := map[string]int{}
		for _, name := range keys(t, setOf(Options{Policy: ConsistentHash}, all)) {
			count[name]++
		}
		for i, w := range weights {
			if got := float64(count[all[i].Name]) / 20_000 * float64(total) / float64(w); got < 0.75 || got > 1.3 {
				t.Errorf("weights %v: %d gets %.2f times its share", weights, i, got)
			}
		}
	}
}

// Replicas of different versions have to agree.
func TestHashStays(t *testing.T) {
	for text, want := range map[string]uint64{"": 0xefd01f60ba992926, "192.0.2.1": 0x8fc433616f773343} {
		if got := Hash(text); got != want {
			t.Errorf("%q: %#x, want %#x", text, got, want)
		}
	}
}

// Half of all requests have the same key: nobody gets more than its bound for that, and everybody else keeps
// going where they went as long as there is room.
func TestBound(t *testing.T) {
	for _, weights := range [][]int{{1, 1, 1, 1, 1}, {1, 2, 3, 4}} {
		all, usual := fleet(len(weights)), around(100*time.Millisecond)
		total := 0
		for i, w := range weights {
			all[i].Weight = w
			total += w
		}
		r := rand.New(rand.NewPCG(7, 8))
		s := simulation{
			set: setOf(Options{Policy: ConsistentHash, Bound: 125}, all), all: all, rate: 1000, takes: func(*fake) time.Duration { return usual() },
			key: func() uint64 {
				if r.IntN(2) == 0 {
					return Hash("everybody's")
				}
				return Hash(fmt.Sprint(r.IntN(1000)))
			},
			each: func(f *fake, _ time.Duration) {
				inFlight := 0
				for _, f := range all {
					inFlight += f.inFlight
				}
				if bound := 1.25*float64(inFlight)*float64(f.Weight)/float64(total) + 1; float64(f.inFlight) > bound {
					t.Fatalf("weights %v: %d in flight of %d, want %.1f at most", weights, f.inFlight, inFlight, bound)
				}
			},
		}
		s.run(t, 20*time.Second)
	}
}

// Without a bound a key leads to one endpoint whatever it has to do, and without a key there is a choice.
func TestKeys(t *testing.T) {
	all := fleet(5)
	s := setOf(Options{Policy: ConsistentHash}, all)
	a := Ask{Now: epoch, Key: Hash("x"), Keyed: true}
	i, _ := s.Next(&a)
	all[i].inFlight = 1000
	if j, _ := s.Next(&a); i != j {
		t.Errorf("%d, then %d", i, j)
	}
	for range 100 {
		if j, _ := s.Next(&Ask{Now: epoch}); j == i {
			t.Fatal("a request without a key goes to the busiest")
		}
	}
	all[i].standing = Sick
	j, ok := s.Next(&a)
	if !ok || i == j {
		t.Errorf("%d again, or nobody", j)
	}
	if k, _ := s.Next(&Ask{Now: epoch, Key: a.Key, Keyed: true, Worst: Sick}); k != i {
		t.Errorf("%d, want %d when all are asked", k, i)
	}
}

func TestTokens(t *testing.T) {
	all := fleet(5)
	s := setOf(Options{Policy: Sticky, Secret: []byte("a secret of the replicas")}, all)
	other := setOf(Options{Policy: Sticky, Secret: []byte("another one")}, all)
	for i := range all {
		a := Ask{Now: epoch, Token: s.Token(i)}
		if a.Token == other.Token(i) || len(a.Token) != 20 {
			t.Errorf("token %q, with another secret %q", a.Token, other.Token(i))
		}
		all[i].inFlight = 1000
		if j, ok := s.Next(&a); !ok || i != j {
			t.Errorf("token of %d leads to %d", i, j)
		}
		all[i].standing = Sick
		if j, ok := s.Next(&a); !ok || i == j {
			t.Errorf("token of %d, which is sick, leads to %d", i, j)
		}
		all[i].standing, all[i].inFlight = Well, 0
	}
	if _, ok := s.Next(&Ask{Now: epoch, Token: "forged"}); !ok {
		t.Error("a token of nobody's leads to nobody")
	}
	if s := setOf(Options{}, all); s.Token(0) != "" {
		t.Error("a token that nobody takes")
	}
}

// A token that many have does not lead all of them to one endpoint, if there is a bound, but a few are never sent elsewhere.
func TestBoundOfTokens(t *testing.T) {
	for bound, most := range map[int]int{0: 1000, 150: 500, 200: 667} {
		all := fleet(3)
		s := setOf(Options{Policy: Sticky, Secret: []byte("s"), Bound: bound}, all)
		for n := range 1000 {
			i, ok := s.Next(&Ask{Now: epoch, Token: s.Token(1)})
			if !ok || n < calm && i != 1 {
				t.Fatalf("bound %d: number %d is sent to %d", bound, n, i)
			}
			all[i].inFlight++
		}
		if n := all[1].inFlight; n < most-5 || n > most+5 {
			t.Errorf("bound %d: %d of 1000, want %d", bound, n, most)
		}
	}
}
