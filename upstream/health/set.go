package health

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config says when endpoints are not asked. Base and Max must be positive, Healthy and Unhealthy too if
// there are checks.
type Config struct {
	Faults    int           // attempts in a row without an answer, which eject; 0: none do
	Errors5xx int           // answers in a row that were 5xx, which eject; 0: none do
	Base, Max time.Duration // how long the first ejection is, and the longest
	Share     int           // of the endpoints are not asked because of ejections, in percent; of several, one always may be
	Panic     int           // with fewer available, in percent, all are asked; 0: never

	Checks             bool // there are active checks: what ends an ejection is one of them, and no request
	Healthy, Unhealthy int  // checks in a row that change the phase

	// Tell, if not nil, is called with each change of phase, each ejection that follows another one included, in their order. It must
	// neither block nor ask the Set.
	Tell func(Change)
	// Panics, if not nil, is called when a panic begins and when it ends, as Tell is.
	Panics func(panics bool, available, of int)
	// Withheld, if not nil, is called when an endpoint is spared because of the others, as Tell is.
	Withheld func(address string)

	jitter func() float64 // in [0, 1); nil: at random
}

// jitterShare is by how much an ejection is longer at most, so that not all replicas try an endpoint at the same time.
const jitterShare = 0.2

// length is how long the ejection of that number is, counted from 1.
func (c *Config) length(times int) time.Duration {
	d := c.Base
	for i := 1; i < times && d < c.Max; i++ {
		d *= 2
	}
	d = min(d, c.Max)
	random := rand.Float64
	if c.jitter != nil {
		random = c.jitter
	}
	return d + time.Duration(float64(d)*jitterShare*random())
}

// Change is the change of an endpoint from one phase to another. From and To are both [Ejected] if the attempt that was to
// end an ejection has failed.
type Change struct {
	Address  string
	From, To Phase
	Reason   string        // for To, of [Reasons] or [CheckFailed]; empty with Up
	Detail   string        // what a check did not like
	For      time.Duration // the ejection
	Times    int           // ejections, with this one
	Lasted   time.Duration // how long From did
}

// Set is the health of the endpoints of an upstream.
type Set struct {
	config    Config
	panicking atomic.Bool

	mu  sync.Mutex
	all []*State
}

// NewSet returns the Set of an upstream that has no endpoints yet.
func NewSet(c Config) *Set { return &Set{config: c} }

// New returns the state of an endpoint of which nothing is known: it is up. It counts once it is kept.
func (s *Set) New(address string) *State {
	e := &State{set: s, address: address}
	e.enter(Up, time.Now())
	return e
}

// Heir returns the state of an endpoint that another Set knows, and of which it says no more. It counts once it is kept.
func (s *Set) Heir(from *State) *State {
	from.set.mu.Lock()
	defer from.set.mu.Unlock()
	e := &State{
		set: s, address: from.address, ejected: from.ejected, times: from.times, last: from.last, why: from.why,
	}
	if s.config.Checks {
		e.down, e.checks, e.checked, e.passing, e.checkErr = from.down, from.checks, from.checked, from.passing, from.checkErr
	}
	e.until.set(from.until.get())
	e.enter(e.known(), from.since)
	return e
}

// Keep makes the endpoints those that there are. All are of this Set.
func (s *Set) Keep(all []*State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.Clone(all)
	s.weigh()
}

// Panics reports whether so few endpoints are available that all are asked.
func (s *Set) Panics() bool { return s.panicking.Load() }

// update makes a change, and tells of it and of what it means for all.
func (s *Set) update(change func() (Change, bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, changed := change()
	if !changed {
		return
	}
	if s.config.Tell != nil {
		s.config.Tell(c)
	}
	s.weigh()
}

// weigh finds out whether too few endpoints are left.
func (s *Set) weigh() {
	up := len(s.all) - s.out()
	panics := up*100 < s.config.Panic*len(s.all)
	if s.panicking.Swap(panics) != panics && s.config.Panics != nil {
		s.config.Panics(panics, up, len(s.all))
	}
}

// out are the endpoints that are not up.
func (s *Set) out() (n int) {
	for _, e := range s.all {
		if Phase(e.phase.Load()) != Up {
			n++
		}
	}
	return n
}

// mayEject reports whether an endpoint that is up may be ejected: another one serves, and not too many are
// out already.
func (s *Set) mayEject(e *State) bool {
	out := s.out()
	if out > 0 && (out+1)*100 > s.config.Share*len(s.all) {
		return false
	}
	return slices.ContainsFunc(s.all, func(other *State) bool {
		return other != e && Phase(other.phase.Load()) == Up && other.faults.Load() == 0
	})
}

func (s *Set) withheld(e *State) {
	if s.config.Withheld != nil {
		s.config.Withheld(e.address)
	}
}
