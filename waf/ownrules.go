package waf

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/suggest"
	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// Why a directive has no place in a policy's own rules.
const (
	writesUnmasked = "would write requests down unmasked: events go to standard output, with secrets masked"
	writesFiles    = "would write files: Wafer keeps everything in memory"
	doesNothing    = "does nothing here: take it out"
	asksNetwork    = "would ask the network for each request"
	readsItself    = "has no effect, since Wafer reads requests itself, within the limits that the policy sets"
)

// refusedDirectives are directives that would leak, or do nothing, by name in lower case.
var refusedDirectives = map[string]string{
	"secauditlog": writesUnmasked, "secauditlogtype": writesUnmasked, "secauditlogformat": writesUnmasked,
	"secauditlogstoragedir": writesUnmasked, "secauditlogdirmode": writesUnmasked, "secauditlogfilemode": writesUnmasked,
	"secauditlogrelevantstatus": writesUnmasked, "secauditlogparts": writesUnmasked, "secauditengine": writesUnmasked,
	"secdebuglog": writesUnmasked, "secdebugloglevel": writesUnmasked,
	"secdatadir": writesFiles, "sectmpdir": writesFiles, "secuploaddir": writesFiles, "secuploadkeepfiles": writesFiles,
	"secuploadfilemode": writesFiles, "secuploadfilelimit": doesNothing,
	"secargumentseparator": doesNothing, "seccookieformat": doesNothing, "secruleupdatetargetbymsg": doesNothing,
	"secrulescript": doesNothing, "secruleperftime": doesNothing, "secunicodemap": doesNothing,
	"secpcrematchlimit": doesNothing, "secpcrematchlimitrecursion": doesNothing, "secserversignature": doesNothing,
	"secsensorid": doesNothing, "secwebappid": doesNothing, "secconnengine": doesNothing,
	"secconnreadstatelimit": doesNothing, "secconnwritestatelimit": doesNothing,
	"sechashengine": doesNothing, "sechashkey": doesNothing, "sechashparam": doesNothing, "sechashmethodrx": doesNothing,
	"sechashmethodpm": doesNothing, "secgsblookupdb": doesNothing, "sechttpblkey": doesNothing,
	"secargumentslimit": readsItself, "secrequestbodylimit": readsItself, "secrequestbodylimitaction": readsItself,
	"secrequestbodyinmemorylimit": readsItself, "secrequestbodynofileslimit": readsItself, "secrequestbodyjsondepthlimit": readsItself,
	"secremoterules": asksNetwork, "secremoterulesfailaction": asksNetwork,
	"secignorerulecompilationerrors": "would hide errors",
	"secruleengine":                  "is what the policy's mode says",
	"secrequestbodyaccess":           "is what the policy's request_body.inspect says",
	"secresponsebodyaccess":          "is what the policy's response_body.inspect says",
}

// refusedOperators and refusedActions are likewise of rules.
var (
	refusedOperators = map[string]string{
		"geolookup": "finds nothing, since there is no database of places", "rbl": asksNetwork, "gsblookup": doesNothing,
		"inspectfile": "would run a program for each file",
	}
	refusedActions = map[string]string{
		"exec": "would run a program", "setenv": "would change the environment of the process",
	}
)

// unset are variables that no request gives a value to.
var unset = []string{"GEO"}

// checkOwn finds what in the policy's own rules would leak, or does nothing. It judges each directive by itself.
func (p Policy) checkOwn() (ms Mistakes) {
	first := map[string]Place{} // where an id is used first
	for _, r := range p.own() {
		chain := 0 // the line where one begins that goes on; 0: none
		for _, d := range seclang.Directives(r.Text) {
			for _, why := range refusals(&d, chain > 0) {
				ms.add(r.Source, d.Line, "%s", why)
			}
			if id, ok := d.Action("id"); ok && chain == 0 {
				if at, used := first[id]; used {
					ms = append(ms, Mistake{Source: r.Source, Line: d.Line, What: "id " + id + " is used twice, first in", First: at})
				} else {
					first[id] = Place{r.Source, d.Line}
				}
			}
			switch _, goesOn := d.Action("chain"); {
			case !goesOn:
				chain = 0
			case chain == 0:
				chain = d.Line
			}
		}
		if chain > 0 {
			ms.add(r.Source, chain, "the chain that begins here has no end: the rule behind this text would become a part of it")
		}
	}
	return ms
}

