package upstream

import (
	"sync/atomic"
	"time"
)

// budget bounds how much is tried again: of many requests that fail, only some may come twice, or
// endpoints that cannot keep up get more to do the less they can.
type budget struct {
	share    int64        // of the requests that came lately, in percent
	least    int32        // that may be tried again at a time, however few come
	trying   atomic.Int32 // that are
	asked    lately       // requests
	repeated lately       // attempts beyond the first
}

// take asks for one more attempt. If it is true, give follows when the attempt is over.
func (b *budget) take(now time.Time) bool {
	if b.trying.Add(1) > b.least && (b.repeated.sum(now)+1)*100 > b.share*b.asked.sum(now) {
		b.trying.Add(-1)
		return false
	}
	b.repeated.add(now)
	return true
}

func (b *budget) give() { b.trying.Add(-1) }

// remembered is how many seconds lately is, without the one that is running.
const remembered = 10

// lately counts what happens, and forgets it. What is counted while a second begins may be lost: it says how
// much there is, not how many.
type lately struct {
	slots [remembered + 1]struct{ second, n atomic.Int64 }
}

func (l *lately) add(now time.Time) {
	second := now.Unix()
	s := &l.slots[second%int64(len(l.slots))]
	if was := s.second.Load(); was != second && s.second.CompareAndSwap(was, second) {
		s.n.Store(0)
	}
	s.n.Add(1)
}

func (l *lately) sum(now time.Time) (n int64) {
	second := now.Unix()
	for i := range l.slots {
		if s := &l.slots[i]; second-s.second.Load() <= remembered {
			n += s.n.Load()
		}
	}
	return n
}
