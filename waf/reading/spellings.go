package reading

import (
	"math/rand/v2"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/message"
)

// What frameworks read in a query or a form beside what nearly all of them read. Each reading is shown
// only where it differs, under the name that its framework gives it.

// otherPairs adds the readings that differ of the pairs in s. It reports whether these were all.
func (v *Values) otherPairs(s string, k Kind) (whole bool) {
	parts := 0
	for s != "" {
		var pair string
		pair, s, _ = strings.Cut(s, "&")
		v.otherPair(pair, k)
		if strings.IndexByte(pair, ';') < 0 {
			continue
		}
		// Perl's CGI, Python before 3.10 and Rack before 3 separate pairs there too; so "&amp;" that
		// somebody has written for "&" does what was meant. Text with semicolons has no names that an
		// application would look for.
		for first := true; pair != ""; first = false {
			var part string
			part, pair, _ = strings.Cut(pair, ";")
			key, text, _ := v.pair(part)
			if strings.IndexByte(part, '=') < 0 || !first && !isName(key) {
				continue
			}
			if parts == argumentsLimit {
				return false
			}
			parts++
			v.put(k, key, text)
			v.otherPair(part, k)
		}
	}
	return true
}

// isName reports whether an application may look for an argument of this name: a token, perhaps with
// brackets, and what otherPair takes away.
func isName(key string) bool {
	key = strings.TrimLeft(key, " ")
	if i := strings.IndexByte(key, 0); i >= 0 {
		key = key[:i]
	}
	for i := range len(key) {
		if c := key[i]; !message.IsTokenByte(c) && c != '[' && c != ']' && c < 0x80 {
			return false
		}
	}
	return key != ""
}

// otherPair adds the readings that differ of one pair.
func (v *Values) otherPair(pair string, k Kind) {
	key, text, seen := v.pair(pair)
	// PHP passes over spaces before a name, and ends it at a NUL.
	name := strings.TrimLeft(key, " ")
	if i := strings.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	if name != "" && name != key {
		v.put(k, name, text)
	}
	if seen&loose != 0 {
		rawKey, rawText, _ := strings.Cut(pair, "=")
		v.put(k, v.unescapeLoosely(rawKey), v.unescapeLoosely(rawText))
	}
	if seen&raw != 0 && (seen&loose != 0 || !utf8.ValidString(key) || !utf8.ValidString(text)) {
		rawKey, rawText, _ := strings.Cut(pair, "=")
		v.put(k, v.unescapeNarrowly(rawKey), v.unescapeNarrowly(rawText))
	}
	if seen&lead != 0 && (overlong(key) || overlong(text)) {
		v.put(k, v.shorten(key), v.shorten(text))
	}
}

// unescapeLoosely decodes as ASP does: %uXXXX is a character, one of the full width the ASCII that
// looks like it, and a "%" that begins no escape is left out.
func (v *Values) unescapeLoosely(s string) string {
	v.arena.room(len(s))
	from := len(v.arena.buf)
	b := v.arena.buf
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			c = ' '
		}
		if c != '%' {
			b = append(b, c)
			continue
		}
		if n, ok := hexNumber(s, i+1, 2); ok {
			b = append(b, byte(n))
			i += 2
		} else if r, ok := hexNumber(s, i+2, 4); ok && s[i+1]|0x20 == 'u' {
			if 0xff01 <= r && r <= 0xff5e {
				r -= 0xff01 - '!'
			}
			b = utf8.AppendRune(b, r)
			i += 5
		}
	}
	v.arena.buf = b
	return v.arena.since(from)
}

// unescapeNarrowly decodes as Node's querystring does where an escape is wrong or not UTF-8: what is
// not escaped becomes the low byte of its UTF-16, so that U+013C is "<".
func (v *Values) unescapeNarrowly(s string) string {
	v.arena.room(len(s))
	from := len(v.arena.buf)
	b := v.arena.buf
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if n, ok := hexNumber(s, i+1, 2); ok && r == '%' {
			r, size = n, 3
		} else if r == '+' {
			r = ' '
		}
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			b, r = append(b, byte(high)), low
		}
		b = append(b, byte(r))
		i += size
	}
	v.arena.buf = b
	return v.arena.since(from)
}

// hexNumber reads n hexadecimal digits of s, from index at.
func hexNumber(s string, at, n int) (r rune, ok bool) {
	if at+n > len(s) {
		return 0, false
	}
	for i := at; i < at+n; i++ {
		if unhex[s[i]] < 0 {
			return 0, false
		}
		r = r<<4 | rune(unhex[s[i]])
	}
	return r, true
}

