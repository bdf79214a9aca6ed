package addresses

import (
	"cmp"
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
)

// Builder collects the entries of a set.
type Builder struct {
	four, six []entry
	notes     []string // entries name them by their place here, counted from 1
}

// entry is a prefix on its way into a set. An address of IPv4 is in the low half.
type entry struct {
	start    wide
	until    uint32
	line     uint32
	note     uint32
	bits     uint8
	excluded bool
}

// Add adds a prefix, which has no host bits, no zone and is not one of IPv4 written as IPv6. Of two entries for the
// same prefix the one that lasts longer stays.
func (b *Builder) Add(m Match) { b.add(m, false) }

func (b *Builder) add(m Match, excluded bool) {
	e := entry{bits: uint8(m.Prefix.Bits()), line: uint32(m.Line), excluded: excluded}
	if !m.Until.IsZero() {
		e.until = uint32(min(max(m.Until.Unix(), 1), math.MaxUint32))
	}
	if m.Note != "" {
		b.notes = append(b.notes, m.Note)
		e.note = uint32(len(b.notes))
	}
	if start := m.Prefix.Addr(); start.Is4() {
		four := start.As4()
		e.start.lo = uint64(binary.BigEndian.Uint32(four[:]))
		b.four = append(b.four, e)
	} else {
		e.start = widen(start)
		b.six = append(b.six, e)
	}
}

// Len is the number of entries so far, repeated ones included.
func (b *Builder) Len() int { return len(b.four) + len(b.six) }

// Set makes the set. The builder is empty then.
func (b *Builder) Set() *Set {
	s := &Set{}
	four, six := arrange(b.four), arrange(b.six)
	s.four, s.six = make([]uint32, len(four)), make([]wide, len(six))
	for i := range four {
		s.four[i] = uint32(four[i].start.lo)
	}
	for i := range six {
		s.six[i] = six[i].start
	}
	s.top4, s.top6 = topOf(s.four), topOf(s.six)
	s.of4, s.of6 = detailsOf(four, 32), detailsOf(six, 128)
	if len(b.notes) > 0 {
		s.notes = map[noteKey]string{}
		b.note(s, false, four)
		b.note(s, true, six)
	}
	*b = Builder{}
	return s
}

// topOf has the first of each part of what is sorted.
func topOf[T any](sorted []T) []T {
	top := make([]T, 0, (len(sorted)+apart-1)/apart)
	for i := 0; i < len(sorted); i += apart {
		top = append(top, sorted[i])
	}
	return top
}

func (b *Builder) note(s *Set, six bool, entries []entry) {
	for i := range entries {
		if n := entries[i].note; n != 0 {
			s.notes[noteKey{six, uint32(i)}] = b.notes[n-1]
		}
	}
}

// arrange sorts entries, wider ones first where several begin at one address, and leaves out repeated ones.
func arrange(entries []entry) []entry {
	order := func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.start.hi, b.start.hi), cmp.Compare(a.start.lo, b.start.lo), cmp.Compare(a.bits, b.bits))
	}
	if !slices.IsSortedFunc(entries, order) {
		slices.SortStableFunc(entries, order)
	}
	out := entries[:0]
	for _, e := range entries {
		if n := len(out); n == 0 || out[n-1].start != e.start || out[n-1].bits != e.bits {
			out = append(out, e)
		} else if last := &out[n-1]; last.until != 0 && (e.until == 0 || e.until > last.until) {
			*last = e
		}
	}
	return out
}

// detailsOf finds out which prefix is around which. Stack has those around the one that is looked at.
func detailsOf(entries []entry, width uint8) details {
	d := details{bits: make([]uint8, len(entries)), around: make([]uint32, len(entries)), line: make([]uint32, len(entries))}
	if slices.ContainsFunc(entries, func(e entry) bool { return e.until != 0 }) {
		d.until = make([]uint32, len(entries))
	}
	var stack []uint32
	for i := range entries {
		e := &entries[i]
		d.bits[i], d.line[i], d.around[i] = e.bits, e.line, nobody
		if d.until != nil {
			d.until[i] = e.until
		}
		if e.excluded {
			if d.excluded == nil {
				d.excluded = map[uint32]struct{}{}
			}
			d.excluded[uint32(i)] = struct{}{}
		}
		for n := len(stack); n > 0; n-- {
			outer := &entries[stack[n-1]]
			if within(e.start, outer.start, 128-width+outer.bits) {
				d.around[i] = stack[n-1]
				break
			}
			stack = stack[:n-1]
		}
		stack = append(stack, uint32(i))
	}
	return d
}

// Of is the set of some prefixes that are written in a program.
func Of(prefixes ...netip.Prefix) *Set {
	var b Builder
	for _, p := range prefixes {
		b.Add(Match{Prefix: p})
	}
	return b.Set()
}
