package reading

import (
	"strings"
	"unicode/utf8"
)

// Applications read more languages in a text than JSON and XML: GraphQL, YAML, JSON5, what Gson and Jackson
// forgive, programs. What they have in common is strings in quotation marks, in which escapes stand for
// characters. So an attack can be written in escapes, and one that rules find at the beginning of a value
// only stands in the middle of another. The strings are shown by themselves, then.

// maxStrings bounds the strings of a message that are shown by themselves: one of 1 MiB could have very many.
const maxStrings = 1 << 14

// putString adds a string, unless there are too many, which rules are told.
func (v *Values) putString(k Kind, key, text string) {
	if v.strings == maxStrings {
		v.limit()
		return
	}
	v.strings++
	v.put(k, key, text)
}

// languages shows what an argument says to whoever reads it as XML, or as a language with strings. Text
// between brackets is left to embedded.
func (v *Values) languages(k Kind, key, text string) {
	start := trimStart(text)
	if start == "" {
		return
	}
	switch start[0] {
	case '<':
		v.xmlWithin(k, key, start)
	case '{', '[':
		if _, ok := bracketed(start); ok {
			return
		}
	case 'q', 'm', 's', 'f':
		if isOperation(start) {
			v.quoted(k, key, start)
			return
		}
	}
	v.literals(k, key, text)
}

// isOperation reports whether a text begins and ends as a document of GraphQL does that is more than a
// selection.
func isOperation(text string) bool {
	if text = strings.TrimRight(text, " \t\r\n"); !strings.HasSuffix(text, "}") {
		return false
	}
	for _, word := range [...]string{"query", "mutation", "subscription", "fragment"} {
		if rest, ok := strings.CutPrefix(text, word); ok {
			return strings.IndexByte(" \t\r\n({@", rest[0]) >= 0
		}
	}
	return false
}

// quoted adds each string of a text in a language that has strings in quotation marks, apostrophes or three
// of them, and comments behind "#" and "//" and between "/*" and "*/".
func (v *Values) quoted(k Kind, key, text string) {
	for i := 0; i < len(text); {
		c := text[i]
		var end int
		switch {
		case c == '"' || c == '\'':
			i = v.quotedAt(k, key, text, i)
			continue
		case c == '#' || strings.HasPrefix(text[i:], "//"):
			end = strings.IndexByte(text[i:], '\n')
		case strings.HasPrefix(text[i:], "/*"):
			i += len("/*")
			end = strings.Index(text[i:], "*/")
		default:
			i++
			continue
		}
		if end < 0 {
			break
		}
		i += end + 1
	}
	// In YAML and in comments a mark may begin no string.
	if strings.IndexByte(text, '"') >= 0 && strings.IndexByte(text, '\'') >= 0 || strings.Contains(text, "#") || strings.Contains(text, "//") {
		v.literals(k, key, text)
	}
}

// quotedAt adds the string that begins at an index, and returns where it ends.
func (v *Values) quotedAt(k Kind, key, text string, at int) (end int) {
	mark := text[at : at+1]
	if block := text[at:min(len(text), at+3)]; block == `"""` || block == `'''` {
		mark = block
	}
	from := at + len(mark)
	for end = from; end < len(text) && !strings.HasPrefix(text[end:], mark); end++ {
		if text[end] == '\\' {
			end++
		}
	}
	content := text[from:min(end, len(text))]
	if len(content) > 1 {
		v.putString(k, key, v.unliteral(content, 0))
	}
	return min(end+len(mark), len(text))
}

