package reading

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxMessages is how deep messages of Protocol Buffers may nest to be told from bytes.
const maxMessages = 32

// protoWalker reads the wire format, in which texts, messages and bytes look alike.
type protoWalker struct {
	v     *Values
	path  []byte
	texts int // how many were shown
	spare int // bytes that may still be written to show what is not clean
}

// message reads what may be a message of Protocol Buffers, and reports whether it is one, with so many
// texts in it at least.
func (v *Values) message(data string, least int) bool {
	mark := len(v.found)
	w := protoWalker{v: v, path: append(v.json.path[:0], "protobuf"...), spare: 4 * len(data)}
	ok := w.walk(data, maxMessages) && w.texts >= least
	v.json.path = w.path[:0]
	if !ok {
		v.found = v.found[:mark]
	}
	return ok
}

// walk shows the texts of a message and reports whether all of it is one.
func (w *protoWalker) walk(data string, depth int) bool {
	parent := len(w.path)
	var groups [maxMessages]uint64
	open := 0
	for data != "" {
		tag, n := varint(data)
		if field := tag >> 3; n == 0 || field == 0 || field >= 1<<29 {
			return false
		}
		data = data[n:]
		size := uint64(0)
		switch tag & 7 {
		case 0:
			if _, n = varint(data); n == 0 {
				return false
			}
			size = uint64(n)
		case 1:
			size = 8
		case 2:
			if size, n = varint(data); n == 0 {
				return false
			}
			data = data[n:]
		case 3:
			if open == len(groups) {
				return false
			}
			groups[open] = tag >> 3
			open++
		case 4:
			if open == 0 || groups[open-1] != tag>>3 {
				return false
			}
			open--
		case 5:
			size = 4
		default:
			return false
		}
		if size > uint64(len(data)) {
			return w.v.cut && depth == maxMessages
		}
		if tag&7 == 2 {
			w.path = strconv.AppendUint(append(w.path, '.'), tag>>3, 10)
			w.content(data[:size], depth)
			w.path = w.path[:parent]
		}
		data = data[size:]
	}
	return open == 0
}

// content shows what has a length: a text, a message, or bytes. What may be a text is shown as one,
// whatever else it may be.
func (w *protoWalker) content(s string, depth int) {
	if s == "" {
		return
	}
	clean := isClean(s)
	if clean {
		w.put(s)
	}
	if depth > 1 && (!clean || s[0] < ' ') {
		mark, texts := len(w.v.found), w.texts
		if w.walk(s, depth-1) {
			if !clean && w.texts > texts && utf8.ValidString(s) && nearlyText(s) {
				w.put(w.spaced(s))
			}
			return
		}
		w.v.found, w.texts = w.v.found[:mark], texts
	}
	switch {
	case clean:
	case nearlyText(s):
		w.put(w.spaced(s))
	default:
		w.v.binary(ArgsPost, w.key(), s)
	}
}

func (w *protoWalker) put(s string) {
	w.texts++
	key := w.key()
	w.v.put(ArgsPost, key, s)
	if n := len(s); brackets(s[0], s[n-1]) {
		// The walker of JSON has a path of its own, and this one is in use.
		path := w.v.json.path
		w.v.json.path = nil
		w.v.embedded(ArgsPost, key, s)
		w.v.json.path = path
	}
}

func (w *protoWalker) key() string {
	a := &w.v.arena
	a.room(len(w.path))
	from := len(a.buf)
	a.buf = append(a.buf, w.path...)
	return a.since(from)
}

// spaced is s with spaces for control characters, if there is room: to rules they would be an attack.
func (w *protoWalker) spaced(s string) string {
	if w.spare -= len(s); w.spare < 0 {
		return s
	}
	a := &w.v.arena
	a.room(len(s))
	from := len(a.buf)
	for i := range len(s) {
		c := s[i]
		if byteClass[c]&controlByte != 0 {
			c = ' '
		}
		a.buf = append(a.buf, c)
	}
	return a.since(from)
}

// isClean reports whether s is a text without control characters.
func isClean(s string) bool { return !has(s, controlByte) && utf8.ValidString(s) }

// nearlyText reports whether s has few control characters for bytes.
func nearlyText(s string) bool {
	n := 0
	for i := range len(s) {
		n += int(byteClass[s[i]] & controlByte)
	}
	return n/controlByte*7 <= len(s)
}

// varint is the number that s begins with, and its length; 0 if there is none.
func varint(s string) (x uint64, n int) {
	for n < len(s) && n < 10 {
		c := s[n]
		x |= uint64(c&0x7f) << (7 * n)
		n++
		if c < 0x80 {
			return x, n
		}
	}
	return 0, 0
}

// encoded reads a body in the encoding that its type says, and reports whether it is in it.
func (v *Values) encoded(kind family, text string) bool {
	switch kind {
	case protobuf:
		return v.message(text, 0)
	case framed:
		return v.frames(text)
	case framed64:
		plain, ok := v.base64(text)
		return ok && v.frames(plain)
	}
	return false
}

// frames reads messages with a prefix of five bytes: flags and a length.
func (v *Values) frames(data string) bool {
	const compressed, trailers = 1, 0x80
	mark := len(v.found)
	for data != "" {
		if len(data) < 5 {
			v.found = v.found[:mark]
			return v.cut
		}
		size := uint64(data[1])<<24 | uint64(data[2])<<16 | uint64(data[3])<<8 | uint64(data[4])
		flags := data[0]
		data = data[5:]
		if flags&^(compressed|trailers|2) != 0 || size > uint64(len(data)) && !v.cut {
			v.found = v.found[:mark]
			return false
		}
		frame := data[:min(size, uint64(len(data)))]
		data = data[len(frame):]
		switch {
		case frame == "":
		case flags&compressed != 0:
			v.leave("compressed")
		default:
			v.frame(frame)
		}
	}
	return true
}

// frame reads what is in a frame: a message, JSON, or text.
func (v *Values) frame(data string) {
	if c := data[0]; (c == '{' || c == '[') && v.jsonLike(data) || v.message(data, 0) {
		return
	}
	v.textOrBinary(data)
}

// base64 decodes a text of one or several Base64 texts, each padded or not.
func (v *Values) base64(text string) (string, bool) {
	a := &v.arena
	a.room(len(text)/4*3 + 3)
	from := len(a.buf)
	bits, n := uint32(0), 0
	for i := range len(text) {
		c := text[i]
		switch {
		case c == '=':
			bits, n = 0, 0
			continue
		case c == '\r' || c == '\n':
			continue
		}
		d := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", c)
		if d < 0 {
			a.buf = a.buf[:from]
			return "", false
		}
		bits = bits<<6 | uint32(d)
		if n += 6; n >= 8 {
			n -= 8
			a.buf = append(a.buf, byte(bits>>n))
		}
	}
	return a.since(from), true
}
