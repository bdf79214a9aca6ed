package balance

import (
	"sync/atomic"
	"time"
)

// Latency is about how long an endpoint takes to answer. The zero Latency is one of which nothing is known.
// It is safe for concurrent use; of two values that are noted at the same moment one may be lost.
//
// It is made to tell that an endpoint answers much slower than another one, and nothing finer. A single
// value moves it by a fifth at most, so that one request that takes long by itself says little, while six of an
// endpoint that has become slow are enough.
type Latency struct {
	typical atomic.Int64 // nanoseconds; 0: unknown
	noted   atomic.Int64 // Unix nanoseconds of the last value
	values  atomic.Int32 // how many there were, up to enough
}

const (
	enough      = 5                // values tell something; the first ones are those of new connections
	weightOfOne = 16               // one value counts so many times less than what was known
	farthest    = 4                // and not as more than so many times that
	forgets     = 10 * time.Second // without a value, a slow endpoint counts as so many times faster
)

// Note takes a value into account.
func (l *Latency) Note(took time.Duration, now time.Time) {
	value, typical := max(int64(took), 1), l.typical.Load()
	if typical == 0 {
		typical = value
	}
	// Who was not asked for long because it was slow, and is no longer, need not win back all of it.
	typical = max(l.faded(typical, now), min(typical, value))
	typical += (min(value, farthest*typical) - typical) / weightOfOne
	l.typical.Store(max(typical, 1))
	l.noted.Store(now.UnixNano())
	if l.values.Load() < enough {
		l.values.Add(1)
	}
}

// Typical is what was noted; 0: nothing was.
func (l *Latency) Typical() time.Duration { return time.Duration(l.typical.Load()) }

// faded is what is left of a value after the time without another one.
func (l *Latency) faded(typical int64, now time.Time) int64 {
	for quiet := now.UnixNano() - l.noted.Load(); quiet >= int64(forgets) && typical > 0; quiet -= int64(forgets) {
		typical /= farthest
	}
	return typical
}

// much is how many times slower an endpoint has to be to count as slow, most how many times slower it counts
// as, and least what is fast whatever others do.
const (
	much  = 3
	most  = 32
	least = int64(time.Millisecond)
)

// slower returns how many times more a request costs at l than at other: 1 if l is not much slower, else the square of how many
// times it is. So it is asked when the others are so busy that they have become slow themselves, and not before. An idle endpoint
// counts as faster the longer it is idle, or nobody would ever know that it has recovered.
func (l *Latency) slower(other *Latency, idle bool, now time.Time) int64 {
	if l == nil || other == nil || l.values.Load() < enough || other.values.Load() < enough {
		return 1
	}
	own, its := l.typical.Load(), other.typical.Load()
	limit := much * max(its, least)
	if own <= limit {
		return 1
	}
	if idle {
		if own = l.faded(own, now); own <= limit {
			return 1
		}
	}
	times := min(own*much/limit, most)
	return times * times
}
