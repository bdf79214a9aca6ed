package rate

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var quotas = []Quota{
	{Units: 1, Period: time.Second, Burst: 1},
	{Units: 3, Period: time.Second, Burst: 3},
	{Units: 7, Period: time.Minute, Burst: 20},
	{Units: 5000, Period: time.Hour, Burst: 100},
	{Units: 1_000_000, Period: time.Second, Burst: 1000},
	{Units: 10 << 20, Period: time.Second, Burst: 1 << 20}, // bytes
	{Units: 3 << 30, Period: time.Second, Burst: 1 << 30},  // less than a nanosecond each
}

// passes is what a bucket let through, when.
type passes struct {
	at    int64
	units int64
}

// checkBound fails if any window of what has passed has more than burst + rate*t. Whatever the order was in which it
// passed, it counts when it began.
func checkBound(t *testing.T, q *Quota, all []passes) {
	t.Helper()
	slices.SortFunc(all, func(a, b passes) int { return cmp.Compare(a.at, b.at) })
	for i := range all {
		var units int64
		for j := i; j < len(all); j++ {
			units += all[j].units
			// (units - burst) * period <= rate * time
			over := new(big.Int).Mul(big.NewInt(units-q.Burst), big.NewInt(int64(q.Period)))
			may := new(big.Int).Mul(big.NewInt(q.Units), big.NewInt(all[j].at-all[i].at))
			if over.Cmp(may) > 0 {
				t.Fatalf("%d units within %v: more than %d and %d per %v", units, time.Duration(all[j].at-all[i].at), q.Burst, q.Units, q.Period)
			}
		}
	}
}

func TestNeverMoreThanBurstAndRate(t *testing.T) {
	for n, q := range quotas {
		t.Run(fmt.Sprintf("%d per %v", q.Units, q.Period), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			for range 5 {
				b := newBuckets(100)
				key, now := Key{1}, int64(1)
				var all []passes
				for range 300 {
					switch step := random.Int64N(q.span(max(1, q.Burst/4)) + 1); random.IntN(10) {
					case 0: // a request that began sooner comes later, or a clock is set back
						now = max(1, now-step)
					default:
						now += step
					}
					units := 1 + random.Int64N(max(1, q.Burst/3))
					if random.IntN(20) == 0 {
						units = math.MaxInt64 - random.Int64N(3)
					}
					cost := q.span(units)
					if _, ok := b.take(&key, now, cost, 0, q.span(q.Burst)); ok {
						all = append(all, passes{now, units})
					}
				}
				if len(all) == 0 {
					t.Fatal("nothing has passed")
				}
				checkBound(t, &q, all)
			}
		})
	}
}

func TestAlwaysNearlyAll(t *testing.T) {
	for _, q := range quotas {
		b := newBuckets(100)
		key, unit := Key{1}, max(1, q.Burst/100) // so that bytes need no billion requests
		cost, most := q.span(unit), q.span(q.Burst)
		var units int64
		const steps = 20_000
		step := cost/3 + 1
		for i := range int64(steps) {
			if _, ok := b.take(&key, 1+i*step, cost, 0, most); ok {
				units += unit
			}
		}
		may := float64(q.Burst) + float64(q.Units)*float64(steps*step)/float64(q.Period)
		if float64(units) > may || float64(units) < 0.98*may-float64(unit) {
			t.Errorf("%d per %v, burst %d: %d passed of %.1f", q.Units, q.Period, q.Burst, units, may)
		}
	}
}

func TestBurstIsExact(t *testing.T) {
	for _, q := range quotas[:5] {
		b, key, n := newBuckets(100), Key{1}, int64(0)
		for range q.Burst + 10 {
			if _, ok := b.take(&key, 5, q.span(1), 0, q.span(q.Burst)); ok {
				n++
			}
		}
		if n != q.Burst {
			t.Errorf("%d per %v: %d at once, not %d", q.Units, q.Period, n, q.Burst)
		}
	}
}

func TestSpansDoNotOverflow(t *testing.T) {
	for _, q := range quotas {
		last := int64(0)
		for _, units := range []int64{0, 1, 2, 1 << 20, 1 << 40, 1 << 62, math.MaxInt64} {
			span := q.span(units)
			if span < last {
				t.Errorf("%d per %v: %d units take %d, and fewer %d", q.Units, q.Period, units, span, last)
			}
			if back := q.units(span); span < math.MaxInt64 && back < units {
				t.Errorf("%d per %v: %d units take %d, in which %d come back", q.Units, q.Period, units, span, back)
			}
			last = span
		}
	}
	if got := sum(math.MaxInt64-1, 5); got != math.MaxInt64 {
		t.Errorf("sum is %d", got)
	}
}

func TestADebtIsBounded(t *testing.T) {
	q := Quota{Units: 1, Period: time.Second, Burst: 5}
	b, key, most := newBuckets(100), Key{1}, q.span(q.Burst)
	for range 10 {
		b.charge(&key, 1, math.MaxInt64, 0, most)
	}
	owes, ok := b.take(&key, 1, q.span(1), 0, most)
	if ok || owes != most+forgiven {
		t.Errorf("owes %v, allowed: %v", time.Duration(owes), ok)
	}
}

func TestAClockThatIsSetBackLocksNobodyOut(t *testing.T) {
	q := Quota{Units: 1, Period: time.Second, Burst: 5}
	b, key, most := newBuckets(100), Key{1}, q.span(q.Burst)
	b.charge(&key, int64(100*24*time.Hour), q.span(1), 0, most)
	if owes, ok := b.take(&key, 1, q.span(1), 0, most); ok || owes != most {
		t.Fatalf("owes %v, allowed: %v", time.Duration(owes), ok)
	}
	// It is as if all was used now, and not as if it was in a hundred days.
	b.charge(&key, 1, 0, 0, most)
	if _, ok := b.take(&key, 1+q.span(1), q.span(1), 0, most); !ok {
		t.Error("still locked out when a unit has come back")
	}
}
