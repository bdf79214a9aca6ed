package access

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wafer-waf/wafer/access/bots"
	"github.com/wafer-waf/wafer/access/challenge"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func keys(t testing.TB) *challenge.Keys {
	t.Helper()
	ks, err := challenge.NewKeys("a secret that is shared by all replicas")
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

// proving is a policy whose rules may ask for a proof, and what was asked.
func proving(t testing.TB, deny bool, rules ...Rule) (*Policy, *[]string) {
	t.Helper()
	var told []string
	p, _ := compiled(t, Config{Rules: rules, Challenge: &Proof{
		Options: challenge.Options{
			Keys: keys(t), Bits: challenge.FewestBits, Within: time.Minute, Wait: time.Second, Lifetime: time.Hour, Grace: time.Minute,
			Status: http.StatusTooManyRequests,
		},
		Deny:  deny,
		Asked: func(token challenge.Standing, got ProofReply) { told = append(told, fmt.Sprintf("%s %s", token, got)) },
	}})
	return p, &told
}

// visit is what a browser asks for.
func visit(path string, fields ...message.Field) *Request {
	r := asked(path, append(message.Fields{{Name: "User-Agent", Value: "Mozilla/5.0"}, {Name: "Accept", Value: "text/html,*/*;q=0.8"}}, fields...)...)
	r.Target, r.ID, r.Now = path, "id", noon
	return r
}

// waitOut gives the client of a request a token for its patience.
func waitOut(t testing.TB, d *Decision, r *Request) message.Field {
	t.Helper()
	puzzle := regexp.MustCompile(`name="puzzle" value="([^"]*)"`).FindSubmatch(d.Answer.Body.Bytes)
	reply, outcome := NewState().Answers(keys(t)).Take(&challenge.Answer{
		Method: http.MethodGet, Path: challenge.Path, Query: url.Values{"puzzle": {string(puzzle[1])}, "back": {r.Target}}.Encode(),
		Client: clientOf(r), Now: noon.Add(5 * time.Second),
	})
	if outcome != challenge.Waited {
		t.Fatal(outcome)
	}
	cookie, _, _ := strings.Cut(reply.Fields.Get("Set-Cookie"), ";")
	return message.Field{Name: "Cookie", Value: cookie}
}

// A page is for who can see one; everybody else gets what the policy says, and nobody with a token is asked again.
func TestProof(t *testing.T) {
	api := message.Field{Name: "Sec-Fetch-Mode", Value: "cors"}
	p, told := proving(t, true, Rule{ID: "all", Then: Challenges})
	lax, laxTold := proving(t, false, Rule{ID: "all", Then: Challenges})

	d := p.Decide(visit("/cart"))
	if d.Verdict != Challenge || d.Status != http.StatusTooManyRequests || d.Rule != "all" || d.Answer == nil {
		t.Fatalf("a browser gets %+v", d)
	}
	cookie := waitOut(t, &d, visit("/cart"))
	if d := p.Decide(visit("/cart", api)); d.Verdict != Challenge || d.Status != http.StatusForbidden || d.Answer != nil {
		t.Errorf("a script gets %+v", d)
	}
	if d := lax.Decide(visit("/cart", api)); d.Verdict != Pass || d.Rule != "all" {
		t.Errorf("a script gets %+v where it may pass", d)
	}
	for _, path := range []string{"/robots.txt", "/.well-known/acme-challenge/x"} {
		if d := p.Decide(visit(path)); d.Verdict != Pass {
			t.Errorf("%s gets %+v", path, d)
		}
	}
	odd := visit("/.well-known/x/..;/admin")
	odd.Readings = [][]byte{[]byte("/admin")}
	if d := p.Decide(odd); d.Verdict != Challenge {
		t.Errorf("a path that may be another gets %+v", d)
	}
	if d := p.Decide(visit("/cart", cookie)); d.Verdict != Pass {
		t.Errorf("who has a token gets %+v", d)
	}
	late := visit("/cart", cookie)
	late.Now = noon.Add(time.Hour + 30*time.Second)
	if d := p.Decide(late); d.Verdict != Challenge || d.Answer == nil {
		t.Errorf("a page that is asked for with an ended token gets %+v", d)
	}
	late.Method = http.MethodPost
	if d := p.Decide(late); d.Verdict != Pass {
		t.Errorf("a form that is sent late gets %+v", d)
	}
	late.Now = noon.Add(2 * time.Hour)
	if d := p.Decide(late); d.Verdict != Challenge || d.Answer != nil {
		t.Errorf("a form that is sent too late gets %+v", d)
	}
	if want := "no_token page, no_token denied, no_token page, ended page, ended denied"; strings.Join(*told, ", ") != want {
		t.Errorf("told %q, want %s", *told, want)
	}
	if want := "no_token passed"; strings.Join(*laxTold, ", ") != want {
		t.Errorf("told %q, want %s", *laxTold, want)
	}
}

// What the tier answers by itself is not asked for a proof, nor decided about by rules.
func TestOwn(t *testing.T) {
	p, _ := proving(t, true, Rule{ID: "all", Then: Denies})
	r := visit(challenge.Path)
	r.Own = true
	if d := p.Decide(r); d.Verdict != Pass {
		t.Errorf("%+v", d)
	}
}

// A challenge that is only observed says what it would do, and asks nobody.
func TestProofObserved(t *testing.T) {
	p, told := proving(t, false, Rule{ID: "all", Then: Challenges, Mode: Observe})
	if d := p.Decide(visit("/")); d.Verdict != Pass || d.Would != Challenge || d.WouldRule != "all" {
		t.Errorf("a browser gets %+v", d)
	}
	if d := p.Decide(visit("/", message.Field{Name: "Upgrade", Value: "websocket"})); d.Verdict != Pass || d.Would != Pass {
		t.Errorf("a web socket gets %+v", d)
	}
	if len(*told) > 0 {
		t.Errorf("told %q", *told)
	}
}

func TestProofExplained(t *testing.T) {
	p, _ := proving(t, true, Rule{ID: "api", When: &When{Paths: []routing.Path{{Kind: routing.PathPrefix, Value: "/api"}}}, Then: Allows}, Rule{ID: "all", Then: Challenges})
	last := func(r *Request) string {
		steps := p.Explain(r)
		return steps[len(steps)-1].Says
	}
	for want, r := range map[string]*Request{
		"is not asked for":                                             visit("/api"),
		"asks by a page: no_token":                                     visit("/"),
		"cannot ask this request, and denies it: broken":               visit("/", message.Field{Name: "Cookie", Value: "wafer-pass=x"}, message.Field{Name: "Upgrade", Value: "x"}),
		"does not ask at this path":                                    visit("/robots.txt"),
		"the tier answers at this path by itself, and no rule applies": func() *Request { r := visit(challenge.Path); r.Own = true; return r }(),
	} {
		if got := last(r); got != want {
			t.Errorf("%s: %q, want %q", r.Target, got, want)
		}
	}
}

// names is a resolver of one robot.
type names struct{ robot netip.Addr }

func (n names) LookupAddr(_ context.Context, addr string) ([]string, error) {
	if addr == n.robot.String() {
		return []string{"a.bot.example."}, nil
	}
	return nil, &net.DNSError{IsNotFound: true}
}

func (n names) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{n.robot}, nil
}

