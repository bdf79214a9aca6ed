package access

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
)

// compiled makes a policy that notes what it counts.
func compiled(t testing.TB, c Config) (*Policy, *[]string) {
	t.Helper()
	var counted []string
	c.ID, c.Status = "test", 403
	c.Counted = func(rule string, v Verdict, would bool) {
		counted = append(counted, fmt.Sprintf("%s %s %t", rule, v, would))
	}
	p, problems := NewState().Compile(&c)
	for _, err := range problems {
		t.Fatal(err)
	}
	return p, &counted
}

func networks(list ...string) []Addresses {
	var n Networks
	for _, text := range list {
		n = append(n, netip.MustParsePrefix(text))
	}
	return []Addresses{n}
}

func asked(path string, fields ...message.Field) *Request {
	return &Request{Client: netip.MustParseAddr("192.0.2.1"), Method: "GET", Host: "shop.example", Path: []byte(path), Fields: fields}
}

// Each condition holds for one request and not for another; below not it is the other way round.
func TestConditions(t *testing.T) {
	request := asked("/admin/x", message.Field{Name: "X-Tenant", Value: "blue"}, message.Field{Name: "User-Agent", Value: "Mozilla Scrapy/1"})
	request.Certificate = &message.ClientCertificate{DNS: []string{"web.example"}}
	for _, tt := range []struct {
		name      string
		yes, none When
	}{
		{"addresses", When{Addresses: networks("192.0.2.0/24")}, When{Addresses: networks("198.51.100.0/24", "2001:db8::/32")}},
		{"methods", When{Methods: []string{"POST", "GET"}}, When{Methods: []string{"POST"}}},
		{"hosts", When{Hosts: []string{"*.x", "shop.example"}}, When{Hosts: []string{"*.shop.example", "x"}}},
		{"paths", When{Paths: []routing.Path{{Kind: routing.PathPrefix, Value: "/admin"}}}, When{Paths: []routing.Path{{Kind: routing.PathExact, Value: "/admin"}}}},
		{"headers", When{Headers: []routing.Header{{Name: "x-tenant", Value: "blue"}}},
			When{Headers: []routing.Header{{Name: "x-tenant", Value: "blue"}, {Name: "x-beta", Kind: routing.HeaderPresent}}}},
		{"user_agents", When{UserAgents: []string{"curl", "(?i)scrapy"}}, When{UserAgents: []string{"^Scrapy", "^$"}}},
		{"identity", When{Identity: &identity.Allow{}}, When{Identity: &identity.Allow{DNS: []string{"api.example"}}}},
	} {
		missed := func(w *When) string {
			return compileWhen(w, true, func(key string, err error) { t.Errorf("%s: %v", key, err) }).missed(request)
		}
		for _, got := range [][2]string{
			{missed(&tt.yes), ""}, {missed(&tt.none), tt.name}, {missed(&When{Not: &tt.none}), ""}, {missed(&When{Not: &tt.yes}), "not." + tt.name},
		} {
			if got[0] != got[1] {
				t.Errorf("%s: missed %q, want %q", tt.name, got[0], got[1])
			}
		}
	}
	if got := compileWhen(nil, true, nil).missed(request); got != "" {
		t.Errorf("no conditions: missed %q", got)
	}
}

// A path with several readings is denied for one of them, and let in for all of them only.
func TestReadings(t *testing.T) {
	admin := &When{Paths: []routing.Path{{Kind: routing.PathPrefix, Value: "/admin"}}}
	outside := &When{Not: admin}
	request := asked("/shop/;/admin")
	request.Readings = [][]byte{[]byte("/admin")}
	for _, tt := range []struct {
		when *When
		then Then
		want bool
	}{{admin, Denies, true}, {admin, Allows, false}, {admin, AlwaysAllows, false}, {outside, Allows, false}, {outside, Denies, true}} {
		p, _ := compiled(t, Config{Rules: []Rule{{ID: "r", When: tt.when, Then: tt.then}}})
		if d := p.Decide(request); (d.Rule == "r") != tt.want || !p.ReadsPaths() {
			t.Errorf("%+v then %s: %+v", *tt.when, thenWords[tt.then], d)
		}
	}
}

