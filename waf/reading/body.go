package reading

import "strings"

// Body adds what a request's body says: afterwards v holds what rules of phase 2 see. It is called
// once, after Head; body is empty if there is none, or if the policy inspects none.
//
// processor is REQBODY_PROCESSOR after phase 1, where rules may have changed it. whole is false if
// body is only the beginning of one: what breaks off at its end is no error then. contentType is the
// first field of that name.
//
// A body that cannot be read sets REQBODY_ERROR and its message, and has the values that were found
// until then. One that is not what its type says is read as what it looks like, and
// REQBODY_PROCESSOR says what that is.
func (v *Values) Body(processor, contentType string, body []byte, whole bool) {
	v.set(ReqbodyProcessor, processor)
	if len(body) == 0 {
		return
	}
	v.set(RequestBodyLength, v.itoa(len(body)))
	v.cut = !whole
	text := view(body)
	var (
		ok  bool
		why string
	)
	switch processor {
	case "URLENCODED":
		ok, why = v.form(text)
		v.embed(0)
	case "JSON":
		ok, why = v.jsonText(text)
	case "MULTIPART":
		ok, why = v.multipart(contentType, text)
		v.embed(0)
	case "XML":
		ok, why = v.xmlDocument(text)
	default:
		ok, why = v.other(contentType, text)
	}
	if !ok {
		v.fail(why)
	}
	if processor != "URLENCODED" && hasLead(text) && overlong(text) { // of forms otherPair does so
		v.shortened()
	}
	if v.Text(ReqbodyProcessor) == "XML" || processor == "MULTIPART" {
		v.withinXML()
	}
	v.settle()
	v.names(ArgsPost, ArgsPostNames)
	v.sizeArgs(ArgsPost)
}

// unreadable is what is left of a body that cannot be read, or not to its end. A policy that does not block
// lets it pass.
const unreadable = "unreadable"

// fail says that the body cannot be read, and why, in words for whoever sends or operates. The first
// reason stays.
func (v *Values) fail(why string) {
	if v.Text(ReqbodyError) == "1" {
		return
	}
	v.leave(unreadable)
	v.set(ReqbodyError, "1")
	v.set(ReqbodyErrorMsg, why)
	v.set(ReqbodyProcessorError, "1")
	v.set(ReqbodyProcessorErrorMsg, why)
}

// limit says that there are more arguments, cookies, parts or values than are read.
func (v *Values) limit() {
	v.set(ArgumentsLimitReached, "1")
	v.leave(unreadable)
}

// maxValues bounds the values of one body, and so the memory that they take: many more than any document
// has that people wait for.
const maxValues = 1 << 16

// full reports whether the body has as many values as it may have.
func (v *Values) full() bool { return len(v.found) >= maxValues }

// put adds a value that the body has, of any kind with keys. One too many is not kept, and rules are
// told so.
func (v *Values) put(k Kind, key, text string) {
	if v.full() {
		v.limit()
		return
	}
	v.found = append(v.found, Value{Kind: k, Key: key, Text: text})
}

// settle sorts what was put by kind: each kind's values stay in the order of the document.
func (v *Values) settle() {
	var count [Kinds]int
	for i := range v.found {
		count[v.found[i].Kind]++
	}
	at := len(v.all)
	v.all = append(v.all, v.found...) // for the room; what stands there is overwritten
	var next [Kinds]int
	for k := singles; k < Kinds; k++ {
		if count[k] > 0 {
			v.spans[k] = span{at, at + count[k]}
			next[k] = at
			at += count[k]
		}
	}
	for i := range v.found {
		k := v.found[i].Kind
		v.all[next[k]] = v.found[i]
		next[k]++
	}
	clear(v.found)
	v.found = v.found[:0]
}

// bodyKey is the key of what a body says that has no names.
const bodyKey = "body"

// other reads a body whose type names no processor, as what it looks like.
func (v *Values) other(contentType, text string) (ok bool, why string) {
	v.set(ReqbodyProcessor, "RAW")
	kind := familyOf(contentType)
	if v.encoded(kind, text) {
		return true, ""
	}
	received := text
	if text = v.utf8Text(text); len(text) != len(received) {
		v.undecoded(received)
	}
	if found, ok, why := v.structured(text); found {
		switch {
		case contentType == "": // which is a form to Rack
			v.pairsBeside(text)
		case ok && essence(contentType) == "text/html":
			v.plain(text) // a browser sees other tags in it than a parser of XML
		}
		return ok, why
	}
	if isBinary(text) {
		if contentType == "" {
			v.pairsIn(text)
		}
		switch {
		case kind == textual:
			v.plain(v.spaced(text))
		case kind != unknown || !v.walked(text):
			v.binary(ArgsPost, bodyKey, text)
		}
		return true, ""
	}
	if isForm(text) {
		v.set(ReqbodyProcessor, "URLENCODED")
		ok, why = v.urlencoded(text)
		v.embed(0)
		return ok, why
	}
	if kind > textual && !isClean(text) {
		text = v.spaced(text) // a message as well
	}
	v.plain(text)
	if isYAML(contentType) {
		v.yaml(text)
	}
	return true, ""
}

