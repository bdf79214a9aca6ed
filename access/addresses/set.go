package addresses

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"time"
)

// Set is a set of prefixes. The nil set is empty.
//
// Prefixes are disjoint or one holds the other. So they are kept sorted by where they begin, each with the
// narrowest one around it: of those that begin at or before an address, the last one is either around the address
// or within whatever is around it.
type Set struct {
	four []uint32 // where prefixes of IPv4 begin
	six  []wide   // where those of IPv6 do
	top4 []uint32 // every so many of them, close together, so that the first steps of a search stay in the cache
	top6 []wide
	of4  details
	of6  details

	notes map[noteKey]string // of the few entries that have one
}

// wide is an address of IPv6.
type wide struct{ hi, lo uint64 }

// details is the rest of what is known of the prefixes of one family.
type details struct {
	bits     []uint8
	around   []uint32            // the narrowest prefix that holds this one, or nobody
	line     []uint32            // of the text
	until    []uint32            // Unix time of the end, 0: never; nil: none has an end
	excluded map[uint32]struct{} // what is no part of the set, though what is around it is
}

const (
	nobody = ^uint32(0)
	apart  = 64 // prefixes between two of those at the top
)

type noteKey struct {
	six bool
	i   uint32
}

// Match is the entry of a set that an address was found in.
type Match struct {
	Prefix netip.Prefix
	Line   int       // of the text that the set was read from; 0: of none
	Until  time.Time // zero: it has no end
	Note   string    // what the entry says of itself
}

// Len is the number of prefixes.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.four) + len(s.six)
}

// Bytes is the memory that the set takes.
func (s *Set) Bytes() int {
	if s == nil {
		return 0
	}
	n := 4*(cap(s.four)+cap(s.top4)) + 16*(cap(s.six)+cap(s.top6))
	for _, d := range []*details{&s.of4, &s.of6} {
		n += cap(d.bits) + 4*(cap(d.around)+cap(d.line)+cap(d.until)) + 16*len(d.excluded)
	}
	for _, note := range s.notes {
		n += 48 + len(note)
	}
	return n
}

// Has tells whether an address is in the set at a time.
func (s *Set) Has(address netip.Addr, now time.Time) bool {
	_, _, found := s.find(address, now)
	return found
}

// Find returns the narrowest entry that an address is in at a time. An address of IPv4 that is written as one of
// IPv6 is one of IPv4, and zones do not matter.
func (s *Set) Find(address netip.Addr, now time.Time) (Match, bool) {
	six, i, found := s.find(address, now)
	if !found {
		return Match{}, false
	}
	return s.match(six, i), true
}

func (s *Set) find(address netip.Addr, now time.Time) (six bool, i uint32, found bool) {
	if s == nil || !address.IsValid() {
		return false, 0, false
	}
	if address.Is4() || address.Is4In6() {
		b := address.As4()
		i, found = s.find4(binary.BigEndian.Uint32(b[:]), now)
		return false, i, found
	}
	i, found = s.find6(widen(address), now)
	return true, i, found
}

func (s *Set) find4(a uint32, now time.Time) (uint32, bool) {
	low, high := part(behind4(s.top4, a, 0, len(s.top4)), len(s.four))
	for i := uint32(behind4(s.four, a, low, high)) - 1; i != nobody; i = s.of4.around[i] {
		if uint64(a^s.four[i])>>(32-s.of4.bits[i]) == 0 && s.of4.live(i, now) {
			return i, !s.of4.excludes(i)
		}
	}
	return 0, false
}

func (s *Set) find6(a wide, now time.Time) (uint32, bool) {
	low, high := part(behind6(s.top6, a, 0, len(s.top6)), len(s.six))
	for i := uint32(behind6(s.six, a, low, high)) - 1; i != nobody; i = s.of6.around[i] {
		if within(a, s.six[i], s.of6.bits[i]) && s.of6.live(i, now) {
			return i, !s.of6.excludes(i)
		}
	}
	return 0, false
}

// part is where the first prefix behind an address is, if at the top it is the one with a number.
func part(top, n int) (low, high int) { return max(top-1, 0) * apart, min(top*apart, n) }

// behind4 finds the first of sorted addresses that is behind another.
func behind4(sorted []uint32, a uint32, low, high int) int {
	for low < high {
		middle := int(uint(low+high) >> 1)
		if sorted[middle] <= a {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// behind6 is behind4 for the other family.
func behind6(sorted []wide, a wide, low, high int) int {
	for low < high {
		middle := int(uint(low+high) >> 1)
		if m := &sorted[middle]; m.hi < a.hi || m.hi == a.hi && m.lo <= a.lo {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// within tells whether the first bits of two addresses are the same.
func within(a, b wide, bits uint8) bool {
	if bits <= 64 {
		return (a.hi^b.hi)>>(64-bits) == 0
	}
	return a.hi == b.hi && (a.lo^b.lo)>>(128-bits) == 0
}

func (d *details) live(i uint32, now time.Time) bool {
	return len(d.until) == 0 || d.until[i] == 0 || now.Unix() < int64(d.until[i])
}

func (d *details) excludes(i uint32) bool {
	if d.excluded == nil {
		return false
	}
	_, out := d.excluded[i]
	return out
}

// match describes the entry i of a family.
func (s *Set) match(six bool, i uint32) Match {
	d := &s.of6
	var start netip.Addr
	if six {
		start = s.six[i].address()
	} else {
		d, start = &s.of4, address4(s.four[i])
	}
	m := Match{Prefix: netip.PrefixFrom(start, int(d.bits[i])), Line: int(d.line[i]), Note: s.notes[noteKey{six, i}]}
	if len(d.until) > 0 && d.until[i] != 0 {
		m.Until = time.Unix(int64(d.until[i]), 0).UTC()
	}
	return m
}

// All yields the entries in order, IPv4 first, but for those that exclude.
func (s *Set) All() iter.Seq[Match] {
	return func(yield func(Match) bool) {
		if s == nil {
			return
		}
		for i := range uint32(len(s.four)) {
			if !s.of4.excludes(i) && !yield(s.match(false, i)) {
				return
			}
		}
		for i := range uint32(len(s.six)) {
			if !s.of6.excludes(i) && !yield(s.match(true, i)) {
				return
			}
		}
	}
}

func address4(a uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b)
}

func widen(a netip.Addr) wide {
	b := a.As16()
	return wide{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (w wide) address() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], w.hi)
	binary.BigEndian.PutUint64(b[8:], w.lo)
	return netip.AddrFrom16(b)
}
