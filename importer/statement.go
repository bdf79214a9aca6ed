package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// Text is SecLang of the firewall that is left, and where it stands.
type Text struct {
	Name string // what notes call the place, such as modsecurity.conf
	Line int    // of its first line in there; 0: it has no lines, as a variable of the environment
	Text string

	// Depth is that of the block of nginx which it stands in, from 1. Of settings nginx keeps the first within
	// a block, and the inner block's. 0: the last one counts, as everywhere else.
	Depth int
}

func (t *Text) at(line int) string {
	if t.Line == 0 {
		return t.Name
	}
	return fmt.Sprintf("%s line %d", t.Name, t.Line+line-1)
}

// statement is one directive, or a rule with its chain.
type statement struct {
	source  string // the place that its text stands in
	at      string // and where it begins there
	n       int    // it is the nth of all
	comment string // right above it
	raw     string // as it stands, with its lines
	links   []link // the parts of the chain; directives other than rules have one
	open    bool   // its chain has no end
	edited  bool   // raw is not what is to be written
	lost    bool   // it is not carried, and that was said
}

// link is one directive, taken apart.
type link struct {
	seclang.Directive
	text string // in one line
}

func (s *statement) name() string { return s.links[0].Name }
func (s *statement) args() string { return s.links[0].Args }

// String is the start of a statement, for notes.
func (s *statement) String() string { return oneLine(strings.ReplaceAll(s.raw, "\\\n", " ")) }

// isRule reports whether it is a SecRule or a SecAction.
func (s *statement) isRule() bool { return s.name() == "secrule" || s.name() == "secaction" }

// action is the first argument of an action of the first link, where ids and phases stand.
func (s *statement) action(name string) string {
	arg, _ := s.links[0].Action(name)
	return arg
}

// excludes reports whether it takes rules, or targets of rules, out.
func (s *statement) excludes() bool {
	if strings.HasPrefix(s.name(), "secruleremove") || strings.HasPrefix(s.name(), "secruleupdate") {
		return true
	}
	for _, l := range s.links {
		for _, a := range l.Actions {
			what := strings.ToLower(a.Arg)
			if a.Name == "allow" || a.Name == "ctl" && (strings.HasPrefix(what, "rule") || strings.HasPrefix(what, "requestbodyaccess")) {
				return true
			}
		}
	}
	return false
}

// setvars are the variables that any link sets, in lower case without "tx.".
func (s *statement) setvars() (names []string) {
	for _, l := range s.links {
		for _, a := range l.Actions {
			if name, ok := strings.CutPrefix(strings.ToLower(a.Arg), "tx."); ok && a.Name == "setvar" {
				name, _, _ = strings.Cut(name, "=")
				names = append(names, name)
			}
		}
	}
	return names
}

