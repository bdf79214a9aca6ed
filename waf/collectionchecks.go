package waf

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// keptTX finds names of TX that are those of collections where rules are compiled.
var keptTX = regexp.MustCompile(`(?i)\btx[.:]'?` + regexp.QuoteMeta(kept.Prefix))

// keptRefusals are the reasons why a directive is refused for what it does with collections.
func keptRefusals(d *seclang.Directive) (why []string) {
	refuse := func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) }
	switch d.Name {
	case "seccollectiontimeout":
		if _, err := collectionTimeout(d); err != nil {
			refuse("SecCollectionTimeout: %q is no number of seconds", d.Args)
		}
	case "secdefaultaction", "secruleupdateactionbyid":
		if beginning.MatchString(d.Args) || setsInDefaults.MatchString(d.Args) {
			refuse("%s does nothing to collections here: write what it says about them into the rules", d.Written)
		}
	}
	if keptTX.MatchString(d.Targets) || keptTX.MatchString(d.Operator.Arg) {
		refuse("variables of TX whose names begin with %q are the tier's own", kept.Prefix)
	}
	for _, t := range seclang.SplitTargets(d.Targets) {
		if reason := wholeCollection(t); reason != "" {
			refuse("%s", reason)
		}
	}
	for _, a := range d.Actions {
		name := a.Name
		if name == kept.Assignment {
			refuse("there is no action %s", name)
			continue
		}
		if keptTX.MatchString(a.Arg) {
			refuse("variables of TX whose names begin with %q are the tier's own", kept.Prefix)
		}
		if name == "setvar" {
			if setsCollection(a.Arg) {
				name = kept.Assignment
			} else if to, _ := setsWhat(a.Arg); to != "tx" {
				refuse("setvar: %q is no collection that rules write to: write tx, ip, session, user, resource or global, as in setvar:ip.attempts=+1", to)
			}
		}
		if !kept.IsAct(name) {
			continue
		}
		act, err := kept.ParseAct(name, a.Arg)
		if err != nil {
			refuse("%s: %v", a.Name, err)
		} else if err := checkPlaces(act.Text); err != nil {
			refuse("%s: %v", a.Name, err)
		}
	}
	return why
}

var setsInDefaults = regexp.MustCompile(`(?i)\b(?:expirevar|deprecatevar)\s*:|\bsetvar\s*:\s*'?!?(?:global|ip|session|user|resource)\.`)

// wholeCollection is why a target of a rule is refused that is none, or more than one, of a collection's variables.
func wholeCollection(target string) string {
	sign, variable := "", strings.TrimLeft(target, "!&")
	sign = target[:len(target)-len(variable)]
	variable, key, _ := strings.Cut(variable, ":")
	if _, ok := kept.KindOf(strings.ToLower(variable)); !ok {
		return ""
	}
	variable = strings.ToUpper(variable)
	switch {
	case strings.Contains(sign, "!"):
		return "!" + variable + " takes nothing out: a rule looks at the variables of collections that it names"
	case key == "":
		return "all of " + variable + " at once is not supported: name the variables, as " + variable + ":attempts"
	case strings.HasPrefix(strings.Trim(key, "'"), "/"):
		return variable + ": variables of collections by an expression are not supported: name them, as " + variable + ":attempts"
	}
	if err := kept.CheckName(strings.ToLower(strings.Trim(key, "'"))); err != nil {
		return variable + ": " + err.Error()
	}
	return ""
}

// checkBegun finds variables of collections that no rule begins, and more of them than are kept.
func (p Policy) checkBegun() (ms Mistakes) {
	var begun, missing [kept.Kinds]bool
	for _, r := range p.own() {
		if strings.Contains(strings.ToLower(r.Text), "enable_default_collections=1") {
			begun[kept.IP], begun[kept.Global] = true, true // CRS begins them then
		}
		for _, d := range seclang.Directives(compiledText(r.Text)) {
			for _, a := range d.Actions {
				if act, err := kept.ParseAct(a.Name, a.Arg); kept.IsAct(a.Name) && err == nil && act.Do == kept.Begin {
					begun[act.Kind] = true
				}
			}
		}
	}
	plan := kept.Plan{}
	for _, r := range p.own() {
		for _, d := range seclang.Directives(compiledText(r.Text)) {
			for _, u := range usesOf(&d) {
				if err := kept.CheckName(u.name); err != nil {
					ms.add(r.Source, d.Line, "%v", err)
					continue
				}
				if !begun[u.kind] && !missing[u.kind] {
					missing[u.kind] = true
					ms.add(r.Source, d.Line, "no rule begins the collection %s, so that %s:%s never has a value: write %s in a rule that runs before this one",
						strings.ToUpper(u.kind.String()), strings.ToUpper(u.kind.String()), u.name, howToBegin(u.kind))
				}
				plan.Uses(u.kind, u.name)
				if len(plan.Names[u.kind]) == kept.MaxVariables+1 {
					plan.Uses(u.kind, " ") // said once
					ms.add(r.Source, d.Line, "the rules have more than %d variables of %s, as many as are kept of one collection", kept.MaxVariables, strings.ToUpper(u.kind.String()))
				}
			}
		}
	}
	return ms
}

func howToBegin(k kept.Kind) string {
	switch k {
	case kept.Global:
		return "initcol:global=global"
	case kept.IP:
		return "initcol:ip=%{REMOTE_ADDR}"
	case kept.Session:
		return "setsid:%{REQUEST_COOKIES.name}"
	case kept.User:
		return "setuid:%{ARGS_POST.name}"
	}
	return "setrsc:%{REQUEST_FILENAME}"
}
