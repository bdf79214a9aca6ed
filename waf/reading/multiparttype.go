package reading

import (
	"strings"

	"github.com/wafer-waf/wafer/message"
)

// parameter is name=value of a header field.
type parameter struct {
	name, value string
	quoted      bool
}

// nextParameter cuts "; name=value" from s: a token, and a token or a quoted string. Behind the last
// one, and behind a semicolon that nothing follows, the name is empty. Not ok is what parsers read
// in several ways: a quotation mark behind a backslash ends the string for some of them, and PHP
// takes the apostrophe for a quotation mark.
func nextParameter(s string) (p parameter, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t")
	if s == "" {
		return p, "", true
	}
	if s[0] != ';' {
		return p, s, false
	}
	s = strings.TrimLeft(s[1:], " \t")
	if s == "" {
		return p, "", true
	}
	n := token(s)
	if n == 0 || n == len(s) || s[n] != '=' {
		return p, s, false
	}
	p.name, s = s[:n], s[n+1:]
	if strings.HasPrefix(s, `"`) {
		n = strings.IndexByte(s[1:], '"')
		if n < 0 || n > 0 && s[n] == '\\' {
			return p, s, false
		}
		p.value, p.quoted = s[1:1+n], true
		return p, s[n+2:], true
	}
	n = token(s)
	p.value = s[:n]
	return p, s[n:], n > 0 && (strings.HasSuffix(p.name, "*") || strings.IndexByte(p.value, '\'') < 0)
}

// token is the length of the token that s begins with.
func token(s string) int {
	for i := range len(s) {
		if !message.IsTokenByte(s[i]) {
			return i
		}
	}
	return len(s)
}

// multipartType reads a media type: whether it is form-data, and its boundary. Where two parsers could
// find two boundaries, or decode the fields in two ways, it says so.
func multipartType(mediaType string) (form bool, boundary, why string) {
	const (
		prefix  = "multipart/"
		unusual = "multipart media type of an unusual form"
	)
	name, rest := mediaType, ""
	if i := strings.IndexByte(mediaType, ';'); i >= 0 {
		name, rest = mediaType[:i], mediaType[i:]
	}
	name = strings.Trim(name, " \t")
	if len(name) == len(prefix) || !hasPrefixFold(name, prefix) || token(name[len(prefix):]) != len(name)-len(prefix) ||
		containsFold(name, "boundary") {
		return false, "", unusual
	}
	charset := false
	for rest != "" {
		var p parameter
		var ok bool
		if p, rest, ok = nextParameter(rest); !ok {
			return false, "", unusual
		}
		switch {
		case p.name == "":
		case p.name == "boundary" && boundary == "":
			if boundary = p.value; !plainBoundary(boundary) {
				return false, "", "multipart boundary that is read in several ways"
			}
		case containsFold(p.name, "boundary"), containsFold(p.value, "boundary"):
			// PHP looks for the word, wherever it is.
			return false, "", "multipart media type with two boundaries"
		case strings.IndexByte(p.name, '*') >= 0:
			return false, "", unusual
		case EqualKeys(p.name, "charset"):
			if charset || !plainCharset(p.value) {
				return false, "", "multipart body in a charset that is not read"
			}
			charset = true
		}
	}
	if boundary == "" {
		return false, "", "multipart media type without a boundary"
	}
	return EqualKeys(name[len(prefix):], "form-data"), boundary, ""
}

// plainBoundary reports whether every parser takes s for the boundary, with the quotation marks or
// without: the bytes of RFC 2046 5.1.1 but for space, comma and apostrophe, at which some parsers
// cut it.
func plainBoundary(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('0' <= c && c <= '9' || 'a' <= lowerByte(c) && lowerByte(c) <= 'z') && strings.IndexByte("()+_-./:=?", c) < 0 {
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 70 && !containsFold(s, "boundary=")
}

// plainCharset reports whether text in a charset is, as far as ASCII goes, what its bytes say. Fields
// in UTF-16 or UTF-7 are not.
func plainCharset(name string) bool {
	for _, prefix := range [...]string{"iso-8859-", "windows-125"} {
		if hasPrefixFold(name, prefix) {
			return true
		}
	}
	for _, known := range [...]string{
		"utf-8", "utf8", "us-ascii", "ascii", "latin1", "gbk", "gb2312", "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "koi8-r", "koi8-u",
	} {
		if EqualKeys(name, known) {
			return true
		}
	}
	return false
}

// containsFold reports whether s has a word in it, which is in lower case, in any case.
func containsFold(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		if lowerByte(s[i]) == word[0] && EqualKeys(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

// hasPrefixFold reports whether s begins with a word in any case.
func hasPrefixFold(s, word string) bool {
	return len(s) >= len(word) && EqualKeys(s[:len(word)], word)
}
