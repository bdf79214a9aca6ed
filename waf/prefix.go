package waf

import (
	"bytes"
	"mime"
)

// Rules look at the values that a body processor finds, and a processor wants a whole
// body. What is here ends the beginning of one in the shortest way that is valid, so that
// all values that stand in it whole, and the one that it breaks off in, are inspected. A
// beginning that is broken itself stays broken, and is refused as such.

// completeJSON closes what is open at the end of a JSON text, in at most limit bytes.
func completeJSON(prefix []byte, limit int) []byte {
	var open []byte // closing brackets, innermost last
	inString, escaped := false, false
	// A cut at safe, closed with the brackets that were open there, is valid: it stands
	// behind a value, or behind an opening bracket.
	safe, safeOpen := 0, 0
	comma, key := false, false // what stands since the last value
	literal := -1              // where a number or a word begins
	for i, c := range prefix {
		if inString {
			switch {
			case escaped:
				escaped = false
			case c == '\\':
				escaped = true
			case c == '"':
				inString = false
				if !key {
					safe, safeOpen = i+1, len(open)
				}
			}
			continue
		}
		if literal >= 0 && bytes.IndexByte([]byte(" \t\r\n,]}"), c) >= 0 {
			safe, safeOpen, literal = i, len(open), -1
		}
		switch c {
		case '"':
			inString = true
			key = len(open) > 0 && open[len(open)-1] == '}' && (comma || bytes.HasSuffix(bytes.TrimRight(prefix[:i], " \t\r\n"), []byte("{")))
			comma = false
		case '{', '[':
			open = append(open, c+2) // '{'+2 is '}', '['+2 is ']'
			safe, safeOpen, comma, key = i+1, len(open), false, false
		case '}', ']':
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
			safe, safeOpen, comma, key = i+1, len(open), false, false
		case ',':
			comma, key = true, false
		case ':':
			key = false
		case ' ', '\t', '\r', '\n':
		default:
			if literal < 0 {
				literal = i
			}
		}
	}
	cut, closers := prefix[:safe], open
	if safeOpen < len(closers) {
		closers = closers[:safeOpen]
	}
	tail := ""
	if inString { // the value, or the name, that it breaks off in
		cut, closers, tail = trimEscape(prefix), open, `"`
		if key {
			tail = `":0`
		}
	}
	if over := len(cut) + len(tail) + len(closers) - limit; over > 0 && len(prefix) > 0 {
		return completeJSON(prefix[:max(len(prefix)-over, len(prefix)/2)], limit)
	}
	out := append(make([]byte, 0, len(cut)+len(tail)+len(closers)), cut...)
	out = append(out, tail...)
	for i := len(closers) - 1; i >= 0; i-- {
		out = append(out, closers[i])
	}
	return out
}

// trimEscape cuts an escape sequence that the end of a JSON string breaks off in.
func trimEscape(s []byte) []byte {
	for i := len(s) - 1; i >= 0 && i >= len(s)-6; i-- {
		if s[i] != '\\' {
			continue
		}
		backslashes := 0
		for j := i; j >= 0 && s[j] == '\\'; j-- {
			backslashes++
		}
		if whole := i+1 < len(s) && (s[i+1] != 'u' || i+6 <= len(s)); backslashes%2 == 1 && !whole {
			return s[:i]
		}
		break
	}
	return s
}

// completeMultipart ends a multipart body after the part it breaks off in, or before it if
// its header is not whole, in at most limit bytes.
func completeMultipart(prefix []byte, contentType string, limit int) []byte {
	_, params, err := mime.ParseMediaType(contentType)
	if n := len(params["boundary"]); err != nil || n == 0 || n > 70 { // RFC 2046 5.1.1
		return prefix
	}
	delimiter := []byte("\r\n--" + params["boundary"])
	end := append(bytes.Clone(delimiter), "--\r\n"...)
	if len(prefix) > limit-len(end) {
		prefix = prefix[:max(limit-len(end), 0)]
	}
	last := lastDelimiter(prefix, delimiter)
	switch {
	case last < 0 && !bytes.HasPrefix(prefix, delimiter[2:]):
		return prefix
	case bytes.Contains(prefix[max(last, 0):], []byte("\r\n\r\n")):
		return append(bytes.Clone(prefix), end...)
	case last < 0: // not even the first header
		return prefix
	default:
		return append(bytes.Clone(prefix[:last]), end...)
	}
}

// lastDelimiter is where the last delimiter line begins; -1 if there is none. A delimiter
// that goes on on its line is content, unless it is the closing one.
func lastDelimiter(body, delimiter []byte) int {
	for end := len(body); ; {
		i := bytes.LastIndex(body[:end], delimiter)
		if i < 0 {
			return -1
		}
		rest := body[i+len(delimiter):]
		if len(rest) == 0 || bytes.IndexByte([]byte(" \t\r-"), rest[0]) >= 0 {
			return i
		}
		end = i
	}
}
