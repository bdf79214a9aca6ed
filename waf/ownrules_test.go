package waf

import (
	"strings"
	"testing"
)

// TestOwnRules refuses rule text that leaks, or that does nothing, at its line.
func TestOwnRules(t *testing.T) {
	const deny = `"id:100001,phase:2,deny"`
	for _, test := range []struct {
		name, before, after string
		want                []string // in the error; none: accepted
	}{
		{name: "a plain rule", before: `SecRule ARGS:a "@rx ^\d+$" ` + deny},
		{name: "audit log", before: "\n# why\nSecAuditEngine On\nSecAuditLog /dev/stdout", want: []string{"before line 3: SecAuditEngine would write requests down unmasked", "before line 4: SecAuditLog "}},
		{name: "audit log switched off", before: "SecAuditEngine Off"},
		{name: "debug log", after: "SecDebugLogLevel 9", want: []string{"after line 1: SecDebugLogLevel"}},
		{name: "files", before: "SecUploadDir /tmp", want: []string{"would write files"}},
		{name: "mode", before: "SecRuleEngine DetectionOnly", want: []string{"policy's mode"}},
		{name: "remote rules", before: "SecRemoteRules key https://rules.example", want: []string{"network"}},
		{name: "place", before: `SecRule REMOTE_ADDR "@geoLookup" "id:100001,phase:1,pass,chain"` + "\n" + `SecRule GEO:COUNTRY_CODE "@streq RU" "deny"`,
			want: []string{"line 1: @geoLookup finds nothing", "line 2: GEO never has a value"}},
		{name: "collections", before: `SecAction "id:100001,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},expirevar:ip.x=60"`},
		{name: "a collection that nobody begins", before: "\n" + `SecRule IP:attacks "@gt 5" ` + deny, want: []string{"before line 2: no rule begins the collection IP, so that IP:attacks never has a value: write initcol:ip=%{REMOTE_ADDR}"}},
		{name: "a collection that is none", before: `SecAction "id:100001,phase:1,pass,setvar:ipp.x=+1"`, want: []string{`line 1: setvar: "ipp" is no collection that rules write to: write tx, ip,`}},
		{name: "programs", before: `SecRule ARGS "@inspectFile /bin/x" ` + deny + "\n" + `SecRule ARGS "a" "id:100002,phase:2,deny,exec:/bin/x"`, want: []string{"line 1: @inspectFile", "line 2: exec"}},
		{name: "environment", before: `SecAction "id:100001,phase:1,pass,setenv:PATH=/x"`, want: []string{"setenv"}},
		{name: "block list of DNS", before: `SecRule REMOTE_ADDR "@rbl bl.example" ` + deny, want: []string{"@rbl would ask the network"}},
		{name: "no id", before: `SecRule ARGS "a" "phase:2,deny"`, want: []string{"line 1: a rule needs an id"}},
		{name: "no id in a chain", before: "SecRule ARGS \"a\" \"id:100001,phase:2,deny,chain\"\nSecRule ARGS \"b\"\n"},
		{name: "capitals", before: `SecRule ARGS:/^Id/ "a" ` + deny, want: []string{`ARGS:/^Id/: names are compared in lower case, so that "I" never matches`}},
		{name: "capitals that may be small", before: `SecRule ARGS:/(?i)^Id/|!ARGS:/^x\S/ "a" ` + deny},
		{name: "a class in capitals", before: `SecRule REQUEST_HEADERS:/^x-\D+$/ "a" ` + deny, want: []string{`\D would be read as \d`}},
		{name: "a bar in an expression", before: `SecRule ARGS:/^(a|B)$/ "a" ` + deny, want: []string{`"B" never matches`}},
		{name: "no such rule", after: "SecRuleRemoveById 941999 942100\nSecRuleRemoveByTag nothing-such", want: []string{"line 1: there is no rule 941999", `line 2: no rule has tag "nothing-such"`}},
		{name: "no such rule below a path", before: `SecRule REQUEST_FILENAME "@streq /a" "id:100001,phase:1,pass,nolog,ctl:ruleRemoveTargetById=949999;ARGS:a"`, want: []string{"there is no rule 949999"}},
		{name: "too early", before: "SecRuleRemoveById 942100", want: []string{"write it in rules_after"}},
		{name: "own rules before", before: `SecRule ARGS "a" ` + deny + "\nSecRuleRemoveById 100001"},
		{name: "no such marker", before: `SecAction "id:100001,phase:1,pass,nolog,skipAfter:END-NOWHERE"`, want: []string{"there is no SecMarker END-NOWHERE"}},
		{name: "a marker of CRS", before: `SecAction "id:100001,phase:1,pass,nolog,skipAfter:END-REQUEST-942-APPLICATION-ATTACK-SQLI"`},
		{name: "limits of the engine", before: "SecArgumentsLimit 5\nSecAction \"id:100001,phase:1,pass,ctl:forceRequestBodyVariable=On\"", want: []string{"line 1: SecArgumentsLimit has no effect", "line 2: ctl:forceRequestBodyVariable has no effect"}},
		{name: "everything at once", before: "SecDebugLog /x\nSecWebAppId x", after: `SecRule ARGS "a" "phase:2,deny"`, want: []string{"before line 1", "before line 2", "after line 1"}},
		{name: "and what the engine does not take", before: "SecDebugLog /x\nSecRule ARGZ \"a\" \"id:100001,pass\"\nSecRul x",
			after: "SecRule ARGS \"@containss a\" \"id:100002,pass\"\nSecRule ARGS \"(\" \"id:100003,pass\"\n\nSecRule ARGS a\nSecRuleRemoveById 1",
			want: []string{`before line 2: there is no variable ARGZ: did you mean "ARGS"?`, `before line 3: there is no directive SecRul: did you mean "SecRule"?`, "before line 1: SecDebugLog",
				`after line 1: there is no operator @containss: did you mean "contains"?`, `after line 2: "(" is not a regular expression: missing closing )`, "after line 4: a rule is written SecRule TARGETS", "after line 5: there is no rule 1"}},
		{name: "a chain without an end", before: "SecMarker a\nSecRule ARGS \"a\" \"id:100001,phase:2,deny,chain\"\n# nothing", want: []string{"before line 2: the chain that begins here has no end"}},
		{name: "a link that is wrong", before: "SecRule ARGS \"a\" \"id:100001,phase:2,deny,chain\"\nSecRule ARGS \"a\" \"t:lower\"", want: []string{"before line 2: there is no transformation t:lower"}},
		{name: "an id twice", before: `SecRule ARGS "a" ` + deny, after: `SecRule ARGS "b" ` + deny, want: []string{"after line 1: id 100001 is used twice, first in line 1 of before"}},
		{name: "an id of CRS", before: `SecRule ARGS "a" "id:942100,phase:2,deny"`, want: []string{"before line 1: id 942100 is that of a rule of CRS"}},
		{name: "no address", before: `SecRule REMOTE_ADDR "@ipMatch 10.0.0.0/8, 300.1.1.1" ` + deny, want: []string{`"300.1.1.1" is no address or network`}},
		{name: "targets of no use", after: "SecRuleUpdateTargetById 942100 \"!ARGS:a|!RESPONSE_BODY\"\nSecRuleUpdateTargetByTag attack-sqli \"!ARGZ\"\nSecRuleUpdateTargetById 942100 \"!ARGS:/^A/\"",
			want: []string{"after line 1: what 942100 stands for does not look at RESPONSE_BODY", "after line 2: there is no collection ARGZ", "after line 3: ARGS:/^A/: names are compared in lower case"}},
		{name: "targets of no use below a path", before: `SecRule REQUEST_FILENAME "@streq /a" "id:100001,phase:1,pass,nolog,ctl:ruleRemoveTargetById=942100;RESPONSE_BODY"`, want: []string{"before line 1: what 942100 stands for does not look at RESPONSE_BODY"}},
		{name: "targets of use", after: "SecRuleUpdateTargetById 942100 \"!ARGS:a\"\nSecRuleUpdateTargetByTag attack-sqli \"!REQUEST_COOKIES:/^b/\""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := testPolicy()
			p.ScreenOff = true
			p.RulesBefore, p.RulesAfter = []RuleText{{Source: "before", Text: test.before}}, []RuleText{{Source: "after", Text: test.after}}
			refuses(t, p, test.want)
		})
	}
}

