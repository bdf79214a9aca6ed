package recent

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ErrCrowded says that as many are following already as may.
var ErrCrowded = errors.New("as many readers follow events as may")

// Follower gets events as they come. It has no buffer of its own: who is slow finds that events were written over, and is
// told how many.
type Follower struct {
	store   *Store
	filter  Filter
	matcher *Matcher
	read    uint64        // number of the newest event that was looked at
	seen    [parts]uint64 // how many events of each part there had been then
	behind  bool          // it has begun with events of before, of which nobody knows how many there were
}

// Most of what a follower gets at a time: others want to read, too.
const (
	followLooked = 50_000
	followFound  = 1000
	followBytes  = 1 << 20
	followEvery  = 200 * time.Millisecond // events gather meanwhile
)

// Follow returns a follower that begins behind a cursor, or with what comes from now on if it is empty. Close ends it.
func (s *Store) Follow(f *Filter, cursor string) (*Follower, error) {
	below, err := s.below(cursor)
	foreign := errors.Is(err, ErrForeign)
	if err != nil && !foreign {
		return nil, err
	}
	select {
	case s.following <- struct{}{}:
	default:
		return nil, ErrCrowded
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := &Follower{store: s, filter: *f, matcher: f.Matcher(), read: min(below, s.number)}
	if foreign { // all that is here is new
		n.read = 0
	}
	if n.read == s.number {
		for i := range s.rings {
			n.seen[i] = s.rings[i].added
		}
	} else {
		n.behind = true
	}
	return n, nil
}

// Position is a cursor of which all is older that the follower will not return.
func (n *Follower) Position() string { return n.store.cursor(n.read + 1) }

// Close lets another one follow.
func (n *Follower) Close() { <-n.store.following }

// Next waits for events that fit and returns them, the oldest first, with how many were written over before they
// could be looked at. It returns nothing when ctx ends or nothing has come for as long as patience.
func (n *Follower) Next(ctx context.Context, patience time.Duration) (found []Entry, missed uint64) {
	end := time.NewTimer(patience)
	defer end.Stop()
	for {
		woken := n.store.wake()
		found, missed = n.look()
		if len(found) > 0 || missed > 0 {
			return found, missed
		}
		select {
		case <-woken:
		case <-end.C:
			return nil, 0
		case <-ctx.Done():
			return nil, 0
		}
		select {
		case <-time.After(followEvery):
		case <-ctx.Done():
			return nil, 0
		}
	}
}

// wake returns what is closed when there is another event.
func (s *Store) wake() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.woken == nil {
		s.woken = make(chan struct{})
	}
	return s.woken
}

// look goes through the events that have come since the last time.
func (n *Follower) look() (found []Entry, missed uint64) {
	s := n.store
	span := span{above: n.read}
	s.mu.Lock()
	span.below = s.number + 1
	came := n.came()
	n.behind = false
	for i := range s.rings {
		n.seen[i] = s.rings[i].added
	}
	s.mu.Unlock()
	if came == 0 {
		n.read = span.below - 1
		return nil, 0
	}
	w := s.walk(&n.filter, span)
	defer w.close()
	var looked uint64
	size := 0
	for line, number := w.next(); line != nil && looked < followLooked; line, number = w.next() {
		looked++
		if !n.matcher.matchOwn(line) {
			continue
		}
		if size += len(line); len(found) == followFound || size > followBytes {
			missed++
			continue
		}
		found = append(found, Entry{s.cursor(number), append([]byte(nil), line...)})
	}
	missed += came - min(came, looked)
	n.read = span.below - 1
	slices.Reverse(found)
	return found, missed
}

// came is how many events have come since the last time, of the parts that the follower reads. Of one that has begun with events
// of before, and reads some parts alone, it is that at most: nobody knows of which part events were that are written over.
func (n *Follower) came() (came uint64) {
	all := true
	var over uint64
	for i := range n.store.rings {
		r := &n.store.rings[i]
		switch {
		case !n.filter.Reads(i):
			all = false
		case n.behind:
			came += r.keptAfter(n.read)
			over += r.overAfter(n.read)
		default:
			came += r.added - n.seen[i]
		}
	}
	if n.behind && all { // numbers are those of all events, without a gap
		return n.store.number - n.read
	}
	return came + over
}
