package waf

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/waf/reading"
)

// Mode says what happens with what the rules find.
type Mode uint8

const (
	// ModeBlock lets the rules decide.
	ModeBlock Mode = iota
	// ModeDetect runs every rule and reports what ModeBlock would have done.
	ModeDetect
)

// Reading is how requests are read.
type Reading = reading.Options

// FileMode is what rules see of the contents of uploaded files.
type FileMode = reading.FileMode

// The modes.
const (
	FilesActive = reading.FilesActive
	FilesSkip   = reading.FilesSkip
	FilesAll    = reading.FilesAll
)

// Policy is what one engine is compiled from. Two policies with equal [Policy.Digest]
// need only one engine.
type Policy struct {
	ID   string // for error messages; not part of the digest
	Mode Mode

	BlockingParanoia, DetectionParanoia int // 1 to 4
	InboundThreshold, OutboundThreshold int
	EarlyBlocking                       bool
	ReportingLevel                      int // 0 to 5, CRS tx.reporting_level

	CRS CRS // further variables of crs-setup.conf

	RequestBody       bool // inspect request bodies
	Reading           Reading
	ResponseBody      bool // inspect response bodies
	ResponseBodyBytes int  // at most, 1 to 1 GiB - 1
	ResponseMIMETypes []string

	RulesBefore, RulesAfter []RuleText // before and after CRS
	Exclusions              []Exclusion

	Descriptors       string // a FileDescriptorSet, which names fields in messages of gRPC; empty: none
	DescriptorsSource string // for error messages; not part of the digest

	Budget time.Duration // of CPU time for a transaction; 0: no limit

	ScreenOff    bool    // every message goes to Coraza
	ScreenVerify float64 // share of messages that all of Coraza checks once more, 0 to 1
}

// RuleText is SecLang text, where it came from, and the files that its operators read.
type RuleText struct {
	Source, Text string
	Files        map[string]string // content by the name that the text has for it, cleaned
}

// Exclusion takes rules, or one target out of rules, in all requests or below a path.
// Exactly one of RuleIDs and Tag is set.
type Exclusion struct {
	Source  string // for error messages
	RuleIDs string // "942100" or "942100-942199"
	Tag     string
	Target  string // "ARGS:comment"; empty: the whole rule
	Path    string // this path and those below it; empty: everywhere
}

// Digest identifies what the policy compiles to.
func (p Policy) Digest() string {
	h := sha256.New()
	for _, piece := range p.pieces() {
		fmt.Fprintf(h, "%d\n%s\n", len(piece.text), piece.text)
	}
	fmt.Fprintf(h, "descriptors %x\n", sha256.Sum256([]byte(p.Descriptors)))
	fmt.Fprintf(h, "budget %s\nscreen %t %g\nreading %+v\n", p.Budget, p.ScreenOff, p.ScreenVerify, p.Reading)
	return hex.EncodeToString(h.Sum(nil))
}

// piece is a part of the SecLang text that a policy compiles to.
type piece struct{ source, text string }

// pieces returns the whole SecLang text in the order Coraza has to read it: the engine's
// settings, CRS's set-up, exclusions decided while a request runs, rules for what cannot be read,
// own rules, CRS and what of it ordinary traffic does not bear, own rules, and exclusions decided now.
func (p Policy) pieces() []piece {
	out := []piece{
		{"engine settings", p.engineText()},
		{"crs set-up", p.setupText()},
		{"set-up for ordinary traffic", p.ordinarySetup()},
	}
	for i, x := range p.Exclusions {
		if x.Path != "" || x.Target != "" && x.RuleIDs != "" {
			out = append(out, piece{x.Source, x.runtimeRule(exclusionRuleID + i)})
		}
	}
	out = append(out, piece{"rules for what cannot be read", bodyRules}) // exclusions hold for them, too
	for _, r := range p.RulesBefore {
		out = append(out, piece{r.Source, r.named()})
	}
	out = append(out,
		piece{"crs", "Include " + p.crsFolder() + "/*.conf"},
		piece{"exceptions for ordinary traffic", p.ordinaryText()},
	)
	for _, r := range p.RulesAfter {
		out = append(out, piece{r.Source, r.named()})
	}
	for _, x := range p.Exclusions {
		if x.Path == "" {
			out = append(out, piece{x.Source, x.directive()})
		}
	}
	return out
}

