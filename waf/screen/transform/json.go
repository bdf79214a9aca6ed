package transform

import (
	"encoding/json"
	"strings"
	"unsafe"
)

// withoutJSON leaves of a text that is a JSON object or array what its strings say, names and
// values, a space between any two: rules about quotes, brackets and colons see those that
// somebody has put into a string, and not the ones that make it JSON. Another text is left
// alone. It is Wafer's own.
//
// A number in front, as event protocols write it (42["message",{}]), does not keep a text from
// being JSON.
func withoutJSON(s string, b *Buffer) (string, bool) {
	text := strings.TrimLeft(s, " \t\r\n0123456789")
	if text == "" || text[0] != '{' && text[0] != '[' || !json.Valid(unsafe.Slice(unsafe.StringData(text), len(text))) {
		return s, false
	}
	d := b.reserve(len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		end := i + 1
		for text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		if len(d) > 0 {
			d = append(d, ' ')
		}
		d = append(d, unquoted(text[i:end+1])...)
		i = end
	}
	return b.keep(d), true
}

// unquoted is what a valid JSON string says.
func unquoted(quoted string) string {
	text, ok := unquote(quoted)
	if !ok {
		panic("BUG: a string of a valid text is none: " + quoted)
	}
	return text
}

// unquote is what a JSON string says.
func unquote(quoted string) (string, bool) {
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], true
	}
	var s string
	err := json.Unmarshal([]byte(quoted), &s)
	return s, err == nil
}
