package balance

import (
	"math"
	"time"
)

// every is how old what is reckoned may be.
const every = 100 * time.Millisecond

const never = math.MaxInt64

// reckonIfDue reckons what depends on time and on how all members are.
func (s *Set) reckonIfDue(now time.Time) {
	due := s.due.Load()
	if due == never {
		return
	}
	n := now.UnixNano()
	early := n < due && due-n <= int64(every) // else the clock was set back meanwhile
	if early || !s.due.CompareAndSwap(due, n+int64(every)) {
		return
	}
	own, all, zones := int64(0), int64(0), int64(0)
	for k, zone := range s.zones {
		weight := s.weightOf(zone, now)
		if weight > 0 {
			zones++
		}
		if k == 0 {
			own = weight
		}
		all += weight
	}
	s.well.Store(all)
	if s.abroad != nil {
		s.stays.Store(staying(own, all, zones, int64(s.Spill)))
	}
	if s.SlowStart > 0 {
		s.reckonStarts(now, all)
	}
}

// weightOf is the weight of those members that are well.
func (s *Set) weightOf(members []int, now time.Time) (weight int64) {
	for _, i := range members {
		weight += s.wellWeight(i, now)
	}
	return weight
}

func (s *Set) wellWeight(i int, now time.Time) int64 {
	if m := &s.members[i]; m.Standing(now) == Well {
		return int64(m.Weight)
	}
	return 0
}

// staying is how many requests stay in the own zone: all of them as long as it has a certain part of what zones have on
// average, and as much less as it lacks. So it gets no more than it can carry, whether it has lost endpoints or never
// had many.
func staying(own, all, zones, spill int64) uint32 {
	enough := max(all*spill, 1) // for one zone, times zones and 100
	return uint32(min(whole, whole*own*zones*100/enough))
}

// reckonStarts says how much of its weight each member gets. Its age is compared with that of the oldest one, so that
// where all are new all are equal. What new ones do not get the others have to carry: if that is more than they have anyway,
// the new ones get more.
func (s *Set) reckonStarts(now time.Time, all int64) {
	window := s.window(now)
	given := int64(0) // of all, in parts of whole
	for i := range s.members {
		share := s.grown(i, now, window)
		given += s.wellWeight(i, now) * share
		s.shares[i].Store(uint32(share))
	}
	if given >= all*whole {
		s.starts.Store(false)
		return
	}
	if half := all * whole / 2; given < half {
		for i := range s.members {
			share := int64(s.shares[i].Load())
			share += int64(float64(whole-share) * float64(half-given) / float64(all*whole-given))
			s.shares[i].Store(uint32(share))
		}
	}
	s.starts.Store(true)
}

// window is how old a member has to be to get all of its weight: no older than the oldest one is.
func (s *Set) window(now time.Time) time.Duration {
	oldest := time.Duration(0)
	for i := range s.members {
		if m := &s.members[i]; m.Standing(now) == Well {
			oldest = max(oldest, now.Sub(m.Since()))
		}
	}
	return min(s.SlowStart, oldest)
}

// grown is how much of its weight a member gets, in parts of whole.
func (s *Set) grown(i int, now time.Time, window time.Duration) int64 {
	age := now.Sub(s.members[i].Since())
	if age >= window {
		return whole
	}
	return max(int64(float64(whole)*float64(age)/float64(window)), whole*int64(s.Least)/100)
}
