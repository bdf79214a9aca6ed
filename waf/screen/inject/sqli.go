package inject

import (
	"strings"

	libinjection "github.com/corazawaf/libinjection-go"
)

// SQLi reports whether libinjection takes s for an SQL injection: the first result of its
// IsSQLi.
func SQLi(s string) bool {
	if notSQLi(s) {
		return false
	}
	found, _ := libinjection.IsSQLi(s)
	return found
}

// notSQLi reports whether it is proven that IsSQLi(s) is false.
//
// IsSQLi reads a value in up to five ways: as it is, as the rest of a string that ' opened if
// it has a ', and the same for "; the first two again with MySQL's comments if it met a # or
// a --. It is positive if one reading's fingerprint, the classes of its first five tokens after
// folding, is in a table. Folding goes from left to right, so the beginning of a fingerprint is
// known long before its end: [folder] follows it, and stops where no fingerprint of the table
// begins like that. It gives up at # and --, so what it proves holds with either kind of
// comments.
//
// What stands behind that point matters in one case only: a token that is evil by itself (a
// comment in a comment, "/*!", "{" with an empty name in backticks) makes the whole
// fingerprint evil if it is among the first five. What they need is looked for first: the
// beginnings of two comments, or of one such, and a backtick.
func notSQLi(s string) bool {
	if strings.IndexByte(s, '`') >= 0 {
		return false
	}
	if i := strings.Index(s, "/*"); i >= 0 && (strings.HasPrefix(s[i+2:], "!") || strings.Contains(s[i+2:], "/*")) {
		return false
	}
	l := newLexer(s)
	var f folder
	if !f.harmless(l) {
		return false
	}
	for _, quote := range [...]byte{'\'', '"'} {
		if strings.IndexByte(s, quote) < 0 {
			continue
		}
		if l.pos = l.stringEnd(0, quote); l.pos < 0 {
			return false
		}
		f = folder{}
		f.add(token{class: 's'})
		if !f.harmless(l) {
			return false
		}
	}
	return true
}
