package waf

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/collection"
	"github.com/wafer-waf/wafer/waf/kept"
)

// Rules as they are published for ModSecurity, written anew.
const (
	bruteForce = `
SecAction "id:100100,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}"
SecRule IP:LOGIN_BLOCKED "@eq 1" "id:100101,phase:1,deny,status:429,log,msg:'Too many failed logins: %{ip.login_failures}'"
SecRule REQUEST_FILENAME "@streq /login" "id:100102,phase:5,pass,nolog,chain"
  SecRule REQUEST_METHOD "@streq POST" "chain"
  SecRule RESPONSE_STATUS "@streq 401" "setvar:ip.login_failures=+1,expirevar:ip.login_failures=60"
SecRule IP:login_failures "@ge 3" \
  "id:100103,phase:5,pass,nolog,\
  setvar:ip.login_blocked=1,\
  expirevar:ip.login_blocked=300"
`
	floods = `
SecAction "id:100200,phase:1,pass,nolog,setvar:tx.flood_slice=60,setvar:tx.flood_most=10,setvar:tx.flood_blocked=600,setvar:'tx.quiet=/.js/ /.css/ /.png/'"
SecAction "id:100201,phase:1,pass,nolog,initcol:global=global,initcol:ip=%{REMOTE_ADDR}"
SecRule IP:FLOOD_BLOCK "@eq 1" "id:100202,phase:1,drop,chain,msg:'A flood: %{ip.flood_refused} were refused'"
  SecRule &IP:FLOOD_TOLD "@eq 0" "setvar:ip.flood_refused=+1,setvar:ip.flood_told=1,expirevar:ip.flood_told=60"
SecRule IP:FLOOD_BLOCK "@eq 1" "id:100203,phase:1,drop,nolog,setvar:ip.flood_refused=+1"
SecRule REQUEST_BASENAME "@rx (\.[a-z0-9]{1,10})?$" "id:100204,phase:5,pass,nolog,t:none,t:lowercase,capture,setvar:tx.flood_kind=/%{TX.1}/,chain"
  SecRule TX:FLOOD_KIND "!@within %{tx.quiet}" "setvar:ip.flood_count=+1,setvar:global.flood_all=+1"
SecRule IP:FLOOD_COUNT "@ge %{tx.flood_most}" "id:100205,phase:5,pass,nolog,chain"
  SecRule &IP:FLOOD_BURST "@eq 0" "setvar:ip.flood_burst=1,expirevar:ip.flood_burst=%{tx.flood_slice},setvar:!ip.flood_count"
SecRule IP:FLOOD_COUNT "@ge %{tx.flood_most}" "id:100206,phase:5,pass,nolog,chain"
  SecRule &IP:FLOOD_BURST "@ge 1" "setvar:ip.flood_burst=+1,expirevar:ip.flood_burst=%{tx.flood_slice},setvar:!ip.flood_count"
SecRule IP:FLOOD_BURST "@ge 2" "id:100207,phase:5,pass,log,msg:'Floods',setvar:ip.flood_block=1,expirevar:ip.flood_block=%{tx.flood_blocked}"
`
	counter = `
SecAction "id:100600,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},setvar:ip.requests=+1,expirevar:ip.requests=60"
SecRule IP:requests "@gt 1000000000" "id:100601,phase:1,deny,status:429,log"
`
	sessions = `
SecRule REQUEST_COOKIES:sid "@rx ." "id:100300,phase:1,pass,nolog,setsid:%{REQUEST_COOKIES.sid}"
SecRule &SESSION:agent "@eq 0" "id:100301,phase:1,pass,nolog,setvar:session.agent=%{REQUEST_HEADERS.User-Agent},setvar:session.timeout=900"
SecRule &SESSION:agent "@eq 1" "id:100302,phase:1,deny,log,msg:'The session %{SESSIONID} moves to another browser',chain"
  SecRule REQUEST_HEADERS:User-Agent "!@streq %{SESSION.agent}" "t:none"
`
	scans = `
SecCollectionTimeout 7200
SecAction "id:100400,phase:1,pass,nolog,initcol:ip=scan_%{REMOTE_ADDR}"
SecRule IP:misses "@ge 4" "id:100401,phase:1,deny,status:404,log,msg:'A scan'"
SecAction "id:100402,phase:5,pass,nolog,deprecatevar:ip.misses=2/60"
SecRule RESPONSE_STATUS "@rx ^40[34]$" "id:100403,phase:5,pass,nolog,setvar:ip.misses=+1"
`
)

// stage is an engine whose collections have a clock that tests set.
type stage struct {
	t     *testing.T
	e     *Engine
	table *collection.Table
	now   atomic.Int64
}

