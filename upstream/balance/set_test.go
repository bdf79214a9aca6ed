package balance

import (
	"fmt"
	"math"
	"testing"
	"time"
)

var policies = map[string]Policy{"least_request": LeastRequest, "round_robin": RoundRobin, "consistent_hash": ConsistentHash, "sticky": Sticky}

// One attempt after the other gets to everybody that may be asked, once, those in better standing first only
// if asked so.
func TestEverybodyOnce(t *testing.T) {
	for name, p := range policies {
		for _, n := range []int{1, 2, 5, 40} {
			all := fleet(n)
			for i := range all {
				all[i].Weight, all[i].Zone = 1+i%3, fmt.Sprint("z", i%2)
				all[i].standing = Standing(i % 3)
			}
			s := setOf(Options{Policy: p, Secret: []byte("s"), Bound: 125, Zone: "z0", Spill: 70, SlowStart: time.Minute, Least: 10}, all)
			for _, worst := range []Standing{Well, Ending, Sick} {
				a := Ask{Now: epoch, Worst: worst, Key: Hash("k"), Keyed: true, Token: s.Token(n - 1), Tried: &Tried{}}
				for {
					i, ok := s.Next(&a)
					if !ok {
						break
					}
					if a.Tried.Has(i) || all[i].standing > worst {
						t.Fatalf("%s, %d endpoints: %d, tried %v, stands %d", name, n, i, a.Tried, all[i].standing)
					}
					a.Tried.Add(i)
				}
				want := 0
				for _, f := range all {
					if f.standing <= worst {
						want++
					}
				}
				if a.Tried.Len() != want {
					t.Errorf("%s, %d endpoints: %d asked, want %d", name, n, a.Tried.Len(), want)
				}
			}
		}
	}
}

// zones has four requests in flight at once on average, which go to endpoints of these zones, of which a is the own one.
func zones(t *testing.T, p Policy, zones string, sick int) (own float64) {
	t.Helper()
	all, usual := fleet(len(zones)), around(10*time.Millisecond)
	for i := range all {
		all[i].Zone = zones[i : i+1]
		if i < sick {
			all[i].standing = Sick
		}
	}
	s := simulation{set: setOf(Options{Policy: p, Zone: "a", Spill: 70}, all), all: all, rate: 400, takes: func(*fake) time.Duration { return usual() }}
	s.run(t, 30*time.Second)
	for i, share := range asked(all) {
		if zones[i] == 'a' {
			own += share
		}
	}
	return own
}

func TestZones(t *testing.T) {
	for _, c := range []struct {
		zones string
		sick  int // of those at the beginning
		want  float64
	}{
		{"aaabbbccc", 0, 1},
		{"aaabbbccc", 1, 1},                             // 2 of 8, a zone has 2.67 on average, 70 % of that are 1.87
		{"aaabbbccc", 2, 1 / (0.7 * 7.0 / 3)},           // 1 of 7
		{"aaabbbccc", 3, 0},                             // none
		{"abbbbccccc", 0, 1 / (0.7 * 10.0 / 3)},         // too few from the beginning
		{"aab", 0, 1},                                   //
		{"bbb", 0, 0},                                   // the own zone has nobody
		{"aaa", 0, 1},                                   // nobody else has
		{"aabb", 0, 1},                                  //
		{"aabbbb", 1, 1 / (0.7 * 5 / 2)},                //
		{"aaaaaaaaaabbbbbbbbbb", 5, 5 / (0.7 * 15 / 2)}, //
	} {
		for _, p := range []Policy{LeastRequest, RoundRobin, Sticky} {
			if got := zones(t, p, c.zones, c.sick); math.Abs(got-c.want) > 0.02 {
				t.Errorf("%s, %d sick, policy %d: %.3f stay, want %.3f", c.zones, c.sick, p, got, c.want)
			}
		}
	}
}

// starting has the first of some endpoints be new and all others old, lets them be asked, and returns the share that the first
// gets of what is its own, second by second.
func starting(t *testing.T, p Policy, fresh, old, rate int, seconds int) (shares []float64) {
	t.Helper()
	all, usual := fleet(fresh+old), around(10*time.Millisecond)
	for _, f := range all[:fresh] {
		f.since = epoch
	}
	s := simulation{
		set: setOf(Options{Policy: p, SlowStart: 10 * time.Second, Least: 10}, all), all: all, rate: float64(rate),
		takes: func(*fake) time.Duration { return usual() },
	}
	for range seconds {
		s.run(t, time.Second)
		shares = append(shares, asked(all)[0]*float64(fresh+old))
	}
	return shares
}

