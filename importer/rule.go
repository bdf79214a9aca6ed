package importer

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// rule reads a rule with its chain: as settings of the policy, or as a rule of one's own.
func (r *reader) rule(s *statement) {
	switch {
	case s.open:
		r.lose(s, "its chain has no end")
		return
	case s.links[0].Name == "secrule" && s.links[0].Targets == "":
		r.lose(s, "it is not a rule that the tier can read: write SecRule TARGETS \"@operator argument\" \"actions\"")
		return
	case len(s.links) == 1 && s.name() == "secaction" && r.setup(s):
		return
	case isBodyRule(s):
		r.note(Told, s, "%s is not carried: the tier reads bodies itself, and refuses what it cannot read", s)
		return
	}
	r.place(s)
	if id, err := strconv.Atoi(s.action("id")); err == nil && id > 0 && r.own[id] == nil {
		r.own[id] = s
	}
	for i := range s.links {
		if why := r.operator(&s.links[i], s); why != "" {
			r.lose(s, "%s", why)
			return
		}
		if why := r.actions(&s.links[i], s); why != "" {
			r.lose(s, "%s", why)
			return
		}
	}
	r.disruptive(s)
}

// isBodyRule reports whether a rule is one of the recommended settings, which choose how bodies are read and refuse
// those that cannot be.
func isBodyRule(s *statement) bool {
	id, err := strconv.Atoi(s.action("id"))
	return err == nil && 200000 <= id && id < 200010
}

// operator makes an operator one that the tier has. It returns why there is none.
func (r *reader) operator(l *link, s *statement) (why string) {
	o := &l.Operator
	edit := func(name, arg string) { o.Name, o.Arg, s.edited = name, arg, true }
	if l.Name != "secrule" {
		return ""
	}
	if arg := rename(o.Arg); arg != o.Arg {
		o.Arg, s.edited = arg, true
	}
	if targets := rename(lowered(l.Targets)); targets != l.Targets {
		l.Targets, s.edited = targets, true
	}
	if !strings.Contains(l.text, "@"+spelled(o.Name, operators)) && strings.Contains(strings.ToLower(l.text), "@"+o.Name) {
		s.edited = true // in another case
	}
	switch o.Name {
	case "rx":
		if _, err := regexp.Compile("(?sm)" + o.Arg); err != nil && !strings.Contains(o.Arg, "%{") {
			return notRE2(o)
		}
	case "containsword":
		edit("rx", `\b`+regexp.QuoteMeta(o.Arg)+`\b`)
	case "pmf", "pmfromfile":
		return r.phrases(o, edit)
	case "ipmatchf", "ipmatchfromfile":
		lines, ok := r.dataFile(o.Arg)
		if !ok {
			return fmt.Sprintf("the addresses of %s are not known here: write them into the rule, @ipMatch 192.0.2.0/24,198.51.100.7", o.Arg)
		}
		edit("ipmatch", strings.Join(lines, ","))
	case "geolookup", "rbl", "gsblookup":
		return "the tier asks nobody and has no database of places: have what is in front of it do this"
	case "inspectfile":
		return "the tier runs no programs: it finds code in files by request_body.files"
	case "fuzzyhash", "validatedtd", "validateschema", "validatehash", "verifycc", "verifyssn", "verifycpf", "verifysvnr", "rsub":
		return "the tier has no @" + o.Name + ": an expression, @rx, may do"
	}
	return ""
}

// lowered writes the expressions of targets in lower case, as names are compared.
func lowered(targets string) string {
	list := seclang.SplitTargets(targets)
	for i, t := range list {
		if strings.Contains(t, ":/") || strings.Contains(t, ":'/") {
			sign := t[:len(t)-len(strings.TrimLeft(t, "!&"))]
			list[i] = sign + target(t[len(sign):])
		}
	}
	return strings.Join(list, "|")
}

// phrases makes a list of words in a file a list of words in the rule.
func (r *reader) phrases(o *seclang.Operator, edit func(name, arg string)) (why string) {
	lines, ok := r.dataFile(o.Arg)
	if !ok {
		return fmt.Sprintf("the words of %s are not known here: write them into the rule, @pm word word, or @rx where they hold spaces", o.Arg)
	}
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.ContainsAny(line, " \t") }) {
		edit("pm", strings.Join(lines, " "))
		return ""
	}
	for i, line := range lines {
		lines[i] = regexp.QuoteMeta(line)
	}
	edit("rx", "(?i)(?:"+strings.Join(lines, "|")+")")
	return ""
}

