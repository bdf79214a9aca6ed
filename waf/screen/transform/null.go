package transform

import "strings"

// removeNulls drops NUL bytes (remove_nulls.go of Coraza).
func removeNulls(s string, b *Buffer) (string, bool) {
	i := strings.IndexByte(s, 0)
	if i < 0 {
		return s, false
	}
	d := append(b.reserve(len(s)), s[:i]...)
	for ; i < len(s); i++ {
		if c := s[i]; c != 0 {
			d = append(d, c)
		}
	}
	return b.keep(d), true
}

// replaceNulls turns NUL bytes into spaces (replace_nulls.go of Coraza).
func replaceNulls(s string, b *Buffer) (string, bool) {
	i := strings.IndexByte(s, 0)
	if i < 0 {
		return s, false
	}
	d := append(b.reserve(len(s)), s...)
	for ; i < len(d); i++ {
		if d[i] == 0 {
			d[i] = ' '
		}
	}
	return b.keep(d), true
}
