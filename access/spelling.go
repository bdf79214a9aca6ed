package access

import (
	"strings"

	"github.com/wafer-waf/wafer/access/token"
)

// A key is to have one spelling. What an application takes for the same value would be one key after the other else, each
// with a bucket of its own.

// appendField appends the value of a field with one space between words. Of credentials, the case of the scheme does not
// matter (RFC 9110 11.1).
func appendField(dst []byte, name, value string) []byte {
	scheme := strings.EqualFold(name, "Authorization")
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == ' ' || c == '\t':
			if i > 0 && value[i-1] != ' ' && value[i-1] != '\t' {
				dst = append(dst, ' ')
			}
			scheme = false
		case scheme && 'A' <= c && c <= 'Z':
			dst = append(dst, c|0x20)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendCookieValue appends the value of a cookie without quotes, and with what is escaped in the ways that applications
// know: %61 and "+", and within quotes \141 and "\a".
func appendCookieValue(dst []byte, value string) []byte {
	value = strings.Trim(value, " \t")
	quoted := len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"'
	if quoted {
		value = value[1 : len(value)-1]
	}
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '%' && i+2 < len(value) && digit(value[i+1]) < 16 && digit(value[i+2]) < 16:
			c = digit(value[i+1])<<4 | digit(value[i+2])
			i += 2
		case c != '\\' || !quoted || i+1 == len(value):
		case i+3 < len(value) && value[i+1] <= '3' && digit(value[i+1]) < 8 && digit(value[i+2]) < 8 && digit(value[i+3]) < 8:
			c = digit(value[i+1])<<6 | digit(value[i+2])<<3 | digit(value[i+3])
			i += 3
		default:
			i++
			c = value[i]
		}
		if c == '+' { // which some decode to a space, and some do not
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

// digit is what a digit stands for; 255: it is none.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// named reports whether an application may take a cookie's name for the wanted one.
func named(name, wanted string) bool {
	name = strings.Trim(name, " \t")
	return name == wanted || token.Spelled(name) == token.Spelled(wanted)
}
