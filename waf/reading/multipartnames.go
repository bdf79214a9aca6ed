package reading

import (
	"errors"
	"io"
	"mime"
	"strings"
)

// disposition is what Content-Disposition says.
type disposition struct {
	name, filename string
	named, file    bool   // there is such a parameter
	extended       string // filename*, decoded
	hasExtended    bool
	language       string // of filename*
	nameCharset    string // of filename*
}

// readDisposition reads the value of Content-Disposition. It refuses the parameters that some parsers
// know under another name: NAME, name*, filename*0. It refuses values in which a parser that looks
// for "name=" by itself finds another name.
func (v *Values) readDisposition(p *part, value string, form bool) (why string) {
	const unusual = "multipart part with a Content-Disposition of an unusual form"
	n := token(value)
	// Werkzeug before 2.3 finds no parameters behind white space.
	if n == 0 || n < len(value) && value[n] != ';' || form && !EqualKeys(value[:n], "form-data") {
		return unusual
	}
	for rest := value[n:]; rest != ""; {
		var x parameter
		var ok bool
		if x, rest, ok = nextParameter(rest); !ok {
			return unusual
		}
		twice := false
		switch {
		case x.name == "":
		case namesName(x.value):
			return unusual
		case x.name == "name":
			twice = p.named
			p.name, p.named = x.value, true
			if strings.Contains(x.value, "=?") {
				return "multipart field whose name is an encoded word"
			}
		case x.name == "filename":
			twice = p.file
			p.filename, p.file = x.value, true
		case x.name == "filename*":
			twice = p.hasExtended
			if x.quoted {
				v.set(MultipartInvalidQuoting, "1")
				return "multipart file name of an unusual form"
			}
			if !v.readExtended(p, x.value) {
				return "multipart file name of an unusual form"
			}
		case containsFold(x.name, "name"), strings.IndexByte(x.name, '*') >= 0:
			return unusual
		}
		if twice {
			v.set(MultipartDuplicatePartHeader, "1")
			return "multipart part with two names"
		}
	}
	if form && !p.named {
		return "multipart part without a name"
	}
	return ""
}

// namesName reports whether a value has name= or name* in it, with spaces or without.
func namesName(value string) bool {
	for i := 0; i+len("name") < len(value); i++ {
		if lowerByte(value[i]) != 'n' || !EqualKeys(value[i:i+len("name")], "name") {
			continue
		}
		if next := strings.TrimLeft(value[i+len("name"):], " \t"); next != "" && (next[0] == '=' || next[0] == '*') {
			return true
		}
	}
	return false
}

// readExtended reads charset'language'name (RFC 5987).
func (v *Values) readExtended(p *part, value string) bool {
	charset, value, ok := strings.Cut(value, "'")
	language, value, also := strings.Cut(value, "'")
	if !ok || !also || !plainCharset(charset) || strings.IndexByte(value, '\'') >= 0 {
		return false
	}
	p.nameCharset, p.language, p.hasExtended = charset, language, true
	p.extended, ok = v.unpercent(value)
	return ok
}

// unpercent decodes escapes; ok is whether all of them are whole.
func (v *Values) unpercent(s string) (decoded string, ok bool) {
	if strings.IndexByte(s, '%') < 0 {
		return s, true
	}
	ok = true
	v.arena.room(len(s))
	from := len(v.arena.buf)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if i+2 < len(s) && unhex[s[i+1]]|unhex[s[i+2]] >= 0 {
				c = byte(unhex[s[i+1]]<<4 | unhex[s[i+2]])
				i += 2
			} else {
				ok = false
			}
		}
		v.arena.buf = append(v.arena.buf, c)
	}
	return v.arena.since(from), ok
}

// otherNames are the names that a quoted name is to some parsers: without its backslashes, with those that
// are doubled as one, and with the escapes decoded that browsers write for quotation marks and line ends.
func (v *Values) otherNames(name string) (other [3]string) {
	if strings.IndexByte(name, '\\') >= 0 {
		other[0] = v.unbackslash(name, false)
		if one := v.unbackslash(name, true); one != name {
			other[2] = one
		}
	}
	if decoded, _ := v.unpercent(name); decoded != name {
		other[1] = decoded
	}
	return other
}

// unbackslash leaves away the backslashes that escape another byte, or only those that escape another one, as Go and
// PHP do.
func (v *Values) unbackslash(name string, doubled bool) string {
	v.arena.room(len(name))
	from := len(v.arena.buf)
	for i := 0; i < len(name); i++ {
		if name[i] == '\\' && i+1 < len(name) && (!doubled || name[i+1] == '\\') {
			i++
		}
		v.arena.buf = append(v.arena.buf, name[i])
	}
	return v.arena.since(from)
}

// encodedWords decodes a file name with encoded words in it (RFC 2047), which mail libraries write. It
// is not ok where parsers could decode it in two ways.
func encodedWords(name string) (decoded string, ok bool) {
	words := mime.WordDecoder{CharsetReader: func(charset string, text io.Reader) (io.Reader, error) {
		if !plainCharset(charset) {
			return nil, errors.New("charset that is not read")
		}
		return text, nil
	}}
	decoded, err := words.DecodeHeader(name)
	return decoded, err == nil && !strings.Contains(decoded, "=?")
}