// What RE2, which is linear in time, has not.
var (
	notLinear = []struct {
		rx   *regexp.Regexp
		name string
	}{
		{regexp.MustCompile(`\(\?<?[=!]`), "a lookaround"},
		{regexp.MustCompile(`\\[1-9]|\(\?P=`), "a reference to a group"},
		{regexp.MustCompile(`\(\?>|[*+?}]\+`), "a group that is not tried again"},
	}
	notAhead = regexp.MustCompile(`^\^?\(\?!((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*)\)(?:\.\*\$?)?$`)
)

// notRE2 says what of an expression is in the way, and what to write instead.
func notRE2(o *seclang.Operator) string {
	for _, n := range notLinear {
		if !n.rx.MatchString(o.Arg) {
			continue
		}
		why := fmt.Sprintf("its expression has %s, which RE2 has not", n.name)
		if m := notAhead.FindStringSubmatch(o.Arg); m != nil && !o.Negated {
			return fmt.Sprintf(`%s: write "!@rx ^(?:%s)" instead of "@rx %s"`, why, strings.TrimPrefix(m[1], "^"), o.Arg)
		}
		if n.name == "a lookaround" {
			return why + ": write what must not be there as a second link of the chain, with !@rx"
		}
		return why + ": write it without"
	}
	return "its expression is not one of RE2, which the tier uses"
}

// renamed are variables of the Core Rule Set 3 by their names in 4.
var renamed = map[string]string{
	"paranoia_level": "blocking_paranoia_level", "executing_paranoia_level": "detection_paranoia_level",
	"restricted_headers": "restricted_headers_basic",
	"anomaly_score":      "blocking_inbound_anomaly_score", "inbound_anomaly_score": "blocking_inbound_anomaly_score",
	"outbound_anomaly_score": "blocking_outbound_anomaly_score",
	"anomaly_score_pl1":      "inbound_anomaly_score_pl1", "anomaly_score_pl2": "inbound_anomaly_score_pl2",
	"anomaly_score_pl3": "inbound_anomaly_score_pl3", "anomaly_score_pl4": "inbound_anomaly_score_pl4",
}

var txName = regexp.MustCompile(`(?i)\btx[.:][a-z_0-9]+`)

// rename spells the variables in a part of a rule as CRS 4 does.
func rename(text string) string {
	return txName.ReplaceAllStringFunc(text, func(name string) string {
		if next := renamed[strings.ToLower(name[3:])]; next != "" {
			return name[:3] + next
		}
		return name
	})
}

// dropped are actions that do nothing here.
var dropped = []string{
	"sanitisearg", "sanitisematched", "sanitisematchedbytes", "sanitiserequestheader", "sanitiseresponseheader", "sanitizearg",
	"sanitizematched", "sanitizematchedbytes", "sanitizerequestheader", "sanitizeresponseheader",
}

// actions makes the actions of a link those of the tier. It returns why that is not possible.
func (r *reader) actions(l *link, s *statement) (why string) {
	var carried []seclang.Action
	acts := false
	for _, a := range l.Actions {
		before := a
		a.Arg = rename(a.Arg)
		switch {
		case slices.Contains(dropped, a.Name):
			r.note(Told, s, "%s:%s is not carried: the tier masks secrets in all events", a.Name, a.Arg)
			s.edited = true
			continue
		case a.Name == "proxy" || a.Name == "pause" || a.Name == "exec" || a.Name == "append" || a.Name == "prepend":
			return "the tier has no action " + a.Name
		case kept.IsAct(a.Name) || setsCollection(a):
			if why := kept.Check(a.Name, a.Arg); why != nil {
				return a.Name + ": " + why.Error()
			}
			acts = true
		case a.Name == "setvar":
			acts = true
		case a.Name == "ctl":
			acts = true
			var keep bool
			if a, keep = r.ctl(a, s); !keep {
				s.edited = true
				continue
			}
		}
		s.edited = s.edited || a != before
		carried = append(carried, a)
	}
	if acts && !slices.ContainsFunc(carried, does) && onlyPasses(s) && len(s.links) == 1 {
		return "nothing is left of what it does"
	}
	l.Actions = withDetection(carried)
	s.edited = s.edited || len(l.Actions) != len(carried)
	return ""
}

// does reports whether an action changes what later rules do.
func does(a seclang.Action) bool { return a.Name == "ctl" || a.Name == "setvar" || kept.IsAct(a.Name) }

// setsCollection reports whether an action sets a variable that outlives the request.
func setsCollection(a seclang.Action) bool {
	collection, _, _ := strings.Cut(strings.TrimPrefix(a.Arg, "!"), ".")
	_, ok := kept.KindOf(strings.ToLower(collection))
	return a.Name == "setvar" && ok
}

// onlyPasses reports whether a rule has nothing to say but what its ctl and setvar do.
func onlyPasses(s *statement) bool {
	for _, name := range []string{"deny", "drop", "block", "redirect", "allow", "skipafter", "skip", "log", "msg"} {
		if _, ok := s.links[0].Action(name); ok {
			return false
		}
	}
	return true
}

