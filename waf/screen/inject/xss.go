package inject

import (
	"strings"

	libinjection "github.com/corazawaf/libinjection-go"
)

// XSS reports whether libinjection takes s for cross-site scripting, as its IsXSS does.
func XSS(s string) bool { return !notXSS(s) && libinjection.IsXSS(s) }

// notXSS reports whether it is proven that IsXSS(s) is false.
//
// IsXSS reads a value in five ways: as markup, and as what stands in a tag: where a name may
// begin, and behind the opening quote of a value, for three kinds of quotes. It is positive for
//
//   - a document type or a suspicious comment. Both begin with "<" and one of "!", "?", "%", or
//     with "</" that no letter follows.
//   - a tag with a name on its list. The name begins behind "<" or "</", with a letter.
//   - the value of an attribute with a name on its list. The value begins behind "=" and the
//     name ends before it, or before the white space before it; the name begins at the
//     beginning, or behind white space, a slash or a quote.
//
// A NUL is nothing in a name, and more; it is left to the library.
func notXSS(s string) bool {
	tags, values := strings.IndexByte(s, '<'), strings.IndexByte(s, '=')
	if tags < 0 && values < 0 {
		return true
	}
	if strings.IndexByte(s, 0) >= 0 {
		return false
	}
	for i := tags; i >= 0 && i < len(s); {
		if suspiciousTag(s[i+1:]) {
			return false
		}
		i = indexFrom(s, '<', i+1)
	}
	for i := values; i >= 0; i = indexFrom(s, '=', i+1) {
		if suspiciousName(s[:i]) {
			return false
		}
	}
	return true
}

func indexFrom(s string, c byte, from int) int {
	i := strings.IndexByte(s[from:], c)
	if i < 0 {
		return -1
	}
	return from + i
}

// suspiciousTag reports whether what stands behind "<" may be positive by itself.
func suspiciousTag(s string) bool {
	s, closing := strings.CutPrefix(s, "/")
	if s == "" {
		return false
	}
	if !isLetter(s[0]) {
		if closing {
			return s[0] != '>'
		}
		return s[0] == '!' || s[0] == '?' || s[0] == '%'
	}
	n := 0 // a longer name is none of the list: without this bound "<a<a<a…" is read once for each of its tags
	for n < len(s) && n <= longestName && s[n] != '/' && s[n] != '>' && !isHTMLWhite(s[n]) {
		n++
	}
	if n < 3 {
		return false
	}
	switch s[0] | 0x20 {
	case 's', 'x': // script, style, and all that begins with svg or xsl
		if p := s[:3]; strings.EqualFold(p, "svg") || strings.EqualFold(p, "xsl") {
			return true
		}
	}
	return blackTags.has(s[:n])
}

// suspiciousName reports whether s ends with the name of an attribute that may be positive.
func suspiciousName(s string) bool {
	end := len(s)
	for end > 0 && isHTMLWhite(s[end-1]) {
		end--
	}
	start := end
	for start > 0 && (isLetter(s[start-1]) || s[start-1] == ':') {
		start--
	}
	if start > 0 {
		// Another byte before it is part of the name, and no name on the list has one.
		if c := s[start-1]; c != '/' && c != '"' && c != '\'' && c != '`' && !isHTMLWhite(c) {
			return false
		}
	}
	name := s[start:end]
	return len(name) >= 5 && strings.EqualFold(name[:2], "on") || blackAttributes.has(name)
}

func isHTMLWhite(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// longestName is at least the length of any name on the lists.
const longestName = 16

// names is a set of lower-case names.
type names map[string]bool

// has reports whether a name is in the set, without its case.
func (n names) has(name string) bool {
	var lower [longestName]byte
	if len(name) > len(lower) {
		return false
	}
	for i := range len(name) {
		lower[i] = name[i]
		if name[i]-'A' < 26 {
			lower[i] |= 0x20
		}
	}
	return n[string(lower[:len(name)])]
}

// blackTags are the tags on the library's list of that name (xss_decls.go).
var blackTags = namesOf(`applet base comment embed frame frameset handler iframe import isindex
	link listener meta noscript object script style vmlframe xml xss`)

// blackAttributes are the attributes on its list blacks, and the two of isBlackAttr. Those that
// begin with "on" are not here: any such name is left to the library.
var blackAttributes = namesOf(`action attributename by background dataformatas datasrc dynsrc
	filter formaction folder from handler href lowsrc poster src style to values xlink:href
	xmlns xlink`)

func namesOf(list string) names {
	n := names{}
	for f := range strings.FieldsSeq(list) {
		n[f] = true
	}
	return n
}
