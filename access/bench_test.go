package access

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
)

// clean is a policy of ordinary size, of which nothing meets an ordinary request, and such a request.
func clean(t testing.TB) (*Policy, *Request) {
	var many Networks
	for i := range 64 {
		many = append(many, netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", i)))
	}
	rules := []Rule{
		{ID: "office", When: &When{Addresses: []Addresses{many}}, Then: AlwaysAllows},
		{ID: "methods", When: &When{Methods: []string{"TRACE", "CONNECT"}}, Then: Denies},
		{ID: "hosts", When: &When{Hosts: []string{"*.internal.example"}}, Then: Denies},
		{ID: "admin", When: &When{Paths: []routing.Path{{Kind: routing.PathPrefix, Value: "/admin"}}, Not: &When{Addresses: []Addresses{many}}}, Then: Denies},
		{ID: "header", When: &When{Headers: []routing.Header{{Name: "X-Debug", Kind: routing.HeaderPresent}}}, Then: Denies},
		{ID: "scrapers", When: &When{UserAgents: []string{"(?i)scrapy", "(?i)httrack", "^$"}}, Then: Denies},
	}
	p, problems := NewState().Compile(&Config{ID: "clean", Status: 403, Rules: rules})
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
	p, r := clean(t)
	if n := testing.AllocsPerRun(100, func() {
		if d := p.Decide(r); d.Verdict != Pass || d.Rule != Default {
			t.Fatalf("%+v", d)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	p, r := clean(b)
	b.ReportAllocs()
	for b.Loop() {
		p.Decide(r)
	}
}
