package reading

import "strings"

// unhex is the value of a hexadecimal digit; negative for other bytes.
var unhex = func() (t [256]int16) {
	for c := range t {
		t[c] = -1
	}
	for c := int16(0); c < 10; c++ {
		t['0'+c] = c
	}
	for c := int16(0); c < 6; c++ {
		t['a'+c], t['A'+c] = 10+c, 10+c
	}
	return t
}()

// What the bytes of a pair mean, as bits. Those of odd make some framework read another pair.
const (
	equals    uint8 = 1 << iota
	coded           // "%" and "+"
	semicolon       // separates pairs for some
	nul             // ends a name in PHP
	lead            // may begin an overlong character
	loose           // "%" that begins no escape
	strange         // encoders of forms never leave it in a name; another language needs it
	raw             // not ASCII; of a pair: and something beside it is coded

	odd = semicolon | nul | lead | loose | raw
)

var pairByte = func() (t [256]uint8) {
	for c := range t {
		if byteClass[c]&oddByte != 0 {
			t[c] = strange
		}
		if c >= 0x80 {
			t[c] |= raw
		}
	}
	t['='], t['%'], t['+'], t[';'] = equals, coded, coded, semicolon
	t[0] |= nul
	for _, c := range [...]byte{0xc0, 0xc1, 0xe0, 0xf0, 0xf8, 0xfc} {
		t[c] |= lead
	}
	return t
}()

// pairs adds the name=value pairs of a query or a form, up to the limit for arguments, and then what
// frameworks read differently. It reports whether these were all.
//
// Plus signs and escapes are decoded; an escape that is not whole stands for itself.
func (v *Values) pairs(s string, k Kind) (whole bool) {
	from, seen, spaced := len(v.found), uint8(0), false
	for rest := s; rest != ""; {
		pair := rest
		if i := strings.IndexByte(rest, '&'); i >= 0 {
			pair, rest = rest[:i], rest[i+1:]
		} else {
			rest = ""
		}
		if pair == "" {
			continue
		}
		if len(v.found)-from == argumentsLimit {
			return false
		}
		key, text, bits := v.pair(pair)
		seen |= bits
		spaced = spaced || key != "" && key[0] == ' '
		v.put(k, key, text)
	}
	to := len(v.found)
	whole = true
	if seen&odd != 0 || spaced {
		whole = v.otherPairs(s, k)
	}
	v.joined(from, to)
	if seen&strange != 0 {
		for i := from; i < to; i++ {
			v.languages(k, v.found[i].Key, v.found[i].Text)
		}
	}
	return whole
}

// pair decodes a pair, and says what is in it.
func (v *Values) pair(pair string) (key, text string, seen uint8) {
	// One look at the pair finds the end of the name and what has to be decoded.
	end, name, value := len(pair), uint8(0), uint8(0)
	for i := range len(pair) {
		class := pairByte[pair[i]]
		if class == 0 {
			continue
		}
		if class == equals {
			if end == len(pair) {
				end, name, value = i, value, 0
			}
			continue
		}
		value |= class
	}
	key = pair[:end]
	if end == len(pair) {
		name, value = value, 0
	} else {
		text = pair[end+1:]
	}
	if name&strange != 0 {
		v.strange = true
	}
	if name&coded != 0 {
		var bits uint8
		key, bits = v.unescape(key)
		name |= bits
	} else {
		name &^= raw
	}
	if value&coded != 0 {
		var bits uint8
		text, bits = v.unescape(text)
		value |= bits
	} else {
		value &^= raw
	}
	return key, text, name | value
}

// unescape decodes plus signs and escapes, and says what the text has that is odd.
func (v *Values) unescape(s string) (text string, seen uint8) {
	v.arena.room(len(s))
	from := len(v.arena.buf)
	b := v.arena.buf
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if i+2 < len(s) {
				if hi, lo := unhex[s[i+1]], unhex[s[i+2]]; hi|lo >= 0 {
					c = byte(hi<<4 | lo)
					seen |= pairByte[c] &^ (semicolon | raw) // an escaped one separates nothing
					i += 2
					break
				}
			}
			seen |= loose
		}
		b = append(b, c)
	}
	v.arena.buf = b
	return v.arena.since(from), seen
}

// urlencoded adds the values of a form.
func (v *Values) urlencoded(body string) (ok bool, why string) {
	v.raw(body)
	if !v.pairs(body, ArgsPost) {
		v.limit()
	}
	return true, ""
}

// raw shows a body as it came.
func (v *Values) raw(body string) { v.set(RequestBody, body) }
