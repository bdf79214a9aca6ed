package recent

import (
	"bytes"
	"encoding/json"
)

// members calls f with the members of an object as JSON writes it, until f returns false: names without their quotes,
// values as they are written. It returns false for what is no object. It is lenient: what it is given was encoded by
// programs, and is not forwarded.
func members(object []byte, f func(name, value []byte) bool) bool {
	return membersFrom(object, 0, f) >= 0
}

// membersFrom is members of an object that begins at a place, and returns where it ends, or where f wanted no more; -1: it is no
// object.
func membersFrom(text []byte, at int, f func(name, value []byte) bool) int {
	at = skipSpace(text, at)
	if at >= len(text) || text[at] != '{' {
		return -1
	}
	for at++; ; at++ {
		at = skipSpace(text, at)
		if at < len(text) && text[at] == '}' {
			return at + 1
		}
		end := stringEnd(text, at)
		if end < 0 {
			return -1
		}
		name := text[at+1 : end-1]
		if at = skipSpace(text, end); at >= len(text) || text[at] != ':' {
			return -1
		}
		at = skipSpace(text, at+1)
		if end = valueEnd(text, at); end < 0 {
			return -1
		}
		if !f(name, text[at:end]) {
			return end
		}
		if at = skipSpace(text, end); at >= len(text) {
			return -1
		}
		if text[at] == '}' {
			return at + 1
		}
		if text[at] != ',' {
			return -1
		}
	}
}

// elements calls f with the elements of an array, likewise.
func elements(array []byte, f func(value []byte) bool) {
	at := skipSpace(array, 0)
	if at >= len(array) || array[at] != '[' {
		return
	}
	for at = skipSpace(array, at+1); at < len(array) && array[at] != ']'; at = skipSpace(array, at+1) {
		end := valueEnd(array, at)
		if end < 0 || !f(array[at:end]) {
			return
		}
		if at = skipSpace(array, end); at >= len(array) || array[at] != ',' {
			return
		}
	}
}

func skipSpace(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n') {
		at++
	}
	return at
}

// stringEnd is where a string ends that begins at a quote; -1: it does not.
func stringEnd(text []byte, at int) int {
	if at >= len(text) || text[at] != '"' {
		return -1
	}
	for at++; ; {
		i := bytes.IndexByte(text[at:], '"')
		if i < 0 {
			return -1
		}
		escapes := 0
		for k := at + i - 1; k >= at && text[k] == '\\'; k-- {
			escapes++
		}
		if at += i + 1; escapes%2 == 0 {
			return at
		}
	}
}

// valueEnd is where a value ends; -1: it does not.
func valueEnd(text []byte, at int) int {
	if at >= len(text) {
		return -1
	}
	switch text[at] {
	case '"':
		return stringEnd(text, at)
	case '{', '[':
		return nestedEnd(text, at)
	}
	end := at
	for end < len(text) && text[end] != ',' && text[end] != '}' && text[end] != ']' && text[end] != ' ' && text[end] != '\n' && text[end] != '\r' {
		end++
	}
	if end == at {
		return -1
	}
	return end
}

func nestedEnd(text []byte, at int) int {
	for depth := 0; at < len(text); {
		switch text[at] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		case '"':
			if at = stringEnd(text, at); at < 0 {
				return -1
			}
			continue
		}
		at++
	}
	return -1
}

// plain is the text of a value: a string without what JSON adds to it, others as they are written.
func plain(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return value
	}
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	if json.Unmarshal(value, &s) != nil {
		return value
	}
	return []byte(s)
}
