package transform

import "strings"

// normalizePath cleans a path as filepath.Clean does on Unix, with three differences
// (normalise_path.go of Coraza): a slash at the end stays, even after "/" alone, which becomes
// "//", and "." becomes "".
func normalizePath(s string, b *Buffer) (string, bool) {
	if isNormalPath(s) {
		return s, false
	}
	out := b.keep(appendNormalPath(b.reserve(len(s)+1), s))
	return out, out != s
}

// isNormalPath reports whether s surely stays as it is. It says no to some that do, such as "../a".
func isNormalPath(s string) bool {
	if s == "" {
		return true
	}
	if s[0] == '.' || s == "/" {
		return false
	}
	for {
		slash := strings.IndexByte(s, '/')
		if slash < 0 || slash == len(s)-1 {
			return true
		}
		s = s[slash+1:]
		if s[0] == '/' || s[0] == '.' {
			return false
		}
	}
}

// appendNormalPath appends the normal form of s, which is not empty, to the empty slice d.
func appendNormalPath(d []byte, s string) []byte {
	rooted := s[0] == '/'
	if rooted {
		d = append(d, '/')
	}
	first := len(d)
	floor := first // what ".." must not remove: the root, or ".." elements at the start
	for rest, more := s, true; more; {
		var element string
		element, rest, more = strings.Cut(rest, "/")
		switch {
		case element == "" || element == ".":
		case element == ".." && len(d) > floor:
			d = d[:floor+max(0, lastSlash(d[floor:]))]
		case element == ".." && rooted:
		default:
			if len(d) > first {
				d = append(d, '/')
			}
			d = append(d, element...)
			if element == ".." {
				floor = len(d)
			}
		}
	}
	if len(d) > 0 && s[len(s)-1] == '/' {
		d = append(d, '/')
	}
	return d
}

// lastSlash returns the position of the last slash in d, or -1.
func lastSlash(d []byte) int {
	for i := len(d) - 1; i >= 0; i-- {
		if d[i] == '/' {
			return i
		}
	}
	return -1
}

// normalizePathWin normalizes s as normalizePath does, backslashes read as slashes, and then cuts
// off what Windows does not see (normalise_path_win.go of Coraza): an alternate data stream of the
// last element, and dots and spaces at the end of elements.
func normalizePathWin(s string, b *Buffer) (string, bool) {
	if strings.IndexByte(s, '/') < 0 && strings.IndexByte(s, '\\') < 0 {
		out := normalElementWin(s)
		return out, out != s
	}
	if isNormalPathWin(s) {
		return s, false
	}
	slashed := append(b.reserve(len(s)), s...)
	for i, c := range slashed {
		if c == '\\' {
			slashed[i] = '/'
		}
	}
	path := b.keep(slashed)
	d := appendNormalPath(b.reserve(len(s)+1), path)
	out := b.keep(cutDotsAndSpaces(cutStream(d)))
	return out, out != s
}

// normalElementWin is normalizePathWin of a path that is one element.
func normalElementWin(s string) string {
	if s == "." {
		return ""
	}
	start := 0
	if hasDrive(s) {
		start = 2
	}
	if colon := strings.IndexByte(s[start:], ':'); colon >= 0 {
		s = s[:start+colon]
	}
	return trimElement(s)
}

func hasDrive[T string | []byte](s T) bool {
	return len(s) >= 2 && s[1] == ':' && 'a' <= s[0]|0x20 && s[0]|0x20 <= 'z'
}

// isNormalPathWin reports whether s surely stays as it is.
func isNormalPathWin(s string) bool {
	if !isNormalPath(s) {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !winTable[c] {
			continue
		}
		if c == '\\' || c == ':' || i+1 == len(s) || s[i+1] == '/' {
			return false
		}
	}
	return true
}

var winTable = tableOf(`\:. `)

// cutStream cuts the last element of the path d at its first colon, that of a drive excepted. A
// slash at the end stays.
func cutStream(d []byte) []byte {
	end := len(d)
	start := 0
	if hasDrive(d) {
		start = 2
	}
	slash := end > start && d[end-1] == '/'
	if slash {
		end--
	}
	start += lastSlash(d[start:end]) + 1
	for i := start; i < end; i++ {
		if d[i] != ':' {
			continue
		}
		d = d[:i]
		if slash {
			d = append(d, '/')
		}
		return d
	}
	return d
}

// cutDotsAndSpaces cuts them off the end of each element of the path d, except elements that are
// nothing but dots. What is nothing but both disappears with its slash.
func cutDotsAndSpaces(d []byte) []byte {
	w := 0
	wrote := false
	for start := 0; start <= len(d); {
		end := start
		for end < len(d) && d[end] != '/' {
			end++
		}
		kept := trimElement(d[start:end])
		if len(kept) == 0 && end > start {
			start = end + 1
			continue
		}
		if wrote {
			d[w] = '/'
			w++
		}
		w += copy(d[w:], kept)
		wrote = true
		start = end + 1
	}
	return d[:w]
}

// trimElement cuts dots and spaces off the end of an element that is not nothing but dots.
func trimElement[T string | []byte](e T) T {
	n, dots := len(e), true
	for ; n > 0 && (e[n-1] == '.' || e[n-1] == ' '); n-- {
		dots = dots && e[n-1] == '.'
	}
	if n == 0 && dots {
		return e
	}
	return e[:n]
}
