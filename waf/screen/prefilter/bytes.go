package prefilter

import "strconv"

// Bytes is a set of byte groups: bit g stands for every byte of group g. A letter is a group
// whatever its case; the digits, the control bytes and the bytes from 0x80 up are a group each;
// space, line feed, carriage return and the punctuation bytes are groups of one. These are 64,
// so that "which bytes has this value" is one OR for each byte and "has it one of these" one
// AND. A set of single bytes rounds up to groups, which makes a condition weaker, never wrong.
type Bytes uint64

const (
	groupDigit   = 26 // 0 to 25 are the letters
	groupHigh    = 27 // 0x80 to 0xff
	groupSpace   = 28
	groupControl = 29 // but for the next two
	groupLF      = 30
	groupCR      = 31
	groupPunct   = 32 // the first of the 32 from ! to ~
	groups       = 64
)

// AnyBytes is the set of all groups.
const AnyBytes = ^Bytes(0)

const (
	letters  = Bytes(1)<<26 - 1
	highByte = Bytes(1) << groupHigh
)

// groupMask has the set of one group for each byte.
var groupMask = func() (masks [256]Bytes) {
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

// BytesOf returns the groups that the bytes of s belong to.
func BytesOf(s string) Bytes {
	var set Bytes
	for i := range len(s) {
		set |= groupMask[s[i]]
	}
	return set
}

// lower folds an ASCII letter, and nothing else.
func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b | 0x20
	}
	return b
}

// fold returns s with its ASCII letters in lower case.
func fold(s string) string {
	for i := range len(s) {
		if lower(s[i]) != s[i] {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = lower(b[i])
			}
			return string(b)
		}
	}
	return s
}

// String lists one byte of each group.
func (set Bytes) String() string {
	var s []byte
	for b := range 0x81 {
		if groupMask[b]&set != 0 && lower(byte(b)) == byte(b) {
			s, set = append(s, byte(b)), set&^groupMask[b]
		}
	}
	quoted := strconv.Quote(string(s))
	return quoted[1 : len(quoted)-1]
}
