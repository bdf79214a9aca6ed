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

// pairs adds the name=value pairs of s, leniently decoded, up to the limit for arguments
// (url/url.go). It reports how many there were, and whether these were all.
func (v *Values) pairs(s string, k Kind) (n int, whole bool) {
	for s != "" {
		pair := s
		if i := strings.IndexByte(s, '&'); i >= 0 {
			pair, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		if pair == "" {
			continue
		}
		if n == argumentsLimit {
			return n, false
		}
		n++
		// One look at the pair finds the end of the name and what has to be decoded.
		equals, name, value := -1, false, false
		for i := range len(pair) {
			switch pair[i] {
			case '=':
				if equals < 0 {
					equals, name, value = i, value, false
				}
			case '%', '+':
				value = true
			}
		}
		key, text := pair, ""
		if equals < 0 {
			name = value
		} else {
			key, text = pair[:equals], pair[equals+1:]
			if value {
				text = v.unescape(text)
			}
		}
		if name {
			key = v.unescape(key)
		}
		v.put(k, key, text)
	}
	return n, true
}

// unescape decodes plus signs and escapes; an escape that is not whole stands for itself.
func (v *Values) unescape(s string) string {
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
					i += 2
				}
			}
		}
		b = append(b, c)
	}
	v.arena.buf = b
	return v.arena.since(from)
}

// urlencoded adds the values of a form.
func (v *Values) urlencoded(body string) (ok bool, why string) {
	v.raw(body)
	if _, whole := v.pairs(body, ArgsPost); !whole {
		v.set(ArgumentsLimitReached, "1")
	}
	return true, ""
}

// raw sets what the processors URLENCODED and RAW set.
func (v *Values) raw(body string) {
	v.set(RequestBody, body)
	v.set(RequestBodyLength, v.itoa(len(body)))
}
