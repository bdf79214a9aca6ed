package residue

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// reads knows which rules read which variables of TX.
type reads struct {
	keys     map[string][]*seclang.Rule
	patterns []patternRead
	kept     []string // the names in TX of variables of collections
}

// patternRead is a target such as TX:/^header_name_/.
type patternRead struct {
	rx   *regexp.Regexp
	by   *seclang.Rule
	text string // that every key it matches contains; empty: none is known
	head bool   // at its beginning
}

func readsOf(p *seclang.Program) reads {
	r := reads{keys: map[string][]*seclang.Rule{}, kept: namesKept(p)}
	for _, rule := range p.Rules {
		note := func(key string) { r.keys[key] = append(r.keys[key], rule) }
		for i := range rule.Links {
			l := &rule.Links[i]
			for _, t := range l.Targets {
				switch {
				case t.Variable != "TX":
				case t.KeyRx != nil:
					text, head := literal(t.KeyRx)
					r.patterns = append(r.patterns, patternRead{t.KeyRx, rule, text, head})
				case t.Key != "":
					note(t.Key)
				default:
					r.patterns = append(r.patterns, patternRead{rx: everything, by: rule})
				}
			}
			ParseMacro(l.Operator.Arg).reads(note)
			for _, a := range l.Actions {
				if a.Name == "setvar" || kept.IsAct(a.Name) {
					ParseMacro(a.Arg).reads(note)
				}
			}
		}
	}
	return r
}

var everything = regexp.MustCompile("")

// literal returns a text that whatever rx matches contains, and whether it stands at the
// beginning.
func literal(rx *regexp.Regexp) (text string, head bool) {
	re, err := syntax.Parse(rx.String(), syntax.Perl)
	if err != nil {
		return "", false
	}
	subs := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		subs = re.Sub
	}
	if len(subs) > 1 && subs[0].Op == syntax.OpBeginText {
		head, subs = true, subs[1:]
	}
	if subs[0].Op != syntax.OpLiteral || subs[0].Flags&syntax.FoldCase != 0 {
		return "", false
	}
	return string(subs[0].Rune), head
}

// by returns the rules that may read the variable whose key a macro makes. Keys whose end a
// request decides are read by whom their beginning is for; that an end does not name another
// variable is what traps make sure of.
func (r *reads) by(key Macro) []*seclang.Rule {
	text, constant := key.Constant()
	if !constant {
		text = ""
		if p := key.Parts[0]; p.Variable == "" {
			text = p.Text
		}
	}
	text = strings.ToLower(text)
	var out []*seclang.Rule
	if constant {
		out = append(out, r.keys[text]...)
	} else {
		for k, rules := range r.keys {
			if strings.HasPrefix(k, text) {
				out = append(out, rules...)
			}
		}
	}
	for _, p := range r.patterns {
		switch {
		case constant && p.rx.MatchString(text), !constant && p.mayRead(text):
			out = append(out, p.by)
		}
	}
	return out
}

// hit reports whether a request can give the variable such a name that a pattern is one for it;
// see addTraps.
func (r *reads) hit(key Macro) bool {
	_, constant := key.Constant()
	return !constant && slices.ContainsFunc(r.patterns, func(p patternRead) bool { return !p.head })
}

// mayRead reports whether the pattern is one for keys that begin so.
func (p *patternRead) mayRead(prefix string) bool {
	switch {
	case p.text == "" || prefix == "":
		return true
	case p.head:
		return strings.HasPrefix(prefix, p.text) || strings.HasPrefix(p.text, prefix)
	}
	return strings.Contains(prefix, p.text) || overlap(prefix, p.text)
}

// overlap reports whether an end of a is a beginning of b.
func overlap(a, b string) bool {
	for n := 1; n <= len(a) && n <= len(b); n++ {
		if strings.HasPrefix(b, a[len(a)-n:]) {
			return true
		}
	}
	return false
}
