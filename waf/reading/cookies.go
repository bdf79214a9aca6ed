package reading

import (
	"strings"

	"github.com/wafer-waf/wafer/message"
)

// cookiesLimit is how many cookies a request may have. Browsers keep at most 180 of a site.
const cookiesLimit = 500

// cookieGap are the bytes at which some frameworks separate cookies.
var cookieGap = [256]bool{',': true, ' ': true, '\t': true}

// cookies adds the cookies of one field: pairs between semicolons, trimmed of spaces and control
// characters, nothing decoded; and behind each what frameworks read differently. It reports whether
// these were all.
func (v *Values) cookies(field string) (whole bool) {
	for rest := field; rest != ""; {
		at := len(field) - len(rest)
		var pair string
		pair, rest, _ = strings.Cut(rest, ";")
		name, value, valued := strings.Cut(pair, "=")
		behind := at + len(name) + len("=")
		name, value = trimControls(name), trimControls(value)
		if name == "" && value == "" {
			continue
		}
		if !v.cookie(name, value) {
			return false
		}
		if !valued { // a value without a name to Django
			name, value, behind = "", name, at
			if !v.cookie(name, value) {
				return false
			}
		}
		if value != "" && value[0] == '"' {
			whole = v.quotedCookie(name, value, trimControls(field[behind:])[1:])
		} else {
			whole = v.gappedCookies(name, value)
		}
		if !whole || !v.decodedCookie(name, value) {
			return false
		}
	}
	return true
}

// cookieField is the one Cookie field that several are to most servers (RFC 6265 allows only one, HTTP/2
// splits it): a quote that is opened in one may be closed in the next.
func (v *Values) cookieField(fields []Header) string {
	first, size, several := "", 0, false
	for i := range fields {
		if EqualKeys(fields[i].Name, "cookie") {
			several = size > 0
			if size == 0 {
				first = fields[i].Value
			}
			size += len(fields[i].Value) + len("; ")
		}
	}
	if !several {
		return first
	}
	v.arena.room(size)
	from := len(v.arena.buf)
	for i := range fields {
		if EqualKeys(fields[i].Name, "cookie") {
			v.arena.buf = append(append(v.arena.buf, fields[i].Value...), "; "...)
		}
	}
	return v.arena.since(from)
}

// cookie adds one, unless there are too many.
func (v *Values) cookie(name, value string) (ok bool) {
	if v.jar == cookiesLimit {
		return false
	}
	v.jar++
	v.add(RequestCookies, name, value)
	return true
}

// decodedCookie adds what is read of a cookie by who decodes it: PHP, Express and Rails names or values,
// Rack and Perl plus signs as well, Perl and ASP %u0041. Rules about commands and code in cookies do not.
// Quotes are a part of the value to PHP and Rack.
func (v *Values) decodedCookie(name, value string) (whole bool) {
	escaped := strings.IndexByte(name, '%') >= 0 || strings.IndexByte(value, '%') >= 0
	decodedName, decoded, shown := name, value, false
	if escaped {
		decodedName, decoded = v.unescapeRaw(name), v.unescapeRaw(value)
		if shown = decodedName != name || decoded != value; shown {
			if !v.cookie(decodedName, decoded) {
				return false
			}
			whole := wholly(decoded, strings.Count(value, "+"))
			v.all[len(v.all)-1].Decoded = decodedName == name && whole
			if !whole && overlong(decoded) && !v.cookie(decodedName, v.shorten(decoded)) {
				return false
			}
		}
	}
	if strings.IndexByte(value, '+') >= 0 && !isBase64(value) {
		spacedName, spaced := v.decoded(name), v.decoded(value)
		if !v.cookie(spacedName, spaced) {
			return false
		}
		// Rules that decode have seen the same in the value as it came, if no plus sign was escaped; and
		// in the value with its plus signs in any case.
		whole := spacedName == name && wholly(spaced, 0) || shown && spacedName == decodedName && wholly(spaced, strings.Count(spaced, "+"))
		v.all[len(v.all)-1].Decoded = whole
	}
	if escaped && (hasUnicodeEscape(name) || hasUnicodeEscape(value)) && !v.cookie(v.unescapeLoosely(name), v.unescapeLoosely(value)) {
		return false
	}
	return v.jsonCookie(name, decoded)
}

// wholly reports whether nothing is left to decode in a value that was decoded, but for so many plus signs
// that stood in it before, and whether it is ASCII.
func wholly(decoded string, plus int) bool {
	for i := range len(decoded) {
		switch c := decoded[i]; {
		case c == '%' || c >= 0x80:
			return false
		case c == '+':
			plus--
		}
	}
	return plus == 0
}

// isBase64 reports whether a value is Base64 beyond doubt: full groups of four, capitals, small letters and digits. A
// plus sign in it is a digit, and what it looks like with spaces is chance: "Ls+K" is no command. Rules that
// decode see it with spaces all the same.
func isBase64(s string) bool {
	const least = 24
	text := strings.TrimRight(s, "=")
	if len(s) < least || len(s)%4 != 0 || len(s)-len(text) > 2 {
		return false
	}
	var capitals, small, digits bool
	for i := range len(text) {
		switch c := text[i]; {
		case 'A' <= c && c <= 'Z':
			capitals = true
		case 'a' <= c && c <= 'z':
			small = true
		case '0' <= c && c <= '9':
			digits = true
		case c != '+' && c != '/':
			return false
		}
	}
	return capitals && small && digits
}