// Rule ids that Wafer's own text uses. CRS owns 900000 to 999999, of which set-up files
// use 900000 to 900999; 200000 to 200009 are those of Coraza's recommended settings, and
// 200020 is ours.
const (
	setupRuleID      = 900000
	ordinaryRuleID   = 9890000
	serializedRuleID = 9890100
	exclusionRuleID  = 9900000
)

func (p Policy) engineText() string {
	var b strings.Builder
	engine := "On"
	if p.Mode == ModeDetect {
		engine = "DetectionOnly"
	}
	fmt.Fprintf(&b, "SecRuleEngine %s\n", engine)
	fmt.Fprintf(&b, "SecRequestBodyAccess %s\n", onOff(p.RequestBody))
	fmt.Fprintf(&b, "SecResponseBodyAccess %s\n", onOff(p.ResponseBody))
	if len(p.ResponseMIMETypes) > 0 { // compile adds the missing type to them
		fmt.Fprintf(&b, "SecResponseBodyMimeType %s\n", strings.Join(p.ResponseMIMETypes, " "))
	}
	// Coraza takes a body of exactly the limit for one that goes on, so its limit is one byte above ours.
	fmt.Fprintf(&b, "SecResponseBodyLimit %d\nSecResponseBodyLimitAction ProcessPartial\n", p.ResponseBodyBytes+1)
	b.WriteString("SecAuditEngine Off\n")
	return b.String()
}

// bodyRules refuse what cannot be read, by the ids of Coraza's recommended settings. Events hold the message of
// a rule and not its logdata, so the reason stands in the message. The last one counts as
// one of CRS: FILES_TMP_CONTENT holds what in a file a server or a browser would carry out, and nothing else.
const bodyRules = `
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,msg:'Request body cannot be parsed: %{reqbody_error_msg}',severity:2"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:200003,phase:2,t:none,log,deny,status:400,msg:'Multipart body is not strictly valid',severity:2"
SecRule ARGUMENTS_LIMIT_REACHED "@eq 1" "id:200004,phase:1,t:none,log,deny,status:400,msg:'More arguments, cookies, parts or values than are inspected',severity:2"
SecRule ARGUMENTS_LIMIT_REACHED "@eq 1" "id:200005,phase:2,t:none,log,deny,status:400,msg:'More arguments, cookies, parts or values than are inspected',severity:2"
SecRule URI_PARSE_ERROR "@eq 1" "id:200009,phase:1,t:none,log,deny,status:400,msg:'Request target cannot be parsed',severity:2"
SecRule FILES_TMP_CONTENT "@rx ." "id:200020,phase:2,block,t:none,log,msg:'File with active content',logdata:'%{MATCHED_VAR_NAME}: %{MATCHED_VAR}',tag:'attack-injection-generic',tag:'paranoia-level/1',severity:'CRITICAL',setvar:'tx.inbound_anomaly_score_pl1=+%{tx.critical_anomaly_score}'"
SecResponseBodyJsonDepthLimit 1024
`

