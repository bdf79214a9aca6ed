package importer

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
)

// recommendedBody is SecRequestBodyLimit of the recommended settings.
const recommendedBody = 13107200

// Options say how to read.
type Options struct {
	ID  string
	CRS bool // the Core Rule Set is loaded behind all of the text

	// Open returns a file that the text names, for whoever has it. nil: nobody has.
	Open func(name string) (Text, bool)

	// Match returns the files that a pattern names. nil: nobody has any.
	Match func(pattern string) []Text
}

// Read makes a draft of the texts of one firewall, in the order in which it reads them.
func Read(texts []Text, o Options) *Draft {
	d := &Draft{Texts: texts, CRS: o.CRS, policy: file.Policy{ID: o.ID, Mode: "detect", RequestBody: &file.RequestBody{Limit: file.Size(recommendedBody)}}}
	r := &reader{Draft: d, opts: o, own: map[int]*statement{}, defaults: map[string]*statement{}, setBy: map[string]*Text{}}
	for i := range texts {
		if i > 0 && texts[i].Depth > texts[i-1].Depth {
			r.behind = false // the rules of an inner block run in front of those around it
		}
		r.whole = &texts[i]
		r.text(&texts[i], 0)
	}
	r.settle()
	return d
}

// reader is the state of one Read.
type reader struct {
	*Draft
	opts     Options
	read     int                // statements
	included int                // files
	whole    *Text              // the text at hand, not one that it includes
	setBy    map[string]*Text   // settings, by directive
	behind   bool               // the Core Rule Set has been included
	own      map[int]*statement // rules of one's own, by id
	defaults map[string]*statement
	removals []removal // of rules, for when all are read
	forced   string    // mode that a rule without a condition sets; empty: none does
	deciders bool      // the rule that decides on requests is taken out
}

// removal takes rules out, by ids.
type removal struct {
	from    *statement
	ids     string
	targets []string // nil: the whole rules
}

// maxIncludes bounds Include, which may go in circles: how many there may be, and of how many files at once.
const (
	maxIncludes = 500
	maxDepth    = 20
)

func (r *reader) text(t *Text, depth int) {
	if r.included += min(depth, 1); r.included > maxIncludes {
		return
	}
	for _, s := range statements(t) {
		r.read++
		s.n = r.read
		r.asWritten = append(r.asWritten, Directive{At: s.at, Name: s.name(), Text: s.write(), Behind: r.behind, excludes: s.excludes()})
		switch name := s.name(); {
		case name == "include" || name == "includeoptional":
			r.include(s, depth)
		case s.isRule():
			r.rule(s)
		default:
			r.directive(s)
		}
	}
}

// include reads a file where it is included.
func (r *reader) include(s *statement, depth int) {
	for _, name := range words(s.args()) {
		var matched []Text
		if r.opts.Match != nil && strings.Contains(name, "*") && !isCore(name) {
			matched = r.opts.Match(name)
		}
		switch t, ok := r.open(name); {
		case len(matched) > 0 && depth < maxDepth:
			for i := range matched {
				r.text(&matched[i], depth+1)
			}
		case isCore(name):
			r.CRS, r.behind = true, true
		case isRecommended(name):
			// What a draft starts from.
		case ok && depth < maxDepth:
			r.text(&t, depth+1)
		case isSetup(name):
			// As it comes, it sets nothing that the tier does not.
		default:
			r.lose(s, "what the file holds is not known here. Import it too, or write what it says as exclusions and rules of the policy")
		}
	}
}

func (r *reader) open(name string) (Text, bool) {
	if r.opts.Open == nil || strings.Contains(name, "*") {
		return Text{}, false
	}
	return r.opts.Open(name)
}

// directive reads what is no rule.
func (r *reader) directive(s *statement) {
	arg := ""
	if w := words(s.args()); len(w) > 0 {
		arg = w[0]
	}
	switch s.name() {
	case "secruleengine", "secrequestbodyaccess", "secrequestbodylimit", "secrequestbodylimitaction", "secresponsebodyaccess",
		"secresponsebodylimit", "secresponsebodymimetype", "secresponsebodymimetypesclear":
		r.setting(s, arg)
	case "secruleremovebyid":
		for _, ids := range strings.FieldsFunc(s.args(), func(c rune) bool { return strings.ContainsRune(" \t,\"'", c) }) {
			r.removals = append(r.removals, removal{from: s, ids: ids})
		}
	case "secruleremovebytag":
		r.byTag(s, arg, nil)
	case "secruleremovebymsg":
		r.byMessage(s, arg, nil)
	case "secruleupdatetargetbyid", "secruleupdatetargetbytag", "secruleupdatetargetbymsg":
		r.updateTarget(s)
	case "secruleupdateactionbyid":
		r.updateAction(s)
	case "secdefaultaction":
		r.defaultAction(s)
	case "secmarker":
		r.place(s)
	default:
		r.other(s)
	}
}