// withDetection has the rules run that block: CRS refuses requests for which they do not.
func withDetection(actions []seclang.Action) []seclang.Action {
	level := ""
	for _, a := range actions {
		name, value, _ := strings.Cut(strings.ToLower(a.Arg), "=")
		switch {
		case a.Name == "setvar" && name == "tx.blocking_paranoia_level":
			level = value
		case a.Name == "setvar" && name == "tx.detection_paranoia_level":
			return actions
		}
	}
	if level == "" {
		return actions
	}
	return append(actions, seclang.Action{Name: "setvar", Arg: "tx.detection_paranoia_level=" + level})
}

// ctl reads what a rule changes for the request at hand.
func (r *reader) ctl(a seclang.Action, s *statement) (seclang.Action, bool) {
	what, arg, _ := strings.Cut(a.Arg, "=")
	what = spelled(strings.TrimSpace(what), ctls)
	which, of, targeted := strings.Cut(arg, ";")
	which = strings.Trim(which, `"`)
	switch what {
	case "auditEngine", "auditLogParts", "debugLogLevel", "hashEngine", "hashEnforcement":
		r.note(Told, s, "ctl:%s is not carried: the tier writes its own events", what)
		return a, false
	case "forceRequestBodyVariable", "requestBodyLimit", "parseXmlIntoArgs":
		r.note(Told, s, "ctl:%s is not carried: the tier reads bodies itself, within the limits of the policy", what)
		return a, false
	case "ruleRemoveById", "ruleRemoveTargetById":
		from, to := idsOf(which)
		if from <= decidesRequests && decidesRequests <= to && !targeted {
			r.note(Told, s, "ctl:%s takes out the rule that decides on requests: it becomes ctl:ruleEngine=DetectionOnly", a.Arg)
			return seclang.Action{Name: "ctl", Arg: "ruleEngine=DetectionOnly"}, true
		}
		// Rules of one's own may stand further down: that is looked at when all is read.
		if len(coreRules().within(from, to)) == 0 && to >= 900000 && r.own[from] == nil {
			r.note(Decide, s, "ctl:%s is not carried: %s", a.Arg, gone(from, to))
			return a, false
		}
	case "ruleRemoveByTag", "ruleRemoveTargetByTag":
		if !slices.Contains(coreRules().tags, which) {
			r.note(Decide, s, "ctl:%s is not carried: no rule of CRS 4 has such a tag. Its tags are like attack-sqli", a.Arg)
			return a, false
		}
	}
	a.Arg = what
	if arg != "" {
		a.Arg += "=" + which
	}
	if targeted {
		a.Arg += ";" + target(of)
	}
	return a, true
}

// disruptive has a rule do what SecDefaultAction said where it stands, since the tier has defaults of its own.
func (r *reader) disruptive(s *statement) {
	phase := map[string]string{"": "2", "request": "2", "response": "4", "logging": "5"}[s.action("phase")]
	if phase == "" {
		phase = s.action("phase")
	}
	d := r.defaults[phase]
	first := &s.links[0]
	for _, name := range []string{"deny", "drop", "pass", "redirect", "allow"} {
		if _, ok := first.Action(name); ok || d == nil {
			return
		}
	}
	for _, a := range d.links[0].Actions {
		if a.Name == "status" && s.action("status") == "" || slices.Contains([]string{"deny", "drop", "redirect"}, a.Name) {
			first.Actions = append(first.Actions, a)
			s.edited = true
		}
	}
}

// defaultAction reads what rules do that say nothing. With "deny" each rule of the Core Rule Set blocks alone.
func (r *reader) defaultAction(s *statement) {
	l, _ := takeApart("SecAction " + s.args())
	s.links[0].Actions = l.Actions
	phase := s.action("phase")
	r.defaults[phase] = s
	for _, a := range l.Actions {
		switch {
		case slices.Contains([]string{"deny", "drop", "redirect"}, a.Name) && phase == "2":
			before := r.thresholds().Inbound
			r.thresholds().Inbound = 2
			r.set("thresholds.inbound", s, func() { r.thresholds().Inbound = before })
			r.note(Decide, s, "%s has every rule block alone: thresholds.inbound is 2, the score of the weakest", s)
			return
		case slices.Contains([]string{"deny", "drop", "redirect"}, a.Name):
			r.note(Decide, s, "%s has every rule of phase %s block alone, and here scores decide: lower the thresholds for that", s, phase)
			return
		}
	}
	if !slices.ContainsFunc(l.Actions, func(a seclang.Action) bool { return a.Name == "tag" || a.Name == "setvar" || a.Name == "nolog" }) {
		return // as the tier's own
	}
	r.note(Told, s, "%s is not carried: the tier's own defaults log and pass, and each event names route and policy where a tag did", s)
}
