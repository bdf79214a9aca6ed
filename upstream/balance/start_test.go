package balance

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlowStartWhateverHappens has candidates come and go at random. All that are well are asked, whoever is old enough gets no less than
// its weight, nobody who is new gets more, and all together what is new costs the others no more than twice their share.
func TestSlowStartWhateverHappens(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 9))
			o := Options{SlowStart: time.Minute, Least: 1 + random.IntN(50), random: random.Uint64}
			var all []*fake
			for range 200 {
				time.Sleep(time.Duration(random.IntN(20_000)) * time.Millisecond)
				now := time.Now()
				for range random.IntN(4) {
					f := fleet(1)[0]
					f.since, f.Weight = now, 1+random.IntN(9)
					all = append(all, f)
				}
				if len(all) > 3 && random.IntN(3) == 0 {
					at := random.IntN(len(all))
					all = append(all[:at:at], all[at+1:]...)
				}
				if len(all) == 0 {
					continue
				}
				for _, f := range all {
					f.standing = Well
					if random.IntN(10) == 0 {
						f.standing = Sick
					}
				}
				s := setOf(o, all)
				s.reckonIfDue(now)
				holdsStarts(t, s, all, now)
			}
		})
	}
}

// holdsStarts holds the shares of a set to what they have to be.
func holdsStarts(t *testing.T, s *Set, all []*fake, now time.Time) {
	t.Helper()
	weight, given := 0.0, 0.0
	oldest := time.Duration(0)
	for _, f := range all {
		if f.standing == Well {
			oldest = max(oldest, now.Sub(f.since))
		}
	}
	for i, f := range all {
		share := float64(s.shares[i].Load()) / whole
		if !s.starts.Load() {
			share = 1
		}
		age := now.Sub(f.since)
		switch {
		case age >= min(oldest, s.SlowStart) && share < 1:
			t.Fatalf("%d, as old as any, gets %g", i, share)
		case share > 1 || share < float64(s.Least)/100-0.001:
			t.Fatalf("%d, %s old, gets %g", i, age, share)
		}
		if f.standing == Well {
			weight += float64(f.Weight)
			given += share * float64(f.Weight)
		}
	}
	if given < weight/2-0.001*weight {
		t.Fatalf("%g of %g are given: the others carry more than twice their share", given, weight)
	}
}

// TestReckonedAfterTheClockWasSetBack has a member become sick when the clock was set back: it is noticed at once, not when
// the clock has caught up.
func TestReckonedAfterTheClockWasSetBack(t *testing.T) {
	all := fleet(2)
	s := setOf(Options{SlowStart: time.Minute}, all)
	now := time.Unix(1_700_000_000, 0)
	s.reckonIfDue(now)
	all[0].standing = Sick
	if s.reckonIfDue(now.Add(every / 2)); s.well.Load() != 2 {
		t.Error("it is reckoned too often")
	}
	if s.reckonIfDue(now.Add(-time.Hour)); s.well.Load() != 1 {
		t.Error("it is not reckoned")
	}
}