// A robot is let in once it is verified; until then, and for liars, what the policy says is done.
func TestRobots(t *testing.T) {
	robot, liar := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.66")
	for _, tt := range []struct {
		name    string
		pending Pending
		first   Verdict // while nothing is known
		status  int
		not     bool // the rule denies who is none
		then    Then
	}{
		{name: "denied meanwhile", first: Deny, status: http.StatusTooManyRequests, then: Allows},
		{name: "challenged meanwhile", pending: PendingChallenges, first: Challenge, status: http.StatusForbidden, then: Allows},
		{name: "let in meanwhile", pending: PendingAllows, first: Pass, then: Allows},
		{name: "always let in, later", first: Deny, status: http.StatusTooManyRequests, then: AlwaysAllows},
		{name: "liars denied, denied meanwhile", first: Deny, status: http.StatusTooManyRequests, not: true, then: Denies},
		{name: "liars denied, let in meanwhile", pending: PendingAllows, first: Pass, not: true, then: Denies},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := NewState()
				verifier := bots.NewVerifier(names{robot})
				s.robots = func() *bots.Verifier { return verifier }
				b, err := s.Robot(bots.Definition{ID: "b", Agents: []string{"ExampleBot"}, Domains: []string{"bot.example"}})
				if err != nil {
					t.Fatal(err)
				}
				when := &When{Robots: []*Robot{b}}
				if tt.not {
					when = &When{UserAgents: []string{"ExampleBot"}, Not: when}
				}
				p, problems := s.Compile(&Config{
					ID: "test", Status: 403, Deny: !tt.not, BotsPending: tt.pending, Rules: []Rule{{ID: "robots", When: when, Then: tt.then}},
				})
				if len(problems) > 0 {
					t.Fatal(problems)
				}
				ask := func(from netip.Addr, agent string) Decision {
					r := asked("/", message.Field{Name: "User-Agent", Value: agent})
					r.Client, r.Now = from, time.Now()
					d := p.Decide(r)
					synctest.Wait()
					return d
				}
				if tt.pending != PendingAllows {
					r := asked("/", message.Field{Name: "User-Agent", Value: "ExampleBot/1"})
					r.Client, r.Now = netip.MustParseAddr("192.0.2.99"), time.Now()
					if steps := p.Explain(r); !strings.Contains(steps[0].Says, "nobody has verified") {
						t.Errorf("explained as %+v", steps)
					}
				}
				if d := ask(robot, "ExampleBot/1"); d.Verdict != tt.first || d.Status != tt.status || (d.RetryAfter > 0) != (tt.first == Deny) {
					t.Errorf("at first %+v", d)
				}
				if d := ask(robot, "ExampleBot/1"); d.Verdict != Pass {
					t.Errorf("the robot, then: %+v", d)
				}
				ask(liar, "ExampleBot/1")
				if d := ask(liar, "ExampleBot/1"); d.Verdict != Deny || d.Status != http.StatusForbidden {
					t.Errorf("a liar, then: %+v", d)
				}
			})
		})
	}
}

func BenchmarkDecideToken(b *testing.B) {
	p, _ := proving(b, true, Rule{ID: "all", Then: Challenges})
	d := p.Decide(visit("/"))
	r := visit("/", waitOut(b, &d, visit("/")))
	p.counted = nil
	b.ReportAllocs()
	for b.Loop() {
		if d := p.Decide(r); d.Verdict != Pass {
			b.Fatal(d)
		}
	}
}

// A token costs no allocation.
func TestTokenAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes from pools")
	}
	p, _ := proving(t, true, Rule{ID: "all", Then: Challenges})
	d := p.Decide(visit("/"))
	r := visit("/", waitOut(t, &d, visit("/")))
	p.counted = nil
	if n := testing.AllocsPerRun(100, func() { p.Decide(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