// fixed is a part that decides the same for everybody, and notes that it was asked.
type fixed struct {
	name  string
	d     Decision
	asked *[]string
}

func (f fixed) Decide(*Request) Decision {
	*f.asked = append(*f.asked, f.name)
	return f.d
}
func (f fixed) Explain(*Request) string { return f.name }

type fixedChallenge struct{ fixed }

func (f fixedChallenge) Decide(r *Request, rule string) Decision {
	if rule == "" {
		return Decision{}
	}
	return f.fixed.Decide(r)
}
func (f fixedChallenge) Explain(r *Request, rule string) string { return f.name + " by " + rule }
func (f fixedChallenge) Would(*Request, string) Verdict         { return Challenge }

// The order of a decision is that of the documentation, and the first that decides ends it.
func TestOrder(t *testing.T) {
	here, elsewhere := &When{Addresses: networks("192.0.2.0/24")}, &When{Addresses: networks("198.51.100.0/24")}
	deny, allow, always, challenge := Rule{ID: "deny", When: here, Then: Denies}, Rule{ID: "allow", When: here}, Rule{ID: "always", When: here, Then: AlwaysAllows}, Rule{ID: "challenge", When: here, Then: Challenges}
	observed := func(r Rule) Rule { r.Mode = Observe; return r }
	off := func(r Rule) Rule { r.Mode = Off; return r }
	for _, tt := range []struct {
		name   string
		c      Config
		decide string // the part that decides
		want   string
		asked  string
	}{
		{"nothing", Config{}, "", "pass default", "bans tokens limits"},
		{"default deny", Config{Deny: true}, "", "access_denied default 403", "bans"},
		{"always allow wins", Config{Deny: true, Rules: []Rule{deny, always}}, "bans", "pass always", ""},
		{"bans before rules", Config{Rules: []Rule{deny}}, "bans", "banned x 403", "bans"},
		{"first rule", Config{Rules: []Rule{{ID: "other", When: elsewhere, Then: Allows}, deny, allow}}, "limits", "access_denied deny 403", "bans"},
		{"allow before deny", Config{Deny: true, Rules: []Rule{allow, deny}}, "", "pass allow", "bans tokens limits"},
		{"status", Config{Rules: []Rule{{ID: "hidden", Then: Denies, Status: 404}}}, "", "access_denied hidden 404", "bans"},
		{"tokens before limits", Config{Rules: []Rule{allow}}, "tokens", "unauthenticated x 403", "bans tokens"},
		{"limits before challenge", Config{Rules: []Rule{challenge}}, "limits", "rate_limited x 403", "bans tokens limits"},
		{"challenge", Config{Rules: []Rule{challenge, deny}}, "challenge", "challenged x 403", "bans tokens limits challenge"},
		{"challenge passed", Config{Rules: []Rule{challenge, deny}}, "", "pass challenge", "bans tokens limits challenge"},
		{"observed rule", Config{Rules: []Rule{observed(deny), allow}}, "", "pass allow, would access_denied deny", "bans tokens limits"},
		{"observed allow", Config{Deny: true, Rules: []Rule{observed(always), observed(allow)}}, "", "access_denied default 403, would pass always", "bans"},
		{"rule that is off", Config{Rules: []Rule{off(deny)}}, "", "pass default", "bans tokens limits"},
		{"observed policy", Config{Mode: Observe, Rules: []Rule{deny}}, "", "pass default, would access_denied deny", "bans"},
		{"observed bans", Config{Mode: Observe}, "bans", "pass default, would banned x", "bans"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, counted := compiled(t, tt.c)
			var order []string
			part := func(name string, v Verdict) fixed {
				f := fixed{name: name, asked: &order}
				if name == tt.decide {
					f.d = Decision{Verdict: v, Status: 403, Rule: "x"}
				}
				return f
			}
			p.bans, p.tokens, p.limits = part("bans", Ban), part("tokens", Unauthenticated), part("limits", Limit)
			p.challenge = fixedChallenge{part("challenge", Challenge)}
			d := p.Decide(asked("/"))
			got := d.Verdict.String() + " " + d.Rule
			if d.Status != 0 {
				got += fmt.Sprint(" ", d.Status)
			}
			if d.WouldRule != "" {
				got += ", would " + d.Would.String() + " " + d.WouldRule
			}
			if asked := strings.Join(order, " "); got != tt.want || asked != tt.asked {
				t.Errorf("got %s, asked %q; want %s, asked %q", got, asked, tt.want, tt.asked)
			}
			if d.Always != (d.Rule == "always") {
				t.Errorf("always: %t", d.Always)
			}
			if last := (*counted)[len(*counted)-1]; last != fmt.Sprintf("%s %s false", d.Rule, d.Verdict) {
				t.Errorf("counted %q", *counted)
			}
			if d.WouldRule != "" && !slices.Contains(*counted, fmt.Sprintf("%s %s true", d.WouldRule, d.Would)) {
				t.Errorf("not counted what would have been: %q", *counted)
			}
		})
	}
}