// checkTaken finds own rules that have an id of CRS.
func (p Policy) checkTaken() (ms Mistakes) {
	taken := map[int]bool{}
	for _, d := range (Policy{}).everyDirective() {
		if id, ok := idOf(&d); ok {
			taken[id] = true
		}
	}
	for _, r := range p.own() {
		for _, d := range seclang.Directives(r.Text) {
			if id, ok := idOf(&d); ok && taken[id] {
				ms.add(r.Source, d.Line, "id %d is that of a rule of CRS: use one from 100000 to 199999", id)
			}
		}
	}
	return ms
}

// own are the policy's own rules, in their order.
func (p Policy) own() []RuleText { return slices.Concat(p.RulesBefore, p.RulesAfter) }

// refusals are the reasons why a directive is refused; within says that it continues a chain.
func refusals(d *seclang.Directive, within bool) (why []string) {
	if reason, ok := refusedDirectives[d.Name]; ok && !(d.Name == "secauditengine" && strings.EqualFold(d.Args, "off")) {
		why = append(why, d.Written+" "+reason)
	}
	why = append(why, keptRefusals(d)...)
	if d.Name != "secrule" && d.Name != "secaction" || d.Name == "secrule" && d.Targets == "" {
		return why
	}
	if _, ok := d.Action("id"); !ok && !within {
		why = append(why, "a rule needs an id, from 100000 to 199999 for your own: without one no event can name it")
	}
	if reason, ok := refusedOperators[d.Operator.Name]; ok {
		why = append(why, "@"+d.Operator.Written+" "+reason)
	}
	for _, a := range d.Actions {
		if reason, ok := refusedActions[a.Name]; ok {
			why = append(why, a.Name+" "+reason)
		}
		if what, _, _ := strings.Cut(a.Arg, "="); a.Name == "ctl" && strings.EqualFold(what, "forceRequestBodyVariable") {
			why = append(why, "ctl:forceRequestBodyVariable "+readsItself)
		}
	}
	if d.Operator.Name == "ipmatch" {
		for item := range strings.SplitSeq(d.Operator.Arg, ",") {
			if _, err := parseNetwork(strings.TrimSpace(item)); err != nil {
				why = append(why, fmt.Sprintf("@ipMatch: %q is no address or network, so that it never matches", strings.TrimSpace(item)))
			}
		}
	}
	for _, t := range seclang.SplitTargets(d.Targets) {
		if reason := deadTarget(t); reason != "" {
			why = append(why, reason)
		}
	}
	return why
}

// deadTarget is why a target of a rule selects nothing, or something else than it says.
func deadTarget(target string) string {
	variable, key, _ := strings.Cut(strings.TrimLeft(target, "!&"), ":")
	variable = strings.ToUpper(variable)
	if slices.Contains(unset, variable) {
		return variable + " never has a value here"
	}
	if _, _, ok := keptTarget(target); ok {
		return ""
	}
	if kinds, known := reading.KindOf(variable); known && len(kinds) == 0 {
		return variable + " never has a value here"
	}
	expr, ok := strings.CutPrefix(strings.Trim(key, "'"), "/")
	if !ok || variable == "XML" || variable == "JSON" {
		return ""
	}
	expr = strings.TrimSuffix(expr, "/")
	if strings.HasPrefix(expr, "(?i") {
		return ""
	}
	for i := 0; i < len(expr); i++ {
		capital := func(c byte) bool { return 'A' <= c && c <= 'Z' }
		switch {
		case expr[i] == '\\' && i+1 < len(expr):
			if i++; capital(expr[i]) && !strings.HasPrefix(variable, "ARGS") && expr[i] != 'A' {
				return fmt.Sprintf(`%s: \%c would be read as \%c, since names are compared in lower case: write a class such as [^\s]`, target, expr[i], expr[i]|0x20)
			}
		case capital(expr[i]) && strings.HasPrefix(variable, "ARGS"):
			return fmt.Sprintf("%s: names are compared in lower case, so that %q never matches: write it in lower case", target, expr[i:i+1])
		}
	}
	return ""
}

