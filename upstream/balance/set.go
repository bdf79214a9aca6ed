package balance

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// Set chooses among candidates. It is safe for concurrent use.
type Set struct {
	Options
	members []Member
	home    *group  // those of the own zone or, if zones do not matter, all
	abroad  *group  // the others; nil: there are none
	zones   [][]int // all members by zone, the own one first
	ring    ring    // nil: keys lead nowhere

	tokens  []string       // of each member; nil: there are none
	byToken map[string]int // the members again

	// What is reckoned now and then, since it depends on time and on how all candidates are.
	due    atomic.Int64    // when it is again, in Unix nanoseconds; or never
	stays  atomic.Uint32   // of the requests, how many stay in the own zone, in parts of whole
	starts atomic.Bool     // somebody gets less than its weight
	shares []atomic.Uint32 // of its weight, how much each gets, in parts of whole
	well   atomic.Int64    // the weight of all that are
}

// whole is what shares are parts of.
const whole = 1 << 16

// New makes the Set of those members, of which there has to be one.
func New(o Options, members []Member) *Set {
	if o.random == nil {
		o.random = rand.Uint64
	}
	s := &Set{Options: o, members: slices.Clone(members), shares: make([]atomic.Uint32, len(members))}
	for i := range s.members {
		s.members[i].Weight = max(s.members[i].Weight, 1)
		s.shares[i].Store(whole)
	}
	s.divide()
	if o.Policy == ConsistentHash {
		s.ring = newRing(s.members)
	}
	if o.Policy == Sticky {
		s.byToken = make(map[string]int, len(members))
		for i := range s.members {
			t := token(o.Secret, s.members[i].Name)
			s.tokens, s.byToken[t] = append(s.tokens, t), i
		}
	}
	if o.SlowStart <= 0 && s.abroad == nil && (s.ring == nil && s.tokens == nil || o.Bound == 0) {
		s.due.Store(never)
	}
	return s
}

// divide makes the groups: of the own zone and of the others or, if the own zone has nobody, of all.
func (s *Set) divide() {
	s.zones = [][]int{nil}
	at := map[string]int{s.Zone: 0}
	for i := range s.members {
		zone := s.members[i].Zone
		if s.Zone == "" {
			zone = ""
		}
		if _, known := at[zone]; !known {
			at[zone] = len(s.zones)
			s.zones = append(s.zones, nil)
		}
		s.zones[at[zone]] = append(s.zones[at[zone]], i)
	}
	here, there := s.zones[0], slices.Concat(s.zones[1:]...)
	s.stays.Store(whole)
	switch {
	case len(here) == 0:
		s.home = s.group(there)
	case len(there) == 0:
		s.home = s.group(here)
	default:
		s.home, s.abroad = s.group(here), s.group(there)
	}
}

// Len is how many members there are.
func (s *Set) Len() int { return len(s.members) }

// Token is what names a member in requests that shall be sent there again; empty: none do.
func (s *Set) Token(i int) string {
	if s.tokens == nil {
		return ""
	}
	return s.tokens[i]
}

// Ask is a choice to be made.
type Ask struct {
	Now   time.Time
	Key   uint64 // of ConsistentHash: what of the request decides, as [Hash] has it
	Keyed bool   // it has a Key
	Token string // of Sticky; empty: it has none
	Tried *Tried // who is out of the question
	Worst Standing

	inFlight int64 // at all members together, this one included; 0: not counted yet
}

// Next returns the index of the member to ask. ok: there is one, not tried, that stands as asked for or better.
func (s *Set) Next(a *Ask) (i int, ok bool) {
	if len(s.members) == 1 {
		return 0, s.may(0, a)
	}
	s.reckonIfDue(a.Now)
	if s.ring != nil && a.Keyed {
		return s.onRing(a)
	}
	if a.Token != "" {
		if i, ok := s.byToken[a.Token]; ok && s.may(i, a) && !s.crowded(i, a) {
			return i, true
		}
	}
	first, second := s.home, s.abroad
	if second != nil && s.leaves() {
		first, second = second, first
	}
	if i, ok := s.from(first, a); ok || second == nil {
		return i, ok
	}
	return s.from(second, a)
}

// may reports whether a member can be asked at all.
func (s *Set) may(i int, a *Ask) bool {
	return s.members[i].Standing(a.Now) <= a.Worst && !a.Tried.Has(i)
}

// leaves decides whether a request leaves the own zone.
func (s *Set) leaves() bool { return !s.chance(s.stays.Load()) }

// admitted decides whether a member that is new takes a request that would be its own.
func (s *Set) admitted(i int) bool { return !s.starts.Load() || s.chance(s.shares[i].Load()) }

// chance is true for a share of all times that it is asked for, in parts of whole.
func (s *Set) chance(share uint32) bool { return share >= whole || s.random()%whole < uint64(share) }

// draws is how often somebody is drawn before everybody is looked at.
const draws = 16

// from chooses from a group.
func (s *Set) from(g *group, a *Ask) (i int, ok bool) {
	if s.Policy == RoundRobin {
		for range draws {
			if i := g.next(); s.may(i, a) && s.admitted(i) {
				return i, true
			}
		}
		return s.least(g, a)
	}
	for range draws {
		place := g.draw(s.random())
		if i := g.members[place]; s.may(i, a) && s.admitted(i) {
			return s.lesser(g, a, place), true
		}
	}
	return s.least(g, a)
}

// lesser draws somebody else, and returns who of the two has less to do.
func (s *Set) lesser(g *group, a *Ask, place int) int {
	i := g.members[place]
	if len(g.members) == 1 {
		return i
	}
	for range draws {
		j := g.members[g.other(s.random(), place)]
		if s.may(j, a) && s.admitted(j) {
			if s.less(j, i, a.Now) {
				return j
			}
			return i
		}
	}
	return i
}

// least looks at everybody, which is for when few can be asked.
func (s *Set) least(g *group, a *Ask) (best int, found bool) {
	for _, i := range g.members {
		if s.may(i, a) && (!found || s.less(i, best, a.Now)) {
			best, found = i, true
		}
	}
	return best, found
}

// less reports whether i has less to do than j for its weight. Half of the request at hand counts: without it, a light one that is
// idle would always win, with all of it, never. If one is slow, all of it counts: idle and slow is not better than busy and
// fast. Two that are idle are equal, so that who was drawn first, by weight, is asked.
func (s *Set) less(i, j int, now time.Time) bool {
	a, b := &s.members[i], &s.members[j]
	ours, its := int64(a.InFlight()), int64(b.InFlight())
	slow, slowIt := a.Latency().slower(b.Latency(), ours == 0, now), b.Latency().slower(a.Latency(), its == 0, now)
	halves := int64(1)
	switch {
	case slow != slowIt:
		halves = 2
	case ours+its == 0:
		return false
	}
	return (2*ours+halves)*slow*s.carries(j) < (2*its+halves)*slowIt*s.carries(i)
}

// carries is a member's weight, as far as it gets it.
func (s *Set) carries(i int) int64 {
	w := int64(s.members[i].Weight)
	if s.starts.Load() {
		w *= int64(s.shares[i].Load())
	}
	return w
}
