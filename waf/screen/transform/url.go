package transform

import (
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// urlDecode decodes "%HH" and "+" (url_decode.go of Coraza). Either byte counts as a change, even
// if the escape is invalid and stays.
func urlDecode(s string, b *Buffer) (string, bool) {
	i := indexEscape(s)
	if i == len(s) {
		return s, false
	}
	d := append(b.reserve(len(s)), s[:i]...)
	for i < len(s) {
		c := s[i]
		i++
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+1 < len(s):
			if decoded, ok := hexByte(s[i], s[i+1]); ok {
				c = decoded
				i += 2
			}
		}
		d = append(d, c)
	}
	return b.keep(d), true
}

// urlDecodeUni is urlDecode with the "%uHHHH" of IIS, mapped to ASCII or else to the low byte
// (url_decode_uni.go of Coraza). Only what is decoded counts as a change.
func urlDecodeUni(s string, b *Buffer) (string, bool) {
	i := indexEscape(s)
	if i == len(s) {
		return s, false
	}
	d := append(b.reserve(len(s)), s[:i]...)
	changed := false
	for i < len(s) {
		c := s[i]
		i++
		if c != '%' && c != '+' {
			d = append(d, c)
			continue
		}
		if c == '+' {
			d = append(d, ' ')
			changed = true
			continue
		}
		n := 0
		if i+1 < len(s) {
			if s[i]|0x20 == 'u' {
				c, n = uniEscape(s, i)
			} else if decoded, ok := hexByte(s[i], s[i+1]); ok {
				c, n = decoded, 2
			}
		}
		d = append(d, c)
		i += n
		changed = changed || n > 0
	}
	return b.keep(d), changed
}

// uniEscape returns the byte and the length of "uHHHH" at i of s, or "%" and 0.
func uniEscape(s string, i int) (c byte, n int) {
	if i+4 >= len(s) {
		return '%', 0
	}
	high, ok1 := hexByte(s[i+1], s[i+2])
	low, ok2 := hexByte(s[i+3], s[i+4])
	if !ok1 || !ok2 {
		return '%', 0
	}
	return bestFit(rune(high)<<8 | rune(low)), 5
}

// indexEscape returns the position of the first "%" or "+", or len(s).
func indexEscape(s string) int {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		i = len(s)
	}
	if plus := strings.IndexByte(s[:i], '+'); plus >= 0 {
		return plus
	}
	return i
}

// urlEncodeTouches are all bytes but those that stay as they are.
var urlEncodeTouches = ^(byteset.Letters | byteset.Of("0*"))

// urlEncodeTable has each byte that does not stay as it is.
var urlEncodeTable = func() *[256]bool {
	var t [256]bool
	for c := range t {
		t[c] = byteset.Byte(byte(c))&urlEncodeTouches != 0
	}
	return &t
}()

// urlEncode encodes everything but ASCII letters, digits and "*" (url_encode.go of Coraza).
func urlEncode(s string, b *Buffer) (string, bool) {
	i := index(s, urlEncodeTable)
	if i == len(s) {
		return s, false
	}
	d := append(b.reserve(i+3*(len(s)-i)), s[:i]...)
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ':
			d = append(d, '+')
		case urlEncodeTable[c]:
			d = append(d, '%', hexDigits[c>>4], hexDigits[c&0xF])
		default:
			d = append(d, c)
		}
	}
	return b.keep(d), true
}
