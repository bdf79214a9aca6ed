package geo

import (
	"net/netip"
	"testing"

	"github.com/wafer-waf/wafer/test/mmdb"
)

// FuzzDatabase looks up addresses in what passes for a database.
func FuzzDatabase(f *testing.F) {
	f.Add(mmdb.Write("a", map[string]mmdb.Record{"192.0.2.0/24": {"country": mmdb.Record{"iso_code": "DE"}, "asn": "AS64496"}, "::/1": {"asn": uint32(1)}}))
	f.Add(mmdb.Write("b", nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := read(data)
		if err != nil {
			return
		}
		d.countries, d.networks = new(remembered), new(remembered)
		for _, text := range []string{"192.0.2.1", "2001:db8::1", "::", "ffff::", "255.255.255.255"} {
			a := netip.MustParseAddr(text)
			for range 2 {
				if c := unpackCountry(d.countries.get(d, a, packCountry)); c != Unknown && !IsCountry(c) {
					t.Fatalf("%q is no country", c)
				}
				d.networks.get(d, a, packASN)
			}
		}
	})
}