// jsonCookie adds what the strings in a cookie of JSON, which was decoded, mean, if they say it in escapes:
// Express parses such a cookie behind "j:", and applications do so.
func (v *Values) jsonCookie(name, value string) (whole bool) {
	if strings.IndexByte(value, '\\') < 0 {
		return true
	}
	v.embedded(RequestCookies, name, strings.TrimPrefix(value, "j:"))
	whole = true
	for _, x := range v.found {
		whole = whole && v.cookie(x.Key, x.Text)
	}
	v.found = v.found[:0]
	return whole
}

// hasUnicodeEscape reports whether s may have an escape of ASP: %u0041.
func hasUnicodeEscape(s string) bool { return strings.Contains(s, "%u") || strings.Contains(s, "%U") }

// gappedCookies adds the cookies in a value with commas and white space. Python ends a value at white
// space and Rack before 2.1 at a comma; another cookie may follow. Its name is a token: what an
// application looks for.
func (v *Values) gappedCookies(name, value string) (whole bool) {
	// Python takes white space behind the sign for the end of an empty value, and another cookie may follow.
	if i := strings.Index(value, `="`); i > 0 && message.IsToken(value[:i]) {
		if text := value[i+1:]; !v.cookie(value[:i], text) || !v.quotedCookie(value[:i], text, text[1:]) {
			return false
		}
	}
	if strings.IndexByte(value, ',') < 0 && strings.IndexByte(value, ' ') < 0 && strings.IndexByte(value, '\t') < 0 {
		return true
	}
	for first := true; value != ""; first = false {
		end := 0
		for end < len(value) && !cookieGap[value[end]] {
			end++
		}
		part, whole := value[:end], value
		value = value[min(end+1, len(value)):]
		if first {
			if !v.cookie(name, part) {
				return false
			}
			continue
		}
		other, text, found := strings.Cut(part, "=")
		if !found || other == "" || !message.IsToken(other) {
			continue
		}
		if !v.cookie(other, text) {
			return false
		}
		if quoted := whole[len(other)+1:]; quoted != "" && quoted[0] == '"' && !v.quotedCookie(other, text, quoted[1:]) {
			return false
		}
	}
	return true
}

// quotedCookie adds the readings of a value in quotes; rest begins behind the first. Java, Python and Go
// take the quotes away, Java and Python go on to the second one even over semicolons, and both know
// backslashes. A quote that is never closed may be taken to be closed at the field's end. Django looks
// for the last quote of the value.
func (v *Values) quotedCookie(name, value, rest string) (whole bool) {
	end, escaped, octal := 0, false, false
	for end < len(rest) && rest[end] != '"' {
		if rest[end] == '\\' {
			escaped = true
			octal = octal || isOctal(rest[end:])
			end++
		}
		end++
	}
	content := rest[:min(end, len(rest))]
	if !v.unquotedCookie(name, content, escaped, octal) {
		return false
	}
	if end+len(`""`) >= len(value) || value[len(value)-1] != '"' {
		return true
	}
	content = value[1 : len(value)-1]
	octal = false
	for i := range len(content) {
		octal = octal || content[i] == '\\' && isOctal(content[i:])
	}
	return v.unquotedCookie(name, content, true, octal)
}

// unquotedCookie adds what stood in quotes, with and without numbers in octal.
func (v *Values) unquotedCookie(name, content string, escaped, octal bool) (whole bool) {
	if !v.quotedContent(name, v.unquote(content, escaped, false)) {
		return false
	}
	return !octal || v.quotedContent(name, v.unquote(content, true, true))
}

// quotedContent adds a value that stood in quotes, and what is read in it in turn.
func (v *Values) quotedContent(name, content string) (whole bool) {
	if !v.cookie(name, content) {
		return false
	}
	if strings.IndexByte(content, '%') < 0 {
		return true
	}
	decoded := v.unescapeRaw(content)
	return decoded == content || v.cookie(name, decoded)
}

// isOctal reports whether s begins with a byte as Python writes it in a quoted cookie: \012.
func isOctal(s string) bool {
	return len(s) >= 4 && '0' <= s[1] && s[1] <= '3' && '0' <= s[2] && s[2] <= '7' && '0' <= s[3] && s[3] <= '7'
}

// unquote takes backslashes away; octal decides whether they may begin a number.
func (v *Values) unquote(s string, escaped, octal bool) string {
	if !escaped {
		return s
	}
	v.arena.room(len(s))
	from := len(v.arena.buf)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			if octal && isOctal(s[i:]) {
				c = (s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0')
				i += 3
			} else {
				i++
				c = s[i]
			}
		}
		v.arena.buf = append(v.arena.buf, c)
	}
	return v.arena.since(from)
}

// unescapeRaw decodes escapes, and leaves plus signs alone.
func (v *Values) unescapeRaw(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	v.arena.room(len(s))
	from := len(v.arena.buf)
	b := v.arena.buf
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) {
			if hi, lo := unhex[s[i+1]], unhex[s[i+2]]; hi|lo >= 0 {
				c = byte(hi<<4 | lo)
				i += 2
			}
		}
		b = append(b, c)
	}
	v.arena.buf = b
	return v.arena.since(from)
}

func trimControls(s string) string {
	for s != "" && (s[0] <= ' ' || s[0] == 0x7f) {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] <= ' ' || s[len(s)-1] == 0x7f) {
		s = s[:len(s)-1]
	}
	return s
}
