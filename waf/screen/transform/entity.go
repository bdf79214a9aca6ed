package transform

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// The longest name of an entity, in bytes, and of one that needs no semicolon.
const (
	longestEntity = 31 // CounterClockwiseContourIntegral
	longestLegacy = 6
)

// htmlEntityDecode is UnescapeString of golang.org/x/net/html, which Coraza calls
// (html_entity_decode.go): numeric references and names are read here, as the standard says
// (https://html.spec.whatwg.org/multipage/parsing.html#character-reference-state), except that
// names that need a semicolon are looked up in that package, at the price of an allocation. It
// reports a change only if the length changes.
func htmlEntityDecode(s string, b *Buffer) (string, bool) {
	i := strings.IndexByte(s, '&')
	if i < 0 {
		return s, false
	}
	// The most that an entity grows is by a fifth: "&nGt;" is six bytes.
	d := append(b.reserve(i+(len(s)-i)*6/5), s[:i]...)
	for i < len(s) {
		if s[i] != '&' {
			end := strings.IndexByte(s[i:], '&')
			if end < 0 {
				end = len(s) - i
			}
			d = append(d, s[i:i+end]...)
			i += end
			continue
		}
		n := 0
		if i+1 < len(s) && s[i+1] == '#' {
			d, n = appendNumeric(d, s[i:])
		} else {
			d, n = appendNamed(d, s[i:])
		}
		if n == 0 {
			d = append(d, '&')
			n = 1
		}
		i += n
	}
	return b.keep(d), len(d) != len(s)
}

// appendNumeric appends the character that the numeric reference at the start of s stands for, and
// returns the length of the reference, or 0 if there is none.
func appendNumeric(d []byte, s string) ([]byte, int) {
	i := len("&#")
	base := rune(10)
	if i < len(s) && s[i]|0x20 == 'x' {
		base = 16
		i++
	}
	digits := i
	code := rune(0)
	for ; i < len(s); i++ {
		v := rune(hexValue[s[i]])
		if v >= base {
			break
		}
		if code <= utf8.MaxRune {
			code = code*base + v
		}
	}
	if i == digits {
		return d, 0
	}
	if i < len(s) && s[i] == ';' {
		i++
	}
	switch {
	case 0x80 <= code && code <= 0x9F:
		code = windows1252[code-0x80]
	case code == 0:
		code = utf8.RuneError
	}
	return utf8.AppendRune(d, code), i // surrogates and what is beyond Unicode become U+FFFD
}

// windows1252 is what numeric references to control characters stand for, in that encoding.
var windows1252 = [32]rune{
	0x20AC, 0x81, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021,
	0x2C6, 0x2030, 0x160, 0x2039, 0x152, 0x8D, 0x17D, 0x8F,
	0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x2DC, 0x2122, 0x161, 0x203A, 0x153, 0x9D, 0x17E, 0x178,
}

// appendNamed appends what the named reference at the start of s stands for, and returns the length
// of the reference, or 0 if there is none.
func appendNamed(d []byte, s string) ([]byte, int) {
	end := 1
	for end < len(s) && end <= longestEntity && isAlphanumeric(s[end]) {
		end++
	}
	name := s[1:end]
	semicolon := end < len(s) && s[end] == ';'
	if semicolon {
		if code, ok := legacyEntity[name]; ok {
			return utf8.AppendRune(d, code), end + 1
		}
		if len(name) > 1 {
			// The name may be one that needs its semicolon, or start with one that does not.
			if out := html.UnescapeString(s[:end+1]); out != s[:end+1] {
				return append(d, out...), end + 1
			}
		}
		return d, 0
	}
	for n := min(len(name), longestLegacy); n > 1; n-- {
		if code, ok := legacyEntity[name[:n]]; ok {
			return utf8.AppendRune(d, code), 1 + n
		}
	}
	return d, 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// legacyEntity has the names that need no semicolon, which older HTML knew: those of U+00A0 to
// U+00FF, and ten more.
var legacyEntity = legacyEntities()

func legacyEntities() map[string]rune {
	latin1 := strings.Fields(`
		nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr
		deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest
		Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml
		ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig
		agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml
		eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml`)
	m := map[string]rune{
		"amp": '&', "AMP": '&', "lt": '<', "LT": '<', "gt": '>', "GT": '>', "quot": '"', "QUOT": '"',
		"COPY": 0xA9, "REG": 0xAE,
	}
	for i, name := range latin1 {
		m[name] = 0xA0 + rune(i)
	}
	return m
}
