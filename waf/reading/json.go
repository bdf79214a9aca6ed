package reading

import (
	"strconv"
	"strings"
)

// What the keys of a JSON text may add up to: a multiple of the text, and no less than for a small one.
// Beyond it keys are short, so that a long path costs no more than its letters (see key).
const (
	flattenFactor = 8
	flattenFloor  = 4 << 10
)

// maxDepth is how deep objects and arrays may nest. What parsers take differs widely; no document that
// people make comes near it.
const maxDepth = 512

// jsonWalker validates JSON texts (RFC 8259; strings may hold any bytes from 0x20 on, as many parsers
// let them) and adds their leaves as values on the way.
type jsonWalker struct {
	v    *Values
	kind Kind
	text string
	at   int
	why  string
	path []byte // the key of the value at hand: json.a.0.b
	last int    // where in path its last segment begins

	level int  // how many strings around text were read as JSON
	left  int  // bytes that keys may still add; negative if keys are short
	ended bool // the text broke off where the body was cut
	lax   bool // comments and unknown escapes are read as Ruby reads them
	loose bool // there was such an escape
	coded bool // the last string had escapes
}

func (w *jsonWalker) reset() {
	path := w.path
	if cap(path) > keepBytes {
		path = nil
	}
	*w = jsonWalker{path: path[:0]}
}

// begin makes the walker ready for a text whose values have keys that begin with key.
func (w *jsonWalker) begin(v *Values, k Kind, key, text string, left int) {
	w.v, w.kind, w.text, w.at, w.why, w.lax, w.loose = v, k, text, 0, "", false, false
	w.path = append(w.path[:0], key...)
	w.last, w.level, w.left, w.ended = 0, 0, left, false
}

// jsonText adds the values of a body that is declared as JSON: json.a.b, json.list.0, and json.list for
// the length of a list that is not empty. A scalar alone is a list of one, as it is to Coraza. Several
// texts one after another are all read: the first is what a parser takes that stops there.
func (v *Values) jsonText(text string) (ok bool, why string) {
	text = v.utf8Text(text)
	w := &v.json
	w.begin(v, ArgsPost, "json", text, max(len(text)*flattenFactor, flattenFloor))
	for w.separator(); w.at < len(w.text); w.separator() {
		if !w.top() {
			return false, w.why + " (byte " + strconv.Itoa(w.at) + ")"
		}
		if w.ended {
			break
		}
	}
	return true, ""
}

// separator passes what may stand between texts: space, and the record separator of RFC 7464.
func (w *jsonWalker) separator() {
	for w.space(); w.peek() == 0x1e; w.space() {
		w.at++
	}
}

// top walks a whole text. One that breaks off where the body is cut is whole as far as it goes.
func (w *jsonWalker) top() (ok bool) {
	root := len(w.path)
	if c := w.peek(); c == '{' || c == '[' {
		ok = w.value(maxDepth)
	} else {
		w.path = append(w.path, ".0"...)
		w.last = root + 1
		ok = w.value(maxDepth)
		w.path = w.path[:root]
		ok = ok && w.length(1)
	}
	if !ok && w.ended {
		w.path = w.path[:root]
		return true
	}
	return ok
}

func (w *jsonWalker) fail(why string) bool {
	if w.why == "" {
		w.why = why
	}
	return false
}

// invalid says that the text is none, unless it is only the beginning of one.
func (w *jsonWalker) invalid() bool {
	if w.at >= len(w.text) && w.v.cut && w.level == 0 {
		w.ended = true
		return false
	}
	return w.fail("JSON is not valid")
}

// peek is the byte at hand; 0, which is no JSON, at the end.
func (w *jsonWalker) peek() byte {
	if w.at < len(w.text) {
		return w.text[w.at]
	}
	return 0
}

func (w *jsonWalker) space() {
	for w.at < len(w.text) {
		switch w.text[w.at] {
		case ' ', '\t', '\r', '\n':
			w.at++
		case '/':
			if !w.lax || !w.comment() {
				return
			}
		default:
			return
		}
	}
}

// comment passes the comment at hand and shows it.
func (w *jsonWalker) comment() bool {
	rest, end := w.text[w.at:], -1
	switch {
	case strings.HasPrefix(rest, "//"):
		if end = strings.IndexByte(rest, '\n'); end < 0 {
			end = len(rest)
		}
	case strings.HasPrefix(rest, "/*"):
		if end = strings.Index(rest[2:], "*/"); end >= 0 {
			end += len("/**/")
		}
	}
	if end < 0 {
		return false
	}
	w.v.put(w.kind, bodyKey, rest[:end])
	w.at += end
	return true
}

// value walks the value at hand, whose key is in path.
func (w *jsonWalker) value(depth int) bool {
	from := w.at
	w.coded = false
	switch c := w.peek(); {
	case c == '"':
		s, ok := w.string()
		return ok && w.leaf(s)
	case c == '{':
		return w.object(depth)
	case c == '[':
		return w.array(depth)
	case c == 't':
		return w.literal("true") && w.leaf(w.text[from:w.at])
	case c == 'f':
		return w.literal("false") && w.leaf(w.text[from:w.at])
	case c == 'n':
		return w.literal("null") && w.leaf("")
	case c == '-' || '0' <= c && c <= '9':
		return w.number() && w.leaf(w.text[from:w.at])
	}
	return w.invalid()
}

