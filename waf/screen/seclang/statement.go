package seclang

import (
	"slices"
	"strconv"
	"strings"
)

// rule reads the arguments of a SecRule, or of a SecAction.
func (p *parser) rule(args string, operator bool) error {
	link := Link{}
	actions := unquote(args)
	if operator {
		targets, op, rest, ok := splitRule(args)
		if !ok {
			return p.errorf("rule %q is not understood", args)
		}
		var err error
		if link.Targets, err = parseTargets(nil, targets); err != nil {
			return p.errorf("%v", err)
		}
		link.Operator = parseOperator(op)
		link.Operator.Dir = p.dir
		actions = rest
	}
	var list []Action
	if actions != "" || !operator {
		list = parseActions(actions)
	}
	r := p.chain
	starter := r == nil
	if starter {
		r = &Rule{Phase: 2, Source: p.source, Line: p.line}
	}
	chained, err := p.apply(r, &link, list, starter)
	if err != nil {
		return err
	}
	r.Links = append(r.Links, link)
	if starter {
		if r.ID == 0 {
			return p.errorf("a rule without an id")
		}
		p.program.Rules = append(p.program.Rules, r)
	}
	p.chain = nil
	if chained {
		p.chain = r
	}
	return nil
}

// splitRule cuts a SecRule's arguments: targets, operator, actions.
func splitRule(s string) (targets, operator, actions string, ok bool) {
	targets, operator, rest, ok := CutRule(s)
	if !ok {
		return "", "", "", false
	}
	operator = strings.ReplaceAll(unquote(operator), `\"`, `"`)
	if rest == "" {
		return targets, operator, "", true
	}
	if len(rest) < 2 || rest[0] != '"' || rest[len(rest)-1] != '"' {
		return "", "", "", false
	}
	return targets, operator, unquote(rest), true
}

// CutRule cuts a SecRule's arguments, and leaves operator and actions as they are written, in their quotes.
func CutRule(s string) (targets, operator, actions string, ok bool) {
	targets, rest, ok := strings.Cut(strings.Trim(s, " "), " ")
	rest = strings.TrimLeft(rest, " ")
	if !ok || !strings.HasPrefix(rest, `"`) {
		return "", "", "", false
	}
	end := 1
	for backslashes := 0; ; end++ {
		if end >= len(rest) {
			return "", "", "", false
		}
		if rest[end] == '"' && backslashes%2 == 0 {
			break
		}
		if rest[end] == '\\' {
			backslashes++
		} else {
			backslashes = 0
		}
	}
	return targets, rest[:end+1], strings.TrimLeft(rest[end+1:], " "), true
}

// unquote takes one pair of quotes away.
func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// parseOperator reads an operator; without a name it is rx.
func parseOperator(s string) Operator {
	switch {
	case s == "" || s[0] != '@' && s[0] != '!':
		s = "@rx " + s
	case s == "!":
		s = "!@rx"
	case s[0] == '!' && s[1] != '@':
		s = "!@rx " + s[1:]
	}
	name, arg, _ := strings.Cut(s, " ")
	name = strings.TrimSpace(name)
	o := Operator{Arg: strings.TrimSpace(arg), Negated: name[0] == '!'}
	o.Written = strings.TrimPrefix(strings.TrimPrefix(name, "!"), "@")
	o.Name = strings.ToLower(o.Written)
	return o
}

// parseActions cuts a list of actions at the commas outside of single quotes.
func parseActions(s string) []Action {
	var out []Action
	EachAction(s, func(action string, colon int) {
		key, value := action, ""
		if colon >= 0 {
			key, value = action[:colon], action[colon+1:]
		}
		out = append(out, Action{strings.ToLower(strings.TrimSpace(key)), unquote(strings.TrimSpace(value))})
	})
	return out
}

// EachAction calls f with each action of a list as it is written, and with where the colon behind its name is;
// -1: it has none.
func EachAction(s string, f func(action string, colon int)) {
	start, colon, quoted := 0, -1, false
	for i := 1; i < len(s); i++ {
		if s[i-1] == '\\' {
			continue
		}
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == ':' && colon < 0:
			colon = i - start
		case c == ',':
			f(s[start:i], colon)
			start, colon = i+1, -1
		}
	}
	f(s[start:], colon)
}

