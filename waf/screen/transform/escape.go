package transform

import (
	"strings"
	"unicode/utf8"
)

// cssDecode decodes the escapes of CSS (css_decode.go of Coraza): up to six hexadecimal digits are
// a code point, full-width ASCII folded, and a white space after them is dropped; a new line after
// a backslash is dropped with it; any other byte stands for itself. Any backslash counts as a
// change.
func cssDecode(s string, b *Buffer) (string, bool) {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s, false
	}
	// The shortest escape, "\0", becomes the three bytes of U+FFFD.
	d := append(b.reserve(i+(len(s)-i)*3/2), s[:i]...)
	for i < len(s) {
		if s[i] != '\\' {
			d = append(d, s[i])
			i++
			continue
		}
		i++
		if i == len(s) {
			break
		}
		n, code := 0, rune(0)
		for n < 6 && i+n < len(s) && hexValue[s[i+n]] != notHex {
			code = code<<4 | rune(hexValue[s[i+n]])
			n++
		}
		if n == 0 {
			if s[i] != '\n' {
				d = append(d, s[i])
			}
			i++
			continue
		}
		i += n
		if i < len(s) && (s[i] == ' ' || '\t' <= s[i] && s[i] <= '\r') {
			i++
		}
		if code == 0 {
			code = utf8.RuneError
		}
		if isFullWidth(code) {
			code -= fullWidthOffset
		}
		d = utf8.AppendRune(d, code)
	}
	return b.keep(d), true
}

// fullWidthOffset is between the full-width forms U+FF01 to U+FF5E and the ASCII they fold to.
const fullWidthOffset = 0xFEE0

func isFullWidth(code rune) bool { return 0xFF01 <= code && code <= 0xFF5E }

// lowByte is what a byte-wise decoder makes of a code point: ASCII of its full-width form, the low
// byte of all others.
func lowByte(code rune) byte {
	if isFullWidth(code) {
		code -= fullWidthOffset
	}
	return byte(code)
}

// control returns the control character that a letter stands for after a backslash.
func control(letter byte) (c byte, ok bool) {
	switch letter {
	case 'a':
		return '\a', true
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
	case 'v':
		return '\v', true
	}
	return 0, false
}

// octal reads up to limit octal digits at i of s, and returns their value and how many they are.
func octal(s string, i, limit int) (value, n int) {
	for n < limit && i+n < len(s) && isOctal(s[i+n]) {
		value = value<<3 | int(s[i+n]-'0')
		n++
	}
	return value, n
}

// unescape puts a byte in the place of each escape. escape returns it and the escape's length
// for the backslash at i, which is not the end of s; one at the end stays.
func unescape(s string, b *Buffer, escape func(s string, i int) (c byte, n int)) (string, bool) {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s, false
	}
	d := append(b.reserve(len(s)), s[:i]...)
	changed := false
	for i < len(s) {
		if s[i] != '\\' || i+1 == len(s) {
			d = append(d, s[i])
			i++
			continue
		}
		changed = true
		c, n := escape(s, i)
		d = append(d, c)
		i += n
	}
	return b.keep(d), changed
}

// escapeSeqDecode decodes the escapes of C strings (escape_seq_decode.go of Coraza). Octal values
// keep their low byte, an unknown escape loses its backslash, a backslash at the end stays.
func escapeSeqDecode(s string, b *Buffer) (string, bool) { return unescape(s, b, escapeSeq) }

// escapeSeq returns the byte and the length of the escape at i, which is not the end of s.
func escapeSeq(s string, i int) (c byte, n int) {
	c = s[i+1]
	if c|0x20 == 'x' && i+3 < len(s) {
		if c, ok := hexByte(s[i+2], s[i+3]); ok {
			return c, 4
		}
	}
	if value, digits := octal(s, i+1, 3); digits > 0 {
		return byte(value), 1 + digits
	}
	if c, ok := control(c); ok {
		return c, 2
	}
	return c, 2
}

// jsDecode decodes the escapes of JavaScript strings to bytes (js_decode.go of Coraza). An unknown
// escape loses its backslash, a backslash at the end stays.
func jsDecode(s string, b *Buffer) (string, bool) { return unescape(s, b, jsEscape) }

// jsEscape returns the byte and the length of the escape at i, which is not the end of s.
func jsEscape(s string, i int) (c byte, n int) {
	c = s[i+1]
	switch {
	case c == 'u':
		if code, n := jsUnicode(s, i+2); n > 0 {
			return lowByte(code), 2 + n
		}
	case c == 'x' && i+3 < len(s):
		if c, ok := hexByte(s[i+2], s[i+3]); ok {
			return c, 4
		}
	case isOctal(c):
		// Three digits only if the value fits a byte.
		limit := 3
		if c > '3' {
			limit = 2
		}
		value, digits := octal(s, i+1, limit)
		return byte(value), 1 + digits
	}
	if c, ok := control(c); ok {
		return c, 2
	}
	return c, 2
}

// jsUnicode reads "{H…}", with one to six digits, or "HHHH" at i of s. n is 0 if neither is there.
func jsUnicode(s string, i int) (code rune, n int) {
	braced := i < len(s) && s[i] == '{'
	limit := 4
	if braced {
		i++
		limit = 6
	}
	for n < limit && i+n < len(s) && hexValue[s[i+n]] != notHex {
		code = code<<4 | rune(hexValue[s[i+n]])
		n++
	}
	switch {
	case braced && n > 0 && i+n < len(s) && s[i+n] == '}':
		return code, n + 2
	case !braced && n == 4:
		return code, n
	}
	return 0, 0
}
