package transform

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// asciiSpaces is what C's isspace calls a space, and trim and its kin cut off.
const asciiSpaces = " \t\n\r\f\v"

// compressBytes cover U+0085 and U+00A0 by their common first byte, and the lone byte 0xA0.
const compressBytes = asciiSpaces + "\xC2\xA0"

var (
	compressTouches = byteset.Of(compressBytes)
	compressTable   = tableOf(compressBytes)
)

// compressWhitespace turns runs of white space into one space (compress_whitespace.go of Coraza).
// Beyond ASCII, U+0085, U+00A0 and a byte 0xA0 outside of UTF-8 count as white space.
func compressWhitespace(s string, b *Buffer) (string, bool) {
	i := firstCompressed(s)
	if i == len(s) {
		return s, false
	}
	d := append(b.reserve(len(s)), s[:i]...)
	inSpace := i > 0 && s[i-1] == ' '
	for i < len(s) {
		n := 0
		if compressTable[s[i]] {
			n = spaceLen(s, i)
		}
		if n > 0 {
			if !inSpace {
				d = append(d, ' ')
			}
			inSpace = true
			i += n
			continue
		}
		inSpace = false
		d = append(d, s[i])
		i++
		if s[i-1] >= utf8.RuneSelf {
			// The rest of the character, of which a byte 0xA0 would look like white space.
			_, n = utf8.DecodeRuneInString(s[i-1:])
			for ; n > 1; n-- {
				d = append(d, s[i])
				i++
			}
		}
	}
	return b.keep(d), true
}

// firstCompressed returns the position of the first white space that does not stay as it is, or
// len(s): a single space does.
func firstCompressed(s string) int {
	for i := 0; i < len(s); i++ {
		if !compressTable[s[i]] {
			continue
		}
		switch c := s[i]; {
		case c == ' ':
			if i+1 < len(s) && compressTable[s[i+1]] && spaceLen(s, i+1) > 0 {
				return i + 1
			}
		case c == 0xA0 && insideRune(s, i):
		case spaceLen(s, i) > 0:
			return i
		}
	}
	return len(s)
}

// insideRune reports whether byte i of s, a continuation byte, belongs to a valid encoding that
// starts before it.
func insideRune(s string, i int) bool {
	for start := i - 1; start >= 0 && start > i-utf8.UTFMax; start-- {
		if utf8.RuneStart(s[start]) {
			_, n := utf8.DecodeRuneInString(s[start:])
			return start+n > i
		}
	}
	return false
}

// spaceLen returns the length of the white space at i, where a character starts, or 0.
func spaceLen(s string, i int) int {
	switch c := s[i]; {
	case c == ' ', '\t' <= c && c <= '\r', c == 0xA0:
		return 1
	case c == 0xC2 && i+1 < len(s) && (s[i+1] == 0x85 || s[i+1] == 0xA0):
		return 2
	}
	return 0
}

// What removeWhitespace does with a byte: how many it leaves, or that it has to look closer.
var removedClass = func() (class [256]uint8) {
	for c := range class {
		switch {
		case c >= utf8.RuneSelf:
			class[c] = removedCloser
		case strings.IndexByte(asciiSpaces, byte(c)) < 0:
			class[c] = 1
		}
	}
	return class
}()

const removedCloser = 2

// removeWhitespace drops what Unicode calls white space (remove_whitespace.go of Coraza). Bytes
// outside of UTF-8 become U+FFFD on the way, which is not reported as a change.
func removeWhitespace(s string, b *Buffer) (string, bool) {
	i := 0
	for i < len(s) && removedClass[s[i]] == 1 {
		i++
	}
	if i == len(s) {
		return s, false
	}
	changed := false
	d := b.reserve(i + 3*(len(s)-i)) // three bytes for each that is outside of UTF-8
	d = d[:cap(d)]
	n := copy(d, s[:i])
	for i < len(s) {
		c := s[i]
		if class := removedClass[c]; class != removedCloser {
			d[n] = c
			n += int(class)
			i++
			changed = changed || class == 0
			continue
		}
		if isShort(s, i) && c != 0xC2 {
			n += copy(d[n:], s[i:i+2])
			i += 2
			continue
		}
		r, width := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError:
			n += utf8.EncodeRune(d[n:], r)
		case unicode.IsSpace(r):
			changed = true
		default:
			n += copy(d[n:], s[i:i+width])
		}
		i += width
	}
	return b.keep(d[:n]), changed
}

func trim(s string, _ *Buffer) (string, bool) {
	out := strings.Trim(s, asciiSpaces)
	return out, len(out) != len(s)
}

func trimLeft(s string, _ *Buffer) (string, bool) {
	out := strings.TrimLeft(s, asciiSpaces)
	return out, len(out) != len(s)
}

func trimRight(s string, _ *Buffer) (string, bool) {
	out := strings.TrimRight(s, asciiSpaces)
	return out, len(out) != len(s)
}
