package reading

import (
	"fmt"
	"unicode/utf8"
)

// What a byte may be in a name.
const (
	xmlNameByte  = 1 << iota // in a name
	xmlNameStart             // also its first
)

// xmlByte are the ASCII bytes of names.
var xmlByte = func() (t [256]uint8) {
	for c := range t {
		switch l := lowerByte(byte(c)); {
		case 'a' <= l && l <= 'z', l == '_', l == ':':
			t[c] = xmlNameByte | xmlNameStart
		case '0' <= l && l <= '9', l == '-', l == '.':
			t[c] = xmlNameByte
		}
	}
	return t
}()

func xmlSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// xmlTrimLeft is s without the white space that it begins with.
func xmlTrimLeft(s string) string {
	for s != "" && xmlSpace(s[0]) {
		s = s[1:]
	}
	return s
}

// space passes white space, and reports whether there was any.
func (w *xmlReader) space() bool {
	from := w.at
	for w.at < len(w.doc) && xmlSpace(w.doc[w.at]) {
		w.at++
	}
	return w.at > from
}

// name reads a name. One that is odd is more than a word: it has dots, as the classes of Java, or
// letters beyond ASCII, or begins as the inner properties of JavaScript do.
func (w *xmlReader) name() (name string, odd, ok bool) {
	from, i := w.at, w.at
	for i < len(w.doc) {
		c := w.doc[i]
		if c < utf8.RuneSelf {
			if class := xmlByte[c]; class == 0 || i == from && class&xmlNameStart == 0 {
				break
			}
			if c == '.' {
				odd = true
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(w.doc[i:])
		if !xmlNameRune(r, i == from) {
			break
		}
		odd = true
		i += n
	}
	name, w.at = w.doc[from:i], i
	switch {
	case i == len(w.doc):
		return name, odd, w.ends("a name")
	case name == "":
		return "", false, w.fail(fmt.Sprintf("%q where a name must begin", firstRune(w.doc[i:])))
	case len(name) > xmlMaxName:
		return "", false, w.fail("a name is too long")
	}
	return name, odd || len(name) > 1 && name[:2] == "__", true
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// xmlNameRune reports whether a character beyond ASCII may stand in a name (XML 1.0, 2.3).
func xmlNameRune(r rune, first bool) bool {
	switch {
	case r < 0xb7, r == 0xd7, r == 0xf7, r == 0x37e:
		return false
	case r == 0xb7, 0x300 <= r && r <= 0x36f, r == 0x203f, r == 0x2040:
		return !first
	case r < 0x2000:
		return r >= 0xc0
	case r < 0xd800:
		return r == 0x200c || r == 0x200d || 0x2070 <= r && r <= 0x218f ||
			0x2c00 <= r && r <= 0x2fef || r >= 0x3001
	}
	return 0xf900 <= r && r <= 0xfdcf || 0xfdf0 <= r && r <= 0xfffd || 0x10000 <= r && r <= 0xeffff
}

// xmlLocal is a name without its prefix.
func xmlLocal(name string) (prefix, local string) {
	for i := range len(name) {
		if name[i] == ':' {
			return name[:i], name[i+1:]
		}
	}
	return "", name
}