func newStage(t *testing.T, rules string, change func(*Policy)) *stage {
	t.Helper()
	s := &stage{t: t}
	s.now.Store(1_700_000_000)
	s.table = collection.New(collection.Options{Now: func() time.Time { return time.Unix(s.now.Load(), 0) }})
	p := testPolicy(func(p *Policy) { p.RulesBefore = []RuleText{{Source: "own", Text: rules}} }, change)
	c := NewCompiler()
	c.Collections = s.table
	e, err := c.NewEngine(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	s.e = e
	return s
}

func (s *stage) pass(seconds int64) { s.now.Add(seconds) }

// ask takes a request through the engine, which an application answers with a status.
func (s *stage) ask(terms Terms, method, target, client string, status int, headers ...Header) Findings {
	s.t.Helper()
	r := get(target, headers...)
	r.Method, r.ClientAddr = method, client
	if method == "POST" {
		r.Headers = append(r.Headers, Header{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}, Header{Name: "Content-Length", Value: "0"})
	}
	tx := s.e.Begin(s.t.Context(), terms)
	response := *plainResponse
	response.Status = status
	v, err := through(tx, &message{request: r, response: &response}, true)
	if err != nil {
		s.t.Fatal(err)
	}
	if v.Blocks() {
		tx.Answered(v.Status)
	}
	f, err := tx.Finish()
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

// by is which rule a request is stopped by.
func (s *stage) by(method, target, client string, status int, headers ...Header) int {
	s.t.Helper()
	f := s.ask(Terms{}, method, target, client, status, headers...)
	return f.Verdict.RuleID
}

func (s *stage) want(rule int, method, target, client string, status int, headers ...Header) {
	s.t.Helper()
	if got := s.by(method, target, client, status, headers...); got != rule {
		s.t.Fatalf("%s %s of %s with %d: stopped by %d, want %d", method, target, client, status, got, rule)
	}
}

// everyWay runs a test with the screen and without it.
func everyWay(t *testing.T, rules string, test func(s *stage)) {
	t.Helper()
	for _, screen := range []bool{true, false} {
		t.Run(fmt.Sprint("screen=", screen), func(t *testing.T) {
			s := newStage(t, rules, func(p *Policy) { p.ScreenOff = !screen })
			if s.e.Screening() != screen {
				t.Fatal(s.e.NoScreen())
			}
			test(s)
		})
	}
}

func TestBruteForce(t *testing.T) {
	everyWay(t, bruteForce, func(s *stage) {
		const a, b = "192.0.2.10", "192.0.2.11"
		s.want(0, "POST", "/login", a, 401)
		s.pass(61) // the first attempt is forgotten
		s.want(0, "POST", "/login", a, 401)
		s.want(0, "POST", "/login", a, 200)
		s.want(0, "GET", "/login", a, 401)
		s.want(0, "POST", "/login", b, 401)
		s.want(0, "POST", "/login", a, 401)
		s.want(0, "GET", "/", a, 200)
		s.want(0, "POST", "/login", a, 401)
		s.want(100101, "GET", "/", a, 200)
		s.want(0, "POST", "/login", b, 401)
		s.pass(299)
		s.want(100101, "POST", "/login", a, 200)
		s.pass(301)
		s.want(0, "POST", "/login", a, 401)
	})
}

func TestFloods(t *testing.T) {
	everyWay(t, floods, func(s *stage) {
		const a, b = "192.0.2.20", "192.0.2.21"
		for range 30 {
			s.want(0, "GET", "/a.png", b, 200)
		}
		for range 19 {
			s.want(0, "GET", "/a", a, 200)
		}
		f := s.ask(Terms{}, "GET", "/a", a, 200)
		if f.Verdict.Action != Pass || !slices.Equal(ruleIDs(f), []int{100207}) {
			t.Fatalf("the last one: %+v", f)
		}
		for i := range 3 {
			f := s.ask(Terms{}, "GET", "/a", a, 200)
			if want := []int{100202, 100203, 100203}[i]; f.Verdict.Action != Drop || f.Verdict.RuleID != want {
				t.Fatalf("blocked %d: %+v", i, f)
			}
			if i == 0 && f.Matches[0].Message != "A flood: 1 were refused" {
				t.Errorf("%q", f.Matches[0].Message)
			}
		}
		s.want(0, "GET", "/a", b, 200)
		s.pass(601)
		s.want(0, "GET", "/a", a, 200)
	})
}

func TestSessions(t *testing.T) {
	everyWay(t, sessions, func(s *stage) {
		sid := Header{Name: "Cookie", Value: "sid=0123456789"}
		s.want(0, "GET", "/", "192.0.2.30", 200)
		s.want(0, "GET", "/", "192.0.2.30", 200, sid)
		s.want(0, "GET", "/a", "192.0.2.31", 200, sid)
		other := get("/", sid)
		other.Headers[1].Value = "Mozilla/6.0"
		tx := s.e.Begin(t.Context(), Terms{})
		v, err := tx.RequestHead(other)
		if err != nil || v.RuleID != 100302 {
			t.Fatalf("%+v %v", v, err)
		}
		f, err := tx.Finish()
		if err != nil || f.Matches[0].Message != "The session 0123456789 moves to another browser" {
			t.Errorf("%+v %v", f, err)
		}
		if names := fmt.Sprint(f.Matches[0].Targets); strings.Contains(names, "wafer.") || !strings.Contains(names, "SESSION:agent") {
			t.Errorf("targets %s", names)
		}
		s.pass(901)
		tx = s.e.Begin(t.Context(), Terms{})
		if v, err := tx.RequestHead(other); err != nil || v.Blocks() {
			t.Errorf("a session that has ended: %+v %v", v, err)
		}
		_, _ = tx.Finish()
	})
}

func TestScans(t *testing.T) {
	everyWay(t, scans, func(s *stage) {
		const a = "192.0.2.40"
		for range 4 {
			s.want(0, "GET", "/a", a, 404)
		}
		s.want(100401, "GET", "/a", a, 200) // answered with 404, which counts too
		s.want(100401, "GET", "/a", a, 200)
		s.pass(59)
		s.want(100401, "GET", "/a", a, 200)
		s.pass(125)
		s.want(100401, "GET", "/a", a, 200) // 7 - 4 + 1
		s.pass(60)
		s.want(100401, "GET", "/a", a, 200) // 4 - 2 + 1
		s.want(0, "GET", "/a", a, 200)
		s.pass(600)
		s.want(0, "GET", "/a", a, 200)
		s.want(0, "GET", "/a", a, 404)
	})
}

// TestDefaultCollections counts in the collections that CRS begins where it is told to.
func TestDefaultCollections(t *testing.T) {
	for _, screen := range []bool{true, false} {
		s := newStage(t, `SecAction "id:100700,phase:1,pass,nolog,t:none,setvar:tx.enable_default_collections=1"`, func(p *Policy) {
			p.ScreenOff = !screen
			p.RulesAfter = []RuleText{{Source: "after", Text: `
SecRule IP:n "@ge 2" "id:100701,phase:1,deny,log"
SecAction "id:100702,phase:5,pass,nolog,setvar:ip.n=+1,setvar:global.n=+1"`}}
		})
		for range 2 {
			if f := s.ask(Terms{}, "GET", "/", "192.0.2.70", 200); f.Verdict.Blocks() || screen && f.Screened != ScreenClean {
				t.Errorf("screen %v: %+v %+v %v", screen, f.Verdict, f.Asked, s.e.NoScreen())
			}
		}
		s.want(100701, "GET", "/", "192.0.2.70", 200)
		s.want(0, "GET", "/", "192.0.2.71", 200)
	}
}

// TestApart has requests that are no client's change nothing, and know nothing.
func TestApart(t *testing.T) {
	s := newStage(t, bruteForce, func(*Policy) {})
	for range 5 {
		s.ask(Terms{Apart: true}, "POST", "/login", "192.0.2.10", 401)
	}
	if f := s.table.Figures(); f.Keys != 0 {
		t.Errorf("%+v", f)
	}
	for range 5 {
		s.by("POST", "/login", "192.0.2.10", 401)
	}
	if f := s.ask(Terms{Apart: true}, "GET", "/", "192.0.2.10", 200); f.Verdict.Action != Pass {
		t.Errorf("%+v", f)
	}
	s.want(100101, "GET", "/", "192.0.2.10", 200)
}

// TestBuiltIn looks at what is known of a collection itself.
func TestBuiltIn(t *testing.T) {
	const rules = `
SecAction "id:100500,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}"
SecRule ARGS:show "@eq 1" "id:100501,phase:1,deny,log,msg:'%{ip.key} %{ip.is_new} %{ip.create_time} %{ip.last_update_time} %{ip.update_counter} %{ip.update_rate} %{ip.timeout} %{ip.x}'"
SecAction "id:100502,phase:5,pass,nolog,setvar:ip.x=+1"
`
	everyWay(t, rules, func(s *stage) {
		told := func() string {
			f := s.ask(Terms{}, "GET", "/?show=1", "192.0.2.50", 200)
			return f.Matches[0].Message
		}
		if got := told(); got != "192.0.2.50 1 1700000000 1700000000 0 0 3600 ip.x" && got != "192.0.2.50 1 1700000000 1700000000 0 0 3600 tx.wafer.ip.x" {
			t.Errorf("new: %s", got)
		}
		s.pass(30)
		s.by("GET", "/", "192.0.2.50", 200)
		s.pass(30)
		if got := told(); got != "192.0.2.50 0 1700000000 1700000030 2 2 3600 2" {
			t.Errorf("later: %s", got)
		}
	})
}

// TestScreenCounts has the screen count what it proves clean, without asking the rules.
func TestScreenCounts(t *testing.T) {
	for name, rules := range map[string]string{"brute force": bruteForce, "floods": floods, "sessions": sessions, "scans": scans} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, rules, func(*Policy) {})
			for range 3 {
				if f := s.ask(Terms{Gate: closed{}}, "GET", "/a", "192.0.2.60", 200, Header{Name: "Cookie", Value: "sid=1"}); f.Screened != ScreenClean {
					t.Fatalf("%+v %+v", f.Screened, f.Asked)
				}
			}
			if f := s.table.Figures(); f.Keys == 0 && name != "brute force" && name != "scans" {
				t.Errorf("%+v", f)
			}
		})
	}
}

