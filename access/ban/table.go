package ban

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Ban is one that is in force.
type Ban struct {
	Target
	Rule    string // id; empty: a person has made it
	Reason  string
	Status  int // of answers
	Observe bool
	Begun   time.Time
	Until   time.Time
	Times   int64 // it is the first one, or the second within the time that is remembered

	own      bool   // made here
	since    string // when the log of the store began that tells of it; empty: the store has not known it
	sequence uint64 // in the order in which this process has heard of them
}

// Hand reports whether a person has made the ban.
func (b *Ban) Hand() bool { return b.Rule == "" }

// How a ban ends.
type How string

// Ways.
const (
	Expired How = "expired"
	Cleared How = "cleared"
	Evicted How = "evicted" // for want of room
)

// Options are what a table is made with.
type Options struct {
	Most   int                // bans, and as many of what leads to them; 0: 100,000
	Spared func(Who) bool     // who is never banned; nil: nobody is spared
	Begun  func(*Ban, string) // is told of bans that begin here, and by which request; nil: nobody is
	Ended  func(*Ban, How)    // likewise of the end of those
	Store  Shared             // nil: there is none
}

// Table has all bans that are in force.
type Table struct {
	o        Options
	shards   [32]shard
	n        atomic.Int64
	sequence atomic.Uint64
	refused  atomic.Int64 // bans of the store that cannot be
	counters counters
	share    sharing
	banning  sync.Mutex // one ban after the other

	mu       sync.Mutex
	past     map[Target]past // bans that have ended or will
	sweeping bool
	sweeps   int
}

type shard struct {
	mu  sync.RWMutex
	who map[Who][]*Ban
}

// past is how often somebody was banned, which is forgotten at a time.
type past struct {
	times int64
	until time.Time
}

// New returns a table of nobody.
func New(o Options) *Table {
	if o.Most == 0 {
		o.Most = 100_000
	}
	if o.Spared == nil {
		o.Spared = func(Who) bool { return false }
	}
	if o.Begun == nil {
		o.Begun = func(*Ban, string) {}
	}
	if o.Ended == nil {
		o.Ended = func(*Ban, How) {}
	}
	t := &Table{o: o, counters: counters{most: o.Most}}
	t.share.wanted = make(chan struct{}, 1)
	return t
}

// Len returns how many bans there are.
func (t *Table) Len() int { return int(t.n.Load()) }

// Refused returns how many bans of the store were refused.
func (t *Table) Refused() int64 { return t.refused.Load() }

func (t *Table) shard(w Who) *shard {
	return &t.shards[(w.id[3]^w.id[5]^w.id[7]^w.id[15])%uint8(len(t.shards))]
}

// Banned returns the ban of somebody who asks a host by a route, one that is observed only if there is no other; nil: there
// is none. It must not be changed.
func (t *Table) Banned(w Who, host []byte, route string, now time.Time) *Ban {
	if t.n.Load() == 0 {
		return nil
	}
	s := t.shard(w)
	s.mu.RLock()
	defer s.mu.RUnlock()
	var observed *Ban
	for _, b := range s.who[w] {
		switch {
		case !now.Before(b.Until), b.Scope == OnHost && b.Where != string(host), b.Scope == OnRoute && b.Where != route:
		case b.Observe:
			observed = b
		default:
			return b
		}
	}
	return observed
}

// Hit counts that somebody has done what a rule counts, and bans them if it was too often. Request and reason are for
// people.
func (t *Table) Hit(r *Rule, at Target, now time.Time, request, reason string) {
	if t.o.Spared(at.Who) {
		return
	}
	if t.n.Load() > 0 && t.stands(at, r.Observe, now) {
		return // what was under way when they were banned
	}
	key := r.counter(at)
	if t.counters.add(key, now, r.Window) >= r.Count {
		t.ban(r, at, key, now, request, reason)
		return
	}
	if t.o.Store != nil {
		t.share.hit(key, r, at, request, reason)
	}
}

// ban bans for what a rule has counted.
func (t *Table) ban(r *Rule, at Target, key [16]byte, now time.Time, request, reason string) {
	t.counters.forget(key)
	t.banning.Lock()
	defer t.banning.Unlock()
	if t.stands(at, r.Observe, now) {
		return
	}
	times := t.again(at, r, now)
	b := &Ban{
		Target: at, Rule: r.ID, Reason: reason, Status: r.Status, Observe: r.Observe, Begun: now, Times: times, own: true,
		Until: now.Add(r.lasts(times)),
	}
	if !t.put(b, now, false) {
		return
	}
	t.o.Begun(b, request)
	if t.o.Store != nil && !r.Observe {
		t.share.ban(b, r, key)
	}
}

