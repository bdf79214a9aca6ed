package reading

import "strings"

// maxWithin is how many levels of JSON within strings of JSON are read.
const maxWithin = 3

// brackets reports whether a text that begins and ends so may be an object or an array of JSON, or one
// with white space around it.
func brackets(first, last byte) bool {
	return (first == '{' || first == '[' || first <= ' ') && (last == '}' || last == ']' || last <= ' ')
}

// bracketed trims text and reports whether it begins and ends as an object or an array does.
func bracketed(text string) (string, bool) {
	for text != "" && text[0] <= ' ' {
		text = text[1:]
	}
	for text != "" && text[len(text)-1] <= ' ' {
		text = text[:len(text)-1]
	}
	if len(text) < 2 {
		return text, false
	}
	switch last := text[len(text)-1]; text[0] {
	case '{':
		return text, last == '}'
	case '[':
		return text, last == ']'
	}
	return text, false
}

// embedded adds the leaves of a value that is JSON itself, as further values of its kind: key.a.b. The
// application is likely to parse it, and rules that look for syntax do better with its parts. Of what only
// looks like JSON, such as GraphQL and what lenient parsers read, it adds the strings.
func (v *Values) embedded(k Kind, key, text string) {
	if n := len(text); n < 2 || !brackets(text[0], text[n-1]) {
		return
	}
	text, ok := bracketed(text)
	if !ok {
		return
	}
	mark := len(v.found)
	w := &v.json
	w.begin(v, k, key, text, flattenFactor*(len(key)+len(text)))
	w.level = 1
	if !w.only() {
		v.found = v.found[:mark]
		v.quoted(k, key, text)
	}
}

// nested does so while the walker's room for a path is used for another format.
func (v *Values) nested(k Kind, key, text string) {
	if n := len(text); n < 2 || !brackets(text[0], text[n-1]) {
		if text != "" && (text[0] == '<' || strings.IndexByte(text, '\\') >= 0) {
			v.languages(k, key, text)
		}
		return
	}
	path := v.json.path
	v.json.path = nil
	v.embedded(k, key, text)
	v.json.path = path
}

// embed does so for what was put behind mark.
func (v *Values) embed(mark int) {
	for i, end := mark, len(v.found); i < end; i++ {
		if x := v.found[i]; x.Kind == ArgsPost {
			v.embedded(ArgsPost, x.Key, x.Text)
		}
	}
}

// only walks a text that is one value, and nothing behind it.
func (w *jsonWalker) only() bool {
	ok := w.value(maxDepth)
	w.space()
	return ok && w.at == len(w.text)
}

// within does for a string of JSON, which was just added, what embedded does for a value, and reports
// whether it is one.
func (w *jsonWalker) within(text string) bool {
	text, ok := bracketed(text)
	if !ok || w.level == maxWithin {
		return false
	}
	outer, root, mark := *w, len(w.path), len(w.v.found)
	w.text, w.at, w.why, w.level = text, 0, "", w.level+1
	ok = w.only()
	left := w.left
	path := w.path[:root]
	*w = outer
	w.path, w.left = path, left
	if ok {
		return true
	}
	w.v.found = w.v.found[:mark]
	if outer.left >= 0 && left < 0 {
		// The key that was to have the names around this string is gone with the rest.
		w.left = 0
		w.add("")
		w.left = left
	}
	return false
}
