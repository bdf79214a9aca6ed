package reading

import "strings"

// form reads a body that is declared as a form. One that has the structure of a form is that; of
// anything else the text is shown as values, since no application calls a field so.
func (v *Values) form(text string) (ok bool, why string) {
	if strings.IndexByte(text, '=') >= 0 || formed(text) {
		limit, left := v.Text(ArgumentsLimitReached), v.left
		v.strange = false
		if ok, why = v.urlencoded(text); !v.strange || formed(text) {
			if name, _, _ := strings.Cut(text, "="); strings.ContainsAny(name, " '\",\t\n") { // nobody has encoded it
				v.put(ArgsPost, bodyKey, text)
				v.stringsIn(text)
			}
			return ok, why
		}
		v.found = v.found[:0]
		v.set(RequestBody, "")
		v.set(ArgumentsLimitReached, limit)
		v.left = left
	}
	v.set(ReqbodyProcessor, "RAW")
	start := trimStart(v.utf8Text(text))
	if start != "" && start[0] != '-' {
		if found, ok, why := v.structured(start); found {
			v.pairsBeside(start)
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
	v.markupIn(text)
	v.stringsIn(text)
	if strings.ContainsAny(text, "%+") {
		v.put(ArgsPost, bodyKey, v.decoded(text))
	}
	for s, n := text, 0; s != ""; n++ {
		if n == argumentsLimit {
			v.limit()
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

// pairsBeside adds the pairs that a form parser would find in a text that was read as something else.
func (v *Values) pairsBeside(text string) {
	if v.Text(ReqbodyProcessor) == "JSON" {
		text = v.withoutSyntax(text)
	}
	v.pairsIn(afterFirst(text))
}

// pairsIn adds the pairs in a text of another kind that a form parser would find there, under names that
// an application could ask for.
func (v *Values) pairsIn(text string) {
	for s := text; s != ""; {
		pair, rest, _ := strings.Cut(s, "&")
		s = rest
		// Where ";" separates, too, a pair may stand in the value of another.
		for {
			sign := strings.IndexByte(pair, '=')
			if sign < 0 {
				break
			}
			start := strings.LastIndexByte(pair[:sign], ';') + 1
			for pair[start] <= ' ' { // PHP cuts space in front of a name, and ends it at NUL
				start++
			}
			name, _, _ := strings.Cut(pair[start:sign], "\x00")
			if name != "" && !has(name, oddByte) {
				v.pairs(pair[start:], ArgsPost) // with those behind it
				break
			}
			_, pair, _ = strings.Cut(pair[sign+1:], ";")
		}
	}
}

// afterFirst is a text without its first pair, whose name is no name: what it has is seen otherwise.
func afterFirst(text string) string {
	i := strings.IndexAny(text, "&;")
	if i < 0 {
		return ""
	}
	return text[i+1:]
}

// withoutSyntax is a JSON text with spaces for its quotes, commas, colons and brackets: to whom it is a
// form they are a part of values, and to rules they would look like an attack.
func (v *Values) withoutSyntax(text string) string {
	if !strings.ContainsAny(text, "&;") || strings.IndexByte(text, '=') < 0 {
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
