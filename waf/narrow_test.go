package waf

import "testing"

// An attack is shown to few of the rules, and what they find is what all of them find.
func TestAttacksAreShownToFewRules(t *testing.T) {
	e := screenEngine(t, 1)
	r := get("/search?q=1%27%20UNION%20SELECT%20username,mail%20FROM%20users--%20-")
	tx := e.Begin(t.Context(), Terms{ID: "id-1"})
	if _, err := tx.RequestHead(r); err != nil || tx.clean {
		t.Fatal(err, tx.clean)
	}
	if v, err := tx.RequestBody(nil, true); err != nil || !v.Blocks() {
		t.Fatal(v, err)
	}
	rules, _ := e.screen.Rules()
	out := 0
	for _, rule := range rules {
		for _, l := range tx.leftOut {
			if l.phase == rule.Phase && l.from <= rule.ID && rule.ID <= l.to {
				out++
			}
		}
	}
	if out < 100 {
		t.Errorf("%d of %d rules left out; does Coraza still know RemoveRuleByIDRange?", out, len(rules))
	}
	if _, err := tx.Finish(); err != nil {
		t.Fatal(err)
	}
}

// Rules that look at what others leave behind, or that count others, see the same.
func TestRulesThatAreNotLeftOut(t *testing.T) {
	const attack = "SecRule ARGS \"@rx attack\" \"id:1,phase:2,pass,log\"\n"
	for _, test := range []struct {
		name, rules string
		out         bool // rule 2
	}{
		{"a check", `SecRule ARGS "@rx other" "id:2,phase:2,deny,log"`, true},
		{"after another condition", `SecRule ARGS "@rx attack" "id:2,phase:2,deny,log,chain"` + "\n" + `SecRule ARGS:x "@rx other"`, false},
		{"by what rules set", `SecRule ARGS "@streq %{tx.word}" "id:2,phase:2,deny,log"`, false},
		{"captures without a match", `SecRule ARGS "!@rx (a)" "id:2,phase:2,deny,log,capture"`, false},
		{"counted", `SecRule ARGS "@rx attack" "id:3,phase:2,pass,nolog,skip:1"` + "\n" + `SecRule ARGS "@rx other" "id:2,phase:2,deny,log"`, false},
		{"RULE is read", `SecRule ARGS "@rx other" "id:2,phase:2,deny,log"` + "\n" + `SecRule RULE:id "@eq 2" "id:3,phase:2,deny,log"`, false},
		{"a body may appear", `SecRule ARGS "@rx other" "id:2,phase:2,deny,log"` + "\n" + `SecRule ARGS "@rx more" "id:3,phase:1,pass,log,ctl:requestBodyAccess=On"`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, err := rulesEngine(t, attack+test.rules+"\n", ModeBlock)
			if err != nil {
				t.Fatal(err)
			}
			if !e.Screening() {
				t.Fatal(e.NoScreen())
			}
			tx := e.Begin(t.Context(), Terms{ID: "id-1"})
			r := get("/?q=attack")
			if _, err := tx.RequestHead(r); err != nil || tx.clean {
				t.Fatal(err, tx.clean)
			}
			if _, err := tx.RequestBody(nil, true); err != nil {
				t.Fatal(err)
			}
			found := Findings{Matches: []Match{{RuleID: 2, Phase: 2}}}
			if out := found.foundBy(tx.leftOut); out != test.out {
				t.Errorf("left out: %v, want %v (%v)", out, test.out, tx.leftOut)
			}
			if _, err := tx.Finish(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