// literals adds what stands between two quotation marks, or two apostrophes, without its escapes, if one of
// these stands for a character of ASCII or for a quotation mark: which text needs only to hide it. What is
// a string and what stands between two is not told apart, so that no odd mark in front leads astray.
func (v *Values) literals(k Kind, key, text string) {
	if strings.IndexByte(text, '\\') < 0 {
		return
	}
	for _, mark := range [...]byte{'"', '\''} {
		from, hides := 0, false
		for i := 0; i <= len(text); i++ {
			switch {
			case i == len(text) || text[i] == mark:
				if hides {
					v.putString(k, key, v.unliteral(text[from:i], 0))
				}
				from, hides = i+1, false
			case text[i] == '\\' && i+1 < len(text):
				_, n, numeric := escapeAt(text[i:])
				hides = hides || numeric || text[i+1] == mark
				i += n - 1
			}
		}
	}
}

// doubled adds the strings of a text in which a mark stands twice for itself, as in YAML, SQL and CSV, if
// there is one in them.
func (v *Values) doubled(k Kind, key, text string) {
	for _, mark := range [...]string{"''", `""`} {
		if !strings.Contains(text, mark) {
			continue
		}
		from, twice := 0, 0
		for i := 0; i <= len(text); i++ {
			if i < len(text) && text[i] != mark[0] {
				continue
			}
			if i > from && i+1 < len(text) && text[i+1] == mark[0] {
				if text[i-1] != '=' { // an empty attribute
					twice++
				}
				i++
				continue
			}
			if twice > 0 {
				v.putString(k, key, v.unliteral(text[from:min(i, len(text))], mark[0]))
			}
			from, twice = i+1, 0
		}
	}
}

// unliteral is a string without its escapes, or with one of each two marks.
func (v *Values) unliteral(s string, mark byte) string {
	if mark == 0 && strings.IndexByte(s, '\\') < 0 {
		return s
	}
	a := &v.arena
	a.room(len(s))
	from := len(a.buf)
	for i := 0; i < len(s); {
		switch {
		case mark != 0 && s[i] == mark && i+1 < len(s) && s[i+1] == mark:
			a.buf = append(a.buf, mark)
			i += 2
		case mark == 0 && s[i] == '\\' && i+1 < len(s):
			r, n, _ := escapeAt(s[i:])
			if r >= 0 {
				a.buf = utf8.AppendRune(a.buf, r)
			}
			i += n
		default:
			a.buf = append(a.buf, s[i])
			i++
		}
	}
	return a.since(from)
}

// escapeAt reads the escape that s begins with: the character, which is negative for the end of a line that
// goes on in the next, and the length; numeric is whether it is the number of a character of ASCII that can
// be seen.
func escapeAt(s string) (r rune, n int, numeric bool) {
	digits := 0
	switch c := s[1]; c {
	case 'n':
		return '\n', 2, false
	case 't':
		return '\t', 2, false
	case 'r':
		return '\r', 2, false
	case '\n':
		return -1, 2, false
	case 'x':
		digits = 2
	case 'u':
		if r, n, ok := bracedEscape(s); ok {
			return r, n, ' ' < r && r < 0x7f
		}
		digits = 4
	case 'U':
		digits = 8
	default:
		if isOctal(s) {
			r = rune(s[1]-'0')<<6 | rune(s[2]-'0')<<3 | rune(s[3]-'0')
			return r, 4, ' ' < r && r < 0x7f
		}
		r, n = utf8.DecodeRuneInString(s[1:])
		return r, 1 + n, false
	}
	if r, ok := hexNumber(s, 2, digits); ok && r >= 0 && r <= utf8.MaxRune {
		return r, 2 + digits, ' ' < r && r < 0x7f
	}
	return rune(s[1]), 2, false
}

// bracedEscape reads \u{27}.
func bracedEscape(s string) (r rune, n int, ok bool) {
	if !strings.HasPrefix(s, `\u{`) {
		return 0, 0, false
	}
	end := strings.IndexByte(s[:min(len(s), 16)], '}')
	if end <= 3 {
		return 0, 0, false
	}
	for _, c := range []byte(s[3:end]) {
		if unhex[c] < 0 || r > utf8.MaxRune {
			return 0, 0, false
		}
		r = r<<4 | rune(unhex[c])
	}
	return r, end + 1, r <= utf8.MaxRune
}