func (p Policy) setupText() string {
	var b strings.Builder
	for phase := 1; phase <= 5; phase++ {
		fmt.Fprintf(&b, "SecDefaultAction \"phase:%d,log,auditlog,pass\"\n", phase)
	}
	fmt.Fprintf(&b, `SecAction "id:%d,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=4250`, setupRuleID)
	set := func(name, value string) { fmt.Fprintf(&b, ",setvar:'tx.%s=%s'", name, value) }
	set("blocking_paranoia_level", fmt.Sprint(p.BlockingParanoia))
	set("detection_paranoia_level", fmt.Sprint(p.DetectionParanoia))
	set("inbound_anomaly_score_threshold", fmt.Sprint(p.InboundThreshold))
	set("outbound_anomaly_score_threshold", fmt.Sprint(p.OutboundThreshold))
	set("reporting_level", fmt.Sprint(p.ReportingLevel))
	if p.EarlyBlocking {
		set("early_blocking", "1")
	}
	for _, s := range p.CRS.settings() {
		set(s.name, s.value)
	}
	b.WriteString("\"\n")
	return b.String()
}

// directive is an exclusion that holds for every request.
func (x Exclusion) directive() string {
	switch targets := x.targets(); {
	case x.RuleIDs != "" && targets == nil:
		return "SecRuleRemoveById " + x.RuleIDs
	case x.RuleIDs != "":
		return fmt.Sprintf("SecRuleUpdateTargetById %s \"!%s\"", x.RuleIDs, strings.Join(targets, "|!"))
	case targets == nil:
		return "SecRuleRemoveByTag " + x.Tag
	default:
		return fmt.Sprintf("SecRuleUpdateTargetByTag %s \"!%s\"", x.Tag, strings.Join(targets, "|!"))
	}
}

// argument is a target that names one argument, by a name that needs no quoting anywhere in SecLang.
var argument = regexp.MustCompile(`^(ARGS(?:_GET|_POST)?(?:_NAMES)?):([A-Za-z0-9_.\-]+(/[A-Za-z0-9_.\-]+)?)$`)

// targets are the targets that an exclusion takes out; nil: the whole rule. Who names an argument means
// also what is in it, if its value is JSON and is read as such (package reading).
func (x Exclusion) targets() []string {
	if x.Target == "" {
		return nil
	}
	targets := []string{x.Target}
	m := argument.FindStringSubmatch(x.Target)
	switch {
	case m == nil:
	case m[3] != "": // of gRPC: SecLang takes what is behind a slash for an expression
		name := strings.ReplaceAll(regexp.QuoteMeta(strings.ToLower(m[2])), "/", `\/`)
		targets = []string{m[1] + ":/^" + name + "$/", m[1] + ":/^" + name + `\./`}
	default:
		targets = append(targets, m[1]+":/^"+regexp.QuoteMeta(strings.ToLower(m[2]))+`\./`)
	}
	return targets
}

// runtimeRule is an exclusion that holds below a path. One that holds everywhere has it beside its directive,
// which reaches the first link of a chain alone.
func (x Exclusion) runtimeRule(id int) string {
	var ctls []string
	switch targets := x.targets(); {
	case targets == nil && x.RuleIDs != "":
		ctls = append(ctls, "ruleRemoveById="+x.RuleIDs)
	case targets == nil:
		ctls = append(ctls, "ruleRemoveByTag="+x.Tag)
	default:
		for _, t := range targets {
			if x.RuleIDs != "" {
				ctls = append(ctls, "ruleRemoveTargetById="+x.RuleIDs+";"+t)
			} else {
				ctls = append(ctls, "ruleRemoveTargetByTag="+x.Tag+";"+t)
			}
		}
	}
	actions := fmt.Sprintf("id:%d,phase:1,pass,t:none,nolog,ctl:'%s'", id, strings.Join(ctls, "',ctl:'"))
	if x.Path == "" {
		return fmt.Sprintf("SecAction \"%s\"", actions)
	}
	path := regexp.QuoteMeta(strings.TrimSuffix(x.Path, "/"))
	// \A and \z, since Coraza lets ^ and $ match at line breaks.
	return fmt.Sprintf(`SecRule REQUEST_FILENAME "@rx \A%s(?:/|\z)" "%s"`, path, actions)
}

func onOff(b bool) string {
	if b {
		return "On"
	}
	return "Off"
}
