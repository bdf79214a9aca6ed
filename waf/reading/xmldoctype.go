package reading

import (
	"strings"
	"unicode/utf8"
)

// A document type is refused unless the policy allows an internal subset. Then it may declare
// elements, attributes and general entities with a value, and nothing that names another document
// or changes how the rest of the subset is read.

const (
	xmlMaxEntities = 1 << 10
	xmlMaxNested   = 8       // entities in entities
	xmlMaxGrowth   = 8       // of the document by its entities, as a factor …
	xmlFreeGrowth  = 4 << 10 // … and so many bytes
)

// xmlTypes is what a document's type declares.
type xmlTypes struct {
	entities map[string]*xmlEntity
	grown    int // bytes that entities have stood for
	limit    int
}

// xmlEntity is a general entity.
type xmlEntity struct {
	text string // with references to characters replaced
	used bool   // is being read
}

// entity is the declared entity of a name; nil if there is none.
func (t *xmlTypes) entity(name string) *xmlEntity {
	if t == nil {
		return nil
	}
	return t.entities[name]
}

// within reads what an entity stands for.
func (w *xmlReader) within(e *xmlEntity, read func() bool) bool {
	w.types.grown += len(e.text) + 1
	switch {
	case e.used:
		return w.fail("an entity stands for itself")
	case w.nested == xmlMaxNested:
		return w.fail("entities are nested too deep")
	case w.types.grown > w.types.limit:
		return w.fail("entities stand for too much text")
	}
	if w.nested == 0 {
		w.outside = w.at
	}
	doc, at, cr := w.doc, w.at, w.cr
	w.doc, w.at, w.cr = e.text, 0, true
	w.nested++
	e.used = true
	if !read() {
		return false
	}
	e.used = false
	w.nested--
	w.doc, w.at, w.cr = doc, at, cr
	return true
}

// doctype reads a document type declaration.
func (w *xmlReader) doctype() bool {
	if !w.v.Options.XMLDoctype || w.v.inner {
		return w.fail("document type declarations are not allowed")
	}
	if w.root || w.types != nil || w.nested > 0 {
		return w.fail("a document type declaration not at the beginning")
	}
	w.types = &xmlTypes{entities: map[string]*xmlEntity{}, limit: xmlMaxGrowth*len(w.doc) + xmlFreeGrowth}
	w.at += len("<!DOCTYPE")
	spaced := w.space()
	if w.at < len(w.doc) && !spaced {
		return w.fail("a space is missing within the document type")
	}
	if _, _, ok := w.name(); !ok {
		return false
	}
	w.space()
	if w.at < len(w.doc) && w.doc[w.at] == '[' {
		w.at++
		if !w.subset() {
			return false
		}
		w.space()
	}
	return w.closes("a document type with an external part is not allowed")
}

// closes passes the end of a declaration.
func (w *xmlReader) closes(otherwise string) bool {
	if w.at == len(w.doc) {
		return w.ends("the document type")
	}
	if w.doc[w.at] != '>' {
		return w.fail(otherwise)
	}
	w.at++
	return true
}

// subset reads declarations up to the bracket that ends them.
func (w *xmlReader) subset() bool {
	for {
		w.space()
		if w.at == len(w.doc) {
			return w.ends("the document type")
		}
		rest := w.doc[w.at:]
		ok := false
		switch {
		case rest[0] == ']':
			w.at++
			return true
		case rest[0] == '%':
			return w.fail("parameter entities are not allowed")
		case strings.HasPrefix(rest, "<!--"):
			ok = w.comment()
		case strings.HasPrefix(rest, "<?"):
			ok = w.instruction()
		case strings.HasPrefix(rest, "<!ENTITY"):
			ok = w.entityDeclaration()
		case strings.HasPrefix(rest, "<!ELEMENT"), strings.HasPrefix(rest, "<!ATTLIST"):
			ok = w.otherDeclaration()
		case strings.HasPrefix(rest, "<!NOTATION"):
			return w.fail("notations are not allowed")
		case len(rest) < len("<!NOTATION") && rest[0] == '<':
			return w.ends("the document type")
		default:
			return w.fail("something that is no declaration in the document type")
		}
		if !ok {
			return false
		}
	}
}

// entityDeclaration reads the declaration of an entity. The first of a name counts.
func (w *xmlReader) entityDeclaration() bool {
	w.at += len("<!ENTITY")
	spaced := w.space()
	if w.at == len(w.doc) {
		return w.ends("the document type")
	}
	if w.doc[w.at] == '%' {
		return w.fail("parameter entities are not allowed")
	}
	name, _, ok := w.name()
	if !ok {
		return false
	}
	if !spaced || !w.space() {
		return w.fail("a space is missing within the declaration of an entity")
	}
	if w.at == len(w.doc) {
		return w.ends("the document type")
	}
	quote := w.doc[w.at]
	if quote != '"' && quote != '\'' {
		return w.fail("external entities are not allowed")
	}
	if _, predefined := xmlCharacter(name); predefined {
		return w.fail("the declaration of an entity that XML has already")
	}
	text, ok := w.entityValue(quote)
	w.show(text)
	if !ok {
		return false
	}
	if len(w.types.entities) == xmlMaxEntities {
		return w.fail("there are too many entities")
	}
	if w.types.entities[name] == nil {
		w.types.entities[name] = &xmlEntity{text: text}
	}
	w.space()
	return w.node() && w.closes("something behind the value of an entity")
}

// entityValue reads the value of an entity. Only references to characters are replaced in it, the
// others when the entity itself is referred to.
func (w *xmlReader) entityValue(quote byte) (string, bool) {
	w.buf = w.buf[:0]
	for w.at++; w.at < len(w.doc); {
		c := w.doc[w.at]
		switch {
		case c == quote:
			w.at++
			return w.keep(), true
		case c == '%':
			return w.keep(), w.fail("parameter entities are not allowed")
		case c == '\r':
			w.lineEnd()
		case c == '&' && strings.HasPrefix(w.doc[w.at:], "&#"):
			r, _, ok := w.reference()
			if !ok {
				return w.keep(), false
			}
			w.buf = utf8.AppendRune(w.buf, r)
		default:
			w.buf = append(w.buf, c)
			w.at++
		}
	}
	return w.keep(), w.ends("the value of an entity")
}

// otherDeclaration passes a declaration of elements or attributes, and shows what stands in quotes:
// attributes that elements have by default. Such as would make of an element what it does not seem
// to be are refused.
func (w *xmlReader) otherDeclaration() bool {
	w.at += len("<!ELEMENT")
	from := w.at
	for w.at < len(w.doc) {
		switch c := w.doc[w.at]; c {
		case '>':
			for word := range strings.FieldsSeq(w.doc[from:w.at]) {
				if xmlHandler(word) {
					return w.fail("a document type that declares handlers of events")
				}
			}
			w.at++
			return w.node()
		case '<', '[', ']':
			return w.fail("a declaration of the document type that is not well-formed")
		case '%':
			return w.fail("parameter entities are not allowed")
		case '"', '\'':
			value, ok := w.value()
			if !xmlHarmless(value) {
				w.show(value)
			}
			if ok && xmlIsInclude(value) {
				return w.fail("inclusions (XInclude) are not allowed")
			}
			if !ok {
				return false
			}
		default:
			w.at++
		}
	}
	return w.ends("the document type")
}
