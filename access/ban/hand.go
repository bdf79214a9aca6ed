package ban

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// ErrSpared says that somebody is never banned.
var ErrSpared = errors.New("this is a trusted proxy, which is never banned: all its clients would be")

// ErrHere says that what was done holds for this process, and for the others when the store is back.
var ErrHere = errors.New("the store is down: this holds here for now, and everywhere when it is back")

// Add bans somebody for a person, whatever ban stands.
func (t *Table) Add(ctx context.Context, b Ban, lasts time.Duration) (*Ban, error) {
	if t.o.Spared(b.Who) {
		return nil, ErrSpared
	}
	now := time.Now()
	b.Rule, b.Observe, b.Times, b.own, b.Begun, b.Until = "", false, 1, true, now, now.Add(lasts)
	made := &b
	t.put(made, now, true)
	t.o.Begun(made, "")
	if t.o.Store == nil {
		return made, nil
	}
	o := order(made, now)
	told, _, err := t.o.Store.Ban(ctx, o)
	if err != nil {
		t.share.later(made.Target, pending{order: o})
		return made, ErrHere
	}
	known := *made
	known.since = told.Since
	t.replace(made, &known)
	return made, nil
}

// Clear ends the ban of a target, and forgets earlier ones. It reports whether there was one.
func (t *Table) Clear(ctx context.Context, at Target) (was bool, err error) {
	t.mu.Lock()
	delete(t.past, at)
	t.mu.Unlock()
	for b := t.remove(at, nil); b != nil; b = t.remove(at, nil) {
		was = true
		t.o.Ended(b, Cleared)
	}
	if t.o.Store == nil {
		return was, nil
	}
	shared, err := t.o.Store.Unban(ctx, at.String())
	if err != nil {
		t.share.later(at, pending{clears: true})
		return was, ErrHere
	}
	return was || shared, nil
}

// List returns some bans that are in force, in the order in which this process has heard of them, after one with a sequence
// number, and the number to go on with; 0: that was all. Who is whom they are about; nil: everybody.
func (t *Table) List(now time.Time, who *Who, after uint64, most int) (page []*Ban, next uint64) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		for w, all := range s.who {
			if who != nil && w != *who {
				continue
			}
			for _, b := range all {
				if b.sequence > after && now.Before(b.Until) {
					page = append(page, b)
				}
			}
		}
		s.mu.RUnlock()
	}
	slices.SortFunc(page, func(a, b *Ban) int { return cmp.Compare(a.sequence, b.sequence) })
	if len(page) > most {
		page = page[:most]
		next = page[most-1].sequence
	}
	return page, next
}

// Shares reports whether there is a store, and whether it is up.
func (t *Table) Shares() (has, up bool) {
	return t.o.Store != nil, t.o.Store != nil && t.o.Store.Up()
}
