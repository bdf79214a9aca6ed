package mask

import (
	"mime"
	"strings"
	"unsafe"
)

// Body returns a body of a message as it may be written, in full: the same bytes if nothing in it is secret. The
// media type says how it is read; what does not read so is looked at as text. A body that is cut, since it was
// too long, loses its last bytes, as half a secret is not recognized. Content codings have to be undone before.
func (p *Policy) Body(mediaType string, body []byte, cut bool) []byte {
	return told(body, func(s string) string { return p.body(mediaType, s, cut, true) })
}

// Line returns a line of a log in JSON as it may be written: the same bytes if nothing in it is secret. What a program
// says before a colon is no name of what follows.
func (p *Policy) Line(line []byte) []byte {
	return told(line, func(s string) string { return p.json(s, false, inProse) })
}

// told gives bytes as text to who keeps none of it, and returns them if they stay as they are.
func told(b []byte, masked func(string) string) []byte {
	s := unsafe.String(unsafe.SliceData(b), len(b))
	t := masked(s)
	if len(t) == len(s) && unsafe.StringData(t) == unsafe.StringData(s) {
		return b
	}
	return []byte(t)
}

func (p *Policy) body(mediaType, s string, cut, parts bool) string {
	if s == "" {
		return s
	}
	kind, params, err := mime.ParseMediaType(mediaType)
	if err != nil {
		kind, params = "", nil
	}
	if boundary := params["boundary"]; parts && strings.HasPrefix(kind, "multipart/") && boundary != "" {
		return p.multipart(s, boundary, cut)
	}
	switch {
	case document(s), kind == "application/json", strings.HasSuffix(kind, "+json"):
		return p.json(s, cut, inText)
	case kind == "application/x-www-form-urlencoded" && firstByte(s) != '<':
		if cut {
			s = s[:strings.LastIndexByte(s, '&')+1]
		}
		return p.pairs(s, 0)
	}
	return p.whole(s, cut, inText)
}

func firstByte(s string) byte {
	for i := range len(s) {
		if strings.IndexByte(" \t\r\n\xef\xbb\xbf", s[i]) < 0 {
			return s[i]
		}
	}
	return 0
}

// multipart masks the parts of a form: all of one whose name tells a secret, the others as bodies of their own.
func (p *Policy) multipart(s, boundary string, cut bool) string {
	line := "--" + boundary
	at := strings.Index(s, line)
	if at < 0 {
		return p.whole(s, cut, inText)
	}
	var out []byte
	last := 0
	put := func(from, to int, told string) {
		if told != s[from:to] {
			out = append(append(out, s[last:from]...), told...)
			last = to
		}
	}
	put(0, at, p.whole(s[:at], false, inText))
	for at < len(s) {
		from := at + len(line)
		end := strings.Index(s[from:], "\n"+line)
		next, partCut := len(s), cut
		if end >= 0 {
			next, partCut = from+end+1, false
			end = from + end
			if end > from && s[end-1] == '\r' {
				end--
			}
		} else {
			end = len(s)
		}
		p.part(s, from, end, partCut, put)
		at = next
	}
	if out == nil {
		return s
	}
	return string(append(out, s[last:]...))
}

// part masks one part, which has fields and content.
func (p *Policy) part(s string, from, end int, cut bool, put func(from, to int, told string)) {
	blank, size := strings.Index(s[from:end], "\r\n\r\n"), 4
	if n := strings.Index(s[from:end], "\n\n"); n >= 0 && (blank < 0 || n < blank) {
		blank, size = n, 2
	}
	if blank < 0 {
		put(from, end, p.whole(s[from:end], cut, inText))
		return
	}
	head, content := s[from:from+blank], from+blank+size
	put(from, from+blank, p.whole(head, false, inText))
	mediaType, secret := "", false
	for field := range strings.Lines(unfolded(head)) {
		name, value, _ := strings.Cut(field, ":")
		switch value = strings.TrimSpace(value); {
		case strings.EqualFold(strings.TrimSpace(name), "Content-Type"):
			mediaType = value
		case strings.EqualFold(strings.TrimSpace(name), "Content-Disposition"):
			secret = secret || p.secretPart(value)
		}
	}
	if secret && content < end {
		put(content, end, p.hideAll(s[content:end]))
		return
	}
	put(content, end, p.body(mediaType, s[content:end], cut, false))
}

// unfolded is a head with each of its fields on one line.
func unfolded(head string) string {
	for _, fold := range []string{"\r\n ", "\r\n\t", "\n ", "\n\t"} {
		head = strings.ReplaceAll(head, fold, " ")
	}
	return head
}

// secretPart reports whether the name of a part tells a secret, however it is written.
func (p *Policy) secretPart(disposition string) bool {
	if _, params, err := mime.ParseMediaType(disposition); err == nil {
		return p.sensitive(params["name"])
	}
	_, params, _ := strings.Cut(disposition, ";")
	return p.sensitive(params)
}
