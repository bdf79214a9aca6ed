package mask

import (
	"strings"
	"unicode/utf8"
)

// Ellipsis marks where text was cut. It comes on top of a limit.
const Ellipsis = "…"

// Cut shortens s to at most limit bytes on a rune boundary and marks the place.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return s[:runeStart(s, limit)] + Ellipsis
}

// runeStart returns the greatest index up to i at which a rune of s starts. Bytes that
// are no UTF-8 count as runes of their own.
func runeStart(s string, i int) int {
	if i >= len(s) {
		return len(s)
	}
	for back := i; back > 0 && i-back < utf8.UTFMax; back-- {
		if utf8.RuneStart(s[back]) {
			return back
		}
	}
	return i
}

// finish makes text of a client fit for any sink.
func finish(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit+len(Ellipsis) && strings.HasSuffix(s, Ellipsis) {
		return s // cut before
	}
	return Cut(s, limit)
}
