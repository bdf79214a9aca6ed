package byteset

import "strconv"

// Set is a set of byte groups: bit g stands for every byte of group g.
type Set uint64

const (
	groupDigit   = 26 // 0 to 25 are the letters
	groupHigh    = 27 // 0x80 to 0xff
	groupSpace   = 28
	groupControl = 29 // but for the next two
	groupLF      = 30
	groupCR      = 31
	groupPunct   = 32 // the first of the 32 from ! to ~

	// Groups is how many groups there are.
	Groups = 64
)

const (
	// All has every group.
	All = ^Set(0)
	// Letters are the ASCII letters, whatever their case.
	Letters = Set(1)<<26 - 1
	// High are the bytes from 0x80 up.
	High = Set(1) << groupHigh
)

// ofByte has the set of one group for each byte.
var ofByte = func() (masks [256]Set) {
	punct := groupPunct
	for b := range masks {
		group := groupControl
		switch {
		case b >= 0x80:
			group = groupHigh
		case 'a' <= b|0x20 && b|0x20 <= 'z':
			group = b | 0x20 - 'a'
		case '0' <= b && b <= '9':
			group = groupDigit
		case b == ' ':
			group = groupSpace
		case b == '\n':
			group = groupLF
		case b == '\r':
			group = groupCR
		case b > ' ' && b < 0x7f:
			group, punct = punct, punct+1
		}
		masks[b] = 1 << group
	}
	return masks
}()

// Byte returns the group that c belongs to.
func Byte(c byte) Set { return ofByte[c] }

// Of returns the groups that the bytes of s belong to. Two sums that do not wait for each other take
// two bytes in the time of one.
func Of(s string) Set {
	var even, odd Set
	for len(s) >= 4 {
		even |= ofByte[s[0]] | ofByte[s[2]]
		odd |= ofByte[s[1]] | ofByte[s[3]]
		s = s[4:]
	}
	for i := range len(s) {
		even |= ofByte[s[i]]
	}
	return even | odd
}

// String lists one byte of each group.
func (set Set) String() string {
	var s []byte
	for b := range 0x81 {
		if ofByte[b]&set != 0 && (b < 'A' || b > 'Z') {
			s, set = append(s, byte(b)), set&^ofByte[b]
		}
	}
	quoted := strconv.Quote(string(s))
	return quoted[1 : len(quoted)-1]
}
