package residue

import (
	"strings"

	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/reading"
)

// Macro is a text with places that are filled in while a request runs (Coraza's
// experimental/plugins/macro).
type Macro struct {
	Parts []Part
}

// Part is a piece of text, or a place.
type Part struct {
	Text     string         // the piece; of a place what it says when there is nothing to fill in
	Variable string         // in upper case; empty: a piece
	Key      string         // in lower case
	Kinds    []reading.Kind // that the variable stands for, if it is the request's
	Kept     *Name          // the variable of a collection that it is
}

// ParseMacro reads a text that Coraza has accepted.
func ParseMacro(s string) Macro {
	var m Macro
	for s != "" {
		before, rest, found := strings.Cut(s, "%{")
		if before != "" {
			m.Parts = append(m.Parts, Part{Text: before})
		}
		if !found {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		variable, key, _ := strings.Cut(name, ".")
		part := Part{Text: name, Variable: strings.ToUpper(variable), Key: strings.ToLower(key)}
		part.Kinds, _ = reading.KindOf(part.Variable)
		if k, name, ok := kept.FromTX(part.Key); ok && part.Variable == "TX" {
			part.Kept = &Name{k, name}
		}
		m.Parts = append(m.Parts, part)
		s = after
	}
	return m
}

// Constant returns the text of a macro without places.
func (m Macro) Constant() (string, bool) {
	var b strings.Builder
	for _, p := range m.Parts {
		if p.Variable != "" {
			return "", false
		}
		b.WriteString(p.Text)
	}
	return b.String(), true
}

// resolve fills in the variables of TX that known has, and those that it knows to be unset.
func (m Macro) resolve(known *Constants) Macro {
	var out Macro
	for _, p := range m.Parts {
		if p.Variable == "TX" && !known.isDynamic(p.Key) {
			if v, ok := known.Values[p.Key]; ok {
				p = Part{Text: v}
			} else {
				p = Part{Text: p.Text}
			}
		}
		out.Parts = append(out.Parts, p)
	}
	return out
}

// reads calls f with the keys of TX that the macro reads.
func (m Macro) reads(f func(key string)) {
	for _, p := range m.Parts {
		if p.Variable == "TX" {
			f(p.Key)
		}
	}
}

// Understood reports whether each place is one that expand fills in as Coraza does.
func (m Macro) Understood() bool {
	for _, p := range m.Parts {
		switch {
		case p.Variable == "" || p.Variable == "TX" || p.Variable == "MATCHED_VAR" || p.Variable == "MATCHED_VAR_NAME":
		case len(p.Kinds) == 0 || strings.HasSuffix(p.Variable, "_NAMES"):
			return false
		case !p.Kinds[0].Single() && p.Key == "":
			return false
		}
	}
	return true
}

// readsRequest reports whether a place is filled from the request.
func (m Macro) readsRequest() bool {
	for _, p := range m.Parts {
		if len(p.Kinds) > 0 {
			return true
		}
	}
	return false
}