// place puts a statement before or behind the Core Rule Set, where it stands.
func (r *reader) place(s *statement) {
	if r.behind {
		r.after = append(r.after, s)
	} else {
		r.before = append(r.before, s)
	}
}

// setting reads the directives that a policy has keys for.
func (r *reader) setting(s *statement, arg string) {
	p := &r.policy
	if by := r.setBy[s.name()]; by != nil && by != r.whole && r.whole.Depth > 0 && by.Depth >= r.whole.Depth {
		return
	}
	r.setBy[s.name()] = r.whole
	on := strings.EqualFold(arg, "on")
	switch s.name() {
	case "secruleengine":
		mode := map[string]string{"on": "block", "off": "off", "detectiononly": "detect"}[strings.ToLower(arg)]
		if mode == "" {
			r.lose(s, "it is neither On, Off nor DetectionOnly")
			return
		}
		p.Mode = mode
	case "secrequestbodyaccess":
		p.RequestBody.Inspect = nil
		if !on {
			p.RequestBody.Inspect = &on
		}
	case "secrequestbodylimit":
		p.RequestBody.Limit = r.bytes(s, arg, 1<<30, p.RequestBody.Limit)
	case "secrequestbodylimitaction":
		p.RequestBody.Oversize = map[bool]string{true: "inspect_prefix", false: "reject"}[strings.EqualFold(arg, "processpartial")]
	case "secresponsebodyaccess":
		r.response().Inspect = &on
	case "secresponsebodylimit":
		r.response().Limit = r.bytes(s, arg, 64<<20, "")
	case "secresponsebodymimetype":
		r.response().MIMETypes = strings.Fields(strings.Trim(s.args(), `"'`))
		r.set("response_body.mime_types", s, func() { p.ResponseBody.MIMETypes = nil })
	case "secresponsebodymimetypesclear":
		r.response().MIMETypes = nil
	}
}

func (r *reader) response() *file.ResponseBody {
	if r.policy.ResponseBody == nil {
		r.policy.ResponseBody = &file.ResponseBody{}
	}
	return r.policy.ResponseBody
}

// bytes reads a limit and keeps it in the range that a policy takes.
func (r *reader) bytes(s *statement, arg string, most int64, otherwise string) string {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n <= 0 {
		r.lose(s, "it is no number of bytes")
		return otherwise
	}
	in := min(max(n, 1<<10), most)
	if in != n {
		r.note(Told, s, "%s becomes %s, the nearest that a policy takes", s, file.Size(in))
	}
	return file.Size(in)
}

// other are directives that a policy has no words for.
func (r *reader) other(s *statement) {
	if s.name() == "seccollectiontimeout" {
		r.place(s)
		return
	}
	for _, k := range leftOut {
		if k.names.MatchString(s.name()) {
			if k.level == Told {
				r.note(Told, s, "%s is not carried: %s", oneLine(s.raw), k.why)
				return
			}
			r.lose(s, "%s", k.why)
			return
		}
	}
	r.lose(s, "the tier does not know it")
}

// leftOut says why directives are not carried.
var leftOut = []struct {
	names *regexp.Regexp
	level Level
	why   string
}{
	{regexp.MustCompile(`^secauditengine$|^secauditlog|^secdebuglog|^secstatusengine$`), Told, "the tier writes its own events, with secrets masked"},
	{regexp.MustCompile(`^sec(tmpdir|datadir|uploaddir|uploadkeepfiles|uploadfilemode|tmpsaveuploadedfiles|requestbodyinmemorylimit)$`), Told, "the tier keeps everything in memory"},
	{regexp.MustCompile(`^sec(unicodemapfile|unicodecodepage|unicodemap|pcrematchlimit|pcrematchlimitrecursion|argumentseparator|cookieformat|componentsignature|serversignature|webappid|sensorid|rxprefilter|xmlexternalentity|parsexmlintoargs|uploadfilelimit|ruleperftime|disablebackendcompression|interceptonerror)$`), Told, "it has no effect here"},
	{regexp.MustCompile(`^sec(requestbodynofileslimit|requestbodyjsondepthlimit|argumentslimit|responsebodyjsondepthlimit)$`), Told, "the tier reads bodies within limits of its own, and request_body.limit bounds what is inspected"},
	{regexp.MustCompile(`^secresponsebodylimitaction$`), Told, "what is behind response_body.limit passes"},
	{regexp.MustCompile(`^sec(remoterules|remoterulesfailaction)$`), Decide, "the tier loads no rules from the network: keep them in files next to the route file"},
	{regexp.MustCompile(`^secrulescript$`), Decide, "there is no Lua: write what it does as rules"},
	{regexp.MustCompile(`^sec(conn(engine|readstatelimit|writestatelimit)|readstatelimit|writestatelimit|guardianlog)$`), Decide, "limits.connections_per_client of the boot file bounds what one client may hold open"},
	{regexp.MustCompile(`^sec(httpblkey|gsblookupdb|geolookupdb)$`), Decide, "the tier asks nobody and has no database of places: have what is in front of it do this"},
	{regexp.MustCompile(`^sec(hash|encryption)`), Decide, "the tier does not sign links"},
	{regexp.MustCompile(`^sec(contentinjection|streaminbodyinspection|streamoutbodyinspection|disablebackendcompression|cachetransformations|chrootdir)$`), Decide, "the tier does not change bodies"},
}