// A challenge that nobody can be asked is a refusal.
func TestChallengeWithoutOne(t *testing.T) {
	p, _ := compiled(t, Config{Rules: []Rule{{ID: "bots", Then: Challenges}}})
	if d := p.Decide(asked("/")); d.Verdict != Challenge || d.Status != 403 {
		t.Errorf("%+v", d)
	}
}

// What is wrong with a policy is all told, by its place.
func TestCompileProblems(t *testing.T) {
	_, problems := NewState().Compile(&Config{Rules: []Rule{
		{ID: "a", When: &When{Paths: []routing.Path{{Kind: routing.PathPrefix, Value: "/a/../b"}}}},
		{ID: "b", When: &When{UserAgents: []string{"("}, Not: &When{Hosts: []string{"a/b"}}}},
		{ID: "c", When: &When{Claims: []Claim{{Name: "sub", Regex: `a\Qb`}}}}, // which quotes what stands behind it
	}})
	var keys []string
	for _, p := range problems {
		keys = append(keys, p.Key)
	}
	if want := []string{"rules[0].when.paths[0]", "rules[1].when.user_agents", "rules[1].when.not.hosts[0]", "rules[2].when.claims"}; !slices.Equal(keys, want) {
		t.Errorf("problems at %q, want %q", keys, want)
	}
	if p, problems := NewState().Compile(&Config{Mode: Off}); p != nil || problems != nil {
		t.Errorf("a policy that is off: %v %v", p, problems)
	}
}

// An explanation ends where the decision does, and asks nobody for anything.
func TestExplain(t *testing.T) {
	p, counted := compiled(t, Config{Deny: true, Rules: []Rule{
		{ID: "office", When: &When{Addresses: networks("10.0.0.0/8")}, Then: AlwaysAllows},
		{ID: "watched", Then: Denies, Mode: Observe},
		{ID: "post", When: &When{Methods: []string{"POST"}}, Then: Allows},
	}})
	var order []string
	p.bans = fixed{name: "nobody is banned here", asked: &order}
	tell := func(r *Request) (all []string) {
		for _, s := range p.Explain(r) {
			all = append(all, strings.TrimSpace(s.What+" "+s.ID)+": "+s.Says)
		}
		return all
	}
	want := []string{
		"rule office: does not apply: addresses (192.0.2.1 is in none of them)", "bans: nobody is banned here", "rule watched: would deny, but is only observed",
		"rule post: does not apply: methods", "default: deny",
	}
	if got := tell(asked("/")); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	inside := asked("/")
	inside.Client = netip.MustParseAddr("10.1.2.3")
	if got := tell(inside); !slices.Equal(got, []string{"rule office: always allow (10.1.2.3 is in 10.0.0.0/8)"}) {
		t.Errorf("got %q", got)
	}
	if len(order)+len(*counted) > 0 {
		t.Errorf("asked %q, counted %q", order, *counted)
	}
}
