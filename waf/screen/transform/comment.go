package transform

import (
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// commentTouches: every mark that opens or closes a comment holds one of these. "/" and "<"
// need not be among them, because they open a comment only with "*" or "-" after them.
var commentTouches = byteset.Of("*-#")

var commentTable = tableOf("*-#")

// markTable has the bytes that marks begin with.
var markTable = tableOf("/*<-#")

// firstComment returns a position before which no comment mark of any kind starts, or len(s) if
// there is none: dates and ranges are full of lone dashes.
func firstComment(s string) int {
	for i := 0; i < len(s); i++ {
		if !commentTable[s[i]] {
			continue
		}
		switch s[i] {
		case '#':
			return i
		case '-':
			if i+1 < len(s) && s[i+1] == '-' {
				return max(0, i-len("<!"))
			}
		case '*':
			if i > 0 && s[i-1] == '/' {
				return i - 1
			}
			if i+1 < len(s) && s[i+1] == '/' {
				return i
			}
		}
	}
	return len(s)
}

// removeComments drops comments of C, HTML, SQL and shell (remove_comments.go of Coraza). The byte
// after a comment is copied unseen, and so is a NUL that Coraza puts behind the value; what "--" or
// "#" starts is cut off; a comment that does not end leaves a space.
func removeComments(s string, b *Buffer) (string, bool) {
	i := firstComment(s)
	if i == len(s) {
		return s, false
	}
	d := append(b.reserve(len(s)+1), s[:i]...)
	changed, inside := false, false
	for i < len(s) {
		c := s[i]
		if inside {
			n := commentEnd(s, i)
			if n == 0 {
				i++
				continue
			}
			inside = false
			i += n
			c = 0
			if i < len(s) {
				c = s[i]
			}
			d = append(d, c)
			i++
			continue
		}
		if !commentTable[c] && c != '/' && c != '<' {
			d = append(d, c)
			i++
			continue
		}
		switch {
		case has(s, i, "/*"):
			changed, inside = true, true
			i += 2
		case has(s, i, "<!--"):
			changed, inside = true, true
			i += 4
		case c == '#', has(s, i, "--"):
			return b.keep(d), true
		default:
			d = append(d, c)
			i++
		}
	}
	if inside {
		d = append(d, ' ')
	}
	return b.keep(d), changed
}

// commentEnd returns the length of the mark at i that ends a comment, or 0.
func commentEnd(s string, i int) int {
	switch {
	case s[i] == '*' && has(s, i, "*/"):
		return 2
	case s[i] == '-' && has(s, i, "-->"):
		return 3
	}
	return 0
}

// has reports whether mark stands at position i of s.
func has(s string, i int, mark string) bool { return strings.HasPrefix(s[i:], mark) }

// removeCommentsChar drops the marks of comments and keeps what they enclose
// (remove_comments_char.go of Coraza).
func removeCommentsChar(s string, b *Buffer) (string, bool) {
	i := firstComment(s)
	if i == len(s) {
		return s, false
	}
	d := append(b.reserve(len(s)), s[:i]...)
	for i < len(s) {
		n := commentMark(s, i)
		if n == 0 {
			end := i + 1
			for end < len(s) && !markTable[s[end]] {
				end++
			}
			d = append(d, s[i:end]...)
			n = end - i
		}
		i += n
	}
	return b.keep(d), len(d) != len(s)
}

// commentMark returns the length of the mark at i that opens or closes a comment, or 0.
func commentMark(s string, i int) int {
	switch s[i] {
	case '/':
		if has(s, i, "/*") {
			return 2
		}
	case '*':
		if has(s, i, "*/") {
			return 2
		}
	case '<':
		if has(s, i, "<!--") {
			return 4
		}
	case '-':
		if has(s, i, "-->") {
			return 3
		}
		if has(s, i, "--") {
			return 2
		}
	case '#':
		return 1
	}
	return 0
}

// replaceComments turns each comment of C into a space (replace_comments.go of Coraza).
func replaceComments(s string, b *Buffer) (string, bool) {
	rest := s
	var d []byte
	for {
		open := strings.Index(rest, "/*")
		if open < 0 {
			break
		}
		if d == nil {
			d = b.reserve(len(s))
		}
		d = append(append(d, rest[:open]...), ' ')
		rest = rest[open+2:]
		end := strings.Index(rest, "*/")
		if end < 0 {
			return b.keep(d), true
		}
		rest = rest[end+2:]
	}
	if d == nil {
		return s, false
	}
	return b.keep(append(d, rest...)), true
}