// Rules taken out.

var oneOrMore = regexp.MustCompile(`^([0-9]{1,9})(?:-([0-9]{1,9}))?$`)

// remove takes rules, or targets of rules, out: those of one's own out of the text, others by exclusions.
func (r *reader) remove(x removal) {
	m := oneOrMore.FindStringSubmatch(x.ids)
	if m == nil {
		r.lose(x.from, "%q is neither an id nor a range of ids", x.ids)
		return
	}
	from, _ := strconv.Atoi(m[1]) // digits
	to, _ := strconv.Atoi(cmp.Or(m[2], m[1]))
	done := false
	if x.targets == nil && from <= decidesRequests && decidesRequests <= to {
		r.deciders, done = true, true
		r.policy.Mode = map[bool]string{true: "off", false: "detect"}[r.policy.Mode == "off"]
		r.note(Decide, x.from, "%s takes out the rule that decides on requests, so that scores blocked nothing: the policy has mode detect", x.from)
	}
	if x.targets == nil && from <= decidesResponses && decidesResponses <= to {
		done = true
		r.thresholds().Outbound = 100000
		r.note(Told, x.from, "%s takes out the rule that decides on responses: thresholds.outbound says so", x.from)
	}
	for id, s := range r.own {
		if from <= id && id <= to {
			done = true
			if x.targets == nil {
				s.lost = true
				continue
			}
			s.links[0].Targets += "|!" + strings.Join(x.targets, "|!")
			s.edited = true
		}
	}
	rules := coreRules().within(from, to)
	rules = slices.DeleteFunc(slices.Clone(rules), func(k known) bool { return k.id == decidesRequests || k.id == decidesResponses })
	switch {
	case len(rules) > 0 && !(done && 949000 <= from && to < 981000):
		e := file.Exclusion{Rule: from}
		if from != to {
			e = file.Exclusion{Rules: x.ids}
		}
		r.exclude(x.from, e, x.targets, rules)
	case !done:
		r.note(Decide, x.from, "%s: %s", x.from, gone(from, to))
	}
}

func (r *reader) thresholds() *file.Thresholds {
	if r.policy.Thresholds == nil {
		r.policy.Thresholds = &file.Thresholds{}
	}
	return r.policy.Thresholds
}

// exclude adds an exclusion of rules, or one for each target.
func (r *reader) exclude(s *statement, e file.Exclusion, targets []string, rules []known) {
	e.Reason = cmp.Or(s.comment, s.source)
	if targets == nil {
		r.exclusions = append(r.exclusions, exclusion{e, s})
		return
	}
	for _, t := range targets {
		variable, _, _ := strings.Cut(t, ":")
		if !lookAt(rules, variable) {
			r.note(Told, s, "%s had no effect: these rules of CRS 4 do not look at %s", s, variable)
			continue
		}
		e.Target = t
		r.exclusions = append(r.exclusions, exclusion{e, s})
	}
}

// byTag takes out rules with a tag. ModSecurity reads it as an expression.
func (r *reader) byTag(s *statement, tag string, targets []string) {
	tags := []string{tag}
	if !slices.Contains(coreRules().tags, tag) {
		tags = nil
		if rx, err := regexp.Compile(tag); err == nil && tag != "" {
			for _, t := range coreRules().tags {
				if rx.MatchString(t) {
					tags = append(tags, t)
				}
			}
		}
	}
	if len(tags) == 0 || len(tags) > 12 {
		now := "no rule of CRS 4 has such a tag. Its tags are like attack-sqli: see which of them are meant"
		if len(tags) > 0 {
			now = "it stands for " + strconv.Itoa(len(tags)) + " tags: see which of them are meant"
		}
		r.lose(s, "%s", now)
		return
	}
	for _, t := range tags {
		r.exclude(s, file.Exclusion{Tag: t}, targets, coreRules().tagged(t))
	}
}

// byMessage takes out rules with a message.
func (r *reader) byMessage(s *statement, msg string, targets []string) {
	var found []known
	for _, k := range coreRules().rules {
		if k.msg == msg && msg != "" {
			found = append(found, k)
		}
	}
	if len(found) == 0 {
		r.lose(s, "no rule of CRS 4 has this message: name the rule by its id")
		return
	}
	for _, k := range found {
		r.exclude(s, file.Exclusion{Rule: k.id}, targets, []known{k})
	}
}

