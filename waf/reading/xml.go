package reading

import (
	"fmt"
	"strings"
)

// XML is read here as XML 1.0 (fifth edition) defines it: what is well-formed is read, whatever its
// elements are called, and what is not is refused with a place and a reason. Parsers differ most in
// what they forgive, so nothing is forgiven but white space before the declaration.
//
// Of a document the rules see what an application can be told by it: texts, attributes, comments,
// processing instructions, entities, and names that are more than words. Applications take the text
// of an element in two ways, in pieces or as a whole, so both are shown.

// The keys of values of a document: rules select them by XML:/* and XML://@*. Most rules know only
// the first, so attributes stand in both.
const (
	xmlTexts      = "/*"
	xmlAttributes = "//@*"
)

// Bounds that only a document made to be expensive comes to.
const (
	xmlMaxDepth      = 256 // as in libxml2
	xmlMaxAttributes = 256 // of one element
	xmlMaxName       = 1 << 10
	xmlMaxNodes      = 1 << 20
)

// xmlOutside is the reason why a document is refused that some parsers do not read on to.
const xmlOutside = "text outside the root element"

// xmlElement is an element whose end has not been read.
type xmlElement struct {
	name   string
	first  int // of the document's pieces that it contains
	head   int // the first of its own pieces, plus 1
	tail   int // the last of its own pieces
	pieces int // of its own, that are more than white space
	below  bool
}

// xmlPiece is a text between two pieces of markup.
type xmlPiece struct {
	text string
	next int // piece of the same element, plus 1
}

// xmlMemory is what reading a document needs, kept for the next one.
type xmlMemory struct {
	open       []xmlElement
	pieces     []xmlPiece
	mixed      []span // of pieces: elements in which text and elements alternate
	attributes []xmlAttribute
	seen       map[string]struct{} // the attributes of an element that has many
	buf        []byte
}

func (m *xmlMemory) reset() {
	if cap(m.pieces) > keepValues || cap(m.buf) > keepBytes {
		*m = xmlMemory{}
		return
	}
	clear(m.open[:cap(m.open)])
	clear(m.pieces)
	clear(m.attributes[:cap(m.attributes)])
	clear(m.seen)
	m.open, m.pieces, m.mixed, m.attributes = m.open[:0], m.pieces[:0], m.mixed[:0], m.attributes[:0]
}

// xmlReader reads one document.
type xmlReader struct {
	*xmlMemory
	v     *Values
	doc   string // what is read: the document, or what an entity stands for
	at    int    // where in doc
	cr    bool   // doc has carriage returns
	root  bool   // has begun
	nodes int
	raw   int // where the outermost script begins, plus 1
	rawAt int // how many elements are open in front of it

	types    *xmlTypes // what a document type declares
	includes []xmlBinding
	nested   int // entities that are being read
	outside  int // where in the document the outermost of them is referred to

	why   string
	ended bool // the error is that the input ends
}

// xmlDocument adds what a document says.
func (v *Values) xmlDocument(document string) (ok bool, why string) {
	text, other, begin, why := v.xmlText(document)
	if why != "" {
		return false, "XML: " + why
	}
	if ok, why = v.xmlRead(text, begin); ok && other != "" {
		ok, why = v.xmlRead(other, begin)
	}
	return ok, why
}

// xmlRead reads a document in UTF-8 from begin on, where its declaration ends.
func (v *Values) xmlRead(text string, begin int) (ok bool, why string) {
	v.xml.reset()
	w := xmlReader{xmlMemory: &v.xml, v: v, doc: text, at: begin, cr: strings.IndexByte(text, '\r') >= 0}
	ok = w.document()
	if !ok && w.ended && v.cut {
		ok = true
	}
	if !ok && w.why != xmlOutside {
		return false, w.reason(text)
	}
	if w.raw > 0 {
		w.show(text[w.raw-1:])
	}
	for len(w.open) > 0 {
		w.closed()
	}
	w.finish()
	if !ok {
		return false, w.reason(text) // who stops behind the root element has read it all
	}
	return true, ""
}

// reason says what is wrong, and where.
func (w *xmlReader) reason(document string) string {
	at := w.at
	if w.nested > 0 {
		at = w.outside
	}
	before := document[:min(at, len(document))]
	line := strings.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("XML: %s (line %d, byte %d)", w.why, strings.Count(before, "\n")+1, len(before)-line+1)
}

func (w *xmlReader) fail(why string) bool {
	if w.why == "" {
		w.why = why
	}
	return false
}

// ends fails because the input ends within something, which is no error if there is more of it.
func (w *xmlReader) ends(in string) bool {
	w.ended = w.nested == 0
	return w.fail("it ends within " + in)
}

