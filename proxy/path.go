package proxy

import "slices"

// ambiguity returns the kind of the first thing in a path that two parsers may read
// differently and that is not among those allowed; "" if there is none. The kinds are
// config.AmbiguousPathKinds; docs/security.md explains them. The path is the received one,
// without the query.
func ambiguity(path string, allowed []string) string {
	start := 0 // of the segment
	for i := 0; i < len(path); i++ {
		kind := ""
		switch c := path[i]; {
		case c == '/':
			if i > 0 {
				kind = segmentKind(path[start:i], false)
			}
			start = i + 1
		case c == '\\':
			kind = "encoded_separator" // some read it as "/"
		case c < 0x20 || c == 0x7f:
			kind = "control"
		case c == '%':
			kind = escapeKind(path[i:])
		}
		if kind != "" && !slices.Contains(allowed, kind) {
			return kind
		}
	}
	if kind := segmentKind(path[start:], true); kind != "" && !slices.Contains(allowed, kind) {
		return kind
	}
	return ""
}

// segmentKind looks at one segment. The last one may be empty: "/a/".
func segmentKind(s string, last bool) string {
	if s == "" {
		if last {
			return ""
		}
		return "empty_segment"
	}
	dots, i := 0, 0
	for i < len(s) {
		switch {
		case s[i] == '.':
			i++
		case len(s) > i+2 && s[i] == '%' && s[i+1] == '2' && s[i+2]|0x20 == 'e':
			i += 3
		default:
			// "..;x" is ".." to servers that cut parameters from each segment.
			if s[i] == ';' && (dots == 1 || dots == 2) {
				return "dot_segment"
			}
			return ""
		}
		if dots++; dots > 2 {
			return ""
		}
	}
	return "dot_segment"
}

// escapeKind looks at what begins with "%".
func escapeKind(s string) string {
	if len(s) < 3 {
		return "invalid_escape"
	}
	hi, lo := hexDigit(s[1]), hexDigit(s[2])
	if hi < 0 || lo < 0 {
		return "invalid_escape"
	}
	switch c := hi<<4 | lo; {
	case c == '/' || c == '\\':
		return "encoded_separator"
	case c < 0x20 || c == 0x7f:
		return "control"
	case c == '%':
		// Decoded once more it would be an escape, whichever way its digits are spelled.
		first, rest := decodeOne(s[3:])
		second, _ := decodeOne(rest)
		if hexDigit(first) >= 0 && hexDigit(second) >= 0 {
			return "double_encoding"
		}
	}
	return ""
}

// decodeOne returns the first character of s, decoded if it is escaped, and the rest.
func decodeOne(s string) (c byte, rest string) {
	if len(s) >= 3 && s[0] == '%' {
		if hi, lo := hexDigit(s[1]), hexDigit(s[2]); hi >= 0 && lo >= 0 {
			return byte(hi<<4 | lo), s[3:]
		}
	}
	if s == "" {
		return 0, ""
	}
	return s[0], s[1:]
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
