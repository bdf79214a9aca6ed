package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// checkOwnSettings checks an effective policy whose accumulating lists hold its own items
// only, and keeps what the policy itself is to blame for: what it inherits was reported
// where it is written.
func (c *checker) checkOwnSettings(path string, p *Policy) {
	all := checker{doc: c.doc}
	all.checkPolicy(path, p)
	for _, problem := range all.problems {
		key, rest := path, strings.TrimPrefix(problem.Path, path)
		if i := strings.IndexByte(rest, '['); i >= 0 {
			rest = rest[:i] // the list is set or it is not
		}
		if c.doc.has(key + rest) {
			c.problems = append(c.problems, problem)
		}
	}
}

// checkPolicy checks everything but ids and inheritance.
func (c *checker) checkPolicy(path string, p *Policy) {
	word(c, path+".mode", p.Mode)
	c.checkParanoia(path+".paranoia", p)
	c.atLeast(path+".thresholds.inbound", p.Thresholds.Inbound, 1)
	c.atLeast(path+".thresholds.outbound", p.Thresholds.Outbound, 1)
	c.between(path+".reporting_level", p.ReportingLevel, 0, 5)
	c.checkCRS(path+".crs", &p.CRS)
	c.sizeBetween(path+".request_body.limit", p.RequestBody.Limit, 1*KiB, 1*GiB)
	word(c, path+".request_body.oversize", p.RequestBody.Oversize)
	word(c, path+".request_body.undecodable", p.RequestBody.Undecodable)
	word(c, path+".request_body.xml_doctype", p.RequestBody.XMLDoctype)
	word(c, path+".request_body.files", p.RequestBody.Files)
	c.sizeBetween(path+".response_body.limit", p.ResponseBody.Limit, 1*KiB, 64*MiB)
	word(c, path+".grpc.unknown_fields", p.GRPC.UnknownFields)
	if p.GRPC.UnknownFields == UnknownRefuse && p.GRPC.Descriptors == "" {
		c.add(path+".grpc.unknown_fields", "no descriptors say which fields are known: set grpc.descriptors")
	}
	c.each(path+".response_body.mime_types", p.ResponseBody.MIMETypes, checkMIMEType)
	for i, e := range p.Exclusions {
		c.checkExclusion(indexPath(path+".exclusions", i), e)
	}
	c.checkRules(path+".rules_before", p.RulesBefore)
	c.checkRules(path+".rules_after", p.RulesAfter)
	c.checkBlock(path+".block", p.Block)
	word(c, path+".on_error", p.OnError)
	word(c, path+".on_overload", p.OnOverload)
	if d := p.InspectionBudget; d < minBudget || d > maxBudget {
		c.add(path+".inspection_budget", "%s is out of range: %s to %s", d, minBudget, maxBudget)
	}
	word(c, path+".on_budget", p.OnBudget)
	word(c, path+".screen", p.Screen)
	if !(p.ScreenVerify >= 0 && p.ScreenVerify <= 1) {
		c.add(path+".screen_verify", "%g is not between 0 and 1", p.ScreenVerify)
	}
}

// A budget below what ordinary requests need refuses them, and one of more than seconds is none.
const (
	minBudget = 10 * time.Millisecond
	maxBudget = 10 * time.Second
)

func (c *checker) checkParanoia(path string, p *Policy) {
	c.between(path+".blocking", p.Paranoia.Blocking, 1, 4)
	c.between(path+".detection", p.Paranoia.Detection, 1, 4)
	if p.Paranoia.Detection >= p.Paranoia.Blocking {
		return
	}
	at := path + ".detection"
	if c.doc != nil && !c.doc.has(at) {
		at = path + ".blocking"
	}
	c.add(at, "detection %d (set by %q) is below blocking %d (set by %q): rules that block must run",
		p.Paranoia.Detection, p.Sources["paranoia.detection"], p.Paranoia.Blocking, p.Sources["paranoia.blocking"])
}

func (c *checker) checkCRS(path string, s *CRS) {
	c.words(path+".allowed_methods", s.AllowedMethods, true, checkMethod)
	c.words(path+".allowed_request_content_type", s.AllowedContentTypes, false, checkMIMEType)
	c.words(path+".allowed_request_content_type_charset", s.AllowedCharsets, true, checkCharset)
	c.words(path+".allowed_http_versions", s.AllowedHTTPVersions, true, checkHTTPVersion)
	c.words(path+".restricted_extensions", s.RestrictedExtensions, false, checkExtension)
	c.words(path+".restricted_headers_basic", s.RestrictedHeaders, false, checkLowerHeaderName)
	c.words(path+".restricted_headers_extended", s.RestrictedHeadersExtended, false, checkLowerHeaderName)
	c.atLeast(path+".max_num_args", s.MaxNumArgs, 0)
	c.atLeast(path+".arg_name_length", s.ArgNameLength, 0)
	c.atLeast(path+".arg_length", s.ArgLength, 0)
	c.atLeast(path+".total_arg_length", s.TotalArgLength, 0)
	c.atLeast(path+".critical_anomaly_score", s.CriticalAnomalyScore, 1)
	c.atLeast(path+".error_anomaly_score", s.ErrorAnomalyScore, 1)
	c.atLeast(path+".warning_anomaly_score", s.WarningAnomalyScore, 1)
	c.atLeast(path+".notice_anomaly_score", s.NoticeAnomalyScore, 1)
}

// words checks a list of CRS words. An empty list of allowed words would block everything.
func (c *checker) words(path string, list []string, required bool, check func(string) error) {
	if required && len(list) == 0 {
		c.add(path, "empty: every request would be blocked")
	}
	c.each(path, list, check)
}

