package balance

import (
	"cmp"
	"slices"
)

// ring are points in a circle, each of them a member's. A key leads to the point that is next behind it. If a member comes or
// goes, only the keys in front of its own points lead elsewhere.
type ring []point

type point struct {
	at     uint32
	member uint32
}

// perMember is how many points a member of average weight has: with so many the shares of equals are the same to
// about a twelfth. mostPoints bounds a ring.
const (
	perMember  = 160
	mostPoints = 1 << 16
)

func newRing(members []Member) ring {
	total := 0
	for i := range members {
		total += members[i].Weight
	}
	all := min(perMember*len(members), mostPoints)
	r := make(ring, 0, all+len(members))
	for i := range members {
		h := Hash(members[i].Name)
		for n := range max(1, all*members[i].Weight/total) {
			r = append(r, point{uint32(mix(h+uint64(n)*0x9e3779b97f4a7c15) >> 32), uint32(i)})
		}
	}
	slices.SortFunc(r, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(members[a.member].Name, members[b.member].Name))
	})
	return r
}

// after is the index of the point that a key leads to.
func (r ring) after(key uint64) int {
	at := uint32(key >> 32)
	low, high := 0, len(r)
	for low < high {
		if middle := int(uint(low+high) / 2); r[middle].at < at {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == len(r) {
		return 0
	}
	return low
}

// onRing returns the member that a key leads to: the first that can be asked and has room. If all are full, it is the first.
func (s *Set) onRing(a *Ask) (i int, ok bool) {
	a.inFlight = 0
	p := s.ring.after(a.Key)
	first, found, passed := 0, false, -1
	for range s.ring {
		if i := int(s.ring[p].member); i != passed && s.may(i, a) {
			if !s.full(i, a) {
				return i, true
			}
			if !found {
				first, found = i, true
			}
			passed = i
		}
		if p++; p == len(s.ring) {
			p = 0
		}
	}
	return first, found
}

// full reports whether a member has as much to do as it may: its share of all that is in flight, this request
// included, and somewhat more, rounded up. Some member always has room.
func (s *Set) full(i int, a *Ask) bool {
	m := &s.members[i]
	own := int64(m.InFlight())
	if s.Bound == 0 || own == 0 {
		return false
	}
	if a.inFlight == 0 {
		a.inFlight = 1 + s.allInFlight()
	}
	return own*100*max(s.well.Load(), 1) >= int64(s.Bound)*a.inFlight*int64(m.Weight)
}

// calm is how many requests are few enough that a token is followed whatever others have: a session is not left behind for a few.
const calm = 16

// crowded is full for the member that a token names.
func (s *Set) crowded(i int, a *Ask) bool {
	if s.Bound == 0 || s.members[i].InFlight() < calm {
		return false
	}
	a.inFlight = 0
	return s.full(i, a)
}

func (s *Set) allInFlight() (n int64) {
	if s.InFlight != nil {
		return int64(s.InFlight())
	}
	for i := range s.members {
		n += int64(s.members[i].InFlight())
	}
	return n
}
