package rate

import (
	"context"
	"slices"
	"time"
)

// Why says why a limit lets a request not pass.
type Why uint8

// Why it can.
const (
	Within  Why = iota // it does
	Over               // the bucket has not enough
	NoKey              // the request lacks a part of the key
	NoStore            // the store is away, and the limit is not enforced without
)

// Result is what the limits of a request say together.
type Result struct {
	Limit      *Limit // that refuses the request; nil: none
	Why        Why
	RetryAfter time.Duration

	Wait time.Duration // for which the request is made to wait, then

	Would    *Limit // that would refuse it, if it did more than observe; nil: none
	WouldWhy Why
}

// Outcome is what became of a request.
type Outcome struct {
	Status   int // of the response; 0: none
	Score    int // of anomaly
	BytesIn  int64
	BytesOut int64
}

// Asked is what one request asks of limits. All are asked, and if one refuses it, none has been charged. An Asked may be
// used again after Reset.
type Asked struct {
	items   []item
	scratch []byte
	remote  []Bucket // of the items that the store is asked about
	of      []int    // which they are
	how     []Shared
	waiting bool
	passed  bool
}

// item is one limit that applies.
type item struct {
	limit   *Limit
	key     Key
	why     Why
	observe bool
	owes    int64 // what the bucket owes now
	taken   int64 // what was taken from the bucket of this process
	unsent  int64 // of it, what the store is to be told
	weight  int64 // by which charges count here: how many replicas there are, of which none hears from the others
}

// mostScratch is what an Asked that is used again may keep of a long key.
const mostScratch = 4 << 10

// Reset forgets the last request.
func (a *Asked) Reset() {
	clear(a.items[:cap(a.items)])
	a.items, a.passed = a.items[:0], false
	if cap(a.scratch) > mostScratch {
		a.scratch = nil
	}
}

// Len is how many limits apply.
func (a *Asked) Len() int { return len(a.items) }

// Add adds a limit that applies to the request. If it is observed, it is reported what it would do.
func (a *Asked) Add(l *Limit, of Source, observe bool) {
	it := item{limit: l, observe: observe || l.Mode == Observe}
	var whole bool
	it.key, a.scratch, whole = l.key(a.scratch, of)
	if !whole {
		switch l.Missing {
		case Skip:
			l.count(Unkeyed)
			return
		case Deny:
			it.why = NoKey
		}
	}
	a.items = append(a.items, it)
}

// Decide asks all limits that were added. Who is made to wait waits first, calls Waited and goes on; nobody else may be
// kept from anything by it.
func (a *Asked) Decide(ctx context.Context, s *State, t time.Time) Result {
	now := s.now(t)
	up := s.store != nil && s.store.Up()
	a.remote, a.of = a.remote[:0], a.of[:0]
	for i := range a.items {
		a.items[i].here(s, now, up)
		if it := &a.items[i]; it.refuses() {
			return a.refused(i)
		}
		a.there(i, up)
	}
	if len(a.remote) > 0 {
		if i := a.askStore(ctx, s, now); i >= 0 {
			return a.refused(i)
		}
	}
	return a.pass()
}

func (it *item) refuses() bool { return it.why != Within && !it.observe }

// here asks the bucket of this process.
func (it *item) here(s *State, now int64, up bool) {
	l := it.limit
	it.weight = 1
	if it.why != Within {
		return
	}
	if l.Share != ShareNone && !up {
		if it.alone(s); l.StoreDown != DownLocal {
			return
		}
	} else if l.Share == ShareExact && !l.Afterwards() {
		return // the store alone knows
	}
	cost := product(l.cost, it.weight)
	most := sum(max(l.most, cost), l.tolerates()-l.most)
	var ok bool
	if l.Afterwards() {
		it.owes, ok = l.buckets.ask(&it.key, now, cost, most)
	} else {
		if it.taken = cost; s.store != nil && l.shared() {
			it.unsent = l.cost
		}
		it.owes, ok = l.buckets.take(&it.key, now, cost, it.unsent, most)
	}
	if !ok {
		it.why, it.taken, it.unsent = Over, 0, 0
	}
}

// alone is what is done while nothing is heard from other replicas.
func (it *item) alone(s *State) {
	switch l := it.limit; l.StoreDown {
	case DownDeny:
		it.why = NoStore
	case DownLocal:
		n := l.Replicas
		if n == 0 && s.store != nil {
			n = int(s.replicas.Load())
		}
		it.weight = int64(max(1, n))
	}
}

// there notes what the store is to be asked of a limit.
func (a *Asked) there(i int, up bool) {
	it := &a.items[i]
	l := it.limit
	if l.Share != ShareExact || !up || it.why != Within {
		return
	}
	b := Bucket{Key: it.key, Cost: time.Duration(l.cost), Most: time.Duration(l.tolerates()), Alone: it.observe}
	if l.Afterwards() {
		b.Cost, b.Most = 0, time.Duration(l.tolerates()-l.cost)
	}
	a.remote, a.of = append(a.remote, b), append(a.of, i)
}

