package waf

import (
	"strings"
	"unsafe"
)

// Bounds of the text that is kept around a value.
const (
	mostAround   = 16      // targets of a match that have it
	mostBefore   = 1 << 10 // bytes
	mostBehind   = 256
	mostValue    = 8 << 10 // bytes of the value itself
	mostDocument = 4 << 10 // bytes of a document before a text in it. Any element around it may say what it is

	// Of all that a transaction has found together: a client chooses how many rules match how much of what it sends.
	mostSearched = 1 << 20   // bytes that are looked through
	mostKept     = 256 << 10 // bytes that are kept
)

// surroundings are what has been spent on texts around values.
type surroundings struct{ searched, kept int }

// around is the text that a value stands in: the body of a text of XML; of an argument another value of the same name, as a
// string within a program has, or the body, as a member of JSON has.
func (t *Transaction) around(of *Target) string {
	target := strings.TrimPrefix(of.Name, "MATCHED_VARS:")
	collection, key, named := strings.Cut(strings.TrimPrefix(target, "REQUEST_"), ":")
	body := unsafe.String(unsafe.SliceData(t.body), len(t.body))
	switch {
	case of.Value == "":
		return ""
	case collection == "XML":
		return t.surroundings.excerpt(body, of.Value, mostDocument, true)
	case !named || !strings.HasPrefix(collection, "ARGS") || strings.HasSuffix(collection, "_NAMES"):
		return ""
	}
	variables := t.state().Variables()
	for _, values := range [][]string{variables.ArgsGet().Get(key), variables.ArgsPost().Get(key)} {
		for _, other := range values {
			if len(other) > len(of.Value) {
				if found := t.surroundings.excerpt(other, of.Value, mostBefore, false); found != "" {
					return found
				}
			}
		}
	}
	return t.surroundings.excerpt(body, of.Value, mostBefore, false)
}

// excerpt is a copy of the text around the first place of a value in another one, from its beginning if asked; empty: there is no such.
func (s *surroundings) excerpt(text, value string, before int, whole bool) string {
	if len(value) > mostValue || s.searched >= mostSearched || s.kept >= mostKept {
		return ""
	}
	text = text[:min(len(text), mostSearched-s.searched)]
	at := strings.Index(text, value)
	if at < 0 {
		s.searched += len(text)
		return ""
	}
	if s.searched += at; whole && at > before {
		return ""
	}
	found := strings.Clone(text[max(0, at-before):min(len(text), at+len(value)+mostBehind)])
	s.kept += len(found)
	return found
}
