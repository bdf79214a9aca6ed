package waf

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/types/variables"
	"github.com/wafer-waf/wafer/suggest"
	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// checkDirectives compiles own rules one by one, so that all that Coraza does not take is known at once. What
// depends on other rules, such as a directive that changes them, is left to the compilation of the whole. Lines
// about which there is a mistake already are passed over.
func (p Policy) checkDirectives(already Mistakes) (ms Mistakes) {
	register()
	own := &ownFiles{}
	defer own.hold(p)()
	for _, r := range p.own() {
		reported := func(line int) bool {
			return slices.ContainsFunc(already, func(m Mistake) bool { return m.Source == r.Source && m.Line == line })
		}
		lines := strings.Split(r.named(), "\n")
		before := "" // the links of the chain that the directive at hand goes on
		for s := range seclang.Spans(r.Text) {
			if s.Open {
				break // continued into nothing, which is reported
			}
			text := before + strings.Join(lines[s.First-1:s.Last], "\n") + "\n"
			d := &seclang.Directives(strings.Join(lines[s.First-1:s.Last], "\n"))[0]
			before = ""
			byID, byTag := d.Removes()
			if d.Name != "secrule" && d.Name != "secaction" && len(byID)+len(byTag) > 0 || reported(s.First) {
				continue
			}
			if err := compileAlone(text, own); err != nil {
				ms.add(r.Source, s.First, "%s", inWords(err, d))
			} else if _, goesOn := d.Action("chain"); goesOn {
				before = text
			}
		}
	}
	return ms
}

// compileAlone compiles text without CRS.
func compileAlone(text string, own *ownFiles) error {
	w, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(files{rules(), own}).WithDirectives(text))
	if err != nil {
		return err
	}
	return w.(experimental.WAFCloser).Close()
}

// What Coraza says of a directive that it does not take.
var (
	noOperator       = regexp.MustCompile(`^operator (\S+) not found$`)
	noTransformation = regexp.MustCompile(`^invalid transformation name "(.*)"$`)
	noAction         = regexp.MustCompile(`^invalid action "(.*)"$`)
	noDirective      = regexp.MustCompile(`^unknown directive "(.*)"$`)
	badRule          = regexp.MustCompile(`^invalid (?:operator|format) for rule with operator`)
	badAction        = regexp.MustCompile(`^failed to init action (\w+): (.*)$`)
	badNumber        = regexp.MustCompile(`^(?:invalid argument: )?strconv\.\w+: parsing "(.*)": .*$`)
	badRegexp        = regexp.MustCompile("^error parsing regexp: (.*?):? *`(?:\\(\\?sm\\))?(.*)`$")
)

// inWords says what Coraza says of a directive in words that stand in it.
func inWords(err error, d *seclang.Directive) string {
	_, what, found := strings.Cut(plain(err), `": `)
	if !found || strings.HasPrefix(plain(err), "unknown directive") {
		what = plain(err)
	}
	switch {
	case what == "unknown variable":
		for _, t := range seclang.SplitTargets(d.Targets) {
			name, _, _ := strings.Cut(strings.ToUpper(strings.TrimLeft(t, "!&")), ":")
			if !isVariable(name) {
				return fmt.Sprintf("there is no variable %s%s", name, suggest.DidYouMean(name, variableNames()))
			}
		}
	case badRule.MatchString(what):
		return `a rule is written SecRule TARGETS "@operator argument" "id:100001,phase:2,…", with both texts in double quotes`
	}
	if m := noOperator.FindStringSubmatch(what); m != nil {
		return fmt.Sprintf("there is no operator @%s%s", m[1], suggest.DidYouMean(m[1], operatorNames))
	}
	if m := noTransformation.FindStringSubmatch(what); m != nil {
		return fmt.Sprintf("there is no transformation t:%s%s", m[1], suggest.DidYouMean(m[1], transformationNames))
	}
	if m := noAction.FindStringSubmatch(what); m != nil {
		return fmt.Sprintf("there is no action %s%s", m[1], suggest.DidYouMean(m[1], actionNames))
	}
	if m := noDirective.FindStringSubmatch(what); m != nil {
		return fmt.Sprintf("there is no directive %s%s", d.Written, suggest.DidYouMean(m[1], directiveNames))
	}
	if m := badAction.FindStringSubmatch(what); m != nil {
		what = m[1] + ": " + m[2]
		if n := badNumber.FindStringSubmatch(m[2]); n != nil {
			what = fmt.Sprintf("%s: %q is no number", m[1], n[1])
		}
		return what
	}
	if strings.HasPrefix(what, "failed to readfile: ") {
		return fmt.Sprintf("Include: there is no file %q: it reads those of CRS, %s/…", d.Args, crsFolder)
	}
	if m := badNumber.FindStringSubmatch(what); m != nil {
		return fmt.Sprintf("%q is no number", m[1])
	}
	if m := badRegexp.FindStringSubmatch(what); m != nil {
		return fmt.Sprintf("%q is not a regular expression: %s%s", m[2], m[1], notInRE2(m[2]))
	}
	return what
}

