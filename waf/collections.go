package waf

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// This file is about the persistent collections of SecLang in own rules. Coraza has none: it knows a variable IP
// that is always empty, reads initcol and expirevar and does nothing, and refuses setvar:ip.x. So rules are
// compiled from a text in which these variables are ones of TX, with names that nobody else may use, and
// setvar is an action of ours. The screen is compiled from the same text (ADR 37).

// Collections keep what rules remember from one request to the next.
type Collections = kept.Store

// mentionsCollections finds texts that may have something to translate.
var mentionsCollections = regexp.MustCompile(`(?i)\b(?:global|ip|session|user|resource)[.:=|]|&?\b(?:sessionid|userid)\b|\bset(?:sid|uid|rsc)\b`)

var (
	keptPlace = regexp.MustCompile(`%\{(?i:(global|ip|session|user|resource)\.([^{}]*))\}`)
	idPlace   = regexp.MustCompile(`%\{(?i:(session|user)id)\}`)
)

// compiledText returns the text of own rules as it is compiled, line for line: variables of collections are ones
// of TX, and what sets them is an action of ours.
func compiledText(text string) string {
	if !mentionsCollections.MatchString(text) {
		return text
	}
	lines := strings.Split(text, "\n")
	for s := range seclang.Spans(text) {
		if s.Open {
			continue
		}
		if directive := compiledDirective(s.Text); directive != s.Text {
			clear(lines[s.First-1 : s.Last])
			lines[s.First-1] = directive
		}
	}
	return strings.Join(lines, "\n")
}

func compiledDirective(text string) string {
	name, args, _ := strings.Cut(text, " ")
	switch strings.ToLower(name) {
	case "secrule":
		targets, operator, actions, ok := seclang.CutRule(strings.TrimSpace(args))
		if !ok {
			return text
		}
		out := name + " " + compiledTargets(targets) + " " + compiledPlaces(operator)
		if actions != "" {
			out += " " + compiledActions(actions)
		}
		if strings.Join(strings.Fields(out), " ") == strings.Join(strings.Fields(text), " ") {
			return text
		}
		return out
	case "secaction":
		return name + " " + compiledActions(args)
	}
	return text
}

func compiledTargets(targets string) string {
	list := seclang.SplitTargets(targets)
	for i, t := range list {
		if k, name, ok := keptTarget(t); ok {
			list[i] = t[:len(t)-len(strings.TrimLeft(t, "!&"))] + "TX:" + kept.InTX(k, name)
		}
	}
	return strings.Join(list, "|")
}

// keptTarget reads a target, as it is written, that is one variable of a collection.
func keptTarget(target string) (k kept.Kind, name string, ok bool) {
	variable, key, _ := strings.Cut(strings.ToLower(strings.TrimLeft(target, "!&")), ":")
	switch variable {
	case "sessionid":
		return kept.Session, "key", key == ""
	case "userid":
		return kept.User, "key", key == ""
	}
	k, ok = kept.KindOf(variable)
	name = strings.Trim(key, "'")
	return k, name, ok && kept.CheckName(name) == nil
}

func compiledPlaces(text string) string {
	text = keptPlace.ReplaceAllStringFunc(text, func(place string) string {
		m := keptPlace.FindStringSubmatch(place)
		k, _ := kept.KindOf(strings.ToLower(m[1]))
		return "%{tx." + kept.InTX(k, m[2]) + "}"
	})
	return idPlace.ReplaceAllStringFunc(text, func(place string) string {
		k, _ := kept.KindOf(strings.ToLower(idPlace.FindStringSubmatch(place)[1]))
		return "%{tx." + kept.InTX(k, "key") + "}"
	})
}

func compiledActions(text string) string {
	var b strings.Builder
	seclang.EachAction(text, func(action string, colon int) {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		name, arg := "", ""
		if colon >= 0 {
			name, arg = action[:colon], action[colon+1:]
		}
		if word := strings.Trim(name, "\" \t"); strings.EqualFold(word, "setvar") && setsCollection(arg) {
			action = strings.Replace(name, word, kept.Assignment, 1) + ":" + arg
		}
		b.WriteString(compiledPlaces(action))
	})
	return b.String()
}

// setsCollection reports whether the argument of a setvar, as it is written, is about a collection.
func setsCollection(arg string) bool {
	_, ok := setsWhat(arg)
	return ok
}

// setsWhat is the collection that a setvar writes to, in lower case, and whether it is one that is kept.
func setsWhat(arg string) (name string, isKept bool) {
	name, _, _ = strings.Cut(strings.Trim(strings.TrimSpace(arg), "'!"), ".")
	name = strings.ToLower(strings.TrimSpace(name))
	_, isKept = kept.KindOf(name)
	return name, isKept
}

// keeps is what the policy's own rules have to do with collections; nil: nothing.
func (p Policy) keeps() *kept.Plan {
	plan, any := &kept.Plan{Timeout: kept.DefaultTimeout}, false
	for _, r := range p.own() {
		text := compiledText(r.Text)
		any = any || text != r.Text || beginsCollection(text)
		for _, d := range seclang.Directives(text) {
			if d.Name == "seccollectiontimeout" {
				if n, err := collectionTimeout(&d); err == nil {
					plan.Timeout = n
				}
			}
			for _, u := range usesOf(&d) {
				plan.Uses(u.kind, u.name)
			}
		}
	}
	if !any {
		return nil
	}
	return plan
}

var beginning = regexp.MustCompile(`(?i)\b(?:initcol|setsid|setuid|setrsc)\s*:`)

func beginsCollection(text string) bool { return beginning.MatchString(text) }

func collectionTimeout(d *seclang.Directive) (time.Duration, error) {
	n, err := strconv.ParseInt(strings.Trim(d.Args, `"`), 10, 32)
	if err == nil && n < 1 {
		err = strconv.ErrRange
	}
	return time.Duration(n) * time.Second, err
}

// use is a variable of a collection that a rule, as it is compiled, mentions.
type use struct {
	kind kept.Kind
	name string
}

var usePlace = regexp.MustCompile(`%\{tx\.` + regexp.QuoteMeta(kept.Prefix) + `([^{}]*)\}`)

func usesOf(d *seclang.Directive) (out []use) {
	add := func(key string) {
		if k, name, ok := kept.FromTX(strings.ToLower(key)); ok {
			out = append(out, use{k, name})
		}
	}
	for _, t := range seclang.SplitTargets(d.Targets) {
		if variable, key, _ := strings.Cut(strings.TrimLeft(t, "!&"), ":"); strings.EqualFold(variable, "tx") {
			add(key)
		}
	}
	places := func(text string) {
		for _, m := range usePlace.FindAllStringSubmatch(text, -1) {
			add(kept.Prefix + m[1])
		}
	}
	places(d.Operator.Arg)
	for _, a := range d.Actions {
		places(a.Arg)
		if !kept.IsAct(a.Name) {
			continue
		}
		if act, err := kept.ParseAct(a.Name, a.Arg); err == nil && act.Do != kept.Begin {
			out = append(out, use{act.Kind, act.Name})
		}
	}
	return out
}