var (
	charset     = regexp.MustCompile(`^[a-z0-9][a-z0-9._+:-]*$`)
	httpVersion = regexp.MustCompile(`^HTTP/[0-9](\.[0-9])?$`)
	extension   = regexp.MustCompile(`^\.[a-z0-9][a-z0-9_.-]*$`)
	tag         = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_./:-]*$`)
)

func checkCharset(s string) error {
	if !charset.MatchString(s) {
		return fmt.Errorf("%q is not a charset: write it like utf-8, in lower case", s)
	}
	return nil
}

func checkHTTPVersion(s string) error {
	if !httpVersion.MatchString(s) {
		return fmt.Errorf("%q is not an HTTP version: write it like HTTP/1.1", s)
	}
	return nil
}

func checkExtension(s string) error {
	if !extension.MatchString(s) {
		return fmt.Errorf("%q is not a file extension: write it like .bak, in lower case", s)
	}
	return nil
}

func checkLowerHeaderName(s string) error {
	if lower := strings.ToLower(s); message.IsToken(s) && lower != s {
		return fmt.Errorf("%q has capital letters: write %q", s, lower)
	}
	return checkHeaderName(s)
}

func (c *checker) checkExclusion(path string, e Exclusion) {
	rule := ""
	if e.Rule != 0 {
		rule = strconv.Itoa(e.Rule)
	}
	if c.exactlyOne(path, "rule", rule, "rules", e.Rules, "tag", e.Tag) {
		switch {
		case e.Rule != 0:
			c.atLeast(path+".rule", e.Rule, 1)
		case e.Rules != "":
			c.addErr(path+".rules", checkRuleRange(e.Rules))
		case !tag.MatchString(e.Tag):
			c.add(path+".tag", "%q is not a tag: write it like attack-sqli", e.Tag)
		}
	}
	if e.Target != "" {
		c.addErr(path+".target", checkExclusionTarget(e.Target))
	}
	if e.Path != "" {
		c.addErr(path+".path", checkExclusionPath(e.Path))
	}
	switch {
	case strings.TrimSpace(e.Reason) == "":
		c.add(path+".reason", "required: say why, for whoever reads it next year")
	case strings.ContainsFunc(e.Reason, isControl):
		c.add(path+".reason", "holds a line break or control character: write one line")
	}
}

// checkRuleRange accepts "a-b" with 1 ≤ a ≤ b.
func checkRuleRange(s string) error {
	from, to, ok := strings.Cut(s, "-")
	a, errA := strconv.ParseUint(from, 10, 31)
	b, errB := strconv.ParseUint(to, 10, 31)
	switch {
	case !ok || errA != nil || errB != nil || a == 0:
		return fmt.Errorf("%q is not a range of rule ids: write it like 942100-942199", s)
	case a > b:
		return fmt.Errorf("%q is upside down: write %q", s, to+"-"+from)
	}
	return nil
}

var collection = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// checkExclusionTarget accepts COLLECTION, COLLECTION:key and COLLECTION:/regex/.
func checkExclusionTarget(s string) error {
	name, key, hasKey := strings.Cut(s, ":")
	switch {
	case collection.MatchString(name):
	case collection.MatchString(strings.ToUpper(name)):
		return fmt.Errorf("%q: collections are written in capitals, %s", s, strings.ToUpper(name)+s[len(name):])
	default:
		return fmt.Errorf("%q is not a target: write it like ARGS, ARGS:comment or ARGS:/^item_/", s)
	}
	switch {
	case !hasKey:
		return nil
	case key == "" || key == "/" || key == "//":
		return fmt.Errorf("%q has nothing after the colon: write %q for all of it", s, name)
	case strings.ContainsFunc(key, isControl) || strings.ContainsAny(key, `"'`):
		return fmt.Errorf("%q holds a quote or control character", s)
	case len(key) > 2 && key[0] == '/' && key[len(key)-1] == '/':
		return checkRegexp(key[1 : len(key)-1])
	case strings.ContainsAny(key, " |,"):
		return fmt.Errorf("%q holds a space, \"|\" or \",\": write one target per exclusion, or a regular expression as %s:/…/", s, name)
	}
	return nil
}

// checkRules checks inline rules. That exactly one key is set, and what rule files hold,
// is checked where the files are read.
func (c *checker) checkRules(path string, rules []Rules) {
	for i, r := range rules {
		if r.File == "" && r.Inline != "" && strings.TrimSpace(r.Inline) == "" {
			c.add(indexPath(path, i)+".inline", "empty")
		}
	}
}

var placeholderName = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

func (c *checker) checkBlock(path string, b Block) {
	c.between(path+".status", b.Status, 400, 599)
	c.addErr(path+".html", checkPlaceholders(b.HTML))
	if err := checkPlaceholders(b.JSON); err != nil {
		c.addErr(path+".json", err)
		return
	}
	text := strings.NewReplacer("{{status}}", "403", "{{request_id}}", "id").Replace(b.JSON)
	if !json.Valid([]byte(text)) {
		c.add(path+".json", "is not JSON once the placeholders are replaced: put {{request_id}} in quotes, {{status}} not")
	}
}

func checkPlaceholders(body string) error {
	if strings.TrimSpace(body) == "" {
		return errors.New("empty: clients would see a blank answer")
	}
	for _, m := range placeholderName.FindAllStringSubmatch(body, -1) {
		if m[0] != "{{request_id}}" && m[0] != "{{status}}" {
			return fmt.Errorf("unknown placeholder %s: known are {{request_id}} and {{status}}", m[0])
		}
	}
	return nil
}