var disruptive = []string{"allow", "block", "deny", "drop", "pass", "redirect"}

// metadata describes a rule and is read before its defaults are.
var metadata = []string{"id", "msg", "phase", "rev", "severity", "tag", "ver", "maturity", "accuracy"}

// apply reads actions into a rule and a link of it, and reports whether a link follows.
func (p *parser) apply(r *Rule, link *Link, actions []Action, starter bool) (chained bool, err error) {
	for _, a := range actions {
		if err := p.metadata(r, a, starter); err != nil {
			return false, err
		}
	}
	phase := r.Phase
	if !starter { // what a chained rule says about a phase counts for its defaults, so it must not say it
		phase = 2
	}
	defaults, ok := p.defaults[phase]
	if !ok && phase == 2 {
		defaults = parseActions("phase:2,log,auditlog,pass")
	}
	if len(actions) == 0 { // not even the defaults
		return false, nil
	}
	for i, a := range slices.Concat(defaults, actions) {
		def := i < len(defaults)
		switch {
		case slices.Contains(metadata, a.Name):
		case slices.Contains(disruptive, a.Name):
			if starter && (a.Name != "block" || def) {
				r.Disruptive = a
			}
		default:
			if err := p.act(r, link, a, starter, &chained); err != nil {
				return false, err
			}
		}
	}
	return chained, nil
}

func (p *parser) metadata(r *Rule, a Action, starter bool) error {
	switch a.Name {
	case "id", "phase":
		if !starter {
			return p.errorf("%s in the chain of rule %d", a.Name, r.ID)
		}
		if a.Name == "id" {
			return p.number(a.Arg, &r.ID)
		}
		switch strings.ToLower(a.Arg) {
		case "request":
			r.Phase = 2
		case "response":
			r.Phase = 4
		case "logging":
			r.Phase = 5
		default:
			if err := p.number(a.Arg, &r.Phase); err != nil || r.Phase < 1 || r.Phase > 5 {
				return p.errorf("phase %q is not understood", a.Arg)
			}
		}
	case "tag":
		if starter {
			r.Tags = append(r.Tags, a.Arg)
		}
	case "msg":
		if starter {
			r.Msg = a.Arg
		}
	}
	return nil
}

// act reads an action that does something.
func (p *parser) act(r *Rule, link *Link, a Action, starter bool, chained *bool) error {
	switch a.Name {
	case "chain":
		*chained = true
	case "t":
		if a.Arg == "none" {
			link.Transformations = nil
		} else {
			link.Transformations = append(link.Transformations, strings.ToLower(a.Arg))
		}
	case "capture":
		link.Capture = true
	case "multimatch":
		link.MultiMatch = true
	case "log", "nolog":
		if starter {
			r.Log = a.Name == "log"
		}
	case "auditlog", "noauditlog", "logdata", "status":
	case "skip", "skipafter":
		if !starter {
			break // Coraza follows those of the starter
		}
		if a.Name == "skip" {
			r.Skip = a.Arg
		} else {
			r.SkipAfter = unquote(a.Arg)
		}
	default:
		link.Actions = append(link.Actions, a)
	}
	return nil
}

// defaultAction reads what rules of a phase inherit.
func (p *parser) defaultAction(args string) error {
	actions := parseActions(args)
	i := slices.IndexFunc(actions, func(a Action) bool { return a.Name == "phase" })
	if i < 0 {
		return p.errorf("SecDefaultAction without a phase")
	}
	phase, err := strconv.Atoi(actions[i].Arg)
	if err != nil {
		return p.errorf("phase %q is not understood", actions[i].Arg)
	}
	if _, ok := p.defaults[phase]; ok {
		return p.errorf("a second SecDefaultAction for phase %d", phase)
	}
	p.defaults[phase] = actions
	return nil
}
