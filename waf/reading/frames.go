package reading

import "strings"

// encoded reads a body in the encoding that its type says, and reports whether there is nothing else that
// it could be: a text can be made that is a message as well, so it is read as text, too.
func (v *Values) encoded(kind family, text string) bool {
	ok := false
	switch kind {
	case protobuf:
		ok = v.message(text, 0)
	case msgpack:
		ok = v.packed("msgpack", msgpackItem, text, 0)
	case cbor:
		ok = v.packed("cbor", cborItem, text, 0)
	case framed:
		return v.frames(text)
	case framed64:
		plain, decoded := v.base64(text)
		if decoded && v.frames(plain) {
			return true
		}
		// Some servers take the messages in front of what is no frame, or no Base64.
		v.leave("encoding")
		v.binary(ArgsPost, bodyKey, plain)
		return false
	}
	return ok && isBinary(text)
}

// frames reads messages with a prefix of five bytes: flags and a length.
func (v *Values) frames(data string) bool {
	const compressed, trailers = 1, 0x80
	mark, left := len(v.found), v.left
	for data != "" {
		if len(data) < 5 && v.cut {
			return true
		}
		if len(data) < 5 {
			v.found, v.left = v.found[:mark], left
			return false
		}
		size := uint64(data[1])<<24 | uint64(data[2])<<16 | uint64(data[3])<<8 | uint64(data[4])
		flags := data[0]
		data = data[5:]
		if flags&^(compressed|trailers|2) != 0 || size > uint64(len(data)) && !v.cut {
			v.found, v.left = v.found[:mark], left
			return false
		}
		frame := data[:min(size, uint64(len(data)))]
		data = data[len(frame):]
		switch {
		case frame == "":
		case flags&compressed != 0:
			v.leave("encoding") // whatever it is
		default:
			v.frame(frame)
		}
	}
	return true
}

// frame reads what is in a frame: a message, JSON, or text.
func (v *Values) frame(data string) {
	if c := data[0]; (c == '{' || c == '[') && v.jsonLike(data) {
		return
	}
	name, input := v.typed()
	if !isBinary(data) && input == nil {
		v.put(ArgsPost, bodyKey, v.spaced(data))
	}
	if input == nil && v.Options.KnownFields {
		v.fail("gRPC: method " + name + " is in no descriptor")
	}
	if !v.messageOf(name, input, data, 0) && (input != nil || isBinary(data)) {
		v.binary(ArgsPost, bodyKey, data)
	}
}

// base64 decodes a text of one or several Base64 texts, each padded or not, up to what is none.
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
			return a.since(from), false
		}
		bits = bits<<6 | uint32(d)
		if n += 6; n >= 8 {
			n -= 8
			a.buf = append(a.buf, byte(bits>>n))
		}
	}
	return a.since(from), true
}

// MessageTexts appends what the message of a stream says to dst: its texts, one a line, or all of it if it is text.
// v has nothing else to do meanwhile. left is as [Values.Uninspected] says.
func (v *Values) MessageTexts(dst, data []byte, whole bool) (texts []byte, left string) {
	v.Reset()
	if len(data) == 0 {
		return dst, ""
	}
	v.cut = !whole
	v.all = append(v.all, blank[:]...)
	v.frame(view(data))
	if !isBinary(view(data)) {
		return append(dst, data...), ""
	}
	for i := range v.found {
		dst = append(append(dst, v.found[i].Text...), '\n')
	}
	return dst, v.left
}
