package ban

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/access/store"
)

// Shared is the store, as bans use it.
type Shared interface {
	Up() bool
	Ban(ctx context.Context, o store.BanOrder) (b store.Ban, made bool, err error)
	Unban(ctx context.Context, subject string) (was bool, err error)
	Hits(ctx context.Context, some []store.Hit) ([]int64, error)
	ForgetHits(ctx context.Context, key [16]byte) error
	WatchBans(ctx context.Context, w store.BanWatcher)
}

// sharing is what has to be told to the store, a bounded amount. What does not fit stays known here only.
type sharing struct {
	wanted chan struct{} // has a value when there is something

	mu      sync.Mutex
	pending map[Target]pending
	hits    map[[16]byte]*hits
}

const (
	mostPending = 10_000
	mostHits    = 4096
	hitsAtOnce  = 256
	shareEvery  = 100 * time.Millisecond
)

// pending is a ban to be told, or the end of one.
type pending struct {
	order  store.BanOrder
	ban    *Ban
	key    [16]byte // under which it was counted
	clears bool
}

// hits are some of a target that are to be told.
type hits struct {
	rule            *Rule
	at              Target
	count           int64
	request, reason string // of the last one
}

func (s *sharing) wake() {
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}

func (s *sharing) hit(key [16]byte, r *Rule, at Target, request, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hits[key]
	if h == nil {
		if len(s.hits) >= mostHits {
			return
		}
		if s.hits == nil {
			s.hits = map[[16]byte]*hits{}
		}
		h = &hits{rule: r, at: at}
		s.hits[key] = h
	}
	h.count++
	h.request, h.reason = request, reason
	s.wake()
}

func (s *sharing) ban(b *Ban, r *Rule, key [16]byte) {
	o := order(b, b.Begun)
	o.First, o.Growth, o.Longest, o.Forget = r.First, r.Growth, max(r.Longest, r.First), r.Forget
	s.later(b.Target, pending{order: o, ban: b, key: key})
}

func (s *sharing) later(at Target, p pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending == nil {
		s.pending = map[Target]pending{}
	}
	if _, known := s.pending[at]; known || len(s.pending) < mostPending {
		s.pending[at] = p
	}
	s.wake()
}

// knows reports whether something is to be told of a target.
func (s *sharing) knows(at Target) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.pending[at]
	return known
}

// note is what the store keeps of a ban for others.
type note struct {
	Rule   string `json:"rule,omitempty"`
	Reason string `json:"reason,omitempty"`
	Status int    `json:"status,omitempty"`
	Begun  int64  `json:"begun"` // seconds, of whoever has made it; for people
}

// order is what the store is told of a ban.
func order(b *Ban, now time.Time) store.BanOrder {
	text, _ := json.Marshal(note{b.Rule, cut(b.Reason, longestReason), b.Status, b.Begun.Unix()}) // strings and numbers always encode
	lasts := b.Until.Sub(now)
	return store.BanOrder{Subject: b.Target.String(), Note: string(text), Hand: b.Hand(), First: lasts, Longest: lasts, Growth: 1}
}

// longestReason is what is kept of a reason.
const longestReason = 200

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most]
}

// Run shares with the store until ctx ends. Known is called once, when what the store knows is known here, or when it
// turns out that the store is down.
func (t *Table) Run(ctx context.Context, known func()) {
	if t.o.Store == nil {
		known()
		return
	}
	var once sync.Once
	if !t.o.Store.Up() {
		once.Do(known)
	}
	var watching sync.WaitGroup
	watching.Go(func() { t.o.Store.WatchBans(ctx, &watcher{t, func() { once.Do(known) }}) })
	defer watching.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.share.wanted:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(shareEvery): // some more come together
		}
		if !t.tell(ctx) {
			t.share.wake() // again
		}
	}
}

// tell tells the store what it has not been told, and reports whether it has taken all.
func (t *Table) tell(ctx context.Context) bool {
	s := &t.share
	s.mu.Lock()
	hits, orders := s.hits, s.pending
	s.hits = nil
	if s.pending = nil; !t.o.Store.Up() {
		s.pending = orders // hits are of no use later
		s.mu.Unlock()
		return len(orders) == 0
	}
	s.mu.Unlock()
	whole := true
	for at, p := range orders {
		if !t.tellOne(ctx, at, p) {
			whole = false
			s.mu.Lock()
			_, newer := s.pending[at]
			s.mu.Unlock()
			if !newer {
				s.later(at, p)
			}
		}
	}
	t.tellHits(ctx, hits)
	return whole
}

