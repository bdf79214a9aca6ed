package reading

import "strings"

// form reads a body that is declared as a form. One that has the structure of a form is that; of
// anything else the text is shown as values, since no application calls a field so.
func (v *Values) form(text string) (ok bool, why string) {
	if strings.IndexByte(text, '=') >= 0 || formed(text) {
		limit := v.Text(ArgumentsLimitReached)
		v.strange = false
		if ok, why = v.urlencoded(text); !v.strange || formed(text) {
			return ok, why
		}
		v.found = v.found[:0]
		v.set(RequestBody, "")
		v.set(RequestBodyLength, "0")
		v.set(ArgumentsLimitReached, limit)
	}
	v.set(ReqbodyProcessor, "RAW")
	start := trimStart(strings.TrimPrefix(text, "\xef\xbb\xbf"))
	if start != "" && start[0] != '-' {
		found, ok, why := v.structured(start)
		switch {
		case found && v.Text(ReqbodyProcessor) == "JSON":
			v.pairsIn(afterFirst(v.withoutSyntax(start)))
			return true, ""
		case found:
			v.pairsIn(afterFirst(text))
			return ok, why
		}
	} else if boundary, ok := looksMultipart(start); ok {
		mark := len(v.found)
		if ok, _ := v.multipart(v.multipartType(boundary), start); !ok {
			v.found = v.found[:mark] // it is a form after all
		}
	}
	if isBinary(text) {
		v.pairsIn(text)
		if !v.walked(text) {
			v.binary(ArgsPost, bodyKey, text)
		}
		return true, ""
	}
	v.pieces(text)
	return true, ""
}

// formed reports whether a body has the structure of a form: no byte in a name that encoders of forms
// never leave there, and a value for at least one name, or nothing but names.
func formed(s string) bool {
	valued, words := false, true
	for s != "" {
		pair, rest, _ := strings.Cut(s, "&")
		s = rest
		name, _, found := strings.Cut(pair, "=")
		if s == "" {
			name = strings.TrimRight(name, "\r\n") // of a text that ends in a new line
		}
		if has(name, oddByte) {
			return false
		}
		valued = valued || found
		words = words && (found || name == "" || isWord(name))
	}
	return valued || words
}

// pieces shows what a form parser makes of a text that is none: a name that is no name is a value, too. If
// nothing has a name, the text is one value, as it is and decoded.
func (v *Values) pieces(text string) {
	v.raw(text)
	v.put(ArgsPost, bodyKey, text)
	if strings.ContainsAny(text, "%+") {
		v.put(ArgsPost, bodyKey, v.decoded(text))
	}
	for s, n := text, 0; s != ""; n++ {
		if n == argumentsLimit {
			v.set(ArgumentsLimitReached, "1")
			return
		}
		pair, rest, more := strings.Cut(s, "&")
		s = rest
		name, value, found := strings.Cut(pair, "=")
		switch {
		case found && name != "" && !has(name, oddByte):
			v.pairs(pair, ArgsPost)
		case found:
			v.put(ArgsPost, bodyKey, v.decoded(name))
			v.put(ArgsPost, bodyKey, v.decoded(value))
		case pair != "" && (more || len(pair) < len(text)):
			v.put(ArgsPost, bodyKey, v.decoded(pair))
		}
	}
}

// pairsIn adds the pairs in a text of another kind that a form parser would find there, under names that
// an application could ask for.
func (v *Values) pairsIn(text string) {
	for s := text; s != ""; {
		pair, rest, _ := strings.Cut(s, "&")
		s = rest
		name, _, found := strings.Cut(pair, "=")
		if !found {
			continue
		}
		// PHP ends a name at NUL and cuts space in front of it; where ";" separates, a name begins there.
		start := strings.LastIndexByte(name, ';') + 1
		for start < len(name) && name[start] <= ' ' {
			start++
		}
		name, _, _ = strings.Cut(name[start:], "\x00")
		if name != "" && len(name) <= maxWord && !has(name, oddByte) {
			v.pairs(pair[start:], ArgsPost)
		}
	}
}

// afterFirst is a text without its first pair, whose name is no name: what it has is seen otherwise.
func afterFirst(text string) string {
	_, text, _ = strings.Cut(text, "&")
	return text
}

// withoutSyntax is a JSON text with spaces for its quotes, commas, colons and brackets: to whom it is a
// form they are a part of values, and to rules they would look like an attack.
func (v *Values) withoutSyntax(text string) string {
	if strings.IndexByte(text, '&') < 0 || strings.IndexByte(text, '=') < 0 {
		return ""
	}
	a := &v.arena
	a.room(len(text))
	from := len(a.buf)
	inside := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"':
			inside = !inside
			c = ' '
		case inside && c == '\\' && i+1 < len(text):
			a.buf = append(a.buf, c)
			i++
			c = text[i]
		case !inside && strings.IndexByte("{}[]:,", c) >= 0:
			c = ' '
		}
		a.buf = append(a.buf, c)
	}
	return a.since(from)
}
