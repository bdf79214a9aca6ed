package rate

import (
	"math"
	"math/bits"
	"time"
)

// Quota is how much a limit lets through.
type Quota struct {
	Units  int64         // in a period
	Period time.Duration // of which it is only the ratio that counts
	Burst  int64         // units at once, of a bucket that is full
}

// forgiven is the longest debt that is remembered: a bucket that owes more was charged by mistake, or before a clock
// was set back.
const forgiven = int64(24 * time.Hour)

// coarse is from when on a unit takes so long that it may be rounded up to whole nanoseconds: a thousandth.
const coarse = 1000

// span is how long so many units take to come back, in nanoseconds, rounded up: a bucket never gives more than it says.
func (q *Quota) span(units int64) int64 {
	if units <= 0 {
		return 0
	}
	if unit := roundedUp(uint64(q.Period), 1, uint64(q.Units)); unit >= coarse {
		return product(unit, units) // so that as many requests of one unit each cost the same as one of all
	}
	return roundedUp(uint64(q.Period), uint64(units), uint64(q.Units))
}

// units is how many whole units come back in a time.
func (q *Quota) units(span int64) int64 {
	if span <= 0 {
		return 0
	}
	if unit := q.span(1); unit >= coarse {
		return span / unit
	}
	high, low := bits.Mul64(uint64(span), uint64(q.Units))
	if high >= uint64(q.Period) {
		return math.MaxInt64
	}
	n, _ := bits.Div64(high, low, uint64(q.Period))
	return int64(min(n, math.MaxInt64))
}

// roundedUp is a*b/c, rounded up, or the largest number if it is larger.
func roundedUp(a, b, c uint64) int64 {
	high, low := bits.Mul64(a, b)
	if high >= c {
		return math.MaxInt64
	}
	n, rest := bits.Div64(high, low, c)
	if rest > 0 {
		n++
	}
	return int64(min(n, math.MaxInt64))
}

func product(a, b int64) int64 {
	high, low := bits.Mul64(uint64(a), uint64(b))
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low)
}

// sum is a+b of numbers that are not negative, or the largest number.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// owed is what a bucket that is full again at some time owes now. A debt that no charge can have made is one of before
// a clock was set back: it becomes the largest that a request may leave behind.
func owed(full, now, most int64) int64 {
	switch debt := full - now; {
	case full <= now:
		return 0
	case debt < 0 || debt > sum(most, forgiven): // or so far away that it overflows
		return most
	default:
		return debt
	}
}
