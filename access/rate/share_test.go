package rate

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shelf is a Store in memory with a clock of its own. It answers after a while, if it is not away.
type shelf struct {
	mu       sync.Mutex
	full     map[Key]int64
	began    time.Time
	latency  time.Duration
	away     bool // and everybody knows
	broken   bool // and nobody knows
	replicas map[string]bool

	takes, spends, most int // round trips, and the largest
}

func newShelf(skew time.Duration) *shelf {
	return &shelf{full: map[Key]int64{}, replicas: map[string]bool{}, began: time.Now().Add(-time.Hour - skew)}
}

func (s *shelf) Up() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.away
}

func (s *shelf) Present(_ context.Context, replica string, _ time.Duration) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away || s.broken {
		return 0, errAway
	}
	s.replicas[replica] = true
	return len(s.replicas), nil
}

func (s *shelf) set(away, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away, s.broken = away, broken
}

var errAway = errors.New("the store is away")

func (s *shelf) ask(n int, count *int, do func(now int64)) error {
	time.Sleep(s.latency / 2)
	s.mu.Lock()
	*count++
	s.most = max(s.most, n)
	if s.away || s.broken {
		s.mu.Unlock()
		return errAway
	}
	do(int64(time.Since(s.began)))
	s.mu.Unlock()
	time.Sleep(s.latency / 2)
	return nil
}

func (s *shelf) Take(_ context.Context, all []Bucket, how []Shared) error {
	return s.ask(len(all), &s.takes, func(now int64) {
		whole := true
		for i, b := range all {
			owes := time.Duration(max(0, s.full[b.Key]-now))
			how[i] = Shared{Allowed: owes+b.Cost <= b.Most, Owes: owes}
			whole = whole && (how[i].Allowed || b.Alone)
		}
		for i, b := range all {
			if whole && how[i].Allowed {
				how[i].Owes += b.Cost
				s.full[b.Key] = now + int64(how[i].Owes)
			}
		}
	})
}

func (s *shelf) Spend(_ context.Context, all []Bucket, how []Shared) error {
	return s.ask(len(all), &s.spends, func(now int64) {
		for i, b := range all {
			s.full[b.Key] = max(now, s.full[b.Key]) + int64(b.Cost)
			how[i] = Shared{Allowed: true, Owes: time.Duration(s.full[b.Key] - now)}
		}
	})
}

// fleet are replicas that share a store, with clocks that differ by two seconds.
type fleet struct {
	states []*State
	limits []*Limit
	asked  Asked
}

func newFleet(t *testing.T, n int, store Store, spec Spec) *fleet {
	f := &fleet{}
	for i := range n {
		s := NewState(store)
		s.began = s.began.Add(time.Duration(i-1) * 2 * time.Second)
		t.Cleanup(s.Close)
		f.states, f.limits = append(f.states, s), append(f.limits, s.Limit(spec))
	}
	return f
}

func (f *fleet) close() {
	for _, s := range f.states {
		s.Close()
	}
}

// passes reports whether a request passes at a replica.
func (f *fleet) passes(replica int, client string) bool {
	f.asked.Reset()
	f.asked.Add(f.limits[replica], from(client), false)
	r := f.asked.Decide(context.Background(), f.states[replica], time.Now())
	return r.Limit == nil
}

func TestSharedExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := perMinute("l", 600, 20)
		spec.Share = ShareExact
		f := newFleet(t, 3, newShelf(2*time.Second), spec)
		defer f.close()
		var passed int
		began := time.Now()
		for time.Since(began) < time.Minute {
			for i := range f.states {
				if f.passes(i, "a") {
					passed++
				}
			}
			time.Sleep(7 * time.Millisecond)
		}
		if passed > 620 || passed < 615 {
			t.Errorf("%d have passed in a minute, not 620", passed)
		}
	})
}

// overrun is what a limit shared locally may let pass beyond burst + rate*t, as docs/access.md says it.
func overrun(q *Quota, replicas int64, latency time.Duration) int64 {
	unheard := Every + latency
	return (replicas-1)*q.Burst + 2*replicas*(q.Units*int64(unheard)/int64(q.Period)+1)
}

// TestSharedLocally asks in ways that are meant to get the most out of replicas that do not know of each other yet.
func TestSharedLocally(t *testing.T) {
	const latency = 20 * time.Millisecond
	ways := map[string]func(step int) []int{ // which replicas are asked in a step
		"all":         func(int) []int { return []int{0, 1, 2} },
		"in turn":     func(step int) []int { return []int{step % 3} },
		"now and now": func(step int) []int { return []int{step / 600 % 3} }, // each has time to forget what it knows
		"in a burst": func(step int) []int {
			if step%700 < 650 {
				return nil
			}
			return []int{0, 1, 2, 0, 1, 2}
		},
		"at random": func(int) []int { return []int{rand.IntN(3)} },
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := perMinute("l", 600, 20)
				spec.Share = ShareLocal
				store := newShelf(-2 * time.Second)
				store.latency = latency
				f := newFleet(t, 3, store, spec)
				defer f.close()
				var at []time.Time
				asked := 0
				for step := range 12_000 { // 5 ms each, which is a minute
					for _, i := range way(step) {
						if asked++; f.passes(i, "a") {
							at = append(at, time.Now())
						}
					}
					time.Sleep(5 * time.Millisecond)
				}
				over := overrun(&spec.Quota, 3, latency)
				for i := range at {
					for j := i; j < len(at); j++ {
						if may := 20 + int64(at[j].Sub(at[i])/(100*time.Millisecond)) + over; int64(j-i+1) > may {
							t.Fatalf("%d within %v, more than %d", j-i+1, at[j].Sub(at[i]), may)
						}
					}
				}
				if least := 0.95 * float64(min(asked, 620)); name != "in a burst" && float64(len(at)) < least {
					t.Errorf("%d have passed of %d, fewer than %.0f", len(at), asked, least)
				}
				t.Logf("%d have passed of %d, of 620 + %d", len(at), asked, over)
			})
		})
	}
}

func TestFailuresAreSharedExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := perMinute("logins", 1, 3)
		spec.Share, spec.Statuses = ShareExact, []Statuses{{401, 401}}
		f := newFleet(t, 3, newShelf(0), spec)
		defer f.close()
		for i := range 3 {
			if !f.passes(i, "a") {
				t.Fatal("refused before three failures")
			}
			f.asked.Done(f.states[i], time.Now(), &Outcome{Status: 401})
			time.Sleep(2 * Every)
		}
		for i := range 3 {
			if f.passes(i, "a") {
				t.Errorf("replica %d does not know of three failures", i)
			}
		}
	})
}

func TestManyLimitsAreOneRoundTrip(t *testing.T) {
	store := newShelf(0)
	s := newClocked(t, store)
	var limits []*Limit
	for _, id := range []string{"a", "b", "c"} {
		spec := perMinute(id, 60, 10)
		spec.Share = ShareExact
		limits = append(limits, s.Limit(spec))
	}
	if s.ask(from("x"), limits...); store.takes != 1 || store.most != 3 {
		t.Errorf("%d round trips, of %d buckets at most", store.takes, store.most)
	}
}

func TestNoneIsChargedInTheStoreEither(t *testing.T) {
	s := newClocked(t, newShelf(0))
	specs := []Spec{perMinute("wide", 60, 10), perMinute("narrow", 60, 2), perMinute("watched", 60, 1)}
	var limits []*Limit
	for i := range specs {
		specs[i].Share = ShareExact
		if i == 2 {
			specs[i].Mode = Observe
		}
		limits = append(limits, s.Limit(specs[i]))
	}
	if n := s.passes(from("a"), 9, limits...); n != 2 {
		t.Fatalf("%d have passed, not 2", n)
	}
	if n := s.passes(from("a"), 20, limits[0]); n != 8 {
		t.Errorf("%d were left of the other limit, not 8", n)
	}
	for _, one := range s.Standings() {
		if one.ID == "watched" && one.Counts[Observed] != 1 {
			t.Errorf("%d were observed, not 1", one.Counts[Observed])
		}
	}
}

func TestTheStoreIsAway(t *testing.T) {
	for _, broken := range []bool{false, true} { // which nobody knows yet
		for _, share := range []Share{ShareExact, ShareLocal} {
			for down, want := range map[StoreDown]int{DownLocal: 4, DownAllow: 20, DownDeny: 0} {
				if broken && share == ShareLocal {
					continue
				}
				store := newShelf(0)
				store.set(!broken, broken)
				s := newClocked(t, store)
				spec := perMinute("l", 60, 12)
				spec.Share, spec.StoreDown = share, down
				l := s.Limit(spec)
				s.replicas.Store(3)
				if n := s.passes(from("a"), 20, l); n != want {
					t.Errorf("share %d, down %d: %d have passed, not %d", share, down, n, want)
				}
				if r := s.ask(from("a"), l); down == DownDeny && r.Why != NoStore {
					t.Errorf("refused because of %d", r.Why)
				}
			}
		}
	}
}

func TestTheStoreComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf(0)
		spec := perMinute("l", 600, 20)
		spec.Share, spec.Replicas, spec.Buckets = ShareLocal, 3, 10_000
		f := newFleet(t, 3, store, spec)
		defer f.close()
		store.set(true, false)
		for range 20 * 60 { // for an hour clients come and go
			for i := range f.states {
				f.passes(i, "steady")
				f.passes(i, string(rune('a'+rand.IntN(5000))))
			}
			time.Sleep(3 * time.Second)
		}
		store.set(false, false)
		time.Sleep(2 * Every)
		// Nobody is told of an hour's charges, nor in one piece.
		store.mu.Lock()
		var longest time.Duration
		now := int64(time.Since(store.began))
		for _, full := range store.full {
			longest = max(longest, time.Duration(full-now))
		}
		if store.most > batch || len(store.full) < 100 {
			t.Errorf("%d buckets told, %d at once", len(store.full), store.most)
		}
		store.mu.Unlock()
		if longest > 5*time.Second {
			t.Errorf("somebody owes %v", longest)
		}
		time.Sleep(3 * time.Second)
		if !f.passes(0, "steady") {
			t.Error("still locked out")
		}
	})
}

func TestReplicasAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf(0)
		spec := perMinute("l", 60, 12)
		spec.Share = ShareExact
		f := newFleet(t, 3, store, spec)
		defer f.close()
		time.Sleep(2 * presence)
		store.set(true, false)
		time.Sleep(2 * presence) // what was known last holds
		passed := 0
		for range 20 {
			if f.passes(0, "a") {
				passed++
			}
		}
		if passed != 4 {
			t.Errorf("%d have passed at one of three replicas, not 4", passed)
		}
	})
}

func TestNothingIsToldThatIsNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf(0)
		f := newFleet(t, 1, store, perMinute("l", 60, 10))
		defer f.close()
		f.passes(0, "a")
		if time.Sleep(time.Second); store.spends+store.takes != 0 || f.states[0].stop != nil {
			t.Error("the store was asked")
		}
	})
}
