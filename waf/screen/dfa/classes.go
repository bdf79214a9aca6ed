package dfa

import (
	"cmp"
	"encoding/binary"
	"slices"
	"unicode"
	"unicode/utf8"
)

// A charset is what one instruction consumes: pairs of first and last rune, ascending.
type charset []rune

// classes is a partition of all runes: no charset tells two runes of one class apart.
type classes struct {
	// ascii has the class of each byte below utf8.RuneSelf, and notASCII for all others.
	ascii [256]uint8
	// first[i] is the first rune of an interval, which ends before first[i+1]; of[i] its class.
	first []rune
	of    []uint32
	// sample has one rune of each class.
	sample []rune
}

// notASCII is no class: ASCII has 128 runes, and their classes are numbered first.
const notASCII = utf8.RuneSelf

// partition makes c the coarsest partition that respects sets.
func (c *classes) partition(sets []charset) {
	bounds := []rune{0}
	for _, set := range sets {
		for i := 0; i < len(set); i += 2 {
			bounds = append(bounds, set[i])
			if set[i+1] < unicode.MaxRune {
				bounds = append(bounds, set[i+1]+1)
			}
		}
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)

	// Each set splits each class into members and others, the intervals being the elements. parts has
	// the new number of either, counted from 1.
	of := make([]int, len(bounds))
	parts := make([][2]int, len(bounds))
	for _, set := range sets {
		n, at := 0, 0 // at leads to the first bound of the set that is not before the interval
		clear(parts)
		for i, r := range bounds {
			for at < len(set) && set[at] < r {
				at++
			}
			part := &parts[of[i]][0]
			if at < len(set) && (at%2 == 1 || set[at] == r) { // as in has
				part = &parts[of[i]][1]
			}
			if *part == 0 {
				n++
				*part = n
			}
			of[i] = *part - 1
		}
	}

	numbers := map[int]uint32{} // in the order of their first rune, so that ASCII is first
	for i, r := range bounds {
		n, ok := numbers[of[i]]
		if !ok {
			n = uint32(len(numbers))
			numbers[of[i]] = n
			c.sample = append(c.sample, r)
		}
		if len(c.of) == 0 || c.of[len(c.of)-1] != n {
			c.first = append(c.first, r)
			c.of = append(c.of, n)
		}
	}
	for b := range c.ascii {
		c.ascii[b] = notASCII
		if b < utf8.RuneSelf {
			c.ascii[b] = uint8(c.class(rune(b)))
		}
	}
}

func (s charset) has(r rune) bool {
	i, _ := slices.BinarySearchFunc(s, r, func(bound, r rune) int { return cmp.Compare(bound, r) })
	// An odd position is behind a first rune and not behind its last; equality to a bound is
	// membership.
	return i < len(s) && (i%2 == 1 || s[i] == r)
}

// key returns a string that no other charset has.
func (s charset) key() string {
	key := make([]byte, 0, 4*len(s))
	for _, r := range s {
		key = binary.LittleEndian.AppendUint32(key, uint32(r))
	}
	return string(key)
}

// class finds the class of any rune.
func (c *classes) class(r rune) uint32 {
	lo, hi := 0, len(c.first) // first[lo] <= r < first[hi]
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) / 2); c.first[mid] <= r {
			lo = mid
		} else {
			hi = mid
		}
	}
	return c.of[lo]
}

// next returns the class of the rune at s[i:], and its width in bytes. As for regexp, a byte that
// begins no valid rune is utf8.RuneError.
func (c *classes) next(s string, i int) (class uint32, width int) {
	if k := c.ascii[s[i]]; k != notASCII {
		return uint32(k), 1
	}
	r, width := utf8.DecodeRuneInString(s[i:])
	return c.class(r), width
}
