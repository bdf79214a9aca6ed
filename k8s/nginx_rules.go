package k8s

import (
	"cmp"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
)

// What ingress-nginx says to ModSecurity becomes a policy.

// uninspected is the policy of routes that ModSecurity did not see.
const uninspected = "uninspected"

// recommendedBody is SecRequestBodyLimit of the modsecurity.conf in ingress-nginx's image.
const recommendedBody = 13107200

// policy returns the id of the policy for an Ingress.
func (im *importer) policy(a *annotated) string {
	setting := func(annotation, global string) string { return cmp.Or(a.get(annotation), im.global[global]) }
	on := func(s string) bool { b, err := strconv.ParseBool(s); return err == nil && b }
	crs := on(setting("enable-owasp-core-rules", "enable-owasp-modsecurity-crs"))
	snippet := setting("modsecurity-snippet", "modsecurity-snippet")
	if id := a.get("modsecurity-transaction-id"); id != "" {
		im.note(Told, a, "modsecurity-transaction-id %s: the tier has request ids of its own, and takes those of trusted proxies", id)
	}
	if !on(setting("enable-modsecurity", "enable-modsecurity")) {
		if snippet != "" || crs {
			im.note(Decide, a, "has settings for ModSecurity, which is not enabled: they are left out, as they had no effect")
		}
		im.note(Decide, a, "was not inspected, and stays so under policy %s: change its mode to detect to see what would be blocked", uninspected)
		return im.addPolicy(file.Policy{ID: uninspected, Mode: "off"})
	}
	p := file.Policy{ID: id(a.Name, a.Namespace), Mode: "detect", RequestBody: &file.RequestBody{Limit: sizeText(recommendedBody)}}
	m := &modsec{policy: &p, crs: crs, reason: "modsecurity-snippet of Ingress " + a.Namespace + "/" + a.Name,
		note: func(level Level, format string, args ...any) {
			im.note(level, a, "modsecurity-snippet: "+format, args...)
		}}
	m.read(snippet)
	if p.Mode == "detect" && p.RequestBody.Oversize == "" {
		p.RequestBody.Oversize = "inspect_prefix" // as ModSecurity does while it only detects
	}
	switch {
	case p.Mode == "off":
		im.note(Decide, a, "was not inspected (SecRuleEngine Off), and stays so")
	case !m.crs:
		im.note(Decide, a, "had no Core Rule Set, and the tier always runs it: more is found, and with mode block more is blocked, than before")
	}
	if p.Mode == "detect" {
		im.note(Told, a, "only detected, as SecRuleEngine On is not said: its policy has mode detect")
	}
	return im.addPolicy(p)
}

// addPolicy adds a policy, unless one with the same content is there.
func (im *importer) addPolicy(p file.Policy) string {
	for _, have := range im.out.Policies {
		same := p
		same.ID = have.ID
		if reflect.DeepEqual(clearReasons(have), clearReasons(same)) {
			return have.ID
		}
	}
	im.out.Policies = append(im.out.Policies, p)
	return p.ID
}

// clearReasons makes policies compare that only differ in where they came from.
func clearReasons(p file.Policy) file.Policy {
	p.Exclusions = slices.Clone(p.Exclusions)
	for i := range p.Exclusions {
		p.Exclusions[i].Reason = ""
	}
	return p
}

// modsec reads the text of a snippet into a policy.
type modsec struct {
	policy *file.Policy
	crs    bool   // the Core Rule Set is loaded
	reason string // of exclusions that have no comment of their own
	note   func(level Level, format string, args ...any)
}

// directive is one directive of SecLang.
type directive struct {
	name    string
	args    []string
	text    string // as it stands, with its continued lines
	comment string // right above it
}

// String is the directive in one line.
func (d directive) String() string { return oneLine(strings.Join(strings.Fields(d.text), " ")) }

func (m *modsec) read(snippet string) {
	var kept []string
	for _, d := range directives(snippet) {
		if m.carry(d) {
			continue
		}
		kept = append(kept, d.text)
	}
	if len(kept) > 0 {
		m.policy.RulesBefore = []file.Rules{{Inline: strings.Join(kept, "\n") + "\n"}}
	}
}

