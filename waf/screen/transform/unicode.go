package transform

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// utf8ToUnicode writes each character beyond ASCII as "%u" and at least four hexadecimal digits,
// a byte outside of UTF-8 as "%ufffd" (utf8_to_unicode.go of Coraza).
func utf8ToUnicode(s string, b *Buffer) (string, bool) {
	i := 0
	for i < len(s) && s[i] < utf8.RuneSelf {
		i++
	}
	if i == len(s) {
		return s, false
	}
	d := append(b.reserve(i+6*(len(s)-i)), s[:i]...)
	for _, r := range s[i:] {
		if r < utf8.RuneSelf {
			d = append(d, byte(r))
			continue
		}
		d = append(d, '%', 'u')
		if r > 0xFFFF {
			d = strconv.AppendUint(d, uint64(r), 16)
			continue
		}
		d = append(d, hexDigits[r>>12], hexDigits[r>>8&0xF], hexDigits[r>>4&0xF], hexDigits[r&0xF])
	}
	return b.keep(d), true
}

// folding is one direction of case mapping, as strings.ToLower or strings.ToUpper does it: rune by
// rune, with bytes outside of UTF-8 becoming U+FFFD.
type folding struct {
	ascii [utf8.RuneSelf]byte

	// short is the mapping of the characters of at most two bytes in UTF-8.
	short [0x800]uint16

	// blocks tells which blocks of 64 characters have one that is mapped: most writing has no case,
	// and asking unicode costs tens of nanoseconds each time.
	blocks [(unicode.MaxRune + 1) >> 6]bool

	mapping func(rune) rune
}

var (
	lower = newFolding(unicode.ToLower)
	upper = newFolding(unicode.ToUpper)
)

func newFolding(mapping func(rune) rune) *folding {
	f := &folding{mapping: mapping}
	for i := range f.ascii {
		f.ascii[i] = byte(mapping(rune(i)))
	}
	for i := range f.short {
		f.short[i] = uint16(mapping(rune(i)))
	}
	for _, r := range unicode.CaseRanges {
		for block := r.Lo >> 6; block <= r.Hi>>6; block++ {
			f.blocks[block] = true
		}
	}
	return f
}

// lowercase is strings.ToLower (lowercase.go of Coraza).
func lowercase(s string, b *Buffer) (string, bool) { return lower.apply(s, b) }

// uppercase is strings.ToUpper (uppercase.go of Coraza).
func uppercase(s string, b *Buffer) (string, bool) { return upper.apply(s, b) }

func (f *folding) apply(s string, b *Buffer) (string, bool) {
	i := 0
	for i < len(s) && s[i] < utf8.RuneSelf && f.ascii[s[i]] == s[i] {
		i++
	}
	if i == len(s) {
		return s, false
	}
	rest := s[i:]
	n := 0
	for n < len(rest) && rest[n] < utf8.RuneSelf {
		n++
	}
	// ASCII keeps its length, a byte outside of UTF-8 becomes three.
	d := append(b.reserve(i+n+3*(len(rest)-n)), s[:i]...)
	d = d[:i+n]
	for j, c := range bytesOf(rest[:n]) {
		d[i+j] = f.ascii[c&0x7F]
	}
	d = f.appendRunes(d, rest[n:])
	out := b.keep(d)
	return out, out != s
}

// isShort reports whether a character of two bytes starts at i of s.
func isShort(s string, i int) bool {
	return 0xC2 <= s[i] && s[i] < 0xE0 && i+1 < len(s) && s[i+1]&0xC0 == 0x80
}

func (f *folding) appendRunes(d []byte, s string) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			d = append(d, f.ascii[c])
			i++
			continue
		}
		if isShort(s, i) {
			d = utf8.AppendRune(d, rune(f.short[rune(s[i]&0x1F)<<6|rune(s[i+1]&0x3F)]))
			i += 2
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		mapped := r
		if f.blocks[r>>6] {
			mapped = f.mapping(r)
		}
		if mapped == r && n > 1 {
			d = append(d, s[i:i+n]...)
		} else {
			d = utf8.AppendRune(d, mapped)
		}
		i += n
	}
	return d
}