// checkReferences finds names in own rules that lead to nothing: ids and tags of rules to take out, markers to skip
// to, targets that the rules which they are taken from do not look at. ids and tags are those of all rules.
func (p Policy) checkReferences(ids map[int]bool, tags map[string]bool) (ms Mistakes) {
	if len(p.own()) == 0 {
		return nil
	}
	var every []seclang.Directive // read when a rule needs it: that takes all of CRS
	var markers map[string]bool
	known := map[int]bool{}
	for i, r := range p.own() {
		early := i < len(p.RulesBefore)
		for _, d := range seclang.Directives(r.Text) {
			if id, ok := idOf(&d); ok {
				known[id] = true
			}
			byID, byTag := d.Removes()
			if early && d.Name != "secrule" && d.Name != "secaction" && (len(byTag) > 0 || len(byID) > 0 && !allKnown(known, byID)) {
				ms.add(r.Source, d.Line, "%s finds no rule, since those of CRS come later: write it in rules_after, or an exclusion", d.Written)
				continue
			}
			for _, one := range byID {
				if from, to, ok := idRange(one); ok && !anyWithin(ids, from, to) {
					ms.add(r.Source, d.Line, "there is no rule %s", one)
				}
			}
			for _, tag := range byTag {
				if !tags[tag] {
					ms.add(r.Source, d.Line, "no rule has tag %q%s", tag, suggest.DidYouMean(tag, slices.Sorted(maps.Keys(tags))))
				}
			}
			for _, x := range takenTargets(&d) {
				if every == nil {
					every = p.everyDirective()
				}
				if why := x.takesNothing(every); why != "" {
					ms.add(r.Source, d.Line, "%s", why)
				}
			}
			marker, skips := d.Action("skipafter")
			if skips && markers == nil {
				markers = p.markers()
			}
			if skips && !markers[marker] {
				ms.add(r.Source, d.Line, "there is no SecMarker %s to skip to: all rules behind this one would be skipped", marker)
			}
		}
	}
	return ms
}

// takenTargets are targets that a directive takes out of rules, as exclusions.
func takenTargets(d *seclang.Directive) (out []Exclusion) {
	which, targets, _ := strings.Cut(d.Args, " ")
	which, targets = strings.Trim(which, `"`), strings.Trim(strings.TrimSpace(targets), `"`)
	for _, t := range seclang.SplitTargets(targets) {
		target, taken := strings.CutPrefix(strings.TrimSpace(t), "!")
		switch {
		case !taken:
		case d.Name == "secruleupdatetargetbyid":
			out = append(out, Exclusion{RuleIDs: which, Target: target})
		case d.Name == "secruleupdatetargetbytag":
			out = append(out, Exclusion{Tag: which, Target: target})
		}
	}
	for _, a := range d.Actions {
		what, arg, _ := strings.Cut(a.Arg, "=")
		if a.Name != "ctl" {
			continue
		}
		which, target, _ := strings.Cut(arg, ";")
		switch strings.ToLower(what) {
		case "ruleremovetargetbyid":
			out = append(out, Exclusion{RuleIDs: which, Target: target})
		case "ruleremovetargetbytag":
			out = append(out, Exclusion{Tag: which, Target: target})
		}
	}
	return out
}

