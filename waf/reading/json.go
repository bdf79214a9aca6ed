package reading

import "strconv"

// Limits of Coraza's JSON processor (bodyprocessors/json.go) for the text that keys and values
// add up to: a multiple of the body, and no less than for a small one.
const (
	flattenFactor = 8
	flattenFloor  = 4 << 10
)

// maxDepth is how deep objects and arrays may nest here. Coraza's limit is 1024
// (SecRequestBodyJsonDepthLimit); what is deeper than this is left to it.
const maxDepth = 128

// jsonWalker validates a JSON text (RFC 8259; strings may hold any bytes from 0x20 on, as
// gjson lets them) and adds its leaves as arguments on the way.
type jsonWalker struct {
	v    *Values
	text string
	at   int
	why  string
	path []byte // the key of the value at hand: json.a.0.b

	left    int // bytes that keys and values may still add
	leaves  int
	lengths int // entries that say how long an array is
}

func (w *jsonWalker) reset() {
	path := w.path
	if cap(path) > keepBytes {
		path = nil
	}
	*w = jsonWalker{path: path[:0]}
}

// jsonText adds the values of a JSON text: json.a.b, json.list.0, and json.list for the
// length of a list that is not empty. A scalar alone is a list of one to Coraza.
func (v *Values) jsonText(text string) (ok bool, why string) {
	w := &v.json
	w.v, w.text = v, text
	w.left = max(len(text)*flattenFactor, flattenFloor)
	w.path = append(w.path[:0], "json"...)
	w.space()
	if c := w.peek(); c == '{' || c == '[' {
		ok = w.value(maxDepth)
	} else {
		w.path = append(w.path, ".0"...)
		ok = w.value(maxDepth)
		w.path = w.path[:len("json")]
		ok = ok && w.length(1)
	}
	w.space()
	if ok && w.at != len(text) {
		ok = w.fail("JSON is not valid")
	}
	return ok, w.why
}

func (w *jsonWalker) fail(why string) bool {
	if w.why == "" {
		w.why = why
	}
	return false
}

func (w *jsonWalker) invalid() bool { return w.fail("JSON is not valid") }

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
		default:
			return
		}
	}
}

// value walks the value at hand, whose key is in path.
func (w *jsonWalker) value(depth int) bool {
	from := w.at
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
		return true
	}
	parent := len(w.path)
	for {
		if w.peek() != '"' {
			return w.invalid()
		}
		name, ok := w.string()
		if !ok || !w.member() {
			return false
		}
		w.space()
		if w.peek() != ':' {
			return w.invalid()
		}
		w.at++
		w.space()
		w.path = append(append(w.path, '.'), name...)
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
		return true
	}
	parent := len(w.path)
	for n := 0; ; n++ {
		if !w.member() {
			return false
		}
		w.path = strconv.AppendInt(append(w.path, '.'), int64(n), 10)
		if !w.value(depth - 1) {
			return false
		}
		w.path = w.path[:parent]
		if more, ok := w.next(']'); !more {
			return ok && w.length(n+1)
		}
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
	if len(w.text)-w.at < len(word) || w.text[w.at:w.at+len(word)] != word {
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

// member is asked before each member of an object or an array: Coraza stops at the first one
// behind the last leaf that it takes.
func (w *jsonWalker) member() bool {
	return w.leaves < argumentsLimit || w.fail("more arguments than Coraza takes")
}

func (w *jsonWalker) leaf(text string) bool {
	w.leaves++
	return w.add(text)
}

// length says how long the array at hand is.
func (w *jsonWalker) length(n int) bool {
	if w.lengths == argumentsLimit {
		return w.fail("more arrays than Coraza takes")
	}
	w.lengths++
	return w.add(w.v.itoa(n))
}

func (w *jsonWalker) add(text string) bool {
	if w.left -= len(w.path) + len(text); w.left < 0 {
		return w.fail("JSON outgrows itself when it is made flat")
	}
	a := &w.v.arena
	a.room(len(w.path))
	from := len(a.buf)
	a.buf = append(a.buf, w.path...)
	w.v.put(ArgsPost, a.since(from), text)
	return true
}