// stands reports whether a target is banned.
func (t *Table) stands(at Target, observed bool, now time.Time) bool {
	s := t.shard(at.Who)
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, b := range s.who[at.Who] {
		if b.Target == at && (b.Observe == observed || !b.Observe) && now.Before(b.Until) {
			return true
		}
	}
	return false
}

// lasts is how long a ban lasts that is the so many-th.
func (r *Rule) lasts(times int64) time.Duration {
	d := float64(r.First) * math.Pow(max(r.Growth, 1), float64(min(times-1, 64)))
	return time.Duration(min(d, float64(max(r.Longest, r.First))))
}

// again notes one more ban of a target and returns how many there were with it.
func (t *Table) again(at Target, r *Rule, now time.Time) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.past == nil {
		t.past = map[Target]past{}
	}
	p := t.past[at]
	if !now.Before(p.until) {
		p.times = 0
	}
	if p.times == 0 && len(t.past) >= t.o.Most {
		for old := range t.past { // any: the store remembers, where there is one
			delete(t.past, old)
			break
		}
	}
	p.times++
	p.until = now.Add(r.lasts(p.times) + r.Forget)
	t.past[at] = p
	return p.times
}

// put adds a ban, and reports whether it has: not if one stands that it does not replace.
func (t *Table) put(b *Ban, now time.Time, replaces bool) bool {
	s := t.shard(b.Who)
	s.mu.Lock()
	all := s.who[b.Who]
	for i, old := range all {
		if old.Target != b.Target || old.Observe != b.Observe {
			continue
		}
		if now.Before(old.Until) && !replaces {
			s.mu.Unlock()
			return false
		}
		b.sequence = t.sequence.Add(1)
		changed := append([]*Ban(nil), all...)
		changed[i] = b
		s.who[b.Who] = changed
		s.mu.Unlock()
		return true
	}
	if s.who == nil {
		s.who = map[Who][]*Ban{}
	}
	b.sequence = t.sequence.Add(1)
	s.who[b.Who] = append(all[:len(all):len(all)], b)
	s.mu.Unlock()
	if t.n.Add(1) > int64(t.o.Most) {
		t.evict(b)
	}
	t.sweepLater()
	return true
}

// remove removes the ban of a target, if it is the one that is meant; nil: any.
func (t *Table) remove(at Target, meant *Ban) *Ban {
	s := t.shard(at.Who)
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.who[at.Who]
	for i, b := range all {
		if b.Target != at || meant != nil && b != meant {
			continue
		}
		t.n.Add(-1)
		if len(all) == 1 {
			delete(s.who, at.Who)
			return b
		}
		left := make([]*Ban, 0, len(all)-1)
		left = append(left, all[:i]...)
		s.who[at.Who] = append(left, all[i+1:]...)
		return b
	}
	return nil
}

// evict makes room for a ban: of some that rules have made, the one that ends first goes.
func (t *Table) evict(but *Ban) {
	var victim *Ban
	n := 0
	start := int(t.sequence.Load())
	for i := range t.shards {
		s := &t.shards[(start+i)%len(t.shards)]
		s.mu.RLock()
		for _, all := range s.who {
			for _, b := range all {
				if b != but && !b.Hand() && (victim == nil || b.Until.Before(victim.Until)) {
					victim = b
				}
			}
			if n++; n%looked == 0 {
				break
			}
		}
		s.mu.RUnlock()
		if victim != nil && n >= 2*looked {
			break
		}
	}
	if victim == nil {
		victim = but // all others are of people
	}
	if t.remove(victim.Target, victim) != nil && victim.own {
		t.o.Ended(victim, Evicted)
	}
}

// sweepEvery is how often bans that have ended are removed, while there are any.
const sweepEvery = time.Second

func (t *Table) sweepLater() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sweeping {
		return
	}
	t.sweeping = true
	time.AfterFunc(sweepEvery, t.sweep)
}

func (t *Table) sweep() {
	t.expire(time.Now())
	t.mu.Lock()
	t.sweeping = false
	t.mu.Unlock()
	if t.n.Load() > 0 {
		t.sweepLater()
	}
}

// expire removes the bans that have ended.
func (t *Table) expire(now time.Time) {
	for i := range t.shards {
		s := &t.shards[i]
		var over []*Ban
		s.mu.RLock()
		for _, all := range s.who {
			for _, b := range all {
				if !now.Before(b.Until) {
					over = append(over, b)
				}
			}
		}
		s.mu.RUnlock()
		for _, b := range over {
			if t.remove(b.Target, b) != nil && b.own {
				t.o.Ended(b, Expired)
			}
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sweeps++; t.sweeps%64 != 0 {
		return
	}
	for at, p := range t.past {
		if !now.Before(p.until) {
			delete(t.past, at)
		}
	}
}
