package waf

import (
	"fmt"
	"strings"
)

// This file holds what CRS counts against ordinary traffic and Wafer does not: each time one target of
// one rule under one condition, or a rule whose reason Wafer's own reading of bodies has taken away.
// docs/security.md has the figures, package test/ordinary the traffic.

// contentTypes is the setting that makes the media type of a request count.
const contentTypes = "allowed_request_content_type"

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
func ordinarySetup() string {
	const names = `ctl:'ruleRemoveTargetById=943110;ARGS_NAMES:/^session[-_]?id$/',` +
		`ctl:'ruleRemoveTargetById=943120;ARGS_NAMES:/^session[-_]?id$/'`
	return fmt.Sprintf(`
SecRule REQUEST_HEADERS:Sec-Fetch-Mode "@rx ^(?:cors|no-cors|same-origin)$" "id:%[1]d,phase:1,pass,t:none,nolog,%[4]s"
SecRule REQUEST_METHOD "@streq GET" "id:%[2]d,phase:1,pass,t:none,nolog,chain"
  SecRule REQUEST_HEADERS:Origin "@rx ^https?://" "t:none,%[4]s"
SecRule REQUEST_HEADERS:Authorization "@rx ^Bearer " "id:%[3]d,phase:1,pass,t:none,nolog,%[4]s"
`, ordinaryRuleID, ordinaryRuleID+1, ordinaryRuleID+2, names)
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

func (p Policy) limitsContentTypes() bool {
	for _, s := range p.Settings {
		if s.Name == contentTypes {
			return true
		}
	}
	for _, r := range p.RulesBefore {
		if strings.Contains(strings.ToLower(r.Text), "tx."+contentTypes) {
			return true
		}
	}
	return false
}
