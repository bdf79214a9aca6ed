package reading

import (
	"unicode/utf16"
	"unicode/utf8"
)

// stringStop are the bytes at which a JSON string ends, or is not itself any more.
var stringStop = func() (t [256]bool) {
	for c := range ' ' {
		t[c] = true
	}
	t['"'], t['\\'] = true, true
	return t
}()

// string passes the string at hand and returns what it means.
func (w *jsonWalker) string() (string, bool) {
	from := w.at + 1
	i := from
	for i < len(w.text) && !stringStop[w.text[i]] {
		i++
	}
	if i < len(w.text) && w.text[i] == '"' {
		w.at = i + 1
		return w.text[from:i], true
	}
	w.at = i
	return w.escaped(from)
}

// escaped passes the rest of a string in which something else than its end stands at at.
func (w *jsonWalker) escaped(from int) (string, bool) {
	w.coded = true
	end := w.at // first find the end: what it decodes to is no longer than it is
	for ; ; end++ {
		if end >= len(w.text) && w.v.cut && w.level == 0 {
			end = len(w.text) // what there is of it is its value
			break
		}
		if end >= len(w.text) || w.text[end] < ' ' {
			w.at = min(end, len(w.text))
			return "", w.invalid()
		}
		if w.text[end] == '"' {
			break
		}
		if w.text[end] == '\\' {
			end++
		}
	}
	a := &w.v.arena
	a.room(end - from)
	start := len(a.buf)
	a.buf = append(a.buf, w.text[from:w.at]...)
	for w.at < end {
		c := w.text[w.at]
		w.at++
		if c == '\\' {
			ok := false
			if c, ok = w.escape(); !ok {
				if end < len(w.text) || !w.v.cut || w.level > 0 {
					return "", false
				}
				w.at, w.why = end, "" // the cut goes through it
				break
			}
			if c == 0 { // \u, which has been written
				continue
			}
		}
		a.buf = append(a.buf, c)
	}
	w.at = min(end+1, len(w.text))
	return a.since(start), true
}

// escape passes what follows a backslash and returns the byte that it means; 0 for \u, whose
// character it writes.
func (w *jsonWalker) escape() (byte, bool) {
	c := w.peek()
	w.at++
	switch c {
	case '"', '\\', '/':
		return c, true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		return 0, w.unicode()
	}
	w.loose = w.lax
	return c, w.lax || w.invalid()
}

// unicode writes the character of an escape \u. Half a pair of surrogates becomes U+FFFD, and takes nothing
// with it: what follows is a character of its own, whatever it is.
func (w *jsonWalker) unicode() bool {
	r, ok := w.hex()
	if !ok {
		return w.invalid()
	}
	if utf16.IsSurrogate(r) && w.at+1 < len(w.text) && w.text[w.at] == '\\' && w.text[w.at+1] == 'u' {
		half := w.at
		w.at += 2
		second, ok := w.hex()
		if !ok {
			return w.invalid()
		}
		if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
			w.at = half
		}
	}
	w.v.arena.buf = utf8.AppendRune(w.v.arena.buf, r)
	return true
}

// hex passes four hexadecimal digits.
func (w *jsonWalker) hex() (r rune, ok bool) {
	if len(w.text)-w.at < 4 {
		return 0, false
	}
	for range 4 {
		d := unhex[w.text[w.at]]
		if d < 0 {
			return 0, false
		}
		r = r<<4 | rune(d)
		w.at++
	}
	return r, true
}
