package screen

import (
	"strings"

	"github.com/wafer-waf/wafer/waf/reading"
)

// macro is a text with places that are filled in while a request runs (Coraza's
// experimental/plugins/macro).
type macro struct {
	parts []macroPart
}

// macroPart is a piece of text, or a place.
type macroPart struct {
	text     string         // the piece; of a place what it says when there is nothing to fill in
	variable string         // in upper case; empty: a piece
	key      string         // in lower case
	kinds    []reading.Kind // that the variable stands for, if it is the request's
}

// parseMacro reads a text that Coraza has accepted.
func parseMacro(s string) macro {
	var m macro
	for s != "" {
		before, rest, found := strings.Cut(s, "%{")
		if before != "" {
			m.parts = append(m.parts, macroPart{text: before})
		}
		if !found {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		variable, key, _ := strings.Cut(name, ".")
		part := macroPart{text: name, variable: strings.ToUpper(variable), key: strings.ToLower(key)}
		part.kinds, _ = reading.KindOf(part.variable)
		m.parts = append(m.parts, part)
		s = after
	}
	return m
}

// constant returns the text of a macro without places.
func (m macro) constant() (string, bool) {
	var b strings.Builder
	for _, p := range m.parts {
		if p.variable != "" {
			return "", false
		}
		b.WriteString(p.text)
	}
	return b.String(), true
}

// resolve fills in the variables of TX that known has, and those that it knows to be unset.
func (m macro) resolve(known *constants) macro {
	var out macro
	for _, p := range m.parts {
		if p.variable == "TX" && !known.isDynamic(p.key) {
			if v, ok := known.values[p.key]; ok {
				p = macroPart{text: v}
			} else {
				p = macroPart{text: p.text}
			}
		}
		out.parts = append(out.parts, p)
	}
	return out
}

// reads calls f with the keys of TX that the macro reads.
func (m macro) reads(f func(key string)) {
	for _, p := range m.parts {
		if p.variable == "TX" {
			f(p.key)
		}
	}
}

// understood reports whether each place is one that expand fills in as Coraza does.
func (m macro) understood() bool {
	for _, p := range m.parts {
		switch {
		case p.variable == "" || p.variable == "TX" || p.variable == "MATCHED_VAR" || p.variable == "MATCHED_VAR_NAME":
		case len(p.kinds) == 0 || strings.HasSuffix(p.variable, "_NAMES"):
			return false
		case !p.kinds[0].Single() && p.key == "":
			return false
		}
	}
	return true
}

// readsRequest reports whether a place is filled from the request.
func (m macro) readsRequest() bool {
	for _, p := range m.parts {
		if len(p.kinds) > 0 {
			return true
		}
	}
	return false
}

// expand fills the places in.
func (m macro) expand(e *evaluation) string {
	if len(m.parts) == 1 {
		return e.place(&m.parts[0])
	}
	var b strings.Builder
	for i := range m.parts {
		b.WriteString(e.place(&m.parts[i]))
	}
	return b.String()
}
