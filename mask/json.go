package mask

import (
	"encoding/json"
	"strings"
)

// maxDepth of nested values in JSON. What is deeper is looked at as text.
const maxDepth = 128

// walker goes through JSON once and copies it, except for what it masks. What is no JSON from somewhere on is looked
// at as text from there on.
type walker struct {
	p     *Policy
	s     string
	i     int
	out   []byte // nil until something is masked
	last  int    // start of what is not yet copied to out
	depth int

	looked int  // bytes, for names that follow
	listed bool // the value that comes is one of a list
	kind   textKind
	names  []string // where it stands, if the policy has paths
	cut    bool     // the text ends anywhere
	broken bool
}

// json masks values of names that tell a secret, with all that is in them, and looks at the other ones as text.
func (p *Policy) json(s string, cut bool, kind textKind) string {
	w := walker{p: p, s: s, cut: cut, kind: kind}
	for w.space(); w.i < len(s) && !w.broken; w.space() {
		w.value("", "")
	}
	if w.i < len(s) || w.broken {
		w.put(w.i, len(s), p.whole(s[w.i:], cut, w.kind))
	}
	if w.out == nil {
		return s
	}
	return string(append(w.out, s[w.last:]...))
}

func (w *walker) put(from, to int, told string) {
	if told != w.s[from:to] {
		w.out = append(append(w.out, w.s[w.last:from]...), told...)
		w.last = to
	}
}

func (w *walker) space() {
	for w.i < len(w.s) && strings.IndexByte(" \t\r\n\x1e\xef\xbb\xbf", w.s[w.i]) >= 0 {
		w.i++
	}
}

// value goes through one value, whose name and the one around it are given.
func (w *walker) value(name, around string) {
	from, listed := w.i, w.listed
	w.listed = false
	switch c := w.s[w.i]; {
	case c == '"':
		if !w.skipString() {
			w.broken, w.i = true, from
			return
		}
		w.str(from, w.i)
	case c == '{' || c == '[':
		if w.depth++; w.depth > maxDepth {
			w.broken = true
			return
		}
		if c == '{' {
			w.object(name)
		} else {
			w.array(name, around, listed)
		}
		w.depth--
	default:
		for w.i < len(w.s) && strings.IndexByte(" \t\r\n,]}:\"{[\x1e", w.s[w.i]) < 0 {
			w.i++
		}
		if w.i == from || !scalar(w.s[from:w.i]) || w.cut && w.i == len(w.s) {
			w.broken, w.i = true, from
			return
		}
		if told := w.p.whole(w.s[from:w.i], false, w.kind); told != w.s[from:w.i] {
			w.put(from, w.i, quoteJSON(told))
		}
	}
}

// scalar reports whether a word is a number or one of the three words, as far as it matters here.
func scalar(word string) bool {
	switch word {
	case "true", "false", "null":
		return true
	}
	return strings.Trim(word, "+-.0123456789eE") == ""
}

// str masks the string between from and to, which have its quotes.
func (w *walker) str(from, to int) {
	raw := w.s[from+1 : to-1]
	if strings.IndexByte(raw, '\\') < 0 {
		if told := w.p.whole(raw, false, w.kind); told != raw {
			w.put(from, to, quoteJSON(told))
		}
		return
	}
	var plain string
	if json.Unmarshal([]byte(w.s[from:to]), &plain) != nil {
		w.put(from+1, to-1, w.p.whole(raw, false, w.kind))
		return
	}
	if told := w.p.whole(plain, false, w.kind); told != plain {
		w.put(from, to, quoteJSON(told))
	}
}

func (w *walker) object(around string) {
	w.i++
	said := false
	for {
		if w.space(); w.i < len(w.s) && w.s[w.i] == '}' {
			w.i++
			return
		}
		from := w.i
		if w.i >= len(w.s) || w.s[w.i] != '"' || !w.skipString() {
			w.broken, w.i = true, from
			return
		}
		key := w.i
		name := w.s[from+1 : key-1]
		if w.space(); w.i >= len(w.s) || w.s[w.i] != ':' {
			w.broken, w.i = true, from
			return
		}
		w.i++
		w.space()
		// The name itself is client's text too.
		if told := w.p.whole(name, false, w.kind); told != name {
			w.put(from, key, quoteJSON(told))
		}
		if w.i < len(w.s) && w.named(name, &said) {
			w.mask()
		} else {
			w.member(name, around)
		}
		if w.broken || !w.more('}') {
			return
		}
	}
}

// array goes through a list. In a list of lists the first string of one may be the name of the second, as in [["Cookie","a=b"]].
func (w *walker) array(name, around string, pair bool) {
	w.i++
	said := false
	for n := 0; ; n++ {
		if w.space(); w.i < len(w.s) && w.s[w.i] == ']' {
			w.i++
			return
		}
		if w.i >= len(w.s) {
			w.broken = true
			return
		}
		w.enter("")
		if n == 0 && pair {
			said = w.p.namesSecret(w.s, w.i)
		}
		if w.secretHere() || n == 1 && said {
			w.mask()
		} else {
			w.listed = true
			w.value(name, around)
		}
		w.leave()
		if w.broken || !w.more(']') {
			return
		}
	}
}

// member masks the value of a name, or goes through it.
func (w *walker) member(name, around string) {
	if w.i >= len(w.s) {
		w.broken = true
		return
	}
	w.enter(name)
	defer w.leave()
	secret := w.p.sensitive(name) || cookieHeader(name) != notCookie || w.secretHere()
	if !secret && around != "" && len(around)+len(name) <= maxKeyBytes {
		var buf [maxKeyBytes + 1]byte
		both := append(append(append(buf[:0], around...), '.'), name...)
		secret = w.p.sensitive(string(both))
	}
	if secret {
		w.mask()
		return
	}
	w.value(name, around)
}

// more goes over what stands between values and reports whether another one follows.
func (w *walker) more(end byte) bool {
	w.space()
	switch {
	case w.i < len(w.s) && w.s[w.i] == ',':
		w.i++
		return true
	case w.i < len(w.s) && w.s[w.i] == end:
		w.i++
		return false
	}
	w.broken = true
	return false
}

// mask replaces the value that begins here, with all that is in it.
func (w *walker) mask() {
	from := w.i
	switch w.s[from] {
	case '"':
		if !w.skipString() {
			w.i = len(w.s)
		}
		plain := strings.Trim(w.s[from:w.i], `"`)
		w.put(from, w.i, quoteJSON(w.p.hideAll(plain)))
		return
	case '{', '[':
		w.i = closingBracket(w.s, from)
	default:
		w.i = endOfAny(w.s, from, ",}]\r\n")
	}
	w.put(from, w.i, quoteJSON(w.p.hideAll(w.s[from:w.i])))
}

// skipString goes behind a string and reports whether it has an end.
func (w *walker) skipString() bool {
	end := stringEnd(w.s, w.i)
	if end >= 0 {
		w.i = end + 1
	}
	return end >= 0
}

func (w *walker) enter(name string) {
	if w.p != nil && len(w.p.paths) > 0 {
		w.names = append(w.names, plainName(name))
	}
}

func (w *walker) leave() {
	if n := len(w.names); n > 0 {
		w.names = w.names[:n-1]
	}
}

func (w *walker) secretHere() bool { return len(w.names) > 0 && w.p.atPath(w.names) }

func quoteJSON(s string) string {
	quoted, _ := json.Marshal(s) // strings always encode
	return string(quoted)
}
