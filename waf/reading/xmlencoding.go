package reading

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// xmlText is a document in UTF-8, and where in it the declaration ends. other is the same document
// for those who take it for UTF-8 whatever it declares, if that makes a difference.
func (v *Values) xmlText(document string) (text, other string, begin int, why string) {
	const le, be = "<\x00", "\x00<"
	switch {
	case v.cut && len(document) < 4: // nothing is said yet, not even the encoding
		return "", "", 0, ""
	case strings.HasPrefix(document, "\xff\xfe\x00\x00"), strings.HasPrefix(document, "\x00\x00\xfe\xff"),
		strings.HasPrefix(document, "<\x00\x00\x00"), strings.HasPrefix(document, "\x00\x00\x00<"):
		return "", "", 0, "encoding UTF-32 is not read"
	case strings.HasPrefix(document, "Lo\xa7\x94"):
		return "", "", 0, "encoding EBCDIC is not read"
	case strings.HasPrefix(document, "\xff\xfe"), strings.HasPrefix(document, le):
		return v.xmlUTF16(document, 0)
	case strings.HasPrefix(document, "\xfe\xff"), strings.HasPrefix(document, be):
		return v.xmlUTF16(document, 1)
	}
	text, mark := strings.CutPrefix(document, "\xef\xbb\xbf")
	encoding, begin, why := xmlDeclaration(text, v.cut)
	if why != "" {
		return "", "", 0, why
	}
	var high *[128]rune
	switch {
	case encoding == "", EqualKeys(encoding, "utf-8"), EqualKeys(encoding, "utf8"):
	case xmlIsUTF16(encoding):
		// What is declared in bytes is not UTF-16, and what follows cannot be either: it would have
		// zero bytes, which are refused. Programs send such documents, which they had as strings.
	case EqualKeys(encoding, "us-ascii"), EqualKeys(encoding, "ascii"):
		if !isASCII(text) {
			return "", "", 0, "bytes beyond ASCII in a document that declares to be ASCII"
		}
	case mark:
		return "", "", 0, "it declares another encoding than its byte order mark"
	default:
		if high = xmlHigh(encoding); high == nil && !(xmlWritesASCII(encoding) && isASCII(text)) {
			return "", "", 0, fmt.Sprintf("encoding %.40q is not read", encoding)
		}
	}
	if high != nil && !isASCII(text) {
		if utf8.ValidString(text) {
			other = text
		}
		text = v.xmlBytes(text, high)
	}
	if text, why = v.xmlChecked(text); why == "" && other != "" {
		if _, why := v.xmlChecked(other); why != "" {
			other = ""
		}
	}
	return text, other, begin, why
}

// xmlUTF16 decodes UTF-16; odd is the place of the low byte's value within its pair: 0 for the
// little end first.
func (v *Values) xmlUTF16(document string, odd int) (text, other string, begin int, why string) {
	if len(document)%2 == 1 {
		if !v.cut {
			return "", "", 0, "an odd number of bytes in UTF-16"
		}
		document = document[:len(document)-1]
	}
	a := &v.arena
	a.room(len(document)/2*3 + utf8.UTFMax)
	from := len(a.buf)
	for i := 0; i < len(document); i += 2 {
		r := rune(document[i+odd]) | rune(document[i+1-odd])<<8
		if utf16.IsSurrogate(r) {
			second := rune(0)
			if i+3 < len(document) {
				second = rune(document[i+2+odd]) | rune(document[i+3-odd])<<8
			} else if v.cut {
				break
			}
			if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
				return "", "", 0, "half a character in UTF-16"
			}
			i += 2
		}
		a.buf = utf8.AppendRune(a.buf, r)
	}
	text = strings.TrimPrefix(a.since(from), "\ufeff")
	encoding, begin, why := xmlDeclaration(text, v.cut)
	if why == "" && encoding != "" && !xmlIsUTF16(encoding) {
		why = "it declares another encoding than UTF-16, in which it is"
	}
	if why == "" {
		text, why = v.xmlChecked(text)
	}
	return text, "", begin, why
}

// xmlBytes decodes an encoding of single bytes.
func (v *Values) xmlBytes(text string, high *[128]rune) string {
	a := &v.arena
	a.room(len(text) * utf8.UTFMax * 3 / 4)
	from := len(a.buf)
	for i := range len(text) {
		if c := text[i]; c < utf8.RuneSelf {
			a.buf = append(a.buf, c)
		} else {
			a.buf = utf8.AppendRune(a.buf, high[c-utf8.RuneSelf])
		}
	}
	return a.since(from)
}

// xmlChecked holds that a document has no characters but those of XML. A character that the end of
// a prefix cuts is left out.
func (v *Values) xmlChecked(text string) (checked, why string) {
	for i := len(text) - 1; v.cut && i >= 0 && i >= len(text)-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRuneInString(text[i:]) {
				text = text[:i]
			}
			break
		}
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < utf8.RuneSelf || xmlSpace(c) {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n <= 1 {
			return "", fmt.Sprintf("byte %d is no UTF-8", i+1)
		}
		if !xmlLegal(r) {
			return "", fmt.Sprintf("character U+%04X at byte %d is none of XML's", r, i+1)
		}
		i += n
	}
	return text, ""
}