// askStore asks the store, and returns which item refuses the request; -1: none.
func (a *Asked) askStore(ctx context.Context, s *State, now int64) int {
	a.how = slices.Grow(a.how[:0], len(a.remote))[:len(a.remote)]
	clear(a.how)
	if s.store.Take(ctx, a.remote, a.how) != nil {
		for _, i := range a.of {
			if a.items[i].here(s, now, false); a.items[i].refuses() {
				return i
			}
		}
		return -1
	}
	refuses := -1
	for j, i := range a.of {
		it := &a.items[i]
		it.owes = max(it.owes, int64(a.how[j].Owes))
		if a.how[j].Allowed {
			continue
		}
		if it.why = Over; it.refuses() && (refuses < 0 || it.retryAfter() > a.items[refuses].retryAfter()) {
			refuses = i
		}
	}
	return refuses
}

// retryAfter is when the limit would let the request in.
func (it *item) retryAfter() time.Duration {
	switch l := it.limit; it.why {
	case Over:
		return time.Duration(max(1, sum(it.owes, product(l.cost, it.weight))-l.tolerates()))
	case NoStore:
		return time.Second
	}
	return 0
}

// refused gives back what was taken, since an item refuses.
func (a *Asked) refused(by int) Result {
	for i := range a.items {
		if it := &a.items[i]; it.taken > 0 {
			it.limit.buckets.giveBack(&it.key, it.taken, it.unsent)
			it.taken, it.unsent = 0, 0
		}
	}
	a.items[0] = a.items[by] // the one of which is told
	a.items = a.items[:1]
	it := &a.items[0]
	it.limit.count(it.counted())
	return Result{Limit: it.limit, Why: it.why, RetryAfter: it.retryAfter()}
}

func (it *item) counted() int {
	switch over := it.owes > it.limit.most; {
	case it.why == NoKey:
		return Unkeyed
	case it.why != Within && it.observe:
		return Observed
	case it.why != Within:
		return Limited
	case over && it.limit.Mode == Throttle && !it.observe:
		return Delayed
	case it.owes > it.limit.most-it.limit.most/nearly:
		return Near
	}
	return Passed
}

// pass lets a request in, if there is room for it to wait where it has to.
func (a *Asked) pass() (r Result) {
	for i := range a.items {
		it := &a.items[i]
		if it.counted() != Delayed {
			continue
		}
		if it.limit.buckets.waiting.Add(1) > int64(it.limit.Waiters) {
			it.limit.buckets.waiting.Add(-1)
			it.why = Over
			a.leave(i)
			return a.refused(i)
		}
		r.Wait = max(r.Wait, time.Duration(it.owes-it.limit.most))
	}
	a.passed, a.waiting = true, r.Wait > 0
	for i := range a.items {
		it := &a.items[i]
		it.limit.count(it.counted())
		if it.why != Within && r.Would == nil {
			r.Would, r.WouldWhy = it.limit, it.why
		}
	}
	return r
}

// leave lets go of the places to wait of the items before one.
func (a *Asked) leave(before int) {
	for i := range a.items[:before] {
		if it := &a.items[i]; it.counted() == Delayed {
			it.limit.buckets.waiting.Add(-1)
		}
	}
}

// Waited is called when a request that was made to wait goes on, or has gone away.
func (a *Asked) Waited() {
	if a.waiting {
		a.leave(len(a.items))
		a.waiting = false
	}
}

// Done charges a request that was let in for what is only known now.
func (a *Asked) Done(s *State, t time.Time, o *Outcome) {
	if !a.passed {
		return
	}
	a.passed = false
	now := s.now(t)
	for i := range a.items {
		it := &a.items[i]
		l := it.limit
		if !l.Afterwards() || !l.counts(o.Status) {
			continue
		}
		cost := l.costOf(o)
		if cost == 0 {
			continue
		}
		var unsent int64
		if s.store != nil && l.shared() {
			unsent = cost
		}
		l.buckets.charge(&it.key, now, product(cost, it.weight), unsent, l.most)
	}
}

// AwaitsStatus reports whether it depends on the status of the response whether a request that was let in is charged.
func (a *Asked) AwaitsStatus() bool {
	return a.passed && slices.ContainsFunc(a.items, func(it item) bool { return len(it.limit.Statuses) > 0 })
}

// counts reports whether a response of that status is counted.
func (l *Limit) counts(status int) bool {
	for _, s := range l.Statuses {
		if s.From <= status && status <= s.To {
			return true
		}
	}
	return len(l.Statuses) == 0
}

func (l *Limit) costOf(o *Outcome) int64 {
	switch l.Cost {
	case CostRequestBytes:
		return l.Quota.span(o.BytesIn)
	case CostResponseBytes:
		return l.Quota.span(o.BytesOut)
	case CostScore:
		return l.Quota.span(int64(o.Score))
	}
	return l.cost
}

func (l *Limit) count(what int) { l.buckets.counts[what].Add(1) }
