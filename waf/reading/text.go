package reading

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// plain shows a text without a structure that is known: as one value. If it begins as a form does, it is
// shown as one too: a value says more without the name before it.
func (v *Values) plain(text string) {
	v.raw(text)
	v.put(ArgsPost, bodyKey, text)
	v.markupIn(text)
	v.embedded(ArgsPost, bodyKey, text)
	v.stringsIn(text)
	for s := text; s != ""; {
		line := s
		if i := strings.IndexAny(s, "&\n"); i >= 0 {
			line, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		if i := strings.IndexByte(line[:min(len(line), maxWord)], '='); i > 0 && isWord(line[:i]) {
			v.pairs(line, ArgsPost)
		}
	}
}

// stringsIn shows the strings in a text, where a language is likely or they hide something.
func (v *Values) stringsIn(text string) {
	if start := trimStart(text); isOperation(start) {
		v.quoted(ArgsPost, bodyKey, start)
	} else if _, ok := bracketed(text); !ok { // else embedded has done so
		v.literals(ArgsPost, bodyKey, text)
	}
	v.doubled(ArgsPost, bodyKey, text)
}

// yaml shows each value of YAML that takes a line, and is not in quotes. Its other strings are those of text.
func (v *Values) yaml(text string) {
	for s := text; s != ""; {
		var line string
		line, s, _ = strings.Cut(s, "\n")
		value := strings.TrimRight(trimStart(line), " \t\r")
		for strings.HasPrefix(value, "- ") {
			value = trimStart(value[2:])
		}
		if _, behind, found := strings.Cut(value, ": "); found {
			value = trimStart(behind)
		}
		if value != "" && len(value) < len(line) {
			v.put(ArgsPost, bodyKey, value)
		}
	}
}

// textOrBinary shows a part of a body that is one or the other.
func (v *Values) textOrBinary(part string) {
	if isBinary(part) {
		v.binary(ArgsPost, bodyKey, part)
	} else {
		v.put(ArgsPost, bodyKey, part)
	}
}

// utf8Text is text without a byte order mark, and in UTF-8 if it is in UTF-16 or UTF-32, which the mark
// says, or the zeros around its first characters (RFC 4627 3).
func (v *Values) utf8Text(text string) string {
	if len(text) < 2 || text[0] != 0 && text[1] != 0 && text[0] < 0xef {
		return text
	}
	if s, marked := strings.CutPrefix(text, "\xef\xbb\xbf"); marked {
		return s
	}
	width, low := 0, 0 // bytes of a unit, and which of them is its lowest
	zero := [4]bool{}
	for i := range zero {
		zero[i] = i < len(text) && text[i] == 0
	}
	switch {
	case strings.HasPrefix(text, "\xff\xfe\x00\x00"):
		text, width, low = text[4:], 4, 0
	case strings.HasPrefix(text, "\x00\x00\xfe\xff"):
		text, width, low = text[4:], 4, 3
	case strings.HasPrefix(text, "\xff\xfe"):
		text, width, low = text[2:], 2, 0
	case strings.HasPrefix(text, "\xfe\xff"):
		text, width, low = text[2:], 2, 1
	case isMedia(text):
		return text
	case len(text) >= 4 && zero == [4]bool{true, true, true, false} && isASCIIText(text[3]):
		width, low = 4, 3
	case len(text) >= 4 && zero == [4]bool{false, true, true, true} && isASCIIText(text[0]):
		width, low = 4, 0
	case zero[0] && !zero[1] && (len(text) < 4 || zero[2]) && isASCIIText(text[1]):
		width, low = 2, 1
	case !zero[0] && zero[1] && (len(text) < 4 || zero[3]) && isASCIIText(text[0]):
		width, low = 2, 0
	default:
		return text
	}
	return v.decodeUnits(text, width, low)
}

// undecoded shows what is text in a body that has been decoded from units of several bytes, to whoever does
// not decode it: a few bytes in front of a text make it look so.
func (v *Values) undecoded(text string) {
	switch {
	case strings.HasPrefix(text, "\xef\xbb\xbf"):
	case isBinary(text):
		v.runs(ArgsPost, bodyKey, text)
	default:
		v.put(ArgsPost, bodyKey, text)
	}
}

func isASCIIText(c byte) bool { return ' ' <= c && c < 0x7f || '\t' <= c && c <= '\r' }

// decodeUnits makes UTF-8 of units of 2 or 4 bytes. A unit that is not whole is dropped, as is what stands
// for no character: decoders replace it.
func (v *Values) decodeUnits(text string, width, low int) string {
	a := &v.arena
	a.room(len(text)/width*3 + utf8.UTFMax)
	from := len(a.buf)
	unit := func(i int) (r rune) {
		for k := range width {
			at := k // from the highest byte
			if low == 0 {
				at = width - 1 - k
			}
			r = r<<8 | rune(text[i+at])
		}
		return r
	}
	for i := 0; i+width <= len(text); i += width {
		r := unit(i)
		if width == 2 && utf16.IsSurrogate(r) && i+4 <= len(text) {
			if pair := utf16.DecodeRune(r, unit(i+2)); pair != utf8.RuneError {
				r = pair
				i += 2
			}
		}
		a.buf = utf8.AppendRune(a.buf, r)
	}
	return a.since(from)
}

// decoded is what a form parser makes of a name or a value.
func (v *Values) decoded(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	s, _ = v.unescape(s)
	return s
}

// spaced is s without zeros and with spaces for other control characters: in what is no form they are
// ordinary, and to rules they would be an attack.
func (v *Values) spaced(s string) string {
	a := &v.arena
	a.room(len(s))
	from := len(a.buf)
	for i := range len(s) {
		switch c := s[i]; {
		case c == 0:
		case byteClass[c]&controlByte != 0:
			a.buf = append(a.buf, ' ')
		default:
			a.buf = append(a.buf, c)
		}
	}
	return a.since(from)
}

// markupIn shows a text with elements once more, its character references decoded: Go's XML parser passes
// over text in front of the root element, and forgives attributes without space between them.
func (v *Values) markupIn(text string) {
	if strings.IndexByte(text, '&') < 0 || !strings.Contains(text, "</") && !strings.Contains(text, "/>") {
		return
	}
	if decoded := v.dereferenced(text); decoded != text {
		v.put(ArgsPost, bodyKey, decoded)
	}
}

// dereferenced decodes the character references of XML, and those to its five entities.
func (v *Values) dereferenced(text string) string {
	v.arena.room(len(text))
	from := len(v.arena.buf)
	for i := 0; i < len(text); i++ {
		if text[i] == '&' {
			near := text[i+1 : min(len(text), i+12)]
			if name, _, found := strings.Cut(near, ";"); found {
				if r := reference(name); r > 0 {
					v.arena.buf = utf8.AppendRune(v.arena.buf, r)
					i += len(name) + 1
					continue
				}
			}
		}
		v.arena.buf = append(v.arena.buf, text[i])
	}
	return v.arena.since(from)
}

// reference is the character that a reference stands for; 0 if it is none.
func reference(name string) rune {
	switch name {
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "amp":
		return '&'
	case "quot":
		return '"'
	case "apos":
		return '\''
	}
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0
	}
	base := 10
	if strings.HasPrefix(digits, "x") {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	if err != nil || n > utf8.MaxRune {
		return 0
	}
	return rune(n)
}
