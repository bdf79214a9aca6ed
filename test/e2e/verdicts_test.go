package e2e

import (
	"io"
	"net/http"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

func TestVerdictsOfOwnRules(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: own, policy: own, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
policies:
  - id: own
    rules_before:
      - inline: |
          SecRule ARGS:v "@streq deny"     "id:1001,phase:1,deny,status:400,log,msg:'own deny'"
          SecRule ARGS:v "@streq body"     "id:1002,phase:2,deny,status:410,log,msg:'own deny of a body'"
          SecRule ARGS:v "@streq redirect" "id:1003,phase:1,redirect:https://login.test/?from=waf,status:307,log,msg:'own redirect'"
          SecRule ARGS:v "@streq drop"     "id:1004,phase:1,drop,log,msg:'own drop'"
          SecRule ARGS:v "@streq allow"    "id:1005,phase:1,allow,log,msg:'own allow'"
          SecRule ARGS:v "@streq off"      "id:1006,phase:1,pass,nolog,ctl:ruleEngine=Off"
          SecRule ARGS:v "@streq nobody"   "id:1007,phase:1,pass,nolog,ctl:requestBodyAccess=Off"
          SecRule ARGS:v "@streq detect"   "id:1008,phase:1,pass,nolog,ctl:ruleEngine=DetectionOnly"
`))
	const attack = "q=1'+OR+'1'='1'+--+"
	const form = "Content-Type: application/x-www-form-urlencoded"
	f := func(v string, status int, access, security map[string]any) reply {
		t.Helper()
		before := back.whole.Load()
		r := post(t, w, "own.test", "/?v="+v, attack).wantStatus(t, status)
		event := w.Access(r.id)
		wantEvent(t, event, access)
		wantEvent(t, event, map[string]any{"status": float64(status)})
		all := w.Events(func(e map[string]any) bool { return e["event"] == "security" && e["request_id"] == r.id })
		switch {
		case security == nil && len(all) > 0:
			t.Errorf("%s: security event %v", v, all)
		case security != nil && len(all) != 1:
			t.Errorf("%s: %d security events", v, len(all))
		case security != nil:
			wantEvent(t, all[0], security)
		}
		if got := back.whole.Load() - before; (status == 200) != (got == 1) {
			t.Errorf("%s: status %d, and the backend received %d requests", v, status, got)
		}
		return r
	}
	blocked := func(id, phase float64) map[string]any {
		return map[string]any{"verdict": "block", "rule_id": id, "phase": phase}
	}
	f("none", 403, map[string]any{"verdict": "block", "coverage": "full"}, blocked(949110, 2))
	f("deny", 400, map[string]any{"verdict": "block", "coverage": "headers", "coverage_reason": "blocked"}, blocked(1001, 1))
	f("body", 410, map[string]any{"verdict": "block", "coverage": "full"}, blocked(1002, 2))
	r := f("redirect", 307, map[string]any{"verdict": "redirect"}, map[string]any{"verdict": "redirect", "rule_id": 1003.0, "status": 307.0})
	if got := r.header.Get("Location"); got != "https://login.test/?from=waf" {
		t.Errorf("Location %q", got)
	}
	f("allow", 200, map[string]any{"verdict": "pass"}, map[string]any{"verdict": "pass"})
	f("off", 200, map[string]any{"verdict": "pass", "coverage": "none", "coverage_reason": "excluded"}, nil)
	f("nobody", 200, map[string]any{"verdict": "pass", "coverage": "headers", "coverage_reason": "excluded"}, nil)
	f("detect", 200, map[string]any{"verdict": "would_block", "coverage": "full"}, map[string]any{"verdict": "would_block"})

	before := back.whole.Load()
	c := dial(t, w.Addr, "").send(message("POST", "own.test", "/?v=drop", attack, form))
	if answer, err := io.ReadAll(c.br); len(answer) != 0 {
		t.Errorf("drop answered %q, %v", answer, err)
	}
	dropped := w.Event(func(e map[string]any) bool { return e["event"] == "access" && e["verdict"] == "drop" })
	wantEvent(t, dropped, map[string]any{"status": 0.0})
	id, _ := dropped["request_id"].(string)
	wantEvent(t, w.Security(id), map[string]any{"verdict": "drop", "rule_id": 1004.0, "status": 0.0})
	if got := back.whole.Load() - before; got != 0 {
		t.Errorf("the backend received %d dropped requests", got)
	}

	// The head is judged before its body is asked for; what comes behind it all the same is
	// no request.
	for v, status := range map[string]int{"deny": 400, "redirect": 307, "drop": 0} {
		before := back.whole.Load()
		smuggled := request("GET", "own.test", "/smuggled")
		c := dial(t, w.Addr, "").send(message("POST", "own.test", "/expect?v="+v, smuggled, form, "Expect: 100-continue"))
		if status != 0 {
			c.reply("POST").wantStatus(t, status)
		}
		if rest, err := io.ReadAll(c.br); len(rest) > 0 {
			t.Errorf("%s: behind the answer came %q, %v", v, rest, err)
		}
		event := w.Event(func(e map[string]any) bool {
			return e["path"] == "/expect" && e["event"] == "access" && e["status"] == float64(status)
		})
		wantEvent(t, event, map[string]any{"coverage": "headers", "coverage_reason": "blocked"})
		if got := back.whole.Load() - before; got != 0 {
			t.Errorf("%s: the backend received %d requests", v, got)
		}
	}
}

func TestExclusions(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	rules := `
    rules_before:
      - inline: |
          SecRule ARGS|REQUEST_HEADERS:X-Word "@streq one"   "id:5001,phase:2,deny,log,tag:'own-a',msg:'one'"
          SecRule ARGS|REQUEST_HEADERS:X-Word "@streq two"   "id:5002,phase:2,deny,log,tag:'own-b',msg:'two'"
          SecRule ARGS|REQUEST_HEADERS:X-Word "@streq three" "id:5003,phase:2,deny,log,tag:'own-c',msg:'three'"
          SecRule ARGS|REQUEST_HEADERS:X-Word "@streq four"  "id:5004,phase:2,deny,log,tag:'own-d',msg:'four'"
          SecRule ARGS|REQUEST_HEADERS:X-Word "@streq five"  "id:5005,phase:2,deny,log,tag:'own-e',msg:'five'"
`
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: strict, hosts: [strict.test], policy: strict, upstreams: [{ id: a }] }
  - { id: tuned, hosts: [tuned.test], policy: tuned, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
policies:
  - id: strict`+rules+`
  - id: tuned`+rules+`
    exclusions:
      - { rule: 5001, reason: a rule }
      - { tag: own-b, reason: a tag }
      - { rules: 5003-5003, target: "ARGS:note", reason: a target of a range }
      - { rule: 5004, path: /notes, reason: a path }
      - { tag: own-e, target: "ARGS:/^note_/", path: /notes, reason: targets of a tag below a path }
      - { rules: 942000-942999, target: "ARGS:sql", reason: a part of the rule set }
`))
	f := func(target string, status int, fields ...string) {
		t.Helper()
		get(t, w, "strict.test", target, fields...).wantStatus(t, http.StatusForbidden)
		get(t, w, "tuned.test", target, fields...).wantStatus(t, status)
	}
	f("/?a=one", 200)
	f("/?a=two", 200)
	f("/?note=three", 200)
	f("/?other=three", 403)
	f("/", 403, "X-Word: three")
	f("/notes?a=four", 200)
	f("/notes/1?a=four", 200)
	f("/notesbook?a=four", 403)
	f("/?a=four", 403)
	f("/notes?note_1=five", 200)
	f("/notes?other=five", 403)
	f("/?note_1=five", 403)
	f("/?sql="+injection, 200)
	f("/?q="+injection, 403)
}
