package audit

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/mask"
)

const ellipsis = mask.Ellipsis

// clean cuts s and replaces what no log viewer should interpret: bytes that are not
// UTF-8 and runes that are not graphic, such as C1 controls and text direction marks.
// ASCII controls stay, because both encodings escape them. What is fine costs no allocation.
func clean(s string, limit int) string {
	s = mask.Cut(s, limit)
	if ascii(s) {
		return s
	}
	for _, r := range s {
		if !shown(r) {
			return strings.Map(func(r rune) rune {
				if shown(r) {
					return r
				}
				return utf8.RuneError
			}, s)
		}
	}
	return s
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// shown is false for utf8.RuneError too: the byte that caused it has to be replaced.
func shown(r rune) bool {
	return r < utf8.RuneSelf || r != utf8.RuneError && unicode.IsGraphic(r)
}

// Shown returns s, or about limit bytes of it, as people may see it on a terminal: in one line, and without
// what a terminal would obey, such as escape sequences and marks that turn the direction of text.
func Shown(s string, limit int) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return utf8.RuneError
		}
		return r
	}, clean(s, limit))
}

// path prepares a request path: matrix parameters and tokens within it are masked.
func path(p *mask.Policy, s string) string {
	return clean(p.Path(s, maxPathBytes), maxPathBytes+len(ellipsis))
}

// text prepares text of a client, such as a user agent or what rules expand into their messages.
func text(p *mask.Policy, s string, limit int) string {
	return clean(p.Short(s, limit), limit+len(ellipsis))
}

// target prepares the name of what matched. The name after the collection is the client's.
func target(p *mask.Policy, s string) string {
	collection, name, found := strings.Cut(s, ":")
	if !found {
		return clean(s, maxTargetBytes)
	}
	return clean(collection+":"+p.Short(name, maxTargetBytes), maxTargetBytes+len(ellipsis))
}
