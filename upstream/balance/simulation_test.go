package balance

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// fake is a candidate that is as a test says.
type fake struct {
	Member
	inFlight int
	standing Standing
	since    time.Time
	latency  *Latency
	asked    int
}

func (f *fake) InFlight() int               { return f.inFlight }
func (f *fake) Standing(time.Time) Standing { return f.standing }
func (f *fake) Since() time.Time            { return f.since }
func (f *fake) Latency() *Latency           { return f.latency }

// epoch is when all simulations begin.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// fleet is n candidates.
func fleet(n int) []*fake {
	var all []*fake
	for i := range n {
		f := &fake{latency: &Latency{}, since: epoch.Add(-24 * time.Hour)}
		f.Member = Member{Candidate: f, Name: fmt.Sprintf("10.0.0.%d:80", i), Weight: 1}
		all = append(all, f)
	}
	return all
}

func setOf(o Options, all []*fake) *Set {
	if o.random == nil {
		o.random = rand.New(rand.NewPCG(1, 2)).Uint64
	}
	var members []Member
	for _, f := range all {
		members = append(members, f.Member)
	}
	return New(o, members)
}

// simulation is requests that arrive at random, and end after the time that their endpoint takes.
type simulation struct {
	set   *Set
	all   []*fake
	rate  float64 // requests in a second
	takes func(f *fake) time.Duration
	key   func() uint64                     // nil: requests have none
	each  func(f *fake, took time.Duration) // nil: nobody asks

	now    time.Time
	random *rand.Rand
	under  pending
}

// running is a request that has not ended.
type running struct {
	began, ends time.Time
	at          int // of all, who has it
}

// pending are those, by their ends.
type pending []running

func (p pending) Len() int           { return len(p) }
func (p pending) Less(i, j int) bool { return p[i].ends.Before(p[j].ends) }
func (p pending) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *pending) Push(x any)        { *p = append(*p, x.(running)) }
func (p *pending) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

// run has requests arrive for a while.
func (s *simulation) run(tb testing.TB, d time.Duration) {
	tb.Helper()
	if s.random == nil {
		s.random, s.now = rand.New(rand.NewPCG(3, 4)), epoch
	}
	for end := s.now.Add(d); ; {
		s.now = s.now.Add(time.Duration(s.random.ExpFloat64() / s.rate * float64(time.Second)))
		if s.now.After(end) {
			s.now = end
			s.finish(end)
			return
		}
		s.finish(s.now)
		a := Ask{Now: s.now}
		if s.key != nil {
			a.Key, a.Keyed = s.key(), true
		}
		i, ok := s.set.Next(&a)
		if !ok {
			tb.Fatal("nobody is asked")
		}
		f := s.all[i]
		f.inFlight++
		f.asked++
		took := s.takes(f)
		heap.Push(&s.under, running{s.now, s.now.Add(took), i})
		if s.each != nil {
			s.each(f, took)
		}
	}
}

// finish ends what ends by then.
func (s *simulation) finish(by time.Time) {
	for len(s.under) > 0 && !s.under[0].ends.After(by) {
		r := heap.Pop(&s.under).(running)
		f := s.all[r.at]
		f.inFlight--
		f.latency.Note(r.ends.Sub(r.began), r.ends)
	}
}

// around is a source of times that are the given one on average, and at most half of it off.
func around(d time.Duration) func() time.Duration {
	r := rand.New(rand.NewPCG(5, 6))
	return func() time.Duration { return time.Duration((0.5 + r.Float64()) * float64(d)) }
}

// asked forgets how many requests each has got, and returns it in parts of all of them.
func asked(all []*fake) (shares []float64) {
	sum := 0
	for _, f := range all {
		sum += f.asked
	}
	for _, f := range all {
		shares = append(shares, float64(f.asked)/float64(sum))
		f.asked = 0
	}
	return shares
}
