package reading

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What XML is read here: documents that are well-formed and plain, with ASCII names, the
// five named entities and numeric ones, and neither a document type nor processing
// instructions. The rest is left to Coraza, which reads it with encoding/xml, leniently.

// maxOpen is how deep elements may nest here.
const maxOpen = 256

// xmlWalker checks a document and adds its texts and its attributes' values on the way.
type xmlWalker struct {
	v    *Values
	rest string
	open []string // the names of the elements around rest
	root bool     // has begun
}

// The keys of the two lists that Coraza makes of a document (bodyprocessors/xml.go).
const (
	xmlTexts      = "/*"
	xmlAttributes = "//@*"
)

// xmlDocument adds the values of attributes, and every text between two tags, trimmed, that
// is not empty.
func (v *Values) xmlDocument(document string) (ok bool, why string) {
	// encoding/xml refuses what is not UTF-8 or not a character of XML; U+FFFD and its
	// neighbors are rare enough to be left to it as well.
	if !utf8.ValidString(document) || strings.Contains(document, "\xef\xbf") {
		return false, "XML with unusual characters"
	}
	for i := range len(document) {
		if c := document[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false, "XML with unusual characters"
		}
	}
	w := xmlWalker{v: v, rest: document, open: v.open[:0]}
	ok = w.declaration()
	for ok && w.rest != "" {
		ok = w.token()
	}
	v.open = w.open[:0]
	if !ok || !w.root || len(w.open) > 0 {
		return false, "XML of an unusual form"
	}
	return true, ""
}

// declaration passes <?xml version="1.0" encoding="UTF-8"?>.
func (w *xmlWalker) declaration() bool {
	rest, found := strings.CutPrefix(w.rest, "<?xml ")
	if !found {
		return true
	}
	content, rest, found := strings.Cut(rest, "?>")
	w.rest = rest
	for _, attribute := range [...]struct{ name, value string }{
		{"version", "1.0"}, {"encoding", "utf-8"}, {"standalone", "yes"},
	} {
		after, present := strings.CutPrefix(content, attribute.name+"=")
		if !present {
			continue
		}
		if after == "" || after[0] != '"' && after[0] != '\'' {
			return false
		}
		value, after, closed := strings.Cut(after[1:], after[:1])
		if !closed || !EqualKeys(value, attribute.value) {
			return false
		}
		content = strings.TrimPrefix(after, " ")
	}
	return found && content == ""
}

// token passes what comes next: a text, a tag, a comment, or a section of raw text.
func (w *xmlWalker) token() bool {
	if w.rest[0] != '<' {
		return w.text()
	}
	switch {
	case strings.HasPrefix(w.rest, "<!--"):
		_, rest, _ := strings.Cut(w.rest[len("<!--"):], "--")
		var ok bool
		w.rest, ok = strings.CutPrefix(rest, ">") // "--" ends a comment or is an error
		return ok
	case strings.HasPrefix(w.rest, "<![CDATA["):
		content, rest, ok := strings.Cut(w.rest[len("<![CDATA["):], "]]>")
		w.rest = rest
		return ok && w.content(w.newlines(content))
	case strings.HasPrefix(w.rest, "</"):
		return w.end()
	default:
		return w.start()
	}
}

func (w *xmlWalker) text() bool {
	end := strings.IndexByte(w.rest, '<')
	if end < 0 {
		end = len(w.rest)
	}
	text := w.rest[:end]
	w.rest = w.rest[end:]
	if strings.Contains(text, "]]>") {
		return false
	}
	text, ok := w.decode(text)
	return ok && w.content(text)
}

// content adds a text, unless there is nothing in it.
func (w *xmlWalker) content(text string) bool {
	if text = strings.TrimSpace(text); text == "" {
		return true
	}
	if len(w.open) == 0 {
		return false
	}
	w.v.put(RequestXML, xmlTexts, text)
	return true
}

func (w *xmlWalker) end() bool {
	top := len(w.open) - 1
	if top < 0 {
		return false
	}
	rest, ok := strings.CutPrefix(w.rest[len("</"):], w.open[top])
	w.open = w.open[:top]
	if ok {
		w.rest, ok = strings.CutPrefix(rest, ">")
	}
	return ok
}

