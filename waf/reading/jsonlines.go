package reading

import "strings"

// jsonLike reads a text of which nothing says that it is JSON, and reports whether it is: one value, or
// several, one after another. What stands between values on lines of their own, as in envelopes of
// crash reports, is shown as text.
func (v *Values) jsonLike(text string) bool {
	w := &v.json
	w.begin(v, ArgsPost, "json", text, max(len(text)*flattenFactor, flattenFloor))
	w.lax = true
	mark := len(v.found)
	if w.separator(); !w.top() || !w.lineEnds() {
		v.found = v.found[:mark]
		return false
	}
	from := len(text) // where a text that is no JSON begins
	for w.separator(); w.at < len(text) && !w.ended; w.separator() {
		start := w.at
		mark = len(v.found)
		if c := text[start]; (c == '{' || c == '[') && w.top() && w.lineEnds() {
			if from < start {
				v.textOrBinary(text[from:start])
			}
			from = len(text)
			continue
		}
		v.found = v.found[:mark]
		w.why, w.ended = "", false
		from = min(from, start)
		w.at = min(max(w.at, start), len(text)) // nothing is tried twice, so that this is linear
		if i := strings.IndexByte(text[w.at:], '\n'); i >= 0 {
			w.at += i
		} else {
			w.at = len(text)
		}
	}
	if from < len(text) {
		v.textOrBinary(text[from:])
	}
	if w.loose { // others know more escapes than Ruby
		v.literals(ArgsPost, bodyKey, text)
	}
	return true
}

// lineEnds reports whether what comes next can be another value, and no text that goes on.
func (w *jsonWalker) lineEnds() bool {
	at := w.at
	for at < len(w.text) && (w.text[at] == ' ' || w.text[at] == '\t') {
		at++
	}
	return at >= len(w.text) || strings.IndexByte("\r\n\x1e{[", w.text[at]) >= 0
}

// packets reads what Engine.IO sends when it polls: JSON behind digits that number types, attachments
// and answers, with a name space perhaps, one packet after another.
func (v *Values) packets(text string) bool {
	w := &v.json
	w.begin(v, ArgsPost, "json", text, max(len(text)*flattenFactor, flattenFloor))
	mark := len(v.found)
	for w.at < len(text) {
		prefix := w.at
		for w.at < len(text) && ('0' <= text[w.at] && text[w.at] <= '9' || text[w.at] == ':' || text[w.at] == '-') {
			w.at++
		}
		if w.at == prefix {
			break
		}
		if w.peek() == '/' { // a name space, up to a comma
			i := strings.IndexAny(text[w.at:], ",\x1e[{")
			if i < 0 || text[w.at+i] != ',' {
				break
			}
			v.put(ArgsPost, bodyKey, text[w.at:w.at+i])
			w.at += i + 1
			for c := w.peek(); '0' <= c && c <= '9'; c = w.peek() {
				w.at++
			}
		}
		if c := w.peek(); (c == '{' || c == '[') && !w.top() {
			break
		}
		if w.ended {
			w.at = len(text)
		}
		if w.peek() == 0x1e {
			w.at++
		}
	}
	if w.at < len(text) || len(v.found) == mark {
		v.found = v.found[:mark]
		return false
	}
	return true
}