func (w *xmlReader) document() bool {
	for w.at < len(w.doc) {
		if !w.token() {
			return false
		}
	}
	if !w.root {
		w.ended = true
		return w.fail("there is no element")
	}
	if len(w.open) > 0 {
		w.ended = true
		return w.fail(fmt.Sprintf("element %.60q does not end", w.open[len(w.open)-1].name))
	}
	return true
}

// token reads what comes next: a text, a tag, a comment, an instruction, a section of raw text.
func (w *xmlReader) token() bool {
	if w.doc[w.at] != '<' {
		return w.text()
	}
	if w.at+1 == len(w.doc) {
		return w.ends("a tag")
	}
	switch w.doc[w.at+1] {
	case '/':
		return w.endTag()
	case '?':
		return w.instruction()
	case '!':
		return w.declaration()
	}
	return w.startTag()
}

// node counts what a document is made of.
func (w *xmlReader) node() bool {
	w.nodes++
	return w.nodes <= xmlMaxNodes || w.fail("there are too many elements, attributes and texts")
}

// show gives the rules a value that has no place of its own among them.
func (w *xmlReader) show(text string) {
	if text = strings.TrimSpace(text); text != "" {
		w.v.put(RequestXML, xmlTexts, text)
	}
}

// declaration reads what begins with an exclamation mark.
func (w *xmlReader) declaration() bool {
	const comment, section, doctype = "<!--", "<![CDATA[", "<!DOCTYPE"
	rest := w.doc[w.at:]
	switch {
	case strings.HasPrefix(rest, comment):
		return w.comment()
	case strings.HasPrefix(rest, section):
		return w.section()
	case strings.HasPrefix(rest, doctype):
		return w.doctype()
	case strings.HasPrefix(comment, rest), strings.HasPrefix(section, rest), strings.HasPrefix(doctype, rest):
		return w.ends("a declaration")
	}
	return w.fail("<! begins neither a comment nor a CDATA section")
}

// comment reads a comment. One that a server would execute is shown as it stands.
func (w *xmlReader) comment() bool {
	from := w.at + len("<!--")
	n := strings.Index(w.doc[from:], "--")
	if n < 0 {
		w.show(w.doc[from:])
		return w.ends("a comment")
	}
	content := w.doc[from : from+n]
	end := from + n + len("--")
	if end == len(w.doc) {
		w.show(content)
		return w.ends("a comment")
	}
	if w.doc[end] != '>' {
		w.at = end
		return w.fail("-- within a comment")
	}
	if strings.HasPrefix(content, "#") {
		content = w.doc[w.at : end+1] // a server side include
	}
	w.at = end + 1
	w.show(content)
	return w.node()
}

// section reads a CDATA section.
func (w *xmlReader) section() bool {
	if len(w.open) == 0 {
		return w.fail(xmlOutside)
	}
	from := w.at + len("<![CDATA[")
	n := strings.Index(w.doc[from:], "]]>")
	if n < 0 {
		w.piece(w.newlines(w.doc[from:]))
		return w.ends("a CDATA section")
	}
	w.at = from + n + len("]]>")
	return w.piece(w.newlines(w.doc[from : from+n]))
}

// instruction reads a processing instruction. One that is a program is shown as it stands.
func (w *xmlReader) instruction() bool {
	from := w.at
	w.at += len("<?")
	target, odd, ok := w.name()
	if !ok {
		return false
	}
	if EqualKeys(target, "xml") {
		w.at = from
		return w.fail("the XML declaration is not at the beginning")
	}
	data := w.at
	n := strings.Index(w.doc[data:], "?>")
	if n < 0 {
		w.show(w.doc[from+len("<?"):])
		return w.ends("a processing instruction")
	}
	w.at = data + n + len("?>")
	content := w.doc[data : data+n]
	if content != "" && !xmlSpace(content[0]) {
		w.at = data
		return w.fail("a processing instruction without a space behind its name")
	}
	switch {
	case EqualKeys(target, "php"), EqualKeys(target, "import"):
		w.show(w.doc[from:w.at])
	case target == "xml-stylesheet", target == "xml-model":
		w.pseudoAttributes(content)
	default:
		w.show(w.doc[from+len("<?") : data+n])
	}
	if odd {
		w.show(target)
	}
	return w.node()
}

// pseudoAttributes shows the values in an instruction that is written like a tag.
func (w *xmlReader) pseudoAttributes(content string) {
	for {
		open := strings.IndexAny(content, `"'`)
		if open < 0 {
			return
		}
		value, rest, _ := strings.Cut(content[open+1:], content[open:open+1])
		text, ok := w.plainReferences(value)
		if !ok {
			text = value
		}
		if !xmlHarmless(text) {
			w.show(text)
		}
		content = rest
	}
}