func (w *xmlWalker) start() bool {
	if w.root && len(w.open) == 0 || len(w.open) == maxOpen {
		return false
	}
	w.root = true
	w.rest = w.rest[1:]
	name, ok := w.name()
	for ok {
		spaced := w.space()
		switch {
		case strings.HasPrefix(w.rest, "/>"):
			w.rest = w.rest[2:]
			return true
		case strings.HasPrefix(w.rest, ">"):
			w.rest = w.rest[1:]
			w.open = append(w.open, name)
			return !closesItself(name)
		}
		ok = spaced && w.attribute()
	}
	return false
}

// closesItself reports whether Coraza takes an element for one of HTML that is empty and
// needs no end tag (xml.HTMLAutoClose).
func closesItself(name string) bool {
	_, local, prefixed := strings.Cut(name, ":")
	if !prefixed {
		local = name
	}
	return slices.ContainsFunc([]string{
		"area", "base", "basefont", "br", "col", "frame", "hr", "img", "input", "isindex",
		"link", "meta", "param",
	}, func(s string) bool { return EqualKeys(s, local) })
}

func (w *xmlWalker) attribute() bool {
	if _, ok := w.name(); !ok {
		return false
	}
	if len(w.rest) < 2 || w.rest[0] != '=' || w.rest[1] != '"' && w.rest[1] != '\'' {
		return false
	}
	value, rest, ok := strings.Cut(w.rest[2:], w.rest[1:2])
	w.rest = rest
	if !ok || strings.IndexByte(value, '<') >= 0 || strings.Contains(value, "]]>") {
		return false
	}
	value, ok = w.decode(value)
	w.v.put(RequestXML, xmlAttributes, value)
	return ok
}

// name passes a name with at most one prefix.
func (w *xmlWalker) name() (name string, ok bool) {
	i, first, colons := 0, true, 0
	for ; i < len(w.rest); i++ {
		c := w.rest[i]
		letter := 'a' <= lowerByte(c) && lowerByte(c) <= 'z' || c == '_'
		if c == ':' && !first && colons == 0 {
			colons, first = 1, true
			continue
		}
		if !letter && (first || !('0' <= c && c <= '9' || c == '-' || c == '.')) {
			break
		}
		first = false
	}
	name, w.rest = w.rest[:i], w.rest[i:]
	return name, !first
}

func (w *xmlWalker) space() bool {
	rest := strings.TrimLeft(w.rest, " \t\r\n")
	spaced := len(rest) < len(w.rest)
	w.rest = rest
	return spaced
}

// newlines makes a line feed of every line end.
func (w *xmlWalker) newlines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	a := &w.v.arena
	a.room(len(s))
	from := len(a.buf)
	for i := range len(s) {
		if s[i] != '\r' {
			a.buf = append(a.buf, s[i])
		} else if i+1 == len(s) || s[i+1] != '\n' {
			a.buf = append(a.buf, '\n')
		}
	}
	return a.since(from)
}

// decode replaces entities and line ends.
func (w *xmlWalker) decode(s string) (string, bool) {
	s = w.newlines(s)
	if strings.IndexByte(s, '&') < 0 {
		return s, true
	}
	a := &w.v.arena
	a.room(len(s)) // an entity is no shorter than what it stands for
	from := len(a.buf)
	for {
		before, after, found := strings.Cut(s, "&")
		a.buf = append(a.buf, before...)
		if !found {
			return a.since(from), true
		}
		entity, after, found := strings.Cut(after, ";")
		r, ok := character(entity)
		if !found || !ok {
			return "", false
		}
		a.buf = utf8.AppendRune(a.buf, r)
		s = after
	}
}

// character is what an entity stands for.
func character(entity string) (r rune, ok bool) {
	switch entity {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, ok := strings.CutPrefix(entity, "#")
	if !ok || len(digits) > 8 {
		return 0, false
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 31)
	r = rune(n)
	legal := r == '\t' || r == '\n' || r == '\r' || ' ' <= r && r < 0xd800 || 0xe000 <= r && r < 0xfffd || 0x10000 <= r && r <= utf8.MaxRune
	return r, err == nil && legal
}
