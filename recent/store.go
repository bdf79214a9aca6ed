package recent

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// Parts of a store. What costs a client next to nothing does not push out what rules have found.
const (
	Notable = iota // security events, bans, and requests that rules have stopped, or would have
	Refused        // requests that were refused before any rule, or have failed
	Passed         // other requests
	parts
)

var (
	partNames  = [parts]string{"notable", "refused", "passed"}
	partShares = [parts]int{2, 4, 4} // of the whole: a half and two quarters
)

// Store keeps the latest events.
type Store struct {
	limit int
	id    string // of this store among those of other processes, in cursors
	now   func() time.Time

	mu      sync.Mutex
	rings   [parts]ring
	number  uint64        // of the latest event
	tooLong uint64        // events
	woken   chan struct{} // closed when there is another event; nil: nobody waits

	asking    chan struct{} // a place for each who asks
	following chan struct{}
	copies    sync.Pool // *[]byte, room for a segment
}

// Bounds of who reads.
const (
	maxAsking    = 4  // at once, in one store
	maxFollowing = 32 // likewise
)

// NewStore returns a store of so many bytes. It takes them as events come.
func NewStore(limit int) *Store {
	s := &Store{
		limit: limit, id: newID(), now: time.Now,
		asking: make(chan struct{}, maxAsking), following: make(chan struct{}, maxFollowing),
	}
	for i := range s.rings {
		s.rings[i] = newRing(limit / partShares[i])
	}
	return s
}

// enter waits for a place among those who ask, for so long at most. Leave gives it back.
func (s *Store) enter(ctx context.Context, within time.Duration) error {
	select {
	case s.asking <- struct{}{}: // a place that is free is taken, however late it is
		return nil
	default:
	}
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case s.asking <- struct{}{}:
		return nil
	case <-late.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) leave() { <-s.asking }

// What tells the part of an event. A client cannot write these into a value, where quotes are escaped.
var (
	isAccess  = []byte(`"event":"access"`)
	isPass    = []byte(`"verdict":"pass"`)
	isRefused = []byte(`"verdict":"refused"`)
	isError   = []byte(`"error":"`)
)

// part says where an event is kept.
func part(line []byte) int {
	if !bytes.Contains(line, isAccess) {
		return Notable
	}
	passed := bytes.Contains(line, isPass)
	switch {
	case bytes.Contains(line, isRefused), passed && bytes.Contains(line, isError):
		return Refused
	case passed:
		return Passed
	}
	return Notable
}

// Add keeps an event: one line of JSON, with or without its end. It keeps nothing of line.
func (s *Store) Add(line []byte) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	into := part(line)
	now := s.now()
	s.mu.Lock()
	if s.rings[into].add(s.number+1, now, line) {
		s.number++
	} else {
		s.tooLong++
	}
	woken := s.woken
	s.woken = nil
	s.mu.Unlock()
	if woken != nil {
		close(woken)
	}
}

// Part is what one part of a store has.
type Part struct {
	Name        string
	From, To    time.Time // of the oldest and the newest event; zero: there is none
	Events      int
	Bytes       int
	Limit       int
	Overwritten uint64
}

// Kept says what a store has, and how many events were too long for it.
func (s *Store) Kept() (all []Part, tooLong uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.rings {
		r := &s.rings[i]
		all = append(all, Part{partNames[i], r.since(), r.until(), r.events, r.bytes, r.size * len(r.segments), r.overwritten})
	}
	return all, s.tooLong
}
