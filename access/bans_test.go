package access

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/ban"
	"github.com/wafer-waf/wafer/access/rate"
	"github.com/wafer-waf/wafer/message"
)

// probing bans who gets three errors.
func probing(id string, change func(*BanSpec)) BanSpec {
	b := BanSpec{Rule: ban.Rule{
		ID: id, Statuses: []ban.Statuses{{From: 401, To: 404}}, Count: 3, Window: time.Minute,
		First: time.Hour, Growth: 1, Longest: time.Hour, Status: 404,
	}}
	if change != nil {
		change(&b)
	}
	return b
}

// wentBy has a request go through a policy, to which an application answers.
func wentBy(p *Policy, r *Request, status int) Decision {
	r.Now = time.Now()
	d := p.Decide(r)
	p.Done(r, &d, &Outcome{Status: status})
	return d
}

func from(address string, fields ...message.Field) *Request {
	r := asked("/", fields...)
	r.Client, r.Route = netip.MustParseAddr(address), "shop"
	return r
}

func TestPoliciesBan(t *testing.T) {
	office := Rule{ID: "office", When: &When{Addresses: networks("192.0.2.100/32")}, Then: AlwaysAllows}
	header := func(skip bool) func(*BanSpec) {
		return func(b *BanSpec) { b.Key, b.Skip = []rate.Part{{Kind: rate.PartHeader, Name: "X-Account"}}, skip }
	}
	account := func(name string) message.Field { return message.Field{Name: "X-Account", Value: name} }
	for _, tt := range []struct {
		name   string
		ban    BanSpec
		mode   Mode
		hits   *Request
		status int
		asks   *Request
		want   string // of what it gets then
	}{
		{"statuses", probing("b", nil), Enforce, from("192.0.2.1"), 404, from("192.0.2.1"), "banned b"},
		{"other statuses", probing("b", nil), Enforce, from("192.0.2.1"), 200, from("192.0.2.1"), "pass default"},
		{"somebody else", probing("b", nil), Enforce, from("192.0.2.1"), 404, from("192.0.2.2"), "pass default"},
		{"the same /64", probing("b", nil), Enforce, from("2001:db8::1"), 404, from("2001:db8::2"), "banned b"},
		{"always allowed", probing("b", nil), Enforce, from("192.0.2.100"), 404, from("192.0.2.100"), "pass office"},
		{"scope host", probing("b", func(b *BanSpec) { b.Scope = ban.OnHost }), Enforce, from("192.0.2.1"), 404, from("192.0.2.1"), "banned b"},
		{"key", probing("b", header(true)), Enforce, from("192.0.2.1", account("eve")), 404, from("192.0.2.2", account("eve")), "banned b"},
		{"another key", probing("b", header(true)), Enforce, from("192.0.2.1", account("eve")), 404, from("192.0.2.1", account("bob")), "pass default"},
		{"no key, skipped", probing("b", header(true)), Enforce, from("192.0.2.1"), 404, from("192.0.2.1"), "pass default"},
		{"no key, counted", probing("b", header(false)), Enforce, from("192.0.2.1"), 404, from("192.0.2.2"), "banned b"},
		{"observed ban", probing("b", func(b *BanSpec) { b.Observe = true }), Enforce, from("192.0.2.1"), 404, from("192.0.2.1"), "pass default, would banned b"},
		{"observed policy", probing("b", nil), Observe, from("192.0.2.1"), 404, from("192.0.2.1"), "pass default, would banned b"},
		{"off", probing("b", func(b *BanSpec) { b.Off = true }), Enforce, from("192.0.2.1"), 404, from("192.0.2.1"), "pass default"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, _ := compiled(t, Config{Mode: tt.mode, Rules: []Rule{office}, Bans: []BanSpec{tt.ban}})
			for range 3 {
				wentBy(p, tt.hits, tt.status)
			}
			d := wentBy(p, tt.asks, http.StatusOK)
			got := d.Verdict.String() + " " + d.Rule
			if d.WouldRule != "" {
				got += ", would " + d.Would.String() + " " + d.WouldRule
			}
			if got != tt.want || d.Verdict == Ban && (d.Status != 404 || d.RetryAfter <= 59*time.Minute) {
				t.Errorf("got %s (%+v), want %s", got, d, tt.want)
			}
		})
	}
}

// A ban that holds everywhere holds for policies that ban nobody themselves, as do those that people make.
func TestBansOfOthers(t *testing.T) {
	s := NewState()
	strict, _ := s.Compile(&Config{ID: "strict", Bans: []BanSpec{probing("b", nil)}})
	plain, _ := s.Compile(&Config{ID: "plain"})
	for range 3 {
		wentBy(strict, from("192.0.2.1"), 404)
	}
	if d := wentBy(plain, from("192.0.2.1"), 200); d.Verdict != Ban || d.Rule != "b" {
		t.Errorf("%+v", d)
	}
	at := ban.Target{Who: ban.Client(netip.MustParseAddr("192.0.2.9")), Scope: ban.OnHost, Where: "shop.example"}
	if _, err := s.Banned().Add(t.Context(), ban.Ban{Target: at}, time.Hour); err != nil {
		t.Fatal(err)
	}
	r := from("192.0.2.9")
	r.Host = "Shop.Example:8443"
	if d := wentBy(plain, r, 200); d.Verdict != Ban || d.Rule != ByHand || d.Status != 403 {
		t.Errorf("%+v", d)
	}
	if plain.Follows() || !strict.Follows() {
		t.Error("a policy without bans is told what becomes of requests")
	}
	if says := strict.bans.Explain(r); !strings.HasPrefix(says, "b, ") {
		t.Errorf("explained by %q", says)
	}
}

// bannedPolicy bans by clients and by a key, and others are banned.
func bannedPolicy(t testing.TB) (*Policy, *Request) {
	_, r := clean(t)
	s := NewState()
	p, problems := s.Compile(&Config{ID: "bans", Bans: []BanSpec{
		probing("client", nil), probing("session", func(b *BanSpec) { b.Key = []rate.Part{{Kind: rate.PartCookie, Name: "session"}} }),
	}})
	if problems != nil {
		t.Fatal(problems)
	}
	for _, address := range []string{"192.0.2.1", "192.0.2.2"} {
		if _, err := s.Banned().Add(t.Context(), ban.Ban{Target: ban.Target{Who: ban.Client(netip.MustParseAddr(address))}}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	r.Now = time.Now()
	return p, r
}

func TestBansAllocateNothing(t *testing.T) {
	p, r := bannedPolicy(t)
	var d Decision
	o := Outcome{Status: 200}
	if n := testing.AllocsPerRun(100, func() {
		d = p.Decide(r)
		p.Done(r, &d, &o)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecideWithBans(b *testing.B) {
	p, r := bannedPolicy(b)
	b.ReportAllocs()
	var d Decision
	o := Outcome{Status: 200}
	for b.Loop() {
		d = p.Decide(r)
		p.Done(r, &d, &o)
	}
}
