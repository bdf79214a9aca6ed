package agreement

import "strings"

var (
	fieldNames = []string{
		"q", "Q", "id", "ID", "k", "K", "%E2%84%AA", "\u212a", "s", "%C5%BF", "a[]", "a%5B%5D", "a[b][c]", "a[B][c]",
		"a.b", "a_b", "+a", "%20a", "a+b", "a%00b", "a%00", "%c0%ae", "%u0041", "_charset_", "a[", "a]b", "a[b", "[a]",
		"__proto__", "a%0ab", "", "a%3Db", "a%26b", "%e9", "a\"b", "constructor", "_method", "a[b]c", "a%", "%zz",
	}
	fieldOdds = []string{
		"+", "%20", "%41", "%2541", "%00", "%c0%ae", "%u0041", "%u00e9", "%e9", "%C3%A9", "%", "%zz", "%4", ";", "=",
		"%3B", "%26", "%0d%0a", "%0a", "\"", "'", "\\", "&amp;", "%2B", "%25", "%ff%fe", "%E2%84%AA", "/", "?", "[x]", "{", ",",
	}
	// rawOdds may stand in a body, not in a target.
	rawOdds = []string{"\x00", "\xff", "é", "\r\n", "\n", " ", "\t", "<", "#", "\xc0\xae", "\u212a", "\xa0"}
)

// pairs are those of a query or of a form.
func (s source) pairs(body bool) string {
	names, odds := fieldNames, fieldOdds
	if body {
		odds = append(odds[:len(odds):len(odds)], rawOdds...)
	}
	n := 1 + s.IntN(6)
	if s.one(150) {
		n = 990 + s.IntN(40)
	}
	list := make([]string, 0, n)
	for range n {
		name := s.pick(names...)
		if !body {
			name = strings.NewReplacer("\u212a", "%e2%84%aa").Replace(name)
		}
		if s.one(3) {
			name = s.word() + name
		}
		switch s.IntN(12) {
		case 0:
			list = append(list, s.around(odds...)) // no name, or no value
		case 1:
			list = append(list, name)
		case 2:
			list = append(list, name+"=")
		case 3:
			list = append(list, "="+s.around(odds...))
		default:
			list = append(list, name+"="+s.around(odds...))
		}
	}
	s.wild = true // nothing about pairs is malformed
	return s.maybe(12, "&", "?", "&&", "=", ";") + s.join(list, "&", ";", "&&", "; ", "&amp;", "&%20") + s.maybe(12, "&", "=", ";", "&&")
}

// form is a body of pairs and its media type.
func (s source) form() (contentType, body string) {
	contentType = "application/x-www-form-urlencoded"
	if s.one(4) {
		contentType = s.pick("Application/X-WWW-Form-Urlencoded", contentType+"; charset=utf-8", contentType+"; charset=\"utf-8\"",
			contentType+"; charset=iso-8859-1", contentType+"; charset=windows-1252", contentType+"; charset=utf-16",
			contentType+"; charset=utf-7", contentType+"; charset=ibm037", contentType+";charset=shift_jis", contentType+";",
			contentType+" ; boundary=XX", contentType+", text/plain", contentType+" charset=utf-8", contentType+"; charset=",
			contentType+"\t;x=y", "application/x-www-form-urlencoded-x", "x-www-form-urlencoded")
	}
	return contentType, s.maybe(20, "_charset_=utf-7&", "_charset_=iso-8859-1&", "utf8=%E2%9C%93&") + s.pairs(true)
}

// cookies are Cookie fields.
func (s source) cookies() []string {
	names := []string{
		"a", "A", "sid", "SID", "$Version", "$Path", "a[b]", "a.b", "a_b", "", "__Host-x", "__host-x", " a", "a b", "%61",
		"k", "K", "\"a\"", "a,b", "expires", "path", "domain", "a/b", "_ga",
	}
	odds := []string{
		"\"", " ", ",", "%3C", "%00", "%3B", "+", "=", "\\", "é", "\xff", "\\\"", "\\074", "\\,", "%u0041", "%zz", "%", "{", "[",
		"\t", "&", "|", ":", "/", "\\x41", "\\054", "\\\\", "'", "==",
	}
	value := func() string {
		text := s.around(odds...)
		switch s.IntN(5) {
		case 0:
			return `"` + text + `"`
		case 1:
			return s.pick(`"`, " ", "") + text + s.pick(`"`, " ", "")
		default:
			return text
		}
	}
	s.wild = true // nobody refuses a cookie
	var fields []string
	for range 1 + s.IntN(5)/4 {
		var list []string
		for range 1 + s.IntN(5) {
			name := s.pick(names...)
			if s.one(3) {
				name = s.word() + name
			}
			switch s.IntN(10) {
			case 0:
				list = append(list, value())
			case 1:
				list = append(list, name)
			case 2:
				list = append(list, name+" = "+value())
			default:
				list = append(list, name+"="+value())
			}
		}
		field := s.maybe(12, ";", "$Version=1; ", "$Version=0,", "\"") + s.join(list, "; ", ";", ", ", " ;", ";;", ",", "&", ";\t")
		fields = append(fields, strings.Trim(field, " \t")) // which is no part of a field
	}
	return fields
}