// notInRE2 says what to do without what expressions of ModSecurity often have, and those of RE2 never.
func notInRE2(piece string) string {
	if strings.HasPrefix(piece, "(?=") || strings.HasPrefix(piece, "(?!") || strings.HasPrefix(piece, "(?<") {
		return ": RE2 has no lookaround, write a second link of the chain for it, with !@rx for what must not be there"
	}
	return ""
}

// isVariable reports whether rules can look at a variable of that name.
func isVariable(name string) bool {
	_, err := variables.Parse(name)
	return err == nil
}

// variableNames are those that requests give a value to.
func variableNames() []string {
	names := []string{"ARGS", "ARGS_NAMES", "XML", "TX", "MATCHED_VAR", "MATCHED_VARS", "REMOTE_ADDR"}
	for k := range reading.Kinds {
		names = append(names, k.String())
	}
	return names
}

// Words that are suggested for misspelled ones.
var (
	operatorNames = []string{
		"beginsWith", "contains", "detectSQLi", "detectXSS", "endsWith", "eq", "ge", "gt", "ipMatch", "ipMatchFromFile", "le", "lt", "noMatch",
		"pm", "pmFromFile", "restpath", "rx", "streq", "strmatch", "unconditionalMatch", "validateByteRange", "validateNid",
		"validateSchema", "validateUrlEncoding", "validateUtf8Encoding", "within",
	}
	actionNames = []string{
		"allow", "auditlog", "block", "capture", "chain", "ctl", "deny", "drop", "id", "log", "logdata", "maturity", "msg", "multiMatch",
		"noauditlog", "nolog", "pass", "phase", "redirect", "rev", "setvar", "severity", "skip", "skipAfter", "status", "t", "tag", "ver",
	}
	transformationNames = []string{
		"base64Decode", "base64DecodeExt", "cmdLine", "compressWhitespace", "cssDecode", "escapeSeqDecode", "hexDecode", "htmlEntityDecode",
		"jsDecode", "length", "lowercase", "md5", "none", "normalisePath", "normalizePath", "normalizePathWin", "removeComments", "removeNulls",
		"removeWhitespace", "replaceComments", "replaceNulls", "sha1", "trim", "trimLeft", "trimRight", "uppercase", "urlDecode", "urlDecodeUni",
		"utf8toUnicode",
	}
	directiveNames = []string{
		"Include", "SecAction", "SecComponentSignature", "SecDefaultAction", "SecMarker", "SecResponseBodyMimeType", "SecRule", "SecRuleRemoveById",
		"SecRuleRemoveByMsg", "SecRuleRemoveByTag", "SecRuleUpdateActionById", "SecRuleUpdateTargetById", "SecRuleUpdateTargetByTag",
	}
)
