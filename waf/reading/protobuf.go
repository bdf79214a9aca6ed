package reading

import (
	"strconv"
	"unicode/utf8"
)

// maxMessages is how deep messages of Protocol Buffers may nest to be told from bytes: as deep as most
// parsers let them.
const maxMessages = 100

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
	return v.messageOf("protobuf", nil, data, least)
}

// messageOf is message for one whose type is known, or nil. Its values have keys that begin with a name.
func (v *Values) messageOf(name string, t *MessageType, data string, least int) bool {
	mark, left := len(v.found), v.left
	if t == nil {
		name = "protobuf"
	}
	w := protoWalker{v: v, path: append(v.json.path[:0], name...), spare: 4 * len(data)}
	ok := w.walk(data, t, maxMessages) && w.texts >= least
	v.json.path = w.path[:0]
	if !ok {
		v.found, v.left = v.found[:mark], left
	}
	return ok
}

// walk shows the texts of a message, whose type may be known, and reports whether all of it is one.
func (w *protoWalker) walk(data string, t *MessageType, depth int) bool {
	parent, dark := len(w.path), data // dark begins where nothing is shown of
	var groups [maxGroups]group
	open := 0
	cut := w.v.cut && depth == maxMessages
	for data != "" {
		tag, n := varint(data)
		if n == 0 {
			return cut && len(data) < maxVarint
		}
		if field := tag >> 3; field == 0 || field >= 1<<29 {
			return false
		}
		data = data[n:]
		size := uint64(0)
		switch tag & 7 {
		case 0:
			if _, n = varint(data); n == 0 {
				return cut && len(data) < maxVarint
			}
			size = uint64(n)
		case 1:
			size = 8
		case 2:
			if size, n = varint(data); n == 0 {
				return cut && len(data) < maxVarint
			}
			data = data[n:]
		case 3:
			if open == len(groups) {
				return false
			}
			groups[open] = group{tag >> 3, t}
			open++
		case 4:
			if open == 0 || groups[open-1].number != tag>>3 {
				return false
			}
			open--
			t = groups[open].within
		case 5:
			size = 4
		default:
			return false
		}
		if size > uint64(len(data)) {
			if !cut {
				return false
			}
			size = uint64(len(data)) // the body is cut here
		}
		field, known := w.field(t, tag)
		switch tag & 7 {
		case 2:
			w.v.runs(ArgsPost, bodyKey, dark[:len(dark)-len(data)])
			dark = data[size:]
			if w.path = append(w.path, '.'); known {
				w.path = append(w.path, field.Name...)
				w.fieldContent(&field, data[:size], depth)
			} else {
				w.path = strconv.AppendUint(w.path, tag>>3, 10)
				w.content(data[:size], depth)
			}
			w.path = w.path[:parent]
		case 3:
			t = field.Type
		}
		data = data[size:]
	}
	w.v.runs(ArgsPost, bodyKey, dark)
	return open == 0 || cut
}

// maxGroups is how deep groups may nest in a message.
const maxGroups = 32

// group is a group that is open, and the type of the message that it is in.
type group struct {
	number uint64
	within *MessageType
}

// field is what is known of a field with that tag. What is not known may not be there, if the policy says so.
func (w *protoWalker) field(t *MessageType, tag uint64) (f Field, known bool) {
	if t == nil {
		return Field{}, false
	}
	if f, known = t.Fields[tag>>3]; known && f.holds(tag&7) {
		return f, true
	}
	if w.v.Options.KnownFields {
		w.v.fail("gRPC: field " + strconv.FormatUint(tag>>3, 10) + " of " + t.Name + " is in no descriptor")
	}
	return Field{}, false
}

// fieldContent shows what has a length and a known type.
func (w *protoWalker) fieldContent(f *Field, s string, depth int) {
	switch {
	case s == "" || f.Kind == FieldNumber:
		return
	case f.Kind == FieldText && isClean(s):
		w.put(s)
		return
	case f.Kind == FieldText:
		w.put(w.spaced(s))
		return
	case f.Kind == FieldMessage && depth > 1:
		mark, texts := len(w.v.found), w.texts
		if w.walk(s, f.Type, depth-1) {
			return
		}
		w.v.found, w.texts = w.v.found[:mark], texts
	}
	w.content(s, depth)
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
		if w.walk(s, nil, depth-1) {
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
	w.v.nested(ArgsPost, key, s)
}

func (w *protoWalker) key() string {
	a := &w.v.arena
	a.room(len(w.path))
	from := len(a.buf)
	a.buf = append(a.buf, w.path...)
	return a.since(from)
}

// spaced is s with spaces for control characters, if there is room.
func (w *protoWalker) spaced(s string) string {
	if w.spare -= len(s); w.spare < 0 {
		return s
	}
	return w.v.spaced(s)
}

// isClean reports whether s is a text without control characters.
func isClean(s string) bool { return !has(s, controlByte) && utf8.ValidString(s) }

// nearlyText reports whether s has few bytes that are no text, for bytes.
func nearlyText(s string) bool {
	n := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			n += int(byteClass[c]&controlByte) / controlByte
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			n++
		}
		i += size
	}
	return 7*n <= len(s)
}

// maxVarint is how many bytes a number takes at most.
const maxVarint = 10

// varint is the number that s begins with, and its length; 0 if there is none.
func varint(s string) (x uint64, n int) {
	for n < len(s) && n < maxVarint {
		c := s[n]
		x |= uint64(c&0x7f) << (7 * n)
		n++
		if c < 0x80 {
			return x, n
		}
	}
	return 0, 0
}
