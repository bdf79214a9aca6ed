package access

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/addresses"
	"github.com/wafer-waf/wafer/access/rate"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
)

// ordinary is a policy of ordinary size, of which nothing meets an ordinary request.
func ordinary() Config {
	var many Networks
	for i := range 64 {
		many = append(many, netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", i)))
	}
	return Config{ID: "clean", Status: 403, Rules: []Rule{
		{ID: "office", When: &When{Addresses: []Addresses{many}}, Then: AlwaysAllows},
		{ID: "methods", When: &When{Methods: []string{"TRACE", "CONNECT"}}, Then: Denies},
		{ID: "hosts", When: &When{Hosts: []string{"*.internal.example"}}, Then: Denies},
		{ID: "admin", When: &When{Paths: []routing.Path{{Kind: routing.PathPrefix, Value: "/admin"}}, Not: &When{Addresses: []Addresses{many}}}, Then: Denies},
		{ID: "header", When: &When{Headers: []routing.Header{{Name: "X-Debug", Kind: routing.HeaderPresent}}}, Then: Denies},
		{ID: "scrapers", When: &When{UserAgents: []string{"(?i)scrapy", "(?i)httrack", "^$"}}, Then: Denies},
	}}
}

// clean is such a policy, and such a request.
func clean(t testing.TB) (*Policy, *Request) {
	c := ordinary()
	p, problems := NewState().Compile(&c)
	if problems != nil {
		t.Fatal(problems)
	}
	r := &Request{}
	r.Reset([]byte("/api/orders/17"))
	r.Client, r.Method, r.Host = netip.MustParseAddr("198.51.100.7"), "GET", "shop.example.com"
	r.Fields = message.Fields{
		{Name: "Host", Value: "shop.example.com"}, {Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
		{Name: "Accept", Value: "text/html,application/xhtml+xml"}, {Name: "Accept-Language", Value: "en"}, {Name: "Cookie", Value: "session=0123456789abcdef"},
	}
	return p, r
}

// An ordinary request costs no allocation.
func TestDecideAllocatesNothing(t *testing.T) {
	_, r := clean(t)
	c := everything(1000)
	p, problems := NewState().Compile(&c)
	if problems != nil {
		t.Fatal(problems)
	}
	if n := testing.AllocsPerRun(100, func() {
		r.scratch.limits.Reset()
		if d := p.Decide(r); d.Verdict != Pass || d.Rule != Default {
			t.Fatalf("%+v", d)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// everything is an ordinary policy with a list of so many addresses and two limits.
func everything(addressesOfList uint32) Config {
	all := make([]netip.Prefix, 0, addressesOfList)
	for i := range addressesOfList {
		n := 0x0b000000 + i*977 // spread over the addresses of IPv4
		all = append(all, netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), 32))
	}
	c := ordinary()
	c.Rules = append(c.Rules, Rule{ID: "listed", When: &When{Addresses: []Addresses{list{addresses.Of(all...)}}}, Then: Denies})
	c.Limits = []LimitSpec{
		{Spec: rate.Spec{ID: "client", Quota: rate.Quota{Units: 1 << 20, Period: time.Second, Burst: 1 << 20}, Key: []rate.Part{{Kind: rate.PartClient}}, Buckets: 100_000}},
		{Spec: rate.Spec{ID: "api", Quota: rate.Quota{Units: 1 << 20, Period: time.Second, Burst: 1 << 20}, Key: []rate.Part{{Kind: rate.PartClient}, {Kind: rate.PartRoute}}, Buckets: 100_000}},
	}
	return c
}

// BenchmarkDecideEverything is an ordinary request under rules, a list of a million addresses and two limits, whose client
// is another one each time.
func BenchmarkDecideEverything(b *testing.B) {
	_, r := clean(b)
	c := everything(1_000_000)
	p, problems := NewState().Compile(&c)
	if problems != nil {
		b.Fatal(problems)
	}
	var clients [1024]netip.Addr
	for i := range clients {
		clients[i] = netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)})
	}
	r.Now, r.Route = time.Now(), "shop"
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Client = clients[i%len(clients)]
		r.Household = netip.PrefixFrom(r.Client, 32)
		r.scratch.limits.Reset()
		if d := p.Decide(r); d.Verdict != Pass {
			b.Fatalf("%+v", d)
		}
	}
}

// list is a set as conditions ask it.
type list struct{ *addresses.Set }

func (list) Which(netip.Addr, time.Time) string { return "" }

func BenchmarkDecide(b *testing.B) {
	p, r := clean(b)
	b.ReportAllocs()
	for b.Loop() {
		p.Decide(r)
	}
}
