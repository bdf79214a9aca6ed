package access

import (
	"net/netip"
	"testing"

	"github.com/wafer-waf/wafer/access/rate"
)

// atlas knows one address, and counts who asks.
type atlas struct{ asked int }

func (a *atlas) Country(of netip.Addr) string {
	if a.asked++; of == netip.MustParseAddr("192.0.2.1") {
		return "DE"
	}
	return ""
}

func (a *atlas) ASN(of netip.Addr) uint32 {
	if a.asked++; of == netip.MustParseAddr("192.0.2.1") {
		return 64496
	}
	return 0
}

func TestPlacesAreConditions(t *testing.T) {
	known, unknown := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")
	for name, c := range map[string]struct {
		when           When
		known, unknown bool
	}{
		"a country":             {When{Countries: []string{"FR", "DE"}}, true, false},
		"another country":       {When{Countries: []string{"FR"}}, false, false},
		"not a country":         {When{Not: &When{Countries: []string{"DE"}}}, false, true},
		"no known country":      {When{Countries: []string{""}}, false, true},
		"a network":             {When{ASNs: []uint32{64496}}, true, false},
		"no known network":      {When{ASNs: []uint32{1, 0}}, false, true},
		"a country and network": {When{Countries: []string{"DE"}, ASNs: []uint32{64496}}, true, false},
	} {
		places := &atlas{}
		p, problems := NewState().Compile(&Config{ID: "a", Places: places, Status: 403, Rules: []Rule{
			{ID: "one", When: &c.when, Then: Denies}, {ID: "two", When: &c.when, Then: Denies},
		}})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for client, want := range map[netip.Addr]bool{known: c.known, unknown: c.unknown} {
			places.asked = 0
			if got := p.Decide(&Request{Client: client}).Verdict == Deny; got != want || places.asked > 2 {
				t.Errorf("%s, %s: %v, asked %d times", name, client, got, places.asked)
			}
		}
	}
}

func TestPlacesAreParts(t *testing.T) {
	r := &Request{Client: netip.MustParseAddr("192.0.2.1"), located: located{places: &atlas{}}}
	if country, there := (*keyed)(r).AppendPart(nil, &rate.Part{Kind: rate.PartCountry}); !there || string(country) != "DE" {
		t.Errorf("%q %v", country, there)
	}
	if asn, there := (*keyed)(r).AppendPart(nil, &rate.Part{Kind: rate.PartASN}); !there || len(asn) != 4 {
		t.Errorf("%q %v", asn, there)
	}
	r = &Request{Client: netip.MustParseAddr("198.51.100.1")}
	for _, kind := range []rate.PartKind{rate.PartCountry, rate.PartASN} {
		if _, there := (*keyed)(r).AppendPart(nil, &rate.Part{Kind: kind}); there {
			t.Error("a place that nobody knows")
		}
	}
}
