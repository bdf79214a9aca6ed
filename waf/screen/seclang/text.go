package seclang

import "strings"

// Directive is one directive of a text, taken apart and not judged.
type Directive struct {
	Line int    // where it begins, from 1
	Name string // in lower case
	Args string

	Written string // the name as it is written, for messages

	// Of a SecRule and a SecAction. Targets are as written. A rule that cannot be taken apart
	// has none.
	Targets  string
	Operator Operator
	Actions  []Action
}

// Directives takes a text apart, for who looks for what is in it before it is compiled. What
// is not understood is left to the compilers, which say so.
func Directives(text string) []Directive {
	var out []Directive
	for s := range Spans(text) {
		if !s.Open {
			out = append(out, takeApart(s.First, s.Text))
		}
	}
	return out
}

func takeApart(line int, text string) Directive {
	name, args, _ := strings.Cut(text, " ")
	d := Directive{Line: line, Name: strings.ToLower(name), Args: strings.TrimSpace(args), Written: name}
	switch d.Name {
	case "secrule":
		targets, operator, actions, ok := splitRule(d.Args)
		if !ok {
			return d
		}
		d.Targets, d.Operator = targets, parseOperator(operator)
		if actions != "" {
			d.Actions = parseActions(actions)
		}
	case "secaction":
		d.Actions = parseActions(unquote(d.Args))
	}
	return d
}

// Action returns the first argument of an action of the directive.
func (d *Directive) Action(name string) (arg string, ok bool) {
	for _, a := range d.Actions {
		if a.Name == name {
			return a.Arg, true
		}
	}
	return "", false
}

// Variables are the variables that the directive's targets name, in upper case, exceptions
// left out.
func (d *Directive) Variables() []string {
	var out []string
	for _, t := range SplitTargets(d.Targets) {
		if t[0] == '!' {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(t, "&"), ":")
		out = append(out, strings.ToUpper(name))
	}
	return out
}

// SplitTargets cuts targets at the "|" between them, and leaves those in regular expressions alone.
func SplitTargets(s string) []string {
	var out []string
	start, within := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && within:
			i++
		case c == '/' && (within || i > 0 && (s[i-1] == ':' || s[i-1] == '\'')):
			within = !within
		case c == '|' && !within:
			if i > start {
				out = append(out, s[start:i])
			}
			start = i + 1
		}
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}

// Removes are the rules that a directive takes out or takes targets from, by id or range of
// ids and by tag.
func (d *Directive) Removes() (byID, byTag []string) {
	first, _, _ := strings.Cut(d.Args, " ")
	switch d.Name {
	case "secruleremovebyid":
		return strings.FieldsFunc(unquote(d.Args), func(c rune) bool { return c == ' ' || c == ',' || c == '"' }), nil
	case "secruleupdatetargetbyid", "secruleupdateactionbyid":
		return []string{unquote(first)}, nil
	case "secruleremovebytag":
		return nil, []string{unquote(d.Args)}
	case "secruleupdatetargetbytag":
		return nil, []string{unquote(first)}
	}
	for _, a := range d.Actions {
		what, which, _ := strings.Cut(a.Arg, "=")
		if a.Name != "ctl" {
			continue
		}
		which, _, _ = strings.Cut(which, ";")
		switch strings.ToLower(what) {
		case "ruleremovebyid", "ruleremovetargetbyid":
			byID = append(byID, which)
		case "ruleremovebytag", "ruleremovetargetbytag":
			byTag = append(byTag, which)
		}
	}
	return byID, byTag
}