// TestDeadTargets refuses exclusions of targets that their rules do not look at.
func TestDeadTargets(t *testing.T) {
	for _, test := range []struct {
		exclusion Exclusion
		want      []string
	}{
		{Exclusion{RuleIDs: "942100", Target: "ARGS:q"}, nil},
		{Exclusion{RuleIDs: "942100-942199", Target: "REQUEST_COOKIES:q"}, nil},
		{Exclusion{Tag: "attack-sqli", Target: "ARGS:q", Path: "/a"}, nil},
		{Exclusion{RuleIDs: "920450", Target: "REQUEST_HEADERS:x"}, []string{"920450", "does not look at REQUEST_HEADERS, but at", "REQUEST_HEADERS_NAMES"}},
		{Exclusion{RuleIDs: "942100", Target: "ARGZ:q"}, []string{`exclusions[0].target: there is no collection ARGZ: did you mean "ARGS"?`}},
		{Exclusion{Tag: "attack-sqli", Target: "RESPONSE_BODY", Path: "/a"}, []string{"what attack-sqli stands for does not look at RESPONSE_BODY"}},
		{Exclusion{Tag: "attack-lfi", Target: "RESPONSE_BODY"}, []string{"does not look at RESPONSE_BODY"}},
	} {
		test.exclusion.Source = "exclusions[0]"
		p := testPolicy()
		p.ScreenOff = true
		p.Exclusions = []Exclusion{test.exclusion}
		refuses(t, p, test.want)
	}
}

// refuses compiles a policy and looks for pieces of its errors.
func refuses(t *testing.T, p Policy, want []string) {
	t.Helper()
	e, err := NewEngine(p)
	if err == nil {
		defer func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}()
		if len(want) > 0 {
			t.Errorf("accepted; want an error with %q", want)
		}
		return
	}
	if len(want) == 0 {
		t.Fatal(err)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in the error: %v", w, err)
		}
	}
}
