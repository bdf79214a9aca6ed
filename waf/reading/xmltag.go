package reading

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// xmlAttribute is one of the attributes of the element that is being read.
type xmlAttribute struct{ name, value string }

// startTag reads the tag that begins an element.
func (w *xmlReader) startTag() bool {
	tag := w.at
	w.at++
	name, odd, ok := w.name()
	if !ok {
		return false
	}
	if len(w.open) == 0 && w.root {
		w.at = tag
		return w.fail("a second root element")
	}
	if len(w.open) == xmlMaxDepth {
		return w.fail("elements are nested too deep")
	}
	w.root = true
	if odd {
		w.show(name)
	}
	w.attributes = w.attributes[:0]
	for {
		spaced := w.space()
		if w.at == len(w.doc) {
			return w.ends("a tag")
		}
		switch w.doc[w.at] {
		case '>':
			w.at++
			return w.opened(name, tag) && w.node()
		case '/':
			if w.at+1 == len(w.doc) {
				return w.ends("a tag")
			}
			if w.doc[w.at+1] != '>' {
				return w.fail("/ within a tag")
			}
			w.at += len("/>")
			if !w.opened(name, tag) {
				return false
			}
			w.left()
			return w.node()
		}
		if !spaced {
			return w.fail("a space is missing within a tag")
		}
		if !w.attribute() {
			return false
		}
	}
}

// opened begins an element, whose attributes have been read.
func (w *xmlReader) opened(name string, tag int) bool {
	if !w.includesNothing(name) {
		w.at = tag
		return false
	}
	if w.raw == 0 && w.nested == 0 {
		w.markup(name, tag)
	}
	if name == "prototype" && len(w.open) > 0 && w.open[len(w.open)-1].name == "constructor" {
		w.show("constructor.prototype") // what a path of a parser's object is called
	}
	w.open = append(w.open, xmlElement{name: name, first: len(w.pieces)})
	return true
}

// left ends the innermost element.
func (w *xmlReader) left() {
	w.closed()
	if w.raw > 0 && len(w.open) == w.rawAt {
		w.show(w.doc[w.raw-1 : w.at])
		w.raw = 0
	}
	n := len(w.includes)
	for n > 0 && w.includes[n-1].depth == len(w.open) {
		n--
	}
	w.includes = w.includes[:n]
}

// endTag reads the tag that ends an element.
func (w *xmlReader) endTag() bool {
	if len(w.open) == 0 {
		return w.fail("an end tag without an element")
	}
	name := w.open[len(w.open)-1].name
	rest := w.doc[w.at+len("</"):]
	if !strings.HasPrefix(rest, name) {
		if strings.HasPrefix(name, rest) {
			return w.ends("a tag")
		}
		return w.fail(fmt.Sprintf("element %.60q ends with another name", name))
	}
	w.at += len("</") + len(name)
	w.space()
	if w.at == len(w.doc) {
		return w.ends("a tag")
	}
	if w.doc[w.at] != '>' {
		return w.fail(fmt.Sprintf("element %.60q ends with another name", name))
	}
	w.at++
	w.left()
	return true
}

// attribute reads an attribute.
func (w *xmlReader) attribute() bool {
	from := w.at
	name, odd, ok := w.name()
	if !ok {
		return false
	}
	w.space()
	if w.at == len(w.doc) {
		return w.ends("a tag")
	}
	if w.doc[w.at] != '=' {
		return w.fail("an attribute without a value")
	}
	w.at++
	w.space()
	if w.at == len(w.doc) {
		return w.ends("a tag")
	}
	if c := w.doc[w.at]; c != '"' && c != '\'' {
		return w.fail("a value of an attribute without quotes")
	}
	if !w.distinct(name) {
		w.at = from
		return false
	}
	if odd {
		w.show(name)
	}
	value, ok := w.value()
	if ok || w.ended {
		w.showAttribute(name, value)
	}
	if ok {
		ok = w.node() && w.bind(name, value)
	}
	w.attributes = append(w.attributes, xmlAttribute{name, value})
	return ok
}

// distinct holds that no two attributes of an element have one name.
func (w *xmlReader) distinct(name string) bool {
	const few = 16
	twice := false
	switch n := len(w.attributes); {
	case n == xmlMaxAttributes:
		return w.fail("an element has too many attributes")
	case n < few:
		for i := range w.attributes {
			twice = twice || w.attributes[i].name == name
		}
	default:
		if n == few {
			if w.seen == nil {
				w.seen = make(map[string]struct{})
			}
			clear(w.seen)
			for i := range w.attributes {
				w.seen[w.attributes[i].name] = struct{}{}
			}
		}
		_, twice = w.seen[name]
		w.seen[name] = struct{}{}
	}
	return !twice || w.fail("an attribute stands twice in its tag")
}

// value reads the value of an attribute, in its quotes. Line ends and tabs stay what they are.
func (w *xmlReader) value() (string, bool) {
	quote := w.doc[w.at]
	w.at++
	from := w.at
	for w.at < len(w.doc) {
		c := w.doc[w.at]
		if c == quote {
			w.at++
			return w.doc[from : w.at-1], true
		}
		if c == '<' {
			return "", w.fail("< within the value of an attribute")
		}
		if c == '&' || c == '\r' {
			break
		}
		w.at++
	}
	if w.at == len(w.doc) {
		return w.doc[from:], w.ends("the value of an attribute")
	}
	w.buf = append(w.buf[:0], w.doc[from:w.at]...)
	ok := w.decodedValue(quote)
	if ok {
		w.at++
	}
	return w.keep(), ok
}

// decodedValue reads on into buf, up to a quote, or to the end if quote is 0.
func (w *xmlReader) decodedValue(quote byte) bool {
	for w.at < len(w.doc) {
		switch c := w.doc[w.at]; {
		case c == quote:
			return true
		case c == '<':
			return w.fail("< within the value of an attribute")
		case c == '\r':
			w.lineEnd()
		case c == '&':
			r, e, ok := w.reference()
			if ok && e != nil {
				ok = w.within(e, func() bool { return w.decodedValue(0) })
			} else if ok {
				w.buf = utf8.AppendRune(w.buf, r)
			}
			if !ok {
				return false
			}
		default:
			w.buf = append(w.buf, c)
			w.at++
		}
	}
	return quote == 0 || w.ends("the value of an attribute")
}

// showAttribute shows a value as all its readers have it: with its line ends, or with spaces instead.
func (w *xmlReader) showAttribute(name, value string) {
	w.v.put(RequestXML, xmlAttributes, value)
	prefix, local := xmlLocal(name)
	switch {
	case xmlHarmless(value), (name == "xmlns" || prefix == "xmlns") && xmlNamespace(value):
		return
	case local == "schemaLocation":
		// Each of these is an address.
		for location := range strings.FieldsSeq(value) {
			if !xmlHarmless(location) {
				w.show(location)
			}
		}
		return
	}
	w.v.put(RequestXML, xmlTexts, value)
	if strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, '\t') >= 0 {
		w.buf = w.buf[:0]
		for i := range len(value) {
			if c := value[i]; c == '\n' || c == '\t' || c == '\r' {
				w.buf = append(w.buf, ' ')
			} else {
				w.buf = append(w.buf, c)
			}
		}
		w.show(w.keep())
	}
}
