package access

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/rate"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
)

// hourly is a limit of so many in an hour.
func hourly(id string, n int64, key ...rate.Part) LimitSpec {
	return LimitSpec{Spec: rate.Spec{ID: id, Quota: rate.Quota{Units: n, Period: time.Hour, Burst: n}, Key: key, Buckets: 1000}}
}

// again makes a request the next one.
func again(r *Request) *Request {
	r.scratch.limits.Reset()
	r.Now = time.Now()
	return r
}

func TestLimitsAreAStep(t *testing.T) {
	only := hourly("reports", 1)
	only.When = &When{Paths: []routing.Path{{Kind: routing.PathPrefix, Value: "/reports"}}}
	watched := hourly("watched", 1)
	watched.Mode = rate.Observe
	off := hourly("off", 1)
	off.Off = true
	p, counted := compiled(t, Config{
		Rules:  []Rule{{ID: "office", When: &When{Addresses: networks("203.0.113.0/24")}, Then: AlwaysAllows}, {ID: "no", When: &When{Methods: []string{"PUT"}}, Then: Denies}},
		Limits: []LimitSpec{hourly("all", 3), only, watched, off},
	})
	f := func(r *Request, v Verdict, status int, rule, would string) {
		t.Helper()
		*counted = nil
		d := p.Decide(again(r))
		if d.Verdict != v || d.Status != status || d.Rule != rule || d.WouldRule != would {
			t.Errorf("%+v", d)
		}
		if v == Limit && d.RetryAfter <= 0 {
			t.Errorf("nobody is told when to come again: %+v", d)
		}
		if would != "" && !slices.Contains(*counted, would+" rate_limited true") {
			t.Errorf("counted %q", *counted)
		}
	}
	put := asked("/")
	put.Method = "PUT"
	f(put, Deny, 403, "no", "") // and is not counted
	f(asked("/reports/1"), Pass, 0, Default, "")
	f(asked("/reports/1"), Limit, 429, "reports", "")
	f(asked("/reports/1"), Limit, 429, "reports", "")
	f(asked("/"), Pass, 0, Default, "watched")
	f(asked("/"), Pass, 0, Default, "watched")
	f(asked("/"), Limit, 429, "all", "")
	office := asked("/")
	office.Client = netip.MustParseAddr("203.0.113.1")
	f(office, Pass, 0, "office", "")
	dry := asked("/")
	dry.Dry = true
	f(dry, Pass, 0, Default, "")
	if steps := p.Explain(asked("/reports/1")); steps[len(steps)-1].Says != "all, reports, watched (only observed); how much is left, only the tier that serves knows" {
		t.Errorf("%+v", steps)
	}
}

func TestAnObservedPolicyLimitsNobody(t *testing.T) {
	p, counted := compiled(t, Config{Mode: Observe, Limits: []LimitSpec{hourly("all", 1)}})
	for i := range 3 {
		d := p.Decide(again(asked("/")))
		if d.Verdict != Pass || (d.WouldRule == "all") != (i > 0) {
			t.Errorf("%d: %+v", i, d)
		}
	}
	if n := len(slices.DeleteFunc(slices.Clone(*counted), func(s string) bool { return s != "all rate_limited true" })); n != 2 {
		t.Errorf("counted %q", *counted)
	}
	// What would have ended the decision ends it, although nothing is done: nobody would have been challenged behind it.
	p, _ = compiled(t, Config{Mode: Observe, Rules: []Rule{{ID: "bots", Then: Challenges}}, Limits: []LimitSpec{hourly("all", 1)}})
	for _, want := range []string{"bots", "all"} {
		if d := p.Decide(again(asked("/"))); d.Verdict != Pass || d.WouldRule != want {
			t.Errorf("%+v, want what %s would do", d, want)
		}
	}
}

