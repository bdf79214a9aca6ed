package recent

import (
	"math"
	"time"
)

// span is what of a store is wanted: numbers between two, neither of them in it, and events that came since.
type span struct {
	above, below uint64
	since        time.Time
}

// everything is the span of all events.
func everything() span { return span{below: math.MaxUint64} }

// reader reads one part of a store backwards, from a copy of one segment.
type reader struct {
	store  *Store
	part   int
	span   span
	serial int     // of the segment to copy next
	copied *[]byte // room for the copy
	rest   []byte  // of the copy

	line   []byte // the event at hand; nil: there is none
	number uint64
	taken  bool // the event at hand was
}

// newReader returns a reader that stands on the newest event of a part that is wanted. Its store has its room back by close.
func (s *Store) newReader(part int, span span) *reader {
	room, _ := s.copies.Get().(*[]byte)
	if room == nil {
		room = new([]byte)
	}
	s.mu.Lock()
	serial := s.rings[part].current
	s.mu.Unlock()
	r := &reader{store: s, part: part, span: span, serial: serial, copied: room}
	r.step()
	return r
}

func (r *reader) close() { r.store.copies.Put(r.copied) }

// step goes to the event before.
func (r *reader) step() {
	for r.line = nil; len(r.rest) > 0 || r.load(); {
		line, number, rest := back(r.rest)
		r.rest = rest
		if number <= r.span.above {
			r.rest, r.serial = nil, -1
			return
		}
		if number < r.span.below {
			r.line, r.number = line, number
			return
		}
	}
}

// load copies the next segment that is wanted, which may be written over at any time.
func (r *reader) load() bool {
	for r.serial >= 0 {
		state := r.copy()
		r.serial--
		switch state {
		case copiedAll:
			return true
		case nothingBefore:
			r.serial = -1
		}
	}
	return false
}

// What has come of copying a segment.
const (
	copiedAll     = iota
	notWanted     // it is newer, or empty
	nothingBefore // nor is anything before it, or it is gone
)

// copy copies a segment piece by piece, so that who adds an event never waits for more than one of them.
func (r *reader) copy() int {
	*r.copied = (*r.copied)[:0]
	for {
		state, done := r.copyPiece()
		if done {
			r.rest = *r.copied
			return state
		}
	}
}

func (r *reader) copyPiece() (state int, done bool) {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	ring := &r.store.rings[r.part]
	s := ring.at(r.serial)
	switch {
	case s == nil && r.serial == ring.current: // nothing is in it yet
		return notWanted, true
	case s == nil || s.newest.Before(r.span.since) || s.last <= r.span.above:
		*r.copied = (*r.copied)[:0]
		return nothingBefore, true
	case s.first >= r.span.below:
		return notWanted, true
	}
	if cap(*r.copied) < cap(s.data) {
		*r.copied = append(make([]byte, 0, cap(s.data)), *r.copied...)
	}
	from := len(*r.copied)
	*r.copied = append(*r.copied, s.data[from:min(len(s.data), from+pieceBytes)]...)
	return copiedAll, len(*r.copied) == len(s.data)
}

// walk goes through the parts whose events can fit a filter, the newest event first.
type walk struct{ readers []*reader }

func (s *Store) walk(f *Filter, span span) *walk {
	w := &walk{}
	span.since = f.Since
	for part := range parts {
		if f.Reads(part) {
			w.readers = append(w.readers, s.newReader(part, span))
		}
	}
	return w
}

func (w *walk) close() {
	for _, r := range w.readers {
		r.close()
	}
}

// next returns the next event, which is good until the next call; nil: there is none.
func (w *walk) next() (line []byte, number uint64) {
	var from *reader
	for _, r := range w.readers {
		if r.taken {
			r.step()
			r.taken = false
		}
		if r.line != nil && (from == nil || r.number > from.number) {
			from = r
		}
	}
	if from == nil {
		return nil, 0
	}
	from.taken = true
	return from.line, from.number
}
