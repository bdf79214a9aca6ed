package waf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// testPolicy is much like the product's default policy.
func testPolicy(change ...func(*Policy)) Policy {
	p := Policy{
		ID: "test", BlockingParanoia: 1, DetectionParanoia: 1, InboundThreshold: 5, OutboundThreshold: 4, ReportingLevel: 4,
		RequestBody: true, ResponseBody: true, ResponseBodyBytes: 4096,
		ResponseMIMETypes: []string{"text/html", "application/json"},
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

func mustEngine(t testing.TB, change ...func(*Policy)) *Engine {
	t.Helper()
	e, err := NewEngine(testPolicy(change...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func get(target string, headers ...Header) *Request {
	return &Request{
		Method: "GET", Target: target, Protocol: "HTTP/1.1", Host: "shop.example",
		Headers:    append([]Header{{Name: "Host", Value: "shop.example"}, {Name: "User-Agent", Value: "Mozilla/5.0"}, {Name: "Accept", Value: "*/*"}}, headers...),
		ClientAddr: "192.0.2.1", ClientPort: 1234,
	}
}

func post(target, mediaType, body string) *Request {
	r := get(target, Header{Name: "Content-Type", Value: mediaType}, Header{Name: "Content-Length", Value: fmt.Sprint(len(body))})
	r.Method = "POST"
	return r
}

const (
	sqli     = "1'%20UNION%20SELECT%20username,password%20FROM%20users--%20-"
	sqliForm = "q=1'+UNION+SELECT+username,password+FROM+users--+-"
)

// closed is a gate that lets no rule through: what passes it is clean to the screen.
type closed struct{}

var errClosed = errors.New("not clean to the screen")

func (closed) Run(func()) error { return errClosed }

func passed(v Verdict, err error) bool { return err == nil && v.Action == Pass }

// run sends a request through all its phases, as a proxy would.
func run(t testing.TB, e *Engine, r *Request, body string) (Verdict, Findings) {
	t.Helper()
	tx := e.Begin(t.Context(), Terms{ID: "id-1"})
	v, err := tx.RequestHead(r)
	if err == nil && !v.Blocks() {
		v, err = tx.RequestBody([]byte(body), true)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := tx.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return v, f
}

func ids(f Findings) []int {
	var out []int
	for _, m := range f.Matches {
		out = append(out, m.RuleID)
	}
	return out
}

func TestRequestVerdicts(t *testing.T) {
	block := mustEngine(t)
	detect := mustEngine(t, func(p *Policy) { p.Mode = ModeDetect })
	early := mustEngine(t, func(p *Policy) { p.EarlyBlocking = true })
	lenient := mustEngine(t, func(p *Policy) { p.InboundThreshold = 100 })
	own := mustEngine(t, func(p *Policy) {
		p.RulesBefore = []RuleText{{Source: "own", Text: `
SecRule ARGS:go "@streq away" "id:1001,phase:1,redirect:https://example.com/away,status:307"
SecRule ARGS:go "@streq drop" "id:1002,phase:1,drop"
SecRule ARGS:go "@streq teapot" "id:1003,phase:1,deny,status:418"
SecRule ARGS:go "@streq off" "id:1004,phase:1,pass,nolog,ctl:ruleEngine=Off"`}}
	})
	tests := []struct {
		name   string
		engine *Engine
		req    *Request
		body   string
		want   Verdict
		rule   int // that has to be among the matches; 0: none may match
	}{
		{"clean", block, get("/?q=shoes"), "", Verdict{}, 0},
		{"query", block, get("/?q=" + sqli), "", Verdict{Deny, true, 403, "", 949110, 2}, 942100},
		{"form", block, post("/", "application/x-www-form-urlencoded", sqliForm), sqliForm, Verdict{Deny, true, 403, "", 949110, 2}, 942100},
		{"json", block, post("/", "application/json", `{"a":["<script>alert(1)</script>"]}`), `{"a":["<script>alert(1)</script>"]}`, Verdict{Deny, true, 403, "", 949110, 2}, 941100},
		{"broken json", block, post("/", "application/json", `{"a":`), `{"a":`, Verdict{Deny, true, 400, "", 200002, 2}, 200002},
		{"early", early, get("/", Header{Name: "User-Agent", Value: "sqlmap"}), "", Verdict{Deny, true, 403, "", 949111, 1}, 913100},
		{"not early", block, get("/", Header{Name: "User-Agent", Value: "sqlmap"}), "", Verdict{Deny, true, 403, "", 949110, 2}, 913100},
		{"threshold", lenient, get("/?q=" + sqli), "", Verdict{}, 942100},
		{"detect", detect, get("/?q=" + sqli), "", Verdict{Deny, false, 403, "", 949110, 2}, 942100},
		{"redirect", own, get("/?go=away"), "", Verdict{Redirect, true, 307, "https://example.com/away", 1001, 1}, 1001},
		{"drop", own, get("/?go=drop"), "", Verdict{Drop, true, 0, "", 1002, 1}, 1002},
		{"own status", own, get("/?go=teapot"), "", Verdict{Deny, true, 418, "", 1003, 1}, 1003},
		{"engine off", own, get("/?go=off&q=" + sqli), "", Verdict{}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, f := run(t, tt.engine, tt.req, tt.body)
			if v != tt.want {
				t.Errorf("verdict %+v, want %+v", v, tt.want)
			}
			if got := ids(f); tt.rule == 0 && len(got) > 0 || tt.rule != 0 && !slices.Contains(got, tt.rule) {
				t.Errorf("rules %v, want %d", got, tt.rule)
			}
		})
	}
}

func TestScores(t *testing.T) {
	_, f := run(t, mustEngine(t), get("/?q="+sqli), "")
	sum := 0
	for _, m := range f.Matches {
		sum += m.Score
		if m.RuleID == 942100 && (m.Score != 5 || m.Paranoia != 1 || m.Severity != "critical" || m.Targets[0].Name != "ARGS:q" || !strings.HasPrefix(m.Targets[0].Value, "1' UNION")) {
			t.Errorf("942100: %+v", m)
		}
	}
	_, f = run(t, mustEngine(t, func(p *Policy) { p.BlockingParanoia, p.DetectionParanoia = 2, 2 }), get("/?q=1'+or+1=1--"), "")
	sum = 0
	for _, m := range f.Matches {
		if sum += m.Score; m.RuleID == 942130 && m.Score != 5 { // a chain
			t.Errorf("942130: %+v", m)
		}
	}
	if sum == 0 || sum != f.InboundScore {
		t.Errorf("the scores of the rules sum up to %d, the engine's is %d", sum, f.InboundScore)
	}
}

func TestBodyOfExactlyTheLimit(t *testing.T) {
	e := mustEngine(t)
	body := "q=" + strings.Repeat("a", 4094)
	if v, _ := run(t, e, post("/", "application/x-www-form-urlencoded", body), body); v != (Verdict{}) {
		t.Errorf("verdict %+v for a body of exactly the limit, want pass", v)
	}
}

func TestResponse(t *testing.T) {
	const leak = "<pre>java.sql.SQLSyntaxErrorException: You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version</pre>"
	e := mustEngine(t)
	for _, tt := range []struct {
		name, mediaType string
		wants, blocks   bool
	}{
		{"html", "text/html", true, true},
		{"as sent", "Text/HTML ;charset=utf-8", true, true},
		{"missing", "", true, true},
		{"image", "image/png", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tx := e.Begin(t.Context(), Terms{ID: "id"})
			if v, err := tx.RequestHead(get("/")); err != nil || v.Blocks() {
				t.Fatal(v, err)
			}
			if v, err := tx.RequestBody(nil, true); err != nil || v.Blocks() {
				t.Fatal(v, err)
			}
			r := &Response{Status: 200, Protocol: "HTTP/1.1"}
			if tt.mediaType != "" {
				r.Headers = []Header{{Name: "content-TYPE", Value: tt.mediaType}}
			}
			if v, err := tx.ResponseHead(r); err != nil || v.Blocks() {
				t.Fatal(v, err)
			}
			if got, _ := tx.Wants(); got != tt.wants {
				t.Fatalf("wants the body: %v, want %v", got, tt.wants)
			}
			v, err := tx.ResponseBody([]byte(leak))
			if err != nil || v.Blocks() != tt.blocks {
				t.Errorf("verdict %+v, %v; want blocks %v", v, err, tt.blocks)
			}
			if f, err := tx.Finish(); err != nil || tt.blocks && f.OutboundScore < 4 {
				t.Errorf("outbound score %d, %v", f.OutboundScore, err)
			}
		})
	}
}

func TestExclusions(t *testing.T) {
	for _, tt := range []struct {
		name     string
		x        Exclusion
		target   string
		excluded bool // 942100 does not match
	}{
		{"rule", Exclusion{RuleIDs: "942100"}, "/?q=" + sqli, true},
		{"range", Exclusion{RuleIDs: "942100-942999"}, "/?q=" + sqli, true},
		{"tag", Exclusion{Tag: "attack-sqli"}, "/?q=" + sqli, true},
		{"rule and target", Exclusion{RuleIDs: "942100", Target: "ARGS:q"}, "/?q=" + sqli, true},
		{"rule and other target", Exclusion{RuleIDs: "942100", Target: "ARGS:z"}, "/?q=" + sqli, false},
		{"tag and target", Exclusion{Tag: "attack-sqli", Target: "ARGS:q"}, "/?q=" + sqli, true},
		{"range and pattern", Exclusion{RuleIDs: "942000-942999", Target: "ARGS:/^q/"}, "/?q=" + sqli, true},
		{"path", Exclusion{RuleIDs: "942100", Path: "/a.b/"}, "/a.b?q=" + sqli, true},
		{"below path", Exclusion{RuleIDs: "942100", Path: "/a.b"}, "/a.b/c?q=" + sqli, true},
		{"beside path", Exclusion{RuleIDs: "942100", Path: "/a.b"}, "/a.bc?q=" + sqli, false},
		{"dot is a dot", Exclusion{RuleIDs: "942100", Path: "/a.b"}, "/axb?q=" + sqli, false},
		{"path, tag and target", Exclusion{Tag: "attack-sqli", Target: "ARGS:q", Path: "/"}, "/x?q=" + sqli, true},
		{"path and tag", Exclusion{Tag: "attack-sqli", Path: "/x"}, "/x?q=" + sqli, true},
		{"path, range and target", Exclusion{RuleIDs: "942100-942200", Target: "ARGS:q", Path: "/x"}, "/x?q=" + sqli, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, f := run(t, mustEngine(t, func(p *Policy) { p.Exclusions = []Exclusion{tt.x} }), get(tt.target), "")
			if got := !slices.Contains(ids(f), 942100); got != tt.excluded {
				t.Errorf("excluded: %v, want %v (rules %v)", got, tt.excluded, ids(f))
			}
		})
	}
}

func TestEngineErrors(t *testing.T) {
	after := func(text string) func(*Policy) {
		return func(p *Policy) { p.RulesAfter = []RuleText{{Source: "rules/own.conf", Text: text}} }
	}
	for _, tt := range []struct {
		name   string
		change func(*Policy)
		want   string
	}{
		{"operator", after("SecAction \"id:1,phase:1,pass\"\n\n# why\nSecRule ARGS \"@foo bar\" \\\n  \"id:2,phase:1,pass\"\nSecAction \"id:3,phase:1,pass\""),
			`compile policy "test": rules/own.conf line 4: there is no operator @foo`},
		{"directive", after("SecRuel ARGS x id:1"), `compile policy "test": rules/own.conf line 1: there is no directive SecRuel: did you mean "SecRule"?`},
		{"same id as CRS", after(`SecAction "id:942100,phase:1,pass"`), `compile policy "test": rules/own.conf line 1: id 942100 is that of a rule of CRS: use one from 100000 to 199999`},
		{"include", after("Include /etc/passwd"), `rules/own.conf line 1: Include: there is no file "/etc/passwd": it reads those of CRS, @owasp_crs/…`},
		{"continued into nothing", after(`SecAction "id:1,phase:1,pass" \`), `compile policy "test": rules/own.conf line 1: the text ends in a line continued with \`},
		{"long line", after("# " + strings.Repeat("x", 70000)), `compile policy "test": rules/own.conf line 1: 70002 bytes, more than 65535: break it with \`},
		{"no such rule", func(p *Policy) {
			p.Exclusions = []Exclusion{{Source: "exclusions[0]", RuleIDs: "942999"}, {Source: "exclusions[1]", Tag: "atack-sqli"}}
		},
			"compile policy \"test\": exclusions[0].rule: there is no rule 942999\nexclusions[1].tag: no rule has tag \"atack-sqli\": did you mean \"attack-sqli\"?"},
		{"floor", func(p *Policy) { p.Exclusions = []Exclusion{{Source: "exclusions[0]", Tag: "OWASP_CRS"}} }, "fewer than the floor of 150"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := NewEngine(testPolicy(tt.change))
			if err == nil {
				t.Fatalf("compiled to %d rules, want an error", e.Rules())
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q\nwant  %q", err, tt.want)
			}
		})
	}
}

func TestDigest(t *testing.T) {
	same := testPolicy(func(p *Policy) { p.ID = "another name" })
	if testPolicy().Digest() != same.Digest() {
		t.Error("the id changes the digest")
	}
	for name, change := range map[string]func(*Policy){
		"mode":      func(p *Policy) { p.Mode = ModeDetect },
		"paranoia":  func(p *Policy) { p.DetectionParanoia = 2 },
		"limit":     func(p *Policy) { p.ResponseBodyBytes++ },
		"mime":      func(p *Policy) { p.ResponseMIMETypes = nil },
		"rules":     func(p *Policy) { p.RulesAfter = []RuleText{{Source: "x", Text: `SecAction "id:1,phase:1,pass"`}} },
		"place":     func(p *Policy) { p.RulesBefore = []RuleText{{Source: "x", Text: `SecAction "id:1,phase:1,pass"`}} },
		"exclusion": func(p *Policy) { p.Exclusions = []Exclusion{{RuleIDs: "942100"}} },
		"setting":   func(p *Policy) { p.CRS.MaxNumArgs = 10 },
	} {
		if p := testPolicy(change); p.Digest() == testPolicy().Digest() {
			t.Errorf("%s does not change the digest", name)
		}
	}
}

// Many transactions share an engine.
func TestConcurrent(t *testing.T) {
	e := mustEngine(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				target, blocks := fmt.Sprintf("/?q=shoes+%d+%d", i, j), (i+j)%2 == 0
				if blocks {
					target = "/?q=" + sqli
				}
				if v, _ := run(t, e, get(target), ""); v.Blocks() != blocks {
					t.Errorf("%s: %+v", target, v)
				}
			}
		})
	}
	wg.Wait()
}

// A panic inside the engine is an error of one transaction.
func TestPanicIsAnError(t *testing.T) {
	tx := mustEngine(t).Begin(t.Context(), Terms{ID: "id"})
	if _, err := tx.RequestHead(nil); err == nil || !strings.HasPrefix(err.Error(), "engine panic: ") {
		t.Errorf("error %v, want an engine panic", err)
	}
}