func TestSlowStart(t *testing.T) {
	for _, p := range []Policy{LeastRequest, RoundRobin} {
		got := starting(t, p, 1, 4, 3000, 14)
		if got[0] < 0.05 || got[0] > 0.3 {
			t.Errorf("policy %d: in the first second the new endpoint gets %.2f of its share", p, got[0])
		}
		for i := 2; i < len(got); i += 2 {
			if i < 10 && got[i] < got[i-2] {
				t.Errorf("policy %d: it gets less in second %d: %.2f", p, i, got)
			}
			if i > 10 && math.Abs(got[i]-1) > 0.15 {
				t.Errorf("policy %d: it does not get its share: %.2f", p, got)
			}
		}
		for i, share := range starting(t, p, 5, 0, 3000, 12) { // nobody is spared at the cost of nobody
			if math.Abs(share-1) > 0.15 {
				t.Errorf("policy %d: all are new, and one gets %.2f of its share in second %d", p, share, i)
			}
		}
	}
}

// One old endpoint of ten does not have to do the work of the nine new ones.
func TestSlowStartSparesTheOld(t *testing.T) {
	for _, p := range []Policy{LeastRequest, RoundRobin} {
		all, usual := fleet(10), around(10*time.Millisecond)
		for _, f := range all[1:] {
			f.since = epoch
		}
		s := simulation{
			set: setOf(Options{Policy: p, SlowStart: 30 * time.Second, Least: 10}, all), all: all, rate: 3000,
			takes: func(*fake) time.Duration { return usual() },
		}
		for second := range 30 {
			s.run(t, time.Second)
			if share := asked(all)[0] * 10; share > 2.4 {
				t.Errorf("policy %d: in second %d the old one gets %.2f times its share", p, second, share)
			}
		}
	}
}

// What is a little younger than the oldest gets a little less, and not what a new one among old ones does.
func TestSlowStartGoesByTheOldest(t *testing.T) {
	all := fleet(2)
	all[0].since, all[1].since = epoch, epoch.Add(2*time.Second)
	s := setOf(Options{SlowStart: time.Hour, Least: 10}, all)
	for after, want := range map[time.Duration]float64{4: 0.5, 8: 0.75, 20: 0.9} {
		s.reckonStarts(epoch.Add(after*time.Second), 2)
		if got := float64(s.shares[1].Load()) / whole; math.Abs(got-want) > 0.01 {
			t.Errorf("after %d s: %.3f, want %.3f", after, got, want)
		}
	}
}

func TestChoosingDoesNotAllocate(t *testing.T) {
	for name, p := range policies {
		all := fleet(20)
		all[3].since = epoch
		s := setOf(Options{Policy: p, Bound: 125, Secret: []byte("s"), Zone: "a", Spill: 70, SlowStart: time.Minute, Least: 10}, all)
		a := Ask{Now: epoch.Add(time.Second), Key: Hash("k"), Keyed: true, Token: s.Token(3)}
		if n := testing.AllocsPerRun(1000, func() {
			a.Now = a.Now.Add(every)
			s.Next(&a)
		}); n != 0 {
			t.Errorf("%s: %g allocations", name, n)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	for name, p := range policies {
		for _, n := range []int{2, 10, 200} {
			for what, o := range map[string]Options{"plain": {}, "all": {Bound: 125, Zone: "a", Spill: 70, SlowStart: time.Minute, Least: 10}} {
				b.Run(fmt.Sprintf("%s/%d/%s", name, n, what), func(b *testing.B) {
					all := fleet(n)
					for i := range all {
						all[i].inFlight = 1
						all[i].latency.Note(time.Millisecond, epoch)
						if what == "all" {
							all[i].Weight, all[i].Zone = 1+i%3, string(rune('a'+i%2))
						}
					}
					o.Policy, o.Secret, o.random = p, []byte("s"), nil
					o.InFlight = func() int { return n } // as a Pool knows it
					var members []Member
					for _, f := range all {
						members = append(members, f.Member)
					}
					s := New(o, members)
					a := Ask{Now: time.Now(), Token: s.Token(n - 1), Keyed: true}
					b.ReportAllocs()
					for b.Loop() {
						a.Key += 0x9e3779b97f4a7c15
						a.Now = a.Now.Add(100 * time.Microsecond)
						s.Next(&a)
					}
				})
			}
		}
	}
}
