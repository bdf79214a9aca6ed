package routing

import (
	"bytes"
	"strings"
)

// Reading is how a server reads a path, where servers differ. Its bits say what it does; [CanonicalPath]
// is the reading SplitEscaped|MergeSlashes.
type Reading uint8

const (
	// SplitEscaped decodes before it splits: "%2F" separates segments.
	SplitEscaped Reading = 1 << iota
	// SplitBackslash takes a backslash for a slash, escaped or not.
	SplitBackslash
	// MergeSlashes takes slashes in a row for one.
	MergeSlashes
	// CutParameters takes what follows a ";" in a segment for a parameter that is no part of the path.
	CutParameters
	// DecodeTwice decodes once more before anything else, as behind a proxy that forwards what it
	// has decoded.
	DecodeTwice
	// DropAuthority takes what stands between two slashes at the beginning and the next one for a host.
	DropAuthority
	// KeepDots does not resolve segments "." and "..".
	KeepDots
)

// AppendReading appends to dst what a server that reads so makes of a path, which begins with a slash and
// has no query, and returns the extended slice. dots reports that it had segments "." or "..", which
// are resolved as [CanonicalPath] does unless they are kept. Where "%2F" separates nothing, it stays as it is.
func AppendReading(dst []byte, path string, how Reading) (read []byte, dots bool) {
	if how&DropAuthority != 0 {
		path = dropAuthority(path)
	}
	if how&DecodeTwice != 0 {
		path = DecodeOnce(path)
	}
	path = strings.TrimPrefix(path, "/")
	root := len(dst)
	dst = append(dst, '/')
	segment := len(dst) // where the segment being written starts
	parameter := false
	for i := 0; i < len(path); i++ {
		c, n := decodeAt(path, i)
		i += n - 1
		escaped := n > 1
		switch {
		case c == '/' && (!escaped || how&SplitEscaped != 0), c == '\\' && how&SplitBackslash != 0:
			if at := isDots(dst[segment:]); at && how&KeepDots == 0 {
				dots, dst = true, resolveDots(dst, root, segment) // which ends with a slash
			} else if dots = dots || at; how&MergeSlashes == 0 || dst[len(dst)-1] != '/' {
				dst = append(dst, '/')
			}
			segment, parameter = len(dst), false
		case parameter:
		case c == ';' && !escaped && how&CutParameters != 0:
			parameter = true
		case c == '/':
			dst = append(dst, "%2F"...)
		default:
			dst = append(dst, c)
		}
	}
	dots = dots || isDots(dst[segment:])
	if how&KeepDots == 0 {
		dst = resolveDots(dst, root, segment)
	}
	return dst, dots
}

func isDots(segment []byte) bool {
	return bytes.Equal(segment, []byte(".")) || bytes.Equal(segment, []byte(".."))
}

// decodeAt returns the byte that stands at index i, decoded, and how many bytes say so.
func decodeAt(s string, i int) (c byte, n int) {
	if s[i] == '%' && i+2 < len(s) {
		if high, low := unhex(s[i+1]), unhex(s[i+2]); high >= 0 && low >= 0 {
			return byte(high<<4 | low), 3
		}
	}
	return s[i], 1
}

// DecodeOnce decodes the escapes of a path; those that are not whole stay as they are.
func DecodeOnce(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var b strings.Builder
	b.Grow(len(path))
	for i := 0; i < len(path); {
		c, n := decodeAt(path, i)
		b.WriteByte(c)
		i += n
	}
	return b.String()
}

// dropAuthority cuts "//host" from a path that begins so; a backslash is a slash to those who do that.
func dropAuthority(path string) string {
	if len(path) < 2 || !isSlash(path[0]) || !isSlash(path[1]) {
		return path
	}
	i := strings.IndexAny(path[2:], `/\`)
	if i < 0 {
		return "/"
	}
	return "/" + path[2+i+1:]
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }
