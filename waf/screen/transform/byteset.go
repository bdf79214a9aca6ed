package transform

import "unicode/utf8"

// ByteSet is a set of byte values: byte c is bit c%64 of word c/64.
type ByteSet [4]uint64

// BytesOf returns the bytes that occur in s.
func BytesOf(s string) ByteSet {
	// ASCII goes by without a memory access, which is three times as fast as words by index. For
	// one of the two words the shift is by 64 or more and adds nothing.
	var low, high uint64
	i := 0
	for ; i < len(s) && s[i] < utf8.RuneSelf; i++ {
		c := s[i]
		low |= 1 << c
		high |= 1 << (c - 64)
	}
	set := ByteSet{low, high}
	for ; i < len(s); i++ {
		set.add(s[i])
	}
	return set
}

// Has reports whether c is in the set.
func (set *ByteSet) Has(c byte) bool { return set[c>>6]>>(c&63)&1 != 0 }

// Union returns the bytes that are in either set.
func (set ByteSet) Union(other ByteSet) ByteSet {
	for i := range set {
		set[i] |= other[i]
	}
	return set
}

// Intersects reports whether the sets have a byte in common.
func (set *ByteSet) Intersects(other *ByteSet) bool {
	return set[0]&other[0]|set[1]&other[1]|set[2]&other[2]|set[3]&other[3] != 0
}

func (set *ByteSet) add(c byte) { set[c>>6] |= 1 << (c & 63) }

// bytesFrom returns the bytes from first to last, both included.
func bytesFrom(first, last byte) ByteSet {
	var set ByteSet
	for c := int(first); c <= int(last); c++ {
		set.add(byte(c))
	}
	return set
}

// complement returns the bytes that are not in the set.
func (set ByteSet) complement() ByteSet {
	for i := range set {
		set[i] = ^set[i]
	}
	return set
}

// table returns the set in the form that is fastest to ask byte by byte.
func (set ByteSet) table() *[256]bool {
	var t [256]bool
	for i := range t {
		t[i] = set.Has(byte(i))
	}
	return &t
}

// index returns the position of the first byte of s that t holds, or len(s).
func index(s string, t *[256]bool) int {
	for i := 0; i < len(s); i++ {
		if t[s[i]] {
			return i
		}
	}
	return len(s)
}
