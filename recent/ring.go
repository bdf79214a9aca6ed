package recent

import (
	"encoding/binary"
	"time"
)

// trailer is what follows each line in a segment, so that it can be read from its end: the event's number and
// the length of the line.
const trailer = 8 + 4

// pieceBytes is how much of a segment is copied at once, while who adds an event waits.
const pieceBytes = 64 << 10

// ring is a number of segments, of which the oldest is written over when all are full. Its store guards it.
type ring struct {
	size     int // of a segment
	segments []segment
	current  int // serial number of the segment that is being filled; its place is that modulo the number of segments

	events      int    // that are kept
	added       uint64 // events in all
	bytes       int    // allocated
	overwritten uint64
}

type segment struct {
	serial int
	data   []byte // of constant capacity; bytes below its length do not change until the segment is written over
	events int
	oldest time.Time // when the first event came
	newest time.Time
	first  uint64 // number of the oldest event
	last   uint64 // of the newest
}

// newRing returns a ring of so many bytes, of which none is allocated yet.
func newRing(limit int) ring {
	size := min(max(limit/32, minSegment), maxSegment)
	return ring{size: size, segments: make([]segment, max(limit/size, 2))}
}

// Bounds of a segment. An event has to fit into one.
const (
	minSegment = 16 << 10
	maxSegment = 256 << 10
)

// add appends an event. It returns false if the event is too large.
func (r *ring) add(number uint64, now time.Time, line []byte) bool {
	need := len(line) + trailer
	if need > r.size {
		return false
	}
	s := &r.segments[r.current%len(r.segments)]
	if s.data == nil {
		s.data = make([]byte, 0, r.size)
		r.bytes += r.size
	}
	if len(s.data)+need > cap(s.data) {
		s = r.next()
	}
	s.data = append(s.data, line...)
	s.data = binary.LittleEndian.AppendUint64(s.data, number)
	s.data = binary.LittleEndian.AppendUint32(s.data, uint32(len(line))) //nolint:gosec // below the size of a segment
	if s.events == 0 {
		s.oldest, s.first = now, number
	}
	s.newest, s.last = now, number
	s.events++
	r.events++
	r.added++
	return true
}

// next begins a segment, over the oldest one if there is no place for more.
func (r *ring) next() *segment {
	r.current++
	s := &r.segments[r.current%len(r.segments)]
	if s.data == nil {
		s.data = make([]byte, 0, r.size)
		r.bytes += r.size
	}
	r.events -= s.events
	r.overwritten += uint64(s.events) //nolint:gosec // a count
	*s = segment{serial: r.current, data: s.data[:0]}
	return s
}

// at returns a segment by its serial number; nil if it is written over, or not written yet.
func (r *ring) at(serial int) *segment {
	if serial < 0 || serial > r.current || serial <= r.current-len(r.segments) {
		return nil
	}
	if s := &r.segments[serial%len(r.segments)]; s.serial == serial && s.events > 0 {
		return s
	}
	return nil
}

// overAfter is how many events with numbers above one have been written over, at most: those of other rings count as well.
func (r *ring) overAfter(number uint64) uint64 {
	for serial := r.current - len(r.segments) + 1; serial <= r.current; serial++ {
		if s := r.at(serial); s != nil {
			return min(s.first-min(s.first, number+1), r.overwritten)
		}
	}
	return 0
}

// keptAfter is how many events with numbers above one are kept.
func (r *ring) keptAfter(number uint64) (kept uint64) {
	for serial := r.current; serial > r.current-len(r.segments); serial-- {
		switch s := r.at(serial); {
		case s == nil || s.last <= number:
			return kept
		case s.first > number:
			kept += uint64(s.events) //nolint:gosec // a count
		default: // some of its events are above it, some are not
			line, at, before := back(s.data)
			for ; line != nil && at > number; line, at, before = back(before) {
				kept++
			}
			return kept
		}
	}
	return kept
}

// since is when the oldest event came; zero: there is none.
func (r *ring) since() time.Time {
	for serial := r.current - len(r.segments) + 1; serial <= r.current; serial++ {
		if s := r.at(serial); s != nil {
			return s.oldest
		}
	}
	return time.Time{}
}

// until is when the newest event came.
func (r *ring) until() time.Time {
	for serial := r.current; serial > r.current-len(r.segments); serial-- {
		if s := r.at(serial); s != nil {
			return s.newest
		}
	}
	return time.Time{}
}

// back reads a segment's copy from its end: the newest event, and what is before it.
func back(data []byte) (line []byte, number uint64, before []byte) {
	end := len(data) - trailer
	if end < 0 {
		return nil, 0, nil
	}
	number = binary.LittleEndian.Uint64(data[end:])
	begin := end - int(binary.LittleEndian.Uint32(data[end+8:]))
	return data[begin:end], number, data[:begin]
}
