package access

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/wafer-waf/wafer/access/addresses"
	"github.com/wafer-waf/wafer/access/feed"
	"github.com/wafer-waf/wafer/access/geo"
	"github.com/wafer-waf/wafer/test/mmdb"
)

// BenchmarkDecideByLists decides about clients from everywhere by two lists, one of them of a million networks, a
// country and a network.
func BenchmarkDecideByLists(b *testing.B) {
	const many = 1_000_000
	var set addresses.Builder
	for i := range many {
		set.Add(addresses.Match{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(i >> 12), byte(i >> 4), byte(i << 4), 0}), 28), Line: i})
	}
	list := func(id string, s *addresses.Set) *feed.List {
		l, err := feed.Open(b.Context(), feed.Config{ID: id, Fixed: s}, nil)
		if err != nil {
			b.Fatal(err)
		}
		return l
	}
	file := filepath.Join(b.TempDir(), "geo.mmdb")
	records := map[string]mmdb.Record{}
	for i := range 200 {
		records[fmt.Sprintf("%d.0.0.0/8", i+20)] = mmdb.Record{"country": mmdb.Record{"iso_code": "DE"}, "autonomous_system_number": uint32(i)}
	}
	if err := os.WriteFile(file, mmdb.Write("Test", records), 0o600); err != nil {
		b.Fatal(err)
	}
	places, err := geo.Open(geo.Config{Country: file, ASN: file, MaxSize: 1 << 30, Unwatched: true})
	if err != nil {
		b.Fatal(err)
	}
	p, problems := NewState().Compile(&Config{ID: "a", Status: 403, Places: places, Rules: []Rule{
		{ID: "office", When: &When{Addresses: []Addresses{list("office", addresses.Of(netip.MustParsePrefix("10.0.0.0/8")))}}, Then: AlwaysAllows},
		{ID: "feed", When: &When{Addresses: []Addresses{list("feed", set.Set())}, Not: &When{Countries: []string{"", "DE"}}}, Then: Denies},
		{ID: "abroad", When: &When{Countries: []string{"FR"}}, Then: Denies},
		{ID: "hosters", When: &When{ASNs: []uint32{64496}}, Then: Denies},
	}})
	if problems != nil {
		b.Fatal(problems)
	}
	r := &Request{}
	r.Reset([]byte("/"))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Client = netip.AddrFrom4([4]byte{byte(20 + i%200), byte(i * 7), byte(i * 13), byte(i)})
		p.Decide(r)
	}
}