// overlongAt is how many bytes a character takes at the beginning of s that UTF-8 would write in fewer,
// and the character; none if there is no such.
func overlongAt(s string) (n int, r rune) {
	switch c := s[0]; {
	case c == 0xc0 || c == 0xc1:
		n, r = 2, rune(c&1)
	case c == 0xe0:
		n = 3
	case c == 0xf0:
		n = 4
	case c == 0xf8:
		n = 5
	case c == 0xfc:
		n = 6
	default:
		return 0, 0
	}
	if len(s) < n {
		return 0, 0
	}
	for i := 1; i < n; i++ {
		if s[i]&0xc0 != 0x80 {
			return 0, 0
		}
		r = r<<6 | rune(s[i]&0x3f)
	}
	if n > 2 && utf8.RuneLen(r) == n || n > 4 && r > utf8.MaxRune {
		return 0, 0
	}
	return n, r
}

func overlong(s string) bool {
	for i := range len(s) {
		if pairByte[s[i]]&lead != 0 {
			if n, _ := overlongAt(s[i:]); n > 0 {
				return true
			}
		}
	}
	return false
}

// shorten replaces overlong characters: Java and PHP have decoded them so for long.
func (v *Values) shorten(s string) string {
	if !overlong(s) {
		return s
	}
	v.arena.room(len(s))
	from := len(v.arena.buf)
	for i := 0; i < len(s); {
		if n, r := overlongAt(s[i:]); n > 0 {
			v.arena.buf = utf8.AppendRune(v.arena.buf, r)
			i += n
			continue
		}
		v.arena.buf = append(v.arena.buf, s[i])
		i++
	}
	return v.arena.since(from)
}

// hasLead reports quickly whether there may be overlong characters in a long text.
func hasLead(s string) bool {
	for _, c := range [...]byte{0xc0, 0xc1, 0xe0, 0xf0, 0xf8, 0xfc} {
		if strings.IndexByte(s, c) >= 0 {
			return true
		}
	}
	return false
}

// shortened adds the values found that have overlong characters once more, without: Jackson, for one, decodes
// them in JSON.
func (v *Values) shortened() {
	for i, end := 0, len(v.found); i < end; i++ {
		if x := v.found[i]; overlong(x.Key) || overlong(x.Text) {
			v.put(x.Kind, v.shorten(x.Key), v.shorten(x.Text))
		}
	}
}

// nameHash begins the hashes of names, so that nobody can choose names that collide.
var nameHash = rand.Uint32()

// hashName hashes a name without regard to the case of ASCII letters.
func hashName(name string) uint32 {
	h := nameHash
	for i := range len(name) {
		h = (h ^ uint32(lowerByte(name[i]))) * 0x9e3779b1
		h ^= h >> 15
	}
	return h
}

// joined adds what ASP.NET makes of arguments that have one name, in whatever case, and so does JavaScript
// that takes a list for a string: their values with commas between them. An attack may be split over
// them. The arguments are those of found in from:to.
func (v *Values) joined(from, to int) {
	if to-from < 2 {
		return
	}
	size := 16
	for size < 2*(to-from) {
		size *= 2
	}
	if cap(v.slots) < size {
		v.slots = make([]nameSlot, size)
	}
	v.slots = v.slots[:size]
	clear(v.slots)
	if cap(v.chain) < to-from {
		v.chain = make([]link, size)
	}
	v.chain = v.chain[:to-from]
	clear(v.chain)
	repeated := false
	for i := range v.chain {
		name := v.found[from+i].Key
		for at := hashName(name) % uint32(size); ; at = (at + 1) % uint32(size) {
			slot := &v.slots[at]
			if slot.first == 0 {
				*slot = nameSlot{first: int16(i + 1), last: int16(i + 1)}
				break
			}
			if equalNames(v.found[from+int(slot.first)-1].Key, name) {
				v.chain[slot.last-1].next = int16(i + 1)
				v.chain[i].later = true
				slot.last, repeated = int16(i+1), true
				break
			}
		}
	}
	for i := range v.chain {
		if repeated && v.chain[i].next > 0 && !v.chain[i].later {
			v.join(from, i+1)
		}
	}
}

// nameSlot has the first and the last argument of a name: indices plus one.
type nameSlot struct{ first, last int16 }

// link leads from an argument to the next of its name, in the order of the document.
type link struct {
	next  int16 // its index plus one
	later bool  // the argument is not the first
}

func equalNames(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lowerByte(a[i]) != lowerByte(b[i]) {
			return false
		}
	}
	return true
}

// join adds the value of a chain of arguments, unless only one of them has a value.
func (v *Values) join(from, first int) {
	size, filled := 0, 0
	for i := first; i > 0; i = int(v.chain[i-1].next) {
		text := v.found[from+i-1].Text
		size += len(text) + 1
		if text != "" {
			filled++
		}
	}
	if filled < 2 {
		return
	}
	v.arena.room(size)
	start := len(v.arena.buf)
	for i := first; i > 0; i = int(v.chain[i-1].next) {
		if i != first {
			v.arena.buf = append(v.arena.buf, ',')
		}
		v.arena.buf = append(v.arena.buf, v.found[from+i-1].Text...)
	}
	x := v.found[from+first-1]
	v.put(x.Kind, x.Key, v.arena.since(start))
}