// walked reads bytes that are in a format which says what is text, and reports whether they are: all of
// them have to be.
func (v *Values) walked(data string) bool {
	return v.message(data, 1) ||
		isPacked(msgpackItem, data) && v.packed("msgpack", msgpackItem, data, 1) ||
		isPacked(cborItem, data) && v.packed("cbor", cborItem, data, 1)
}

// structured reads a text that shows by its first byte what it may be, and reports whether it is that.
func (v *Values) structured(text string) (found, ok bool, why string) {
	start := trimStart(text)
	if start == "" {
		return false, true, ""
	}
	switch c := start[0]; {
	case c == '{' || c == '[' || c == '"' || c == 0x1e:
		if v.jsonLike(start) {
			v.set(ReqbodyProcessor, "JSON")
			return true, true, ""
		}
	case c == '<':
		return v.xmlLike(text, start)
	case strings.HasPrefix(start, "Lo\xa7\x94"): // "<?xm" in EBCDIC, which some parsers read
		v.set(ReqbodyProcessor, "XML")
		ok, why = v.xmlDocument(start)
		return true, ok, why
	case c == '-':
		if boundary, ok := looksMultipart(start); ok {
			v.set(ReqbodyProcessor, "MULTIPART")
			ok, why = v.multipart(v.multipartType(boundary), start)
			v.embed(0)
			return true, ok, why
		}
	case '0' <= c && c <= '9':
		if v.packets(start) {
			v.set(ReqbodyProcessor, "JSON")
			return true, true, ""
		}
	}
	return false, true, ""
}

// xmlLike reads a text that begins with "<" as XML if it is well-formed. A text that is not may be HTML
// or mere text, unless it defines entities: that is refused, whoever might expand them.
func (v *Values) xmlLike(text, start string) (found, ok bool, why string) {
	mark := len(v.found)
	if ok, why = v.xmlDocument(text); ok {
		v.set(ReqbodyProcessor, "XML")
		return true, true, ""
	}
	if !strings.HasPrefix(why, "XML: "+xmlOutside) { // Go reads on to the root element's end, no further
		v.found = v.found[:mark]
	}
	if definesEntities(start) || declaresEncoding(start) {
		v.set(ReqbodyProcessor, "XML")
		return true, false, why
	}
	return false, true, ""
}

// definesEntities reports whether a text has a document type, other than HTML's, that defines entities
// or is to be fetched from elsewhere.
func definesEntities(s string) bool {
	_, s, found := strings.Cut(s, "<!DOCTYPE")
	if !found {
		return false
	}
	if strings.Contains(s, "<!ENTITY") {
		return true
	}
	head, _, _ := strings.Cut(s, ">")
	return !EqualKeys(strings.TrimSpace(head[:min(len(head), 5)]), "html") &&
		(strings.Contains(head, "SYSTEM") || strings.Contains(head, "PUBLIC"))
}

// declaresEncoding reports whether a text declares to be XML in an encoding that is not read here: what it
// says is not known then.
func declaresEncoding(s string) bool {
	if !strings.HasPrefix(s, "<?xml") {
		return false
	}
	declaration, _, _ := strings.Cut(s[:min(len(s), 1<<10)], "?>")
	i := strings.Index(declaration, "encoding")
	if i < 0 {
		return false
	}
	encoding, _, _ := xmlPair(declaration[i-1:], "encoding")
	switch Lower(encoding) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return false
	}
	return !xmlIsUTF16(encoding) && xmlHigh(encoding) == nil && !(xmlWritesASCII(encoding) && isASCII(s))
}

// multipartType is the media type of a multipart body with this boundary.
func (v *Values) multipartType(boundary string) string {
	const head = `multipart/form-data; boundary="`
	v.arena.room(len(head) + len(boundary) + 1)
	from := len(v.arena.buf)
	v.arena.buf = append(append(append(v.arena.buf, head...), boundary...), '"')
	return v.arena.since(from)
}
