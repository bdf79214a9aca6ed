package reading

import (
	"strings"
	"unicode/utf8"
)

// text reads a text up to the next markup.
func (w *xmlReader) text() bool {
	end := strings.IndexByte(w.doc[w.at:], '<')
	if end < 0 {
		end = len(w.doc)
	} else {
		end += w.at
	}
	s := w.doc[w.at:end]
	if len(w.open) == 0 {
		if rest := xmlTrimLeft(s); rest != "" {
			w.at += len(s) - len(rest)
			return w.fail(xmlOutside)
		}
		w.at = end
		return true
	}
	if strings.IndexByte(s, ']') >= 0 {
		if i := strings.Index(s, "]]>"); i >= 0 {
			w.at += i
			return w.fail("]]> within text")
		}
	}
	if strings.IndexByte(s, '&') < 0 && !(w.cr && strings.IndexByte(s, '\r') >= 0) {
		w.at = end
		return w.piece(s)
	}
	w.buf = w.buf[:0]
	for w.at < end {
		switch c := w.doc[w.at]; c {
		case '&':
			if !w.referenceInText() {
				if w.ended {
					w.piece(w.keep())
				}
				return false
			}
		case '\r':
			w.lineEnd()
		default:
			w.buf = append(w.buf, c)
			w.at++
		}
	}
	return w.piece(w.keep())
}

// lineEnd reads a carriage return and the line feed behind it as one line feed.
func (w *xmlReader) lineEnd() {
	w.at++
	if w.at == len(w.doc) || w.doc[w.at] != '\n' {
		w.buf = append(w.buf, '\n')
	}
}

// keep moves what was put together to where values may stand.
func (w *xmlReader) keep() string {
	a := &w.v.arena
	a.room(len(w.buf))
	from := len(a.buf)
	a.buf = append(a.buf, w.buf...)
	w.buf = w.buf[:0]
	return a.since(from)
}

// newlines makes a line feed of every line end.
func (w *xmlReader) newlines(s string) string {
	if !w.cr || strings.IndexByte(s, '\r') < 0 {
		return s
	}
	w.buf = w.buf[:0]
	for i := range len(s) {
		if s[i] != '\r' {
			w.buf = append(w.buf, s[i])
		} else if i+1 == len(s) || s[i+1] != '\n' {
			w.buf = append(w.buf, '\n')
		}
	}
	return w.keep()
}

// piece adds a text to the element that it stands in, and shows it.
func (w *xmlReader) piece(text string) bool {
	if text == "" {
		return true
	}
	e := &w.open[len(w.open)-1]
	w.pieces = append(w.pieces, xmlPiece{text: text})
	n := len(w.pieces) - 1
	if e.head == 0 {
		e.head = n + 1
	} else {
		w.pieces[e.tail].next = n + 1
	}
	e.tail = n
	if text = strings.TrimSpace(text); text != "" {
		e.pieces++
		w.v.put(RequestXML, xmlTexts, text)
		w.mayHold(text)
	}
	return w.node()
}

// closed takes the innermost element off. Its text is shown as a whole if it stood in pieces: those
// of its own, as most applications read it, and together with those of the elements within, as
// others do.
func (w *xmlReader) closed() {
	e := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	if e.pieces > 1 {
		w.buf = w.buf[:0]
		for i := e.head; i > 0; i = w.pieces[i-1].next {
			w.buf = append(w.buf, w.pieces[i-1].text...)
		}
		text := w.keep()
		w.show(text)
		w.mayHold(text)
	}
	if e.pieces > 0 && e.below {
		// Only the outermost of such elements is shown, so that no text is shown more often.
		n := len(w.mixed)
		for n > 0 && w.mixed[n-1].from >= e.first {
			n--
		}
		w.mixed = append(w.mixed[:n], span{e.first, len(w.pieces)})
	}
	if len(w.open) > 0 && (e.pieces > 0 || e.below) {
		w.open[len(w.open)-1].below = true
	}
}

// finish shows elements in which text and elements alternate, as one text each.
func (w *xmlReader) finish() {
	for _, m := range w.mixed {
		w.buf = w.buf[:0]
		for _, p := range w.pieces[m.from:m.to] {
			w.buf = append(w.buf, p.text...)
		}
		w.show(w.keep())
	}
}

// referenceInText reads a reference to a character or an entity into buf. What an entity stands for
// may have markup, which is read in its place.
func (w *xmlReader) referenceInText() bool {
	r, e, ok := w.reference()
	if !ok {
		return false
	}
	if e == nil {
		w.buf = utf8.AppendRune(w.buf, r)
		return true
	}
	w.piece(w.keep())
	return w.within(e, func() bool {
		depth := len(w.open)
		for w.at < len(w.doc) {
			if !w.token() {
				return false
			}
			if len(w.open) < depth {
				return w.fail("an entity ends an element that began outside of it")
			}
		}
		return len(w.open) == depth || w.fail("an entity begins an element that ends outside of it")
	})
}

// reference reads a reference to a character or to an entity of the document's own.
func (w *xmlReader) reference() (r rune, e *xmlEntity, ok bool) {
	from := w.at
	w.at++ // the ampersand
	end := w.at
	for end < len(w.doc) && end-from <= xmlMaxName && (w.doc[end] == '#' && end == w.at || w.doc[end] >= 0x80 || xmlByte[w.doc[end]] != 0) {
		end++
	}
	if end == len(w.doc) {
		w.at = from
		return 0, nil, w.ends("a reference")
	}
	name := w.doc[w.at:end]
	if name == "" || w.doc[end] != ';' {
		w.at = from
		return 0, nil, w.fail("& begins no reference")
	}
	w.at = end + 1
	if r, ok = xmlCharacter(name); ok {
		return r, nil, true
	}
	if name[0] == '#' {
		w.at = from
		return 0, nil, w.fail("a reference to what is no character")
	}
	if e = w.types.entity(name); e == nil {
		w.at = from
		return 0, nil, w.fail("a reference to an entity that is not declared")
	}
	return 0, e, true
}

// xmlCharacter is the character that a reference without its & and ; stands for.
func xmlCharacter(name string) (r rune, ok bool) {
	switch name {
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
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	digits, base := name[1:], rune(10)
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	for _, c := range []byte(digits) {
		d := rune(99)
		switch l := lowerByte(c); {
		case '0' <= l && l <= '9':
			d = rune(l - '0')
		case 'a' <= l && l <= 'f':
			d = rune(l-'a') + 10
		}
		if d >= base || r > utf8.MaxRune {
			return 0, false
		}
		r = r*base + d
	}
	return r, digits != "" && xmlLegal(r)
}

// xmlLegal reports whether a character may stand in a document.
func xmlLegal(r rune) bool {
	return r >= ' ' && r < 0xd800 || r == '\t' || r == '\n' || r == '\r' ||
		r >= 0xe000 && r < 0xfffe || r >= 0x10000 && r <= utf8.MaxRune
}

// plainReferences replaces references in a text that knows no entities but the five.
func (w *xmlReader) plainReferences(s string) (string, bool) {
	if strings.IndexByte(s, '&') < 0 {
		return s, true
	}
	w.buf = w.buf[:0]
	for {
		before, after, found := strings.Cut(s, "&")
		w.buf = append(w.buf, before...)
		if !found {
			return w.keep(), true
		}
		end := strings.IndexByte(after[:min(len(after), 16)], ';')
		if end < 0 {
			return "", false
		}
		r, ok := xmlCharacter(after[:end])
		if !ok {
			return "", false
		}
		w.buf = utf8.AppendRune(w.buf, r)
		s = after[end+1:]
	}
}