// What a request has of each part of a key, and whether it has it.
func TestKeyParts(t *testing.T) {
	users, err := rate.ParseTemplate("/users/{id}")
	if err != nil {
		t.Fatal(err)
	}
	r := asked("/users/1", message.Field{Name: "X-Key", Value: "k"}, message.Field{Name: "x-two", Value: "a"}, message.Field{Name: "X-Two", Value: "b"},
		message.Field{Name: "Cookie", Value: "a=1; device = d ;b"}, message.Field{Name: "Cookie", Value: "a=2; empty="})
	r.Host, r.Route, r.Matched = "Shop.Example.:8080", "shop", "/users"
	r.Household = netip.MustParsePrefix("192.0.2.1/32")
	r.Certificate = &message.ClientCertificate{Subject: "CN=web", URIs: []string{"spiffe://x/web"}}
	none := asked("/orders/1")
	for _, c := range []struct {
		part rate.Part
		want string
		not  bool // the other request has it, too
	}{
		{rate.Part{Kind: rate.PartRoute}, "shop", true},
		{rate.Part{Kind: rate.PartPath}, "/users", true},
		{rate.Part{Kind: rate.PartMethod}, "GET", true},
		{rate.Part{Kind: rate.PartHost}, "shop.example", true},
		{rate.Part{Kind: rate.PartClient}, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01", true},
		{rate.Part{Kind: rate.PartTemplate, Templates: []rate.Template{users}}, "/users/{id}", false},
		{rate.Part{Kind: rate.PartHeader, Name: "x-key"}, "k", false},
		{rate.Part{Kind: rate.PartHeader, Name: "x-two"}, several, false},
		{rate.Part{Kind: rate.PartCookie, Name: "device"}, "d", false},
		{rate.Part{Kind: rate.PartCookie, Name: "empty"}, "", false},
		{rate.Part{Kind: rate.PartCookie, Name: "a"}, several, false},
		{rate.Part{Kind: rate.PartIdentity}, "spiffe://x/web", false},
	} {
		got, ok := (*keyed)(r).AppendPart([]byte("before "), &c.part)
		if string(got) != "before "+c.want || !ok {
			t.Errorf("%+v: %q, %v", c.part, got, ok)
		}
		if got, ok := (*keyed)(none).AppendPart(nil, &c.part); ok != c.not {
			t.Errorf("%+v: another request has %q, %v", c.part, got, ok)
		}
	}
}

// limitedPolicy has three limits that apply to a request, as clean has rules.
func limitedPolicy(t testing.TB) (*Policy, *Request) {
	_, r := clean(t)
	r.Household = netip.PrefixFrom(r.Client, 32)
	spec := func(id string, key ...rate.Part) LimitSpec {
		return LimitSpec{Spec: rate.Spec{ID: id, Quota: rate.Quota{Units: 1_000_000, Period: time.Second, Burst: 1_000_000}, Key: key, Buckets: 100_000}}
	}
	failures := spec("failures", rate.Part{Kind: rate.PartClient})
	failures.Statuses = []rate.Statuses{{From: 401, To: 401}}
	p, problems := NewState().Compile(&Config{ID: "limited", Status: 403, Limits: []LimitSpec{
		spec("by-client", rate.Part{Kind: rate.PartClient}),
		spec("by-session", rate.Part{Kind: rate.PartCookie, Name: "session"}, rate.Part{Kind: rate.PartHost}),
		failures,
	}})
	if problems != nil {
		t.Fatal(problems)
	}
	return p, r
}

func TestLimitsAllocateNothing(t *testing.T) {
	p, r := limitedPolicy(t)
	var d Decision // an exchange has room for it
	var o Outcome
	if n := testing.AllocsPerRun(100, func() {
		d = p.Decide(again(r))
		p.Done(r, &d, &o)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLimits(b *testing.B) {
	p, r := limitedPolicy(b)
	var d Decision
	var o Outcome
	b.ReportAllocs()
	for b.Loop() {
		r.scratch.limits.Reset()
		d = p.Decide(r)
		p.Done(r, &d, &o)
	}
}
