package reading

import "strings"

// part is one part of a multipart body.
type part struct {
	head string // lines, the last one without its line end
	data string

	disposition
	mediaType string // Content-Type, whole
	kind      string // of it, before the first semicolon
	charset   string // of it, if it is one whose text is not what its bytes say
	encoding  string // Content-Transfer-Encoding
	contentID string
	length    string // Content-Length
}

// readHead reads the head of a part, and says why it is refused: a line that is no field or goes on
// in the next one, a field that is there twice, a control byte, a field that changes how the part
// is read. The values of the fields are added as MULTIPART_PART_HEADERS by addPart.
func (v *Values) readHead(p *part, form bool) (why string) {
	var seen [maxPartLines]string
	disposed, n := false, 0
	for head, more := p.head, true; more; n++ {
		var line string
		line, head, more = strings.Cut(head, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || token(name) != len(name) || !plainText(value) {
			return "multipart part with a head of an unusual form"
		}
		if n == maxPartLines {
			return "multipart part with many header fields"
		}
		for _, s := range seen[:n] {
			if EqualKeys(s, name) {
				v.set(MultipartDuplicatePartHeader, "1")
				return "multipart part with a header field twice"
			}
		}
		seen[n] = name
		value = strings.Trim(value, " \t")
		switch {
		case EqualKeys(name, "Content-Disposition"):
			disposed = true
			why = v.readDisposition(p, value, form)
		case EqualKeys(name, "Content-Type"):
			why = p.readType(value)
		case EqualKeys(name, "Content-Transfer-Encoding"):
			p.encoding = value
		case EqualKeys(name, "Content-ID"):
			p.contentID = value
		case EqualKeys(name, "Content-Length"):
			if p.length = value; value == "" || strings.Trim(value, "0123456789") != "" {
				why = "multipart part of an unusual length"
			}
		}
		if why == "" && !EqualKeys(name, "Content-Disposition") && namesFile(value) {
			why = "multipart part that is named in several fields"
		}
		if why != "" {
			return why
		}
	}
	if form && !disposed {
		return "multipart part without Content-Disposition"
	}
	return ""
}

// namesFile reports whether a field other than Content-Disposition has what Rack looks for in the whole
// head: the name of a file, or another Content-Disposition.
func namesFile(value string) bool {
	for rest := value; ; {
		i := strings.IndexByte(rest, ';')
		if i < 0 {
			break
		}
		rest = strings.TrimLeft(rest[i+1:], " \t")
		if hasPrefixFold(rest, "filename") {
			return true
		}
	}
	return containsFold(value, "content-disposition")
}

// plainText reports whether a field's value has no control bytes in it.
func plainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// readType reads the media type of a part.
func (p *part) readType(value string) (why string) {
	p.mediaType, p.kind = value, value
	rest := ""
	if i := strings.IndexByte(value, ';'); i >= 0 {
		p.kind, rest = strings.TrimRight(value[:i], " \t"), value[i:]
	}
	if hasPrefixFold(p.kind, "multipart/") {
		return "multipart part that is multipart itself"
	}
	if !containsFold(value, "charset") {
		return ""
	}
	if containsFold(p.kind, "charset") {
		return "multipart part in a charset that is read in several ways"
	}
	charset := false
	for rest != "" {
		var x parameter
		var ok bool
		if x, rest, ok = nextParameter(rest); !ok || containsFold(x.name, "charset") && (charset || !EqualKeys(x.name, "charset")) {
			return "multipart part in a charset that is read in several ways"
		}
		if EqualKeys(x.name, "charset") {
			if charset = true; !plainCharset(x.value) {
				p.charset = x.value
			}
		}
	}
	return ""
}