// markers are those that a rule may skip to.
func (p Policy) markers() map[string]bool {
	out := map[string]bool{}
	for _, d := range p.everyDirective() {
		if d.Name == "secmarker" {
			out[strings.Trim(d.Args, `"'`)] = true
		}
	}
	return out
}

// everyDirective are those of CRS and of own rules.
func (p Policy) everyDirective() []seclang.Directive {
	var out []seclang.Directive
	for _, r := range p.own() {
		out = append(out, seclang.Directives(r.Text)...)
	}
	names, _ := fs.Glob(rules(), "@owasp_crs/*.conf")
	for _, name := range names {
		if text, err := fs.ReadFile(rules(), name); err == nil {
			out = append(out, seclang.Directives(string(text))...)
		}
	}
	return out
}

// checkTargets finds exclusions of a target that none of their rules looks at.
func (p Policy) checkTargets() (ms Mistakes) {
	if !slices.ContainsFunc(p.Exclusions, func(x Exclusion) bool { return x.Target != "" }) {
		return nil
	}
	every := p.everyDirective()
	for _, x := range p.Exclusions {
		if why := x.takesNothing(every); why != "" {
			ms = append(ms, Mistake{Source: x.Source, Key: "target", What: why})
		}
	}
	return ms
}

// takesNothing is why the exclusion's target is not one of its rules; empty if it is, or if there is no such
// rule, which is found elsewhere.
func (x Exclusion) takesNothing(every []seclang.Directive) string {
	if x.Target == "" {
		return ""
	}
	name, _, _ := strings.Cut(x.Target, ":")
	name = strings.ToUpper(name)
	if !isVariable(name) {
		return fmt.Sprintf("there is no collection %s%s", name, suggest.DidYouMean(name, variableNames()))
	}
	var looks []string
	taken, rules := false, 0
	for i := range every {
		d := &every[i]
		if !taken { // otherwise a link of the chain of a rule that is meant
			if taken = x.means(d); taken {
				rules++
			}
		}
		if taken {
			looks = append(looks, d.Variables()...)
		}
		if _, goesOn := d.Action("chain"); !goesOn {
			taken = false
		}
	}
	if rules == 0 || slices.Contains(looks, name) {
		return deadTarget(x.Target)
	}
	slices.Sort(looks)
	return fmt.Sprintf("what %s stands for does not look at %s, but at %s", x.RuleIDs+x.Tag, name, strings.Join(slices.Compact(looks), ", "))
}

// idOf is the id of the rule that a directive begins.
func idOf(d *seclang.Directive) (int, bool) {
	id, ok := d.Action("id")
	n, err := strconv.Atoi(id)
	return n, ok && err == nil
}

// means reports whether the exclusion is about the rule that a directive begins.
func (x Exclusion) means(d *seclang.Directive) bool {
	if x.Tag != "" {
		return slices.ContainsFunc(d.Actions, func(a seclang.Action) bool { return a.Name == "tag" && a.Arg == x.Tag })
	}
	id, _ := d.Action("id")
	n, err := strconv.Atoi(id)
	from, to, ok := idRange(x.RuleIDs)
	return err == nil && ok && from <= n && n <= to
}

// idRange reads "942100" or "942100-942199".
func idRange(s string) (from, to int, ok bool) {
	a, b, ranged := strings.Cut(s, "-")
	if !ranged {
		b = a
	}
	from, err1 := strconv.Atoi(a)
	to, err2 := strconv.Atoi(b)
	return from, to, err1 == nil && err2 == nil
}

func anyWithin(ids map[int]bool, from, to int) bool {
	for id := range ids {
		if from <= id && id <= to {
			return true
		}
	}
	return false
}

// allKnown reports whether each of some ids or ranges of ids is that of a known rule.
func allKnown(ids map[int]bool, ranges []string) bool {
	return !slices.ContainsFunc(ranges, func(one string) bool {
		from, to, ok := idRange(one)
		return ok && !anyWithin(ids, from, to)
	})
}
