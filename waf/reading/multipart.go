package reading

import "strings"

// What multipart is read here: the shape that clients write. Lines end in CRLF, nothing stands
// before the first delimiter or behind the last, every part has one Content-Disposition with
// the parameters name and perhaps filename, and no other header field twice or of a kind
// that changes how the part is read. The rest is left to Coraza, which reads it with
// mime/multipart.

// maxParts bounds the parts that are read here.
const maxParts = 256

// part is one part of a multipart body.
type part struct {
	head           string // lines, the last one without its line end
	name, filename string
	data           string
}

// tokenByte are the bytes of a token (RFC 9110 5.6.2).
var tokenByte = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-0x20] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

// multipart adds the values of a multipart body (bodyprocessors/multipart.go, in a build
// without access to files).
func (v *Values) multipart(mediaType, body string) (ok bool, why string) {
	boundary, ok := boundaryOf(mediaType)
	if !ok {
		return false, "multipart media type of an unusual form"
	}
	v.arena.room(len("\r\n--") + len(boundary))
	from := len(v.arena.buf)
	v.arena.buf = append(append(v.arena.buf, "\r\n--"...), boundary...)
	delimiter := v.arena.since(from)

	v.parts = v.parts[:0]
	rest, ok := strings.CutPrefix(body, delimiter[2:])
	for rest != "--" && rest != "--\r\n" {
		if !ok || !strings.HasPrefix(rest, "\r\n") {
			return false, "multipart delimiter of an unusual form"
		}
		if len(v.parts) == maxParts {
			return false, "many parts"
		}
		p := part{}
		if p.head, rest, ok = strings.Cut(rest[2:], "\r\n\r\n"); !ok || !p.read() {
			return false, "multipart header of an unusual form"
		}
		if strings.HasPrefix(rest, delimiter[2:]) {
			return false, "multipart delimiter of an unusual form" // the part has not even a line
		}
		p.data, rest, ok = strings.Cut(rest, delimiter)
		v.parts = append(v.parts, p)
	}
	if !ok || len(v.parts) == 0 {
		return false, "multipart without parts"
	}
	v.addParts()
	return true, ""
}

// boundaryOf reads the boundary from a media type.
func boundaryOf(mediaType string) (boundary string, ok bool) {
	const multipart = "multipart/form-data"
	if len(mediaType) < len(multipart) || !isASCII(mediaType) || !EqualKeys(mediaType[:len(multipart)], multipart) {
		return "", false
	}
	rest := mediaType[len(multipart):]
	charset := false
	for rest != "" {
		var name, value string
		if name, value, rest, ok = parameter(rest); !ok || value == "" {
			return "", false
		}
		switch {
		case name == "boundary" && boundary == "":
			boundary = value
		case name == "charset" && !charset:
			charset = true
		default:
			return "", false
		}
	}
	for i := range len(boundary) { // RFC 2046 5.1.1, without space
		if c := boundary[i]; !('0' <= c && c <= '9' || 'a' <= lowerByte(c) && lowerByte(c) <= 'z') && strings.IndexByte("'()+_,-./:=?", c) < 0 {
			return "", false
		}
	}
	return boundary, 1 <= len(boundary) && len(boundary) <= 70
}

// parameter cuts "; name=value" from s: a name in lower case letters, and a token or a quoted
// string that needs no backslash.
func parameter(s string) (name, value, rest string, ok bool) {
	if s[0] != ';' {
		return "", "", "", false
	}
	s = strings.TrimLeft(s[1:], " ")
	i := 0
	for i < len(s) && 'a' <= s[i] && s[i] <= 'z' {
		i++
	}
	if i == 0 || i == len(s) || s[i] != '=' {
		return "", "", "", false
	}
	name, s = s[:i], s[i+1:]
	if s != "" && s[0] == '"' {
		value, rest, ok = strings.Cut(s[1:], `"`)
		return name, value, rest, ok && strings.IndexByte(value, '\\') < 0
	}
	for i = 0; i < len(s) && tokenByte[s[i]]; i++ {
	}
	return name, s[:i], s[i:], i > 0
}

// read checks the header of a part and takes the names from it.
func (p *part) read() bool {
	const most = 8
	var seen [most]string
	disposed := false
	n := 0
	for head, more := p.head, true; more; n++ {
		var line string
		line, head, more = strings.Cut(head, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || n == most {
			return false
		}
		for i := range len(name) {
			if !tokenByte[name[i]] {
				return false
			}
		}
		for i := range len(value) {
			if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
				return false
			}
		}
		for _, s := range seen[:n] {
			if EqualKeys(s, name) {
				return false
			}
		}
		seen[n] = name
		switch {
		case EqualKeys(name, "Content-Transfer-Encoding"):
			return false // decoded, and perhaps not listed
		case EqualKeys(name, "Content-Disposition"):
			if disposed = p.disposition(strings.Trim(value, " \t")); !disposed {
				return false
			}
		}
	}
	return disposed
}

// disposition reads the value of Content-Disposition.
func (p *part) disposition(value string) bool {
	rest, ok := strings.CutPrefix(value, "form-data")
	if !ok {
		return false
	}
	named, file := false, false
	for rest != "" {
		var name, value string
		if name, value, rest, ok = parameter(rest); !ok {
			return false
		}
		switch {
		case name == "name" && !named:
			p.name, named = value, true
		case name == "filename" && !file:
			p.filename, file = value, true
		default:
			return false
		}
	}
	return named
}

// addParts adds what was read, kind by kind.
func (v *Values) addParts() {
	total := 0
	for i := range v.parts {
		total += len(v.parts[i].data) // fields count too
	}
	v.set(FilesCombinedSize, v.itoa(total))
	for i := range v.parts {
		v.addPart(&v.parts[i])
	}
}

// addPart adds what a part gives. A part with an empty file name is a field.
func (v *Values) addPart(p *part) {
	v.put(MultipartName, p.name, p.name)
	v.partHeaders(p)
	if p.filename == "" {
		v.put(ArgsPost, p.name, p.data)
		return
	}
	v.put(MultipartFilename, p.name, p.filename)
	v.put(Files, "", p.filename)
	v.put(FilesNames, "", p.name)
	v.put(FilesSizes, p.filename, v.itoa(len(p.data)))
}

// partHeaders adds the header fields of a part as "Name: value", the name in canonical case.
func (v *Values) partHeaders(p *part) {
	for head, more := p.head, true; more; {
		var line string
		line, head, more = strings.Cut(head, "\r\n")
		line = strings.Trim(line, " \t")
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimLeft(value, " \t")
		if len(name)+len(": ")+len(value) != len(line) || !isCanonical(name) || line[len(name)+1] != ' ' {
			line = v.canonicalField(name, value)
		}
		v.put(MultipartPartHeaders, p.name, line)
	}
}

// isCanonical reports whether a token has the case that net/textproto gives it: upper at the
// start and behind a hyphen, lower elsewhere.
func isCanonical(name string) bool {
	for i := range len(name) {
		if name[i] != canonicalByte(name, i) {
			return false
		}
	}
	return true
}

func canonicalByte(name string, i int) byte {
	c := lowerByte(name[i])
	if 'a' <= c && c <= 'z' && (i == 0 || name[i-1] == '-') {
		c -= 0x20
	}
	return c
}

func (v *Values) canonicalField(name, value string) string {
	v.arena.room(len(name) + len(": ") + len(value))
	from := len(v.arena.buf)
	for i := range len(name) {
		v.arena.buf = append(v.arena.buf, canonicalByte(name, i))
	}
	v.arena.buf = append(append(v.arena.buf, ": "...), value...)
	return v.arena.since(from)
}
