package reading

import "strings"

// transferDecoded undoes the transfer encoding of a part: coded is whether there is one that changes
// anything, ok whether it is known. Some parsers decode it and most do not, so that the caller shows
// both.
func (v *Values) transferDecoded(p *part) (decoded string, coded, ok bool) {
	switch {
	case p.encoding == "", EqualKeys(p.encoding, "7bit"), EqualKeys(p.encoding, "8bit"), EqualKeys(p.encoding, "binary"):
		return "", false, true
	case EqualKeys(p.encoding, "base64"):
		decoded, ok = v.unbase64(p.data)
		return decoded, true, ok
	case EqualKeys(p.encoding, "quoted-printable"):
		return v.unquoted(p.data), true, true
	}
	return "", false, false
}

// sextet is what a byte of Base64 stands for; negative for white space, which decoders pass over, and below that
// for other bytes.
var sextet = func() (t [256]int8) {
	for c := range t {
		t[c] = -2
	}
	for i := range int8(26) {
		t['A'+i], t['a'+i] = i, 26+i
	}
	for i := range int8(10) {
		t['0'+i] = 52 + i
	}
	t['+'], t['/'] = 62, 63
	t[' '], t['\t'], t['\r'], t['\n'] = -1, -1, -1, -1
	return t
}()

// unbase64 decodes Base64. It is not ok where decoders differ: at other bytes, which some pass over and some
// take for those of another alphabet, and at text behind the padding.
func (v *Values) unbase64(s string) (decoded string, ok bool) {
	v.arena.room(len(s)*3/4 + 3)
	from := len(v.arena.buf)
	bits, n, padded := uint32(0), 0, false
	for i := range len(s) {
		x := sextet[s[i]]
		switch {
		case s[i] == '=':
			padded = true
			continue
		case x == -1:
			continue
		case x < 0 || padded:
			return "", false
		}
		bits = bits<<6 | uint32(x)
		if n += 6; n >= 8 {
			n -= 8
			v.arena.buf = append(v.arena.buf, byte(bits>>n))
		}
	}
	return v.arena.since(from), true
}

// unquoted decodes quoted-printable; an escape that is not whole stands for itself.
func (v *Values) unquoted(s string) string {
	v.arena.room(len(s))
	from := len(v.arena.buf)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '=' {
			if i+2 < len(s) && unhex[s[i+1]]|unhex[s[i+2]] >= 0 {
				c = byte(unhex[s[i+1]]<<4 | unhex[s[i+2]])
				i += 2
			} else if n, ok := softBreak(s[i+1:]); ok {
				i += n
				continue
			}
		}
		v.arena.buf = append(v.arena.buf, c)
	}
	return v.arena.since(from)
}

// softBreak is the length of a line end, with white space before it, at which a line of quoted-printable
// goes on in the next. The end of the part is one, too.
func softBreak(s string) (n int, ok bool) {
	rest := strings.TrimLeft(s[:min(len(s), 80)], " \t")
	space := min(len(s), 80) - len(rest)
	switch {
	case strings.HasPrefix(rest, "\r\n"):
		return space + 2, true
	case strings.HasPrefix(rest, "\n"):
		return space + 1, true
	}
	return space, space == len(s)
}