// TestCompiledText is about rules as they are compiled, line for line.
func TestCompiledText(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"SecRule ARGS \"a\" \"id:1,setvar:tx.a=1\"", ""},
		{"SecRule IP:A|!ARGS:x|&session:b \"@gt %{global.C}\" \"id:1,setvar:'ip.a=+1',setvar:!USER.x,msg:'%{SESSIONID} a,setvar:ip.b=1'\"",
			"SecRule TX:wafer.ip.a|!ARGS:x|&TX:wafer.session.b \"@gt %{tx.wafer.global.c}\" \"id:1,keepvar:'ip.a=+1',keepvar:!USER.x,msg:'%{tx.wafer.session.key} a,setvar:ip.b=1'\""},
		{"# ip.x\nSecAction \\\n  \"id:1,\\\n  setvar:ip.a=%{ip.b}\"\nSecMarker A", "# ip.x\nSecAction \"id:1,keepvar:ip.a=%{tx.wafer.ip.b}\"\n\n\nSecMarker A"},
		{"SecRule REMOTE_ADDR \"@ipMatch 10.0.0.1\" \"id:1,chain\"\nSecRule USERID \"@streq a\"", "SecRule REMOTE_ADDR \"@ipMatch 10.0.0.1\" \"id:1,chain\"\nSecRule TX:wafer.user.key \"@streq a\""},
	} {
		if tt.want == "" {
			tt.want = tt.text
		}
		if got := compiledText(tt.text); got != tt.want {
			t.Errorf("%s\nis\n%s\nwant\n%s", tt.text, got, tt.want)
		}
	}
}