// statements takes a text apart.
func statements(t *Text) []*statement {
	var out []*statement
	var open *statement // whose chain goes on
	comment := ""
	lines := strings.Split(strings.ReplaceAll(t.Text, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || line[0] == '#' {
			if comment = strings.TrimSpace(strings.TrimLeft(line, "# ")); !strings.ContainsAny(comment, "abcdefghijklmnopqrstuvwxyz") {
				comment = ""
			}
			continue
		}
		first := i
		var whole strings.Builder
		for ; i < len(lines); i++ {
			line = strings.TrimSpace(lines[i])
			if line != "" && line[0] == '#' && i > first {
				continue
			}
			rest, goesOn := strings.CutSuffix(line, `\`)
			whole.WriteString(rest)
			if !goesOn {
				break
			}
		}
		raw := lines[first:min(i+1, len(lines))]
		raw = append([]string{strings.TrimSpace(raw[0])}, raw[1:]...)
		l, rewritten := takeApart(whole.String())
		if l.Name == "" {
			continue
		}
		text := strings.TrimRight(strings.Join(raw, "\n"), " \t\r\\\n")
		if open != nil && (l.Name == "secrule" || l.Name == "secaction") {
			open.raw += "\n" + strings.TrimRight(strings.Join(lines[first:min(i+1, len(lines))], "\n"), " \t\r\\\n")
			open.links, open.edited = append(open.links, l), open.edited || rewritten
		} else {
			open = &statement{source: t.Name, at: t.at(first + 1), comment: comment, raw: text, links: []link{l}, edited: rewritten}
			out = append(out, open)
		}
		_, open.open = l.Action("chain")
		if comment = ""; !open.open {
			open = nil
		}
	}
	return out
}

// takeApart takes a directive apart. ModSecurity takes quotes and spaces that the tier's reader does not:
// such a directive is written anew first.
func takeApart(text string) (l link, rewritten bool) {
	text = strings.TrimRight(strings.TrimSpace(text), " \t\r\\") // whatever stands behind a last line that says it goes on
	name, args := text, ""
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		name, args = text[:i], strings.TrimSpace(text[i:])
		rewritten = text[i] == '\t'
	}
	parse := func(text string) link {
		for _, d := range seclang.Directives(text) {
			return link{d, text}
		}
		return link{}
	}
	if l = parse(name + " " + args); l.Name != "secrule" || l.Targets != "" && !strings.Contains(l.Targets, "\t") {
		if l.Name == "secaction" && strings.HasPrefix(args, "'") {
			return parse(name + ` "` + strings.Trim(args, "'") + `"`), true
		}
		return l, rewritten
	}
	w := words(args)
	if len(w) < 2 || len(w) > 3 || strings.ContainsAny(w[0], " \t") {
		return l, rewritten
	}
	anew := name + " " + w[0]
	for _, one := range w[1:] {
		anew += ` "` + strings.ReplaceAll(one, `"`, `\"`) + `"`
	}
	return parse(anew), true
}

// words cuts a directive's arguments; quotes keep one together and are taken off.
func words(s string) []string {
	var out []string
	var b strings.Builder
	quote, begun := byte(0), false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && quote != 0 && s[i+1] == quote:
			i++
			b.WriteByte(s[i])
		case quote == 0 && (c == '"' || c == '\'') && !begun:
			quote, begun = c, true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
			if begun {
				out = append(out, b.String())
				b.Reset()
				begun = false
			}
		default:
			b.WriteByte(c)
			begun = true
		}
	}
	if begun {
		out = append(out, b.String())
	}
	return out
}

// write is the statement as the tier is to read it.
func (s *statement) write() string {
	if !s.edited {
		return s.raw
	}
	out := make([]string, len(s.links))
	for i := range s.links {
		out[i] = strings.Repeat("  ", min(i, 1)) + s.links[i].write()
	}
	return strings.Join(out, "\n")
}

// write spells a link from its parts.
func (l *link) write() string {
	var actions []string
	for _, a := range l.Actions {
		switch {
		case a.Arg == "":
			actions = append(actions, a.Name)
		case strings.ContainsAny(a.Arg, `,' "`) || a.Name == "msg" || a.Name == "tag" || a.Name == "logdata":
			actions = append(actions, a.Name+":'"+a.Arg+"'")
		default:
			actions = append(actions, a.Name+":"+a.Arg)
		}
	}
	list := strings.Join(actions, ",")
	switch {
	case l.Name == "secaction":
		return `SecAction "` + list + `"`
	case l.Name != "secrule":
		return l.text
	}
	operator := "@" + spelled(l.Operator.Name, operators)
	if l.Operator.Negated {
		operator = "!" + operator
	}
	if l.Operator.Arg != "" {
		operator += " " + strings.ReplaceAll(l.Operator.Arg, `"`, `\"`)
	}
	text := "SecRule " + l.Targets + ` "` + operator + `"`
	if list != "" {
		text += ` "` + list + `"`
	}
	return text
}

// operators and ctls are names as Coraza spells them; ModSecurity does not look at their case.
var (
	operators = []string{
		"beginsWith", "contains", "detectSQLi", "detectXSS", "endsWith", "ipMatch", "noMatch", "strmatch", "streq", "unconditionalMatch",
		"validateByteRange", "validateNid", "validateUrlEncoding", "validateUtf8Encoding", "within",
	}
	ctls = []string{
		"auditEngine", "auditLogParts", "requestBodyAccess", "requestBodyLimit", "requestBodyProcessor", "forceRequestBodyVariable",
		"responseBodyAccess", "responseBodyLimit", "responseBodyProcessor", "ruleEngine", "ruleRemoveById", "ruleRemoveByMsg", "ruleRemoveByTag",
		"ruleRemoveTargetById", "ruleRemoveTargetByMsg", "ruleRemoveTargetByTag", "debugLogLevel",
	}
)

func spelled(name string, names []string) string {
	if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) }); i >= 0 {
		return names[i]
	}
	return name
}