// directives splits SecLang text into its directives.
func directives(text string) []directive {
	var out []directive
	var d directive
	end := func() {
		if words := split(strings.ReplaceAll(d.text, "\\\n", " ")); len(words) > 0 {
			d.name, d.args = words[0], words[1:]
			out = append(out, d)
		}
		d = directive{}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n \t")
		trimmed := strings.TrimSpace(line)
		if d.text == "" && (trimmed == "" || strings.HasPrefix(trimmed, "#")) {
			d.comment = strings.TrimSpace(strings.TrimLeft(trimmed, "# "))
			continue
		}
		if d.text == "" {
			line = trimmed
		}
		d.text += line
		if strings.HasSuffix(line, `\`) {
			d.text += "\n"
			continue
		}
		end()
	}
	end() // a last line that says it goes on
	return out
}

// split cuts a directive into words; quotes keep one together and are taken off.
func split(s string) []string {
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

// carry makes a directive a setting of the policy. It reports false for what stays
// SecLang.
func (m *modsec) carry(d directive) bool {
	arg := ""
	if len(d.args) > 0 {
		arg = d.args[0]
	}
	on := strings.EqualFold(arg, "on")
	p := m.policy
	switch strings.ToLower(d.name) {
	case "secruleengine":
		p.Mode = map[string]string{"on": "block", "off": "off", "detectiononly": "detect"}[strings.ToLower(arg)]
	case "secrequestbodyaccess":
		p.RequestBody.Inspect = nil
		if !on {
			p.RequestBody.Inspect = &on
		}
	case "secrequestbodylimit":
		p.RequestBody.Limit = m.bytes(d, arg, 1<<30, p.RequestBody.Limit)
	case "secrequestbodylimitaction":
		p.RequestBody.Oversize = map[bool]string{true: "inspect_prefix", false: "reject"}[strings.EqualFold(arg, "processpartial")]
	case "secresponsebodyaccess":
		m.response().Inspect = &on
	case "secresponsebodylimit":
		m.response().Limit = m.bytes(d, arg, 64<<20, "")
	case "secresponsebodymimetype":
		m.response().MIMETypes = slices.Clone(d.args)
	case "secruleremovebyid":
		for _, ids := range strings.FieldsFunc(strings.Join(d.args, " "), func(r rune) bool { return r == ' ' || r == ',' }) {
			m.exclude(d, ids, "", "")
		}
	case "secruleremovebytag":
		m.exclude(d, "", arg, "")
	case "secruleupdatetargetbyid":
		m.targets(d, arg, "")
	case "secruleupdatetargetbytag":
		m.targets(d, "", arg)
	case "secaction", "secrule":
		return m.setup(d)
	case "secmarker", "secdefaultaction":
		return false
	case "include":
		if strings.Contains(arg, "crs") {
			m.crs = true
			return true
		}
		m.note(Decide, "%s is not carried: what the file holds is not known here", d)
	case "secauditengine", "secauditlog", "secauditlogparts", "secauditlogtype", "secauditlogformat", "secauditlogrelevantstatus", "secauditlogstoragedir",
		"secdebuglog", "secdebugloglevel", "sectmpdir", "secdatadir", "secuploaddir", "secrequestbodyinmemorylimit", "secstatusengine", "secunicodemapfile", "secpcrematchlimit", "secpcrematchlimitrecursion", "secargumentseparator", "seccookieformat":
		m.note(Told, "%s is not carried: the tier logs its events itself and needs no files", d.name)
	default:
		m.note(Decide, "%s is not carried", d)
	}
	return true
}

func (m *modsec) response() *file.ResponseBody {
	if m.policy.ResponseBody == nil {
		m.policy.ResponseBody = &file.ResponseBody{}
	}
	return m.policy.ResponseBody
}

// bytes reads a limit and keeps it in the range that a policy takes.
func (m *modsec) bytes(d directive, arg string, most int64, otherwise string) string {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil {
		m.note(Decide, "%s is not carried", d)
		return otherwise
	}
	in := min(max(n, 1<<10), most)
	if in != n {
		m.note(Told, "%s becomes %s, the nearest that a policy takes", d, sizeText(in))
	}
	return sizeText(in)
}

var (
	oneID   = regexp.MustCompile(`^[0-9]+$`)
	idRange = regexp.MustCompile(`^[0-9]+-[0-9]+$`)
)

// exclude takes rules, by ids or by tag, or a target out of them.
func (m *modsec) exclude(d directive, ids, tag, target string) {
	x := file.Exclusion{Tag: tag, Target: target, Reason: cmp.Or(d.comment, m.reason)}
	switch {
	case tag != "" && !isLiteral(tag):
		m.note(Decide, "%s is not carried: a policy excludes whole tags, not expressions", d)
		return
	case tag != "":
	case oneID.MatchString(ids):
		x.Rule, _ = strconv.Atoi(ids) // digits
	case idRange.MatchString(ids):
		x.Rules = ids
	default:
		m.note(Decide, "%s is not carried", d)
		return
	}
	m.policy.Exclusions = append(m.policy.Exclusions, x)
}

// targets takes out what SecRuleUpdateTargetBy… names with "!".
func (m *modsec) targets(d directive, ids, tag string) {
	if len(d.args) < 2 {
		m.note(Decide, "%s is not carried", d)
		return
	}
	for _, t := range strings.FieldsFunc(d.args[1], func(r rune) bool { return r == ',' || r == '|' }) {
		without, ok := strings.CutPrefix(strings.TrimSpace(t), "!")
		if !ok {
			m.note(Decide, "%s is not carried: only what is taken out of a rule is", d)
			continue
		}
		m.exclude(d, ids, tag, without)
	}
}

// setup recognizes the CRS settings that a policy has words for. Other actions and rules
// stay as they are.
var (
	setvar = regexp.MustCompile(`setvar:'?tx\.([a-z_]+)=([^',"]*)`)
	ruleID = regexp.MustCompile(`\bid:'?([0-9]+)'?`)
)

func (m *modsec) setup(d directive) bool {
	id := ruleID.FindStringSubmatch(d.text)
	ours := id == nil
	if id != nil {
		n, err := strconv.Atoi(id[1])
		ours = err != nil || n < 900000 || n > 900999
	}
	if ours || !strings.EqualFold(d.name, "SecAction") {
		if !ours {
			m.note(Decide, "%s uses id %s, which is one of the Core Rule Set's: it is not carried", d.name, id[1])
			return true
		}
		return false
	}
	vars := setvar.FindAllStringSubmatch(d.text, -1)
	known := map[string]*int{}
	var paranoia file.Paranoia
	var thresholds file.Thresholds
	for _, name := range []string{"paranoia_level", "blocking_paranoia_level"} {
		known[name] = &paranoia.Blocking
	}
	for _, name := range []string{"executing_paranoia_level", "detection_paranoia_level"} {
		known[name] = &paranoia.Detection
	}
	known["inbound_anomaly_score_threshold"] = &thresholds.Inbound
	known["outbound_anomaly_score_threshold"] = &thresholds.Outbound
	for _, v := range vars {
		into := known[v[1]]
		n, err := strconv.Atoi(v[2])
		if into == nil || err != nil {
			m.note(Decide, "SecAction %s: %s=%s is not carried; if a policy has this setting, it is under crs", id[1], v[1], v[2])
			continue
		}
		*into = n
	}
	if m.policy.Paranoia == nil && paranoia != (file.Paranoia{}) {
		m.policy.Paranoia = &file.Paranoia{}
	}
	if paranoia.Blocking > 0 {
		m.policy.Paranoia.Blocking = paranoia.Blocking
	}
	if paranoia.Detection > 0 {
		m.policy.Paranoia.Detection = paranoia.Detection
	}
	if m.policy.Thresholds == nil && thresholds != (file.Thresholds{}) {
		m.policy.Thresholds = &file.Thresholds{}
	}
	if thresholds.Inbound > 0 {
		m.policy.Thresholds.Inbound = thresholds.Inbound
	}
	if thresholds.Outbound > 0 {
		m.policy.Thresholds.Outbound = thresholds.Outbound
	}
	return true
}

// leftOver notes the annotations that nobody has looked at.
func (im *importer) leftOver(a *annotated) {
	for _, key := range slices.Sorted(maps.Keys(a.values)) {
		if a.seen[key] {
			continue
		}
		level, why := Decide, "the tier does not do this"
		for _, k := range leftOver {
			if k.keys.MatchString(key) {
				level, why = k.level, k.why
				break
			}
		}
		im.note(level, a, "%s: %s is not carried: %s", key, oneLine(a.values[key]), why)
	}
}

// leftOver says why annotations are not carried.
var leftOver = []struct {
	keys  *regexp.Regexp
	level Level
	why   string
}{
	{regexp.MustCompile(`^(whitelist|allowlist|denylist)-source-range$`), Decide, "limit the addresses in front of the tier, or by a rule with @ipMatch in a policy that blocks"},
	{regexp.MustCompile(`^(auth-|enable-global-auth|satisfy)`), Decide, "the tier does not authenticate, so what asked for a login is open unless something else asks"},
	{regexp.MustCompile(`^(limit-|global-rate-limit)`), Decide, "the tier has no rate limits by client; limits.in_flight of a route bounds what is going on at once"},
	{regexp.MustCompile(`^(ssl-|force-ssl-redirect|preserve-trailing-slash|hsts|http2-)`), Told, "TLS ends in front of the tier, and redirects to https belong there"},
	{regexp.MustCompile(`^(affinity|session-cookie-|upstream-hash-by|load-balance)`), Decide, "the tier does not choose endpoints by client; a Service with sessionAffinity does, by address"},
	{regexp.MustCompile(`^(configuration-snippet|server-snippet|stream-snippet|auth-snippet)$`), Decide, "text for nginx; look for headers and redirects in it, which routes have words for"},
	{regexp.MustCompile(`^(enable-cors|cors-)`), Decide, "the application, or response_headers of a route, has to answer"},
	{regexp.MustCompile(`^(proxy-buffer|proxy-buffering|proxy-max-temp|proxy-request-buffering|client-body-buffer|proxy-http-version|service-upstream|enable-access-log|enable-rewrite-log|enable-opentracing|enable-opentelemetry|connection-proxy-header|proxy-send-timeout|canary)`), Told, "the tier has its own way"},
	{regexp.MustCompile(`^proxy-next-upstream`), Told, "the tier tries again only what cannot have had an effect"},
	{regexp.MustCompile(`^proxy-ssl-`), Decide, "the tier speaks plain HTTP to applications"},
	{regexp.MustCompile(`^(x-forwarded-prefix|proxy-cookie-|proxy-redirect|custom-headers)`), Decide, "request_headers or response_headers of a route may do"},
}

// oneLine is the start of a text, for notes.
func oneLine(s string) string {
	line, _, more := strings.Cut(strings.TrimSpace(s), "\n")
	if r := []rune(line); len(r) > 60 {
		line, more = string(r[:60]), true
	}
	if more {
		line += " …"
	}
	return line
}