// updateTarget takes out what SecRuleUpdateTargetBy… names with "!". What it adds goes behind all rules.
func (r *reader) updateTarget(s *statement) {
	w := words(s.args())
	if len(w) != 2 {
		r.lose(s, "it is not an id, a tag or a message and a list of targets: what is put in the place of another target is written as a rule of its own")
		return
	}
	out := []string{}
	var added []string
	for _, t := range splitTargets(w[1]) {
		if without, ok := strings.CutPrefix(t, "!"); ok {
			out = append(out, target(without))
			continue
		}
		added = append(added, target(t))
	}
	if len(added) > 0 {
		if s.name() == "secruleupdatetargetbymsg" || len(coreRules().within(idsOf(w[0]))) == 0 && !slices.Contains(coreRules().tags, w[0]) {
			r.lose(s, "no rule of CRS 4 that it adds targets to is known")
			return
		}
		more := *s
		more.raw = map[bool]string{true: "SecRuleUpdateTargetById ", false: "SecRuleUpdateTargetByTag "}[s.name() == "secruleupdatetargetbyid"] + w[0] + ` "` + strings.Join(added, "|") + `"`
		r.after = append(r.after, &more)
	}
	if len(out) == 0 {
		return
	}
	switch s.name() {
	case "secruleupdatetargetbyid":
		for _, ids := range strings.Split(w[0], ",") {
			r.removals = append(r.removals, removal{from: s, ids: ids, targets: out})
		}
	case "secruleupdatetargetbytag":
		r.byTag(s, w[0], out)
	default:
		r.byMessage(s, w[0], out)
	}
}

// idsOf reads an id or a range of ids.
func idsOf(s string) (from, to int) {
	m := oneOrMore.FindStringSubmatch(s)
	if m == nil {
		return 0, -1
	}
	from, _ = strconv.Atoi(m[1]) // digits
	to, _ = strconv.Atoi(cmp.Or(m[2], m[1]))
	return from, to
}

// splitTargets cuts targets at "|" and "," outside of expressions.
func splitTargets(s string) []string {
	var out []string
	start, within := 0, false
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || !within && (s[i] == '|' || s[i] == ','):
			if t := strings.TrimSpace(s[start:i]); t != "" {
				out = append(out, t)
			}
			start = i + 1
		case s[i] == '\\' && within:
			i++
		case s[i] == '/' && (within || i > 0 && (s[i-1] == ':' || s[i-1] == '\'')):
			within = !within
		}
	}
	return out
}

// target spells a target as exclusions do: the collection in capitals, expressions in lower case, since names
// are compared in lower case, and without quotes.
func target(t string) string {
	variable, key, has := strings.Cut(t, ":")
	variable = strings.ToUpper(strings.TrimSpace(variable))
	if !has {
		return variable
	}
	if len(key) > 1 && key[0] == '\'' && key[len(key)-1] == '\'' {
		key = key[1 : len(key)-1]
	}
	if len(key) < 2 || key[0] != '/' || strings.Contains(variable, "XML") {
		return variable + ":" + key
	}
	expr := []byte(key)
	for i := 0; i < len(expr); i++ {
		switch c := expr[i]; {
		case c == '\\':
			i++
		case 'A' <= c && c <= 'Z' && !strings.HasPrefix(key, "/(?i"):
			expr[i] = c | 0x20
		}
	}
	return variable + ":" + string(expr)
}

// updateAction reads changes of what a rule does. Those of the rule that decides are settings.
func (r *reader) updateAction(s *statement) {
	w := words(s.args())
	if len(w) != 2 {
		r.lose(s, "it is not an id and a list of actions")
		return
	}
	if w[0] != strconv.Itoa(decidesRequests) {
		r.lose(s, "an exclusion takes the rule out, and a rule of one's own in rules_before that matches the same does something else")
		return
	}
	for _, a := range strings.Split(w[1], ",") {
		name, arg, _ := strings.Cut(strings.TrimSpace(a), ":")
		switch status, err := strconv.Atoi(arg); {
		case name == "pass":
			r.removals = append(r.removals, removal{from: s, ids: w[0]})
		case name == "status" && err == nil && status >= 400 && status < 600:
			r.policy.Block = &file.Block{Status: status}
		case name == "redirect":
			r.note(Decide, s, "%s is not carried: a blocked client is answered with block.status and block.html of the policy", s)
		}
	}
}

// dataFile reads a file that an operator names, as its lines.
func (r *reader) dataFile(name string) (lines []string, ok bool) {
	t, ok := r.open(name)
	if !ok {
		t, ok = r.open(path.Base(name))
	}
	for line := range strings.Lines(t.Text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines, ok
}