func (w *jsonWalker) object(depth int) bool {
	if depth == 0 {
		return w.fail("JSON nests deep")
	}
	w.at++
	w.space()
	if w.peek() == '}' {
		w.at++
		return w.empty()
	}
	w.container()
	parent := len(w.path)
	for {
		if w.peek() != '"' {
			return w.invalid()
		}
		name, ok := w.string()
		if !ok {
			return false
		}
		w.path = append(append(w.path[:parent], '.'), name...)
		w.last = parent + 1
		w.space()
		if w.peek() != ':' {
			w.add("") // the name is all there is
			return w.invalid()
		}
		w.at++
		w.space()
		if !w.value(depth - 1) {
			return false
		}
		w.path = w.path[:parent]
		if more, ok := w.next('}'); !more {
			return ok
		}
	}
}

func (w *jsonWalker) array(depth int) bool {
	if depth == 0 {
		return w.fail("JSON nests deep")
	}
	w.at++
	w.space()
	if w.peek() == ']' {
		w.at++
		return w.empty()
	}
	w.container()
	parent, last := len(w.path), w.last
	for n := 0; ; n++ {
		w.path = strconv.AppendInt(append(w.path, '.'), int64(n), 10)
		w.last = parent + 1
		if !w.value(depth - 1) {
			return false
		}
		w.path, w.last = w.path[:parent], last
		if more, ok := w.next(']'); !more {
			return ok && w.length(n+1)
		}
	}
}

// empty adds an object or an array without members: its name would be seen nowhere else.
func (w *jsonWalker) empty() bool {
	if w.last > 0 {
		w.add("")
	}
	return true
}

// container adds the name of an object or an array whose members' keys do not have it, being short.
func (w *jsonWalker) container() {
	if w.left < 0 {
		w.add("")
	}
}

// next passes the comma, or the bracket, behind a member.
func (w *jsonWalker) next(end byte) (more, ok bool) {
	w.space()
	switch w.peek() {
	case ',':
		w.at++
		w.space()
		return true, true
	case end:
		w.at++
		return false, true
	}
	return false, w.invalid()
}

func (w *jsonWalker) literal(word string) bool {
	rest := w.text[w.at:]
	if len(rest) < len(word) && word[:len(rest)] == rest {
		w.at = len(w.text)
		return w.invalid()
	}
	if !strings.HasPrefix(rest, word) {
		return w.invalid()
	}
	w.at += len(word)
	return true
}

func (w *jsonWalker) number() bool {
	if w.peek() == '-' {
		w.at++
	}
	if w.peek() == '0' {
		w.at++
	} else if !w.digits() {
		return false
	}
	if w.peek() == '.' {
		w.at++
		if !w.digits() {
			return false
		}
	}
	if c := w.peek(); c == 'e' || c == 'E' {
		w.at++
		if c = w.peek(); c == '+' || c == '-' {
			w.at++
		}
		return w.digits()
	}
	return true
}

// digits passes one or more digits.
func (w *jsonWalker) digits() bool {
	from := w.at
	for c := w.peek(); '0' <= c && c <= '9'; c = w.peek() {
		w.at++
	}
	return w.at > from || w.invalid()
}

// leaf adds a scalar.
func (w *jsonWalker) leaf(text string) bool {
	at, coded := len(w.v.found), w.coded
	w.add(text)
	if n := len(text); n > 1 && brackets(text[0], text[n-1]) && w.within(text) {
		return true
	}
	if text == "" || at == len(w.v.found) {
		return true
	}
	key := w.v.found[at].Key
	switch inner, ok := bracketed(text); {
	case ok:
		w.v.quoted(w.kind, key, inner)
	case coded || text[0] == '<':
		w.v.languages(w.kind, key, text)
	}
	return true
}

// length says how long the array at hand is.
func (w *jsonWalker) length(n int) bool {
	if w.left >= 0 && w.level == 0 {
		w.add(w.v.itoa(n))
	}
	return true
}

func (w *jsonWalker) add(text string) {
	if w.v.full() {
		w.v.put(w.kind, "json", text) // which counts it
		return
	}
	w.v.put(w.kind, w.key(), text)
}

// key is the key of the value at hand. When keys have added up to what they may, it is the last
// segment of the path alone: every name has been in a key then, once for itself, and none is
// written again and again.
func (w *jsonWalker) key() string {
	a := &w.v.arena
	path := w.path
	if w.left < 0 {
		path = path[w.last:]
		a.room(len("json.") + len(path))
		from := len(a.buf)
		a.buf = append(append(a.buf, "json."...), path...)
		return a.since(from)
	}
	w.left -= len(path)
	a.room(len(path))
	from := len(a.buf)
	a.buf = append(a.buf, path...)
	return a.since(from)
}