// FuzzCompiledText translates any text: what comes of it has as many lines, and nothing more to translate.
func FuzzCompiledText(f *testing.F) {
	for _, s := range []string{bruteForce, floods, sessions, scans, "SecRule IP:a \"\\\"\" \"id:1,setvar:'ip.a=', \"", "SecAction \"setvar:ip.a='b,c'\" x", "SecRule IP:'a'|IP:/b/|&IP \"@rx a\"", "SecRule  USERID  \"a\"  \"setuid:%{ip.%{ip.a}}\"", "SecRule GLOBAL:a \"b\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := compiledText(text)
		if got, want := strings.Count(once, "\n"), strings.Count(text, "\n"); got != want {
			t.Fatalf("%d lines of %d", got, want)
		}
		if again := compiledText(once); again != once {
			t.Fatalf("%q\n%q\n%q", text, once, again)
		}
		p := Policy{RulesBefore: []RuleText{{Source: "own", Text: text}}}
		if plan := p.keeps(); plan != nil {
			for k := range kept.Kinds {
				for _, name := range plan.Names[k] {
					if err := kept.CheckName(name); err != nil && len(p.checkBegun()) == 0 {
						t.Fatal(err)
					}
				}
			}
		}
		_ = append(p.checkOwn(), p.checkBegun()...)
	})
}

// BenchmarkCollections is what a clean request costs with rules that count, and without.
func BenchmarkCollections(b *testing.B) {
	for _, tt := range []struct{ name, rules string }{{"none", ""}, {"one counter", counter}, {"brute force", bruteForce}, {"floods", strings.Replace(floods, "flood_most=10", "flood_most=1000000000", 1)}} {
		b.Run(tt.name, func(b *testing.B) {
			p := testPolicy()
			if tt.rules != "" {
				p.RulesBefore = []RuleText{{Source: "own", Text: tt.rules}}
			}
			c := NewCompiler()
			c.Collections = collection.New(collection.Options{})
			e, err := c.NewEngine(p)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = e.Close() }()
			b.ReportAllocs()
			for b.Loop() {
				r, response := get("/a?b=c"), *plainResponse
				r.ClientAddr = "192.0.2.99"
				tx := e.Begin(b.Context(), Terms{})
				if v, err := through(tx, &message{request: r, response: &response}, true); err != nil || v.Blocks() {
					b.Fatal(v, err)
				}
				if f, err := tx.Finish(); err != nil || f.Screened != ScreenClean {
					b.Fatalf("%+v %v", f.Asked, err)
				}
			}
		})
	}
}