func (t *Table) tellOne(ctx context.Context, at Target, p pending) bool {
	if p.clears {
		_, err := t.o.Store.Unban(ctx, at.String())
		return err == nil
	}
	now := time.Now()
	if p.ban != nil && !now.Before(p.ban.Until) {
		return true // it has ended meanwhile
	}
	got, _, err := t.o.Store.Ban(ctx, p.order)
	if err != nil {
		return false
	}
	if p.ban == nil {
		return true
	}
	_ = t.o.Store.ForgetHits(ctx, p.key) // they are forgotten with time anyway
	if got.Left > 0 {
		changed := *p.ban
		changed.Until, changed.Times, changed.since = now.Add(got.Left), max(got.Times, 1), got.Since
		t.replace(p.ban, &changed)
	}
	return true
}

// replace puts a ban in the place of another one, if that is still there.
func (t *Table) replace(old, by *Ban) {
	s := t.shard(old.Who)
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.who[old.Who]
	for i, b := range all {
		if b == old {
			changed := append([]*Ban(nil), all...)
			changed[i] = by
			s.who[old.Who] = changed
			return
		}
	}
}

// tellHits counts what leads to bans for all replicas, and bans whom they have seen too often together.
func (t *Table) tellHits(ctx context.Context, all map[[16]byte]*hits) {
	some := make([]store.Hit, 0, min(len(all), hitsAtOnce))
	flush := func() {
		if len(some) == 0 {
			return
		}
		sums, err := t.o.Store.Hits(ctx, some)
		for i := range some {
			if h := all[some[i].Key]; err == nil && sums[i] >= int64(h.rule.Count) {
				t.ban(h.rule, h.at, some[i].Key, time.Now(), h.request, h.reason)
			}
		}
		some = some[:0]
	}
	for key, h := range all {
		if some = append(some, store.Hit{Key: key, Window: h.rule.Window, Count: h.count}); len(some) == hitsAtOnce {
			flush()
		}
	}
	flush()
}

// watcher brings what the store says into a table.
type watcher struct {
	t     *Table
	known func()
}

// All replaces what is known from the store.
func (w *watcher) All(all []store.Ban, since string) {
	now := time.Now()
	there := make(map[Target]bool, len(all))
	for i := range all {
		if b := w.t.read(&all[i], since, now); b != nil {
			there[b.Target] = true
			w.take(b, now)
		}
	}
	for i := range w.t.shards {
		s := &w.t.shards[i]
		var gone []*Ban
		s.mu.RLock()
		for _, some := range s.who {
			for _, b := range some {
				if !there[b.Target] {
					gone = append(gone, b)
				}
			}
		}
		s.mu.RUnlock()
		for _, b := range gone {
			w.leave(b, since, now)
		}
	}
	w.known()
}

// leave does with a ban that the store does not know what has to be done. One that this process has made while the store was
// away is told to it, as is one that it has lost; another one was cleared.
func (w *watcher) leave(b *Ban, since string, now time.Time) {
	switch {
	case b.Observe:
	case b.own && b.since != since:
		if !w.t.share.knows(b.Target) {
			w.t.share.later(b.Target, pending{order: order(b, now)})
		}
	case b.since == since && w.t.remove(b.Target, b) != nil && b.own:
		w.t.o.Ended(b, Cleared)
	}
}

// Changed brings in what has begun or ended.
func (w *watcher) Changed(some []store.Ban, since string) {
	now := time.Now()
	for i := range some {
		if some[i].Left > 0 {
			if b := w.t.read(&some[i], since, now); b != nil {
				w.take(b, now)
			}
			continue
		}
		at, err := ParseTarget(some[i].Subject)
		if err != nil || w.t.share.knows(at) {
			continue
		}
		if b := w.t.remove(at, nil); b != nil && b.own {
			w.t.o.Ended(b, Cleared)
		}
	}
}

// take puts a ban of the store into the table; one that this process has made stays its own.
func (w *watcher) take(b *Ban, now time.Time) {
	s := w.t.shard(b.Who)
	s.mu.RLock()
	for _, old := range s.who[b.Who] {
		if old.Target == b.Target && old.Rule == b.Rule {
			b.own = old.own
		}
	}
	s.mu.RUnlock()
	w.t.put(b, now, true)
}

// longestBan is the longest that is believed of a store.
const longestBan = 10 * 366 * 24 * time.Hour

// read makes a ban of what the store says; nil: it is none.
func (t *Table) read(from *store.Ban, since string, now time.Time) *Ban {
	at, err := ParseTarget(from.Subject)
	var n note
	if err == nil {
		err = json.Unmarshal([]byte(from.Note), &n)
	}
	if err != nil || from.Left > longestBan || from.Hand != (n.Rule == "") || t.o.Spared(at.Who) || n.Status != 0 && (n.Status < 400 || n.Status > 599) {
		t.refused.Add(1)
		return nil
	}
	return &Ban{
		Target: at, Rule: cut(n.Rule, longestWhere), Reason: cut(n.Reason, longestReason), Status: n.Status, since: since,
		Begun: time.Unix(n.Begun, 0), Until: now.Add(from.Left), Times: max(from.Times, 1),
	}
}
