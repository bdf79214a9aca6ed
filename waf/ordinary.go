package waf

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// This file holds what CRS counts against ordinary traffic and Wafer does not: each time one target of
// one rule under one condition, or a rule whose reason Wafer's own reading of bodies has taken away.
// docs/security.md has the figures, package test/ordinary the traffic.

// ordinarySetup are rules that a request decides. They stand before CRS.
//
// 943110 and 943120 look for session fixation: a link of somebody else's that brings a session
// identifier along. Half of the interfaces that pages talk to have an argument "sessionId", too. What
// tells the two apart is whether a link could have caused the request. It could not if Sec-Fetch-Mode, which
// no script can set, says that no page is opened; if a GET has the field Origin, which only fetches have;
// or if there is a token in Authorization, which apps and scripts put there. The answer to a fetch, an image or a
// script from another site cannot set a cookie in a browser that sends these fields, unless the
// application has marked it SameSite=None. So nobody asks about the names that say nothing more
// than "session identifier". The names of frameworks that are known to take identifiers from the
// target, such as PHPSESSID and JSESSIONID, are looked for in every request.
func (p Policy) ordinarySetup() string {
	const names = `ctl:'ruleRemoveTargetById=943110;ARGS_NAMES:/^session[-_]?id$/',` +
		`ctl:'ruleRemoveTargetById=943120;ARGS_NAMES:/^session[-_]?id$/'`
	java := ""
	if !p.limitsContentTypes() {
		java = serialized()
	}
	return java + fmt.Sprintf(`
SecRule REQUEST_HEADERS:Sec-Fetch-Mode "@rx ^(?:cors|no-cors|same-origin)$" "id:%[1]d,phase:1,pass,t:none,nolog,%[4]s"
SecRule REQUEST_METHOD "@streq GET" "id:%[2]d,phase:1,pass,t:none,nolog,chain"
  SecRule REQUEST_HEADERS:Origin "@rx ^https?://" "t:none,%[4]s"
SecRule REQUEST_HEADERS:Authorization "@rx ^Bearer " "id:%[3]d,phase:1,pass,t:none,nolog,%[4]s"
SecRule REQUEST_FILENAME "@rx %[6]s" "id:%[5]d,phase:1,pass,t:none,nolog,ctl:'ruleRemoveTargetById=930130;REQUEST_FILENAME'"
`, ordinaryRuleID, ordinaryRuleID+1, ordinaryRuleID+2, names, ordinaryRuleID+3, gitPaths)
}

// ordinaryTargets are values that a rule finds something in which is not there. They stand behind CRS.
//
// The cookies are written and read by scripts of others, in the browser, and belong to no
// application: Mixpanel's holds JSON with names such as $initial_referrer, in which 942290 sees
// operators of MongoDB; those of Akamai and DataDome have ~-1 in them, a directory of shells to 932270;
// Microsoft's have |fsi|, a command of Windows to 932370. The arguments are OData's system query options;
// none of them is an operator that a filter of MongoDB may begin with.
const ordinaryTargets = `
SecRuleUpdateTargetById 942290 "!REQUEST_COOKIES:/^mp_[0-9a-f]{32}_mixpanel$/"
SecRuleUpdateTargetById 942290 "!ARGS_NAMES:/^\$(?:apply|count|expand|filter|format|inlinecount|levels|orderby|search|select|skip|skiptoken|top)$/"
SecRuleUpdateTargetById 932270 "!REQUEST_COOKIES:/^(?:_abck|ak_bmsc|bm_s[vz]|datadome)$/"
SecRuleUpdateTargetById 932370 "!REQUEST_COOKIES:/^_uet[sv]id$/"
`

// gitPaths are what programs ask a repository for. 930130 takes the name of a repository, shop.git/, for
// that of the folder .git.
const gitPaths = `^(?:/[\w.~%-]+)*/[\w~%-][\w.~%-]*\.git/(?:info/refs|info/lfs/[\w/.-]+|git-(?:upload|receive)-pack)$`

// ordinaryTypes takes the rules out that refuse media types which are not on a list, and bodies without
// one. They are there because a body of an unknown type goes uninspected; here each is read as what
// it looks like. A policy that says what it allows, in its settings or in its own rules, means it.
const ordinaryTypes = "SecRuleRemoveById 920340 920420 920640\n"

func (p Policy) ordinaryText() string {
	if p.limitsContentTypes() {
		return ordinaryTargets
	}
	return ordinaryTargets + ordinaryTypes
}

// serialized is a rule for what a list of media types keeps out on the way: objects of Java, which come as
// bodies of types of their own. CRS looks for their first bytes and for the classes that attacks are made
// of, in Base64, from paranoia level 2 and 3 on; in bodies whose type is on no list this rule does at once.
func serialized() string {
	patterns := []string{`\xac\xed\x00\x05`, "rO0AB[Q-Za-f]"}
	for _, word := range []string{
		"\xac\xed\x00\x05", "runtime", "processbuilder", "clonetransformer", "forclosure", "whileclosure",
		"instantiatefactory", "instantiatetransformer", "invokertransformer", "prototypeclonefactory", "prototypeserializationfactory",
	} {
		for shift := range 3 { // Base64 of a text depends on where in a group of three it begins
			encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + word))
			patterns = append(patterns, encoded[shift:])
		}
	}
	return fmt.Sprintf(`
SecRule ARGS|ARGS_NAMES|REQUEST_BODY "@rx (?:%s)" "id:%d,phase:2,block,t:none,log,msg:'Java object in a body of another type',tag:'attack-rce',tag:'paranoia-level/1',severity:'CRITICAL',chain"
  SecRule REQUEST_HEADERS:Content-Type "!@rx (?i)^(?:application/(?:x-www-form-urlencoded|json|xml|soap\+xml)|multipart/form-data|text/xml)(?:$|[\s;,])" "t:none,setvar:'tx.rce_score=+%%{tx.critical_anomaly_score}',setvar:'tx.inbound_anomaly_score_pl1=+%%{tx.critical_anomaly_score}'"
`, strings.Join(patterns, "|"), serializedRuleID)
}

func (p Policy) limitsContentTypes() bool {
	if p.CRS.AllowedContentTypes != nil {
		return true
	}
	for _, r := range p.RulesBefore {
		if strings.Contains(strings.ToLower(r.Text), "tx."+contentTypes) {
			return true
		}
	}
	return false
}