// xmlDeclaration reads <?xml version="1.0" encoding="…" standalone="…"?>, if there is one, and
// returns the encoding and where the rest begins. Some parsers pass white space in front of it.
func xmlDeclaration(text string, cut bool) (encoding string, end int, why string) {
	rest := xmlTrimLeft(text)
	begin := len(text) - len(rest)
	rest, ok := strings.CutPrefix(rest, "<?xml")
	if !ok || rest != "" && !xmlSpace(rest[0]) && rest[0] != '?' {
		return "", begin, ""
	}
	content, after, ok := strings.Cut(rest, "?>")
	if !ok {
		if cut {
			return "", len(text), ""
		}
		return "", 0, "the declaration does not end"
	}
	for i, name := range [...]string{"version", "encoding", "standalone"} {
		value, more, ok := xmlPair(content, name)
		if !ok {
			if i == 0 {
				return "", 0, "the declaration has no version"
			}
			continue
		}
		content = more
		switch {
		case i == 0 && value != "1.0":
			return "", 0, fmt.Sprintf("version %.10q is not read", value)
		case i == 1 && !xmlEncodingName(value):
			return "", 0, "the declaration's encoding is none"
		case i == 1:
			encoding = value
		case i == 2 && value != "yes" && value != "no":
			return "", 0, "the declaration's standalone is neither yes nor no"
		}
	}
	if xmlTrimLeft(content) != "" {
		return "", 0, "the declaration is not well-formed"
	}
	return encoding, len(text) - len(after), ""
}

// xmlPair reads a space, a name, an equals sign and a value in quotes.
func xmlPair(s, name string) (value, rest string, ok bool) {
	trimmed := xmlTrimLeft(s)
	after, ok := strings.CutPrefix(trimmed, name)
	if !ok || len(trimmed) == len(s) {
		return "", s, false
	}
	after, ok = strings.CutPrefix(xmlTrimLeft(after), "=")
	after = xmlTrimLeft(after)
	if !ok || after == "" || after[0] != '"' && after[0] != '\'' {
		return "", s, false
	}
	value, rest, ok = strings.Cut(after[1:], after[:1])
	return value, rest, ok
}

func xmlEncodingName(s string) bool {
	letter := s != "" && 'a' <= lowerByte(s[0]) && lowerByte(s[0]) <= 'z'
	return letter && xmlOnly(s, "._-")
}

func xmlIsUTF16(encoding string) bool {
	switch Lower(encoding) {
	case "utf-16", "utf16", "utf-16le", "utf-16be", "ucs-2", "iso-10646-ucs-2", "unicode":
		return true
	}
	return false
}

// xmlHigh is what the bytes beyond ASCII are in an encoding; nil for one that is not known.
func xmlHigh(encoding string) *[128]rune {
	switch Lower(encoding) {
	case "iso-8859-1", "latin1", "latin-1", "iso_8859-1", "iso8859-1", "l1":
		return &latin1
	case "iso-8859-15", "latin-9", "latin9", "iso_8859-15":
		return &latin9
	case "windows-1252", "cp1252":
		return &windows1252
	case "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6", "iso-8859-7",
		"iso-8859-8", "iso-8859-8-i", "iso-8859-9", "iso-8859-10", "iso-8859-11", "iso-8859-13",
		"iso-8859-14", "iso-8859-16", "windows-1250", "windows-1251", "windows-1253", "windows-1254",
		"windows-1255", "windows-1256", "windows-1257", "windows-1258", "cp1250", "cp1251", "cp1253",
		"cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "koi8-r", "koi8-u", "ibm866", "cp866",
		"tis-620", "windows-874":
		return &otherLetters
	}
	return nil
}

// xmlWritesASCII reports whether an encoding of several bytes writes ASCII as it is, so that a
// document without other characters is what it seems to be. In ISO-2022-JP, HZ and UTF-7 it is not.
func xmlWritesASCII(encoding string) bool {
	switch Lower(encoding) {
	case "gb2312", "gbk", "gb18030", "big5", "big5-hkscs", "euc-jp", "euc-kr", "euc-tw", "shift_jis", "windows-31j":
		return true
	}
	return false
}

// otherLetters stand for those of alphabets that no rule looks for. In these encodings every byte is
// a character, and those of ASCII are what they are everywhere, so nothing else depends on them.
var otherLetters = func() (t [128]rune) {
	for i := range t {
		t[i] = rune(0x180 + i)
	}
	return t
}()

var latin1 = func() (t [128]rune) {
	for i := range t {
		t[i] = rune(0x80 + i)
	}
	return t
}()

var latin9 = func() [128]rune {
	t := latin1
	for c, r := range map[byte]rune{
		0xa4: '€', 0xa6: 'Š', 0xa8: 'š', 0xb4: 'Ž', 0xb8: 'ž', 0xbc: 'Œ', 0xbd: 'œ', 0xbe: 'Ÿ',
	} {
		t[c-0x80] = r
	}
	return t
}()

// windows1252 has five bytes that mean nothing, which are taken for controls as everywhere.
var windows1252 = func() [128]rune {
	t := latin1
	for i, r := range []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ") {
		t[i] = r
	}
	return t
}()
