package waf

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

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
	noCollections  = "does nothing here, since there are no persistent collections: replicas would not share them"
)

// refusedDirectives are directives that would leak, or do nothing, by name in lower case.
var refusedDirectives = map[string]string{
	"secauditlog": writesUnmasked, "secauditlogtype": writesUnmasked, "secauditlogformat": writesUnmasked,
	"secauditlogstoragedir": writesUnmasked, "secauditlogdirmode": writesUnmasked, "secauditlogfilemode": writesUnmasked,
	"secauditlogrelevantstatus": writesUnmasked, "secauditlogparts": writesUnmasked, "secauditengine": writesUnmasked,
	"secdebuglog": writesUnmasked, "secdebugloglevel": writesUnmasked,
	"secdatadir": writesFiles, "sectmpdir": writesFiles, "secuploaddir": writesFiles, "secuploadkeepfiles": writesFiles,
	"secuploadfilemode": writesFiles, "secuploadfilelimit": doesNothing,
	"seccollectiontimeout": noCollections,
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
		"initcol": noCollections, "expirevar": noCollections, "deprecatevar": noCollections,
		"setsid": noCollections, "setuid": noCollections, "setrsc": noCollections,
		"exec": "would run a program", "setenv": "would change the environment of the process",
	}
)

// unset are variables that no request gives a value to.
var unset = []string{"GEO", "IP", "GLOBAL", "SESSION", "USER", "RESOURCE"}

// checkOwn finds what in the policy's own rules would leak, or does nothing. It judges each directive by itself.
func (p Policy) checkOwn() error {
	var errs []error
	for _, r := range p.own() {
		within := false // a chain
		for _, d := range seclang.Directives(r.Text) {
			for _, why := range refusals(&d, within) {
				errs = append(errs, fmt.Errorf("%s line %d: %s", r.Source, d.Line, why))
			}
			_, within = d.Action("chain")
		}
	}
	return errors.Join(errs...)
}

// own are the policy's own rules, in their order.
func (p Policy) own() []RuleText { return slices.Concat(p.RulesBefore, p.RulesAfter) }

// refusals are the reasons why a directive is refused; within says that it continues a chain.
func refusals(d *seclang.Directive, within bool) (why []string) {
	if reason, ok := refusedDirectives[d.Name]; ok && !(d.Name == "secauditengine" && strings.EqualFold(d.Args, "off")) {
		why = append(why, d.Name+" "+reason)
	}
	if d.Name != "secrule" && d.Name != "secaction" || d.Name == "secrule" && d.Targets == "" {
		return why
	}
	if _, ok := d.Action("id"); !ok && !within {
		why = append(why, "a rule needs an id, from 100000 to 199999 for your own: without one no event can name it")
	}
	if reason, ok := refusedOperators[d.Operator.Name]; ok {
		why = append(why, "@"+d.Operator.Name+" "+reason)
	}
	for _, a := range d.Actions {
		if reason, ok := refusedActions[a.Name]; ok {
			why = append(why, a.Name+" "+reason)
		}
		if what, _, _ := strings.Cut(a.Arg, "="); a.Name == "ctl" && strings.EqualFold(what, "forceRequestBodyVariable") {
			why = append(why, "ctl:forceRequestBodyVariable "+readsItself)
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
// to. ids and tags are those of all rules.
func (p Policy) checkReferences(ids map[int]bool, tags map[string]bool) error {
	if len(p.own()) == 0 {
		return nil
	}
	var markers map[string]bool // read when a rule skips to one: that takes all of CRS
	var errs []error
	known := map[int]bool{}
	for i, r := range p.own() {
		early := i < len(p.RulesBefore)
		for _, d := range seclang.Directives(r.Text) {
			if id, ok := d.Action("id"); ok {
				n, _ := strconv.Atoi(id)
				known[n] = true
			}
			fail := func(format string, args ...any) {
				errs = append(errs, fmt.Errorf("%s line %d: %s", r.Source, d.Line, fmt.Sprintf(format, args...)))
			}
			byID, byTag := d.Removes()
			if early && d.Name != "secrule" && d.Name != "secaction" && (len(byTag) > 0 || len(byID) > 0 && !allKnown(known, byID)) {
				fail("%s finds no rule, since those of CRS come later: write it in rules_after, or an exclusion", d.Name)
				continue
			}
			for _, one := range byID {
				if from, to, ok := idRange(one); ok && !anyWithin(ids, from, to) {
					fail("there is no rule %s", one)
				}
			}
			for _, tag := range byTag {
				if !tags[tag] {
					fail("no rule has tag %q", tag)
				}
			}
			marker, skips := d.Action("skipafter")
			if skips && markers == nil {
				markers = p.markers()
			}
			if skips && !markers[marker] {
				fail("there is no SecMarker %s to skip to: all rules behind this one would be skipped", marker)
			}
		}
	}
	return errors.Join(errs...)
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
func (p Policy) checkTargets() error {
	if !slices.ContainsFunc(p.Exclusions, func(x Exclusion) bool { return x.Target != "" }) {
		return nil
	}
	every := p.everyDirective()
	var errs []error
	for _, x := range p.Exclusions {
		if x.Target == "" {
			continue
		}
		name, _, _ := strings.Cut(x.Target, ":")
		name = strings.ToUpper(name)
		var looks []string
		taken, rules := false, 0
		for _, d := range every {
			if !taken { // otherwise a link of the chain of a rule that is meant
				if taken = x.means(&d); taken {
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
		if rules > 0 && !slices.Contains(looks, name) {
			slices.Sort(looks)
			errs = append(errs, fmt.Errorf("%s: target %s: what %s stands for does not look at %s, but at %s", x.Source, x.Target, x.RuleIDs+x.Tag, name, strings.Join(slices.Compact(looks), ", ")))
		}
	}
	return errors.Join(errs...)
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
