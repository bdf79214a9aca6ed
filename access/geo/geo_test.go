package geo_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/geo"
	"github.com/wafer-waf/wafer/test/mmdb"
)

var countries = map[string]mmdb.Record{
	"192.0.2.0/24":    {"country": mmdb.Record{"iso_code": "DE", "geoname_id": uint32(2921044)}, "continent": mmdb.Record{"code": "EU"}},
	"192.0.2.128/25":  {"country": mmdb.Record{"iso_code": "FR"}},
	"198.51.100.0/24": {"registered_country": mmdb.Record{"iso_code": "US"}},
	"203.0.113.0/24":  {"country": "Spain", "country_code": "ES", "asn": "AS64500"},
	"2001:db8::/32":   {"country": "IT", "asn": uint32(64501)},
	"10.0.0.0/8":      {"country": "nowhere", "asn": "none"},
}

var networks = map[string]mmdb.Record{
	"192.0.2.0/24": {"autonomous_system_number": uint32(64496), "autonomous_system_organization": strings.Repeat("Example ", 20)},
}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+"-new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"-new", path); err != nil {
		t.Fatal(err)
	}
}

func config(t *testing.T) geo.Config {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "country.mmdb"), mmdb.Write("Test-Country", countries))
	put(t, filepath.Join(dir, "asn.mmdb"), mmdb.Write("Test-ASN", networks))
	return geo.Config{Dir: dir, Country: "country.mmdb", ASN: "asn.mmdb", MaxSize: 1 << 20, Every: 5 * time.Millisecond}
}

func open(t *testing.T, c geo.Config) *geo.Places {
	t.Helper()
	p, err := geo.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestPlaces(t *testing.T) {
	c := config(t)
	p := open(t, c)
	c.ASN = c.Country
	one := open(t, c)
	for address, want := range map[string]string{
		"192.0.2.1": "DE 64496 0", "192.0.2.129": "FR 64496 0", "::ffff:192.0.2.1": "DE 64496 0", "198.51.100.1": " 0 0", "203.0.113.1": "ES 0 64500",
		"2001:db8::1": "IT 0 64501", "10.1.2.3": " 0 0", "2001:db9::1": " 0 0", "fe80::1%eth0": " 0 0",
	} {
		a := netip.MustParseAddr(address)
		if got := fmt.Sprint(p.Country(a), " ", p.ASN(a), " ", one.ASN(a)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if n := len(one.Status()); n != 1 {
		t.Errorf("%d files, which are one", n)
	}
	var none *geo.Places
	if a := netip.MustParseAddr("192.0.2.1"); none.Country(a) != geo.Unknown || none.ASN(a) != 0 || none.Status() != nil {
		t.Error("nothing knows something")
	}
}

func TestLookupsAllocateNothing(t *testing.T) {
	p := open(t, config(t))
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	if n := testing.AllocsPerRun(100, func() { p.Country(a); p.ASN(a); p.Country(b); p.ASN(b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestFilesThatChange(t *testing.T) {
	c := config(t)
	told := make(chan error, 10)
	c.Told = func(name string, err error) {
		if name != "country.mmdb" {
			t.Error(name)
		}
		told <- err
	}
	p := open(t, c)
	a := netip.MustParseAddr("192.0.2.1")
	path := filepath.Join(c.Dir, c.Country)
	good := mmdb.Write("Test-Country", map[string]mmdb.Record{"192.0.2.0/24": {"country": "PL"}})
	for name, broken := range map[string][]byte{"half": good[:len(good)/2], "empty": nil, "a page": []byte("<html>"), "a broken tree": append([]byte("\xff\xff\xff\xfe"), good[4:]...)} {
		put(t, path, broken)
		if err := <-told; err == nil || p.Country(a) != "DE" || p.Status()[0].Failing == "" || p.Status()[1].Failing != "" {
			t.Errorf("%s: %v, %s, %+v", name, err, p.Country(a), p.Status())
		}
	}
	put(t, path, good)
	if err := <-told; err != nil || p.Country(a) != "PL" || p.Status()[0].Failing != "" {
		t.Errorf("%v, %s, %+v", err, p.Country(a), p.Status())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := <-told; err == nil || p.Country(a) != "PL" {
		t.Errorf("%v, %s", err, p.Country(a))
	}
}

func TestOpenRefuses(t *testing.T) {
	c := config(t)
	c.Country, c.ASN = "nowhere.mmdb", "large.mmdb"
	put(t, filepath.Join(c.Dir, c.ASN), make([]byte, 2<<20))
	if _, err := geo.Open(c); err == nil || !strings.Contains(err.Error(), "nowhere.mmdb: ") || !strings.Contains(err.Error(), "large.mmdb: larger than 1048576 bytes") {
		t.Error(err)
	}
}

func BenchmarkPlace(b *testing.B) {
	dir := b.TempDir()
	all := map[string]mmdb.Record{}
	for i := range 20_000 {
		all[fmt.Sprintf("%d.%d.%d.0/24", 1+i%200, i/256%256, i%256)] = mmdb.Record{
			"continent":                mmdb.Record{"code": "EU", "geoname_id": uint32(6255148), "names": mmdb.Record{"de": "Europa", "en": "Europe", "fr": "Europe"}},
			"country":                  mmdb.Record{"geoname_id": uint32(i % 250), "iso_code": string([]byte{byte('A' + i%26), byte('A' + i/26%26)}), "names": mmdb.Record{"de": "Land", "en": "Country"}},
			"autonomous_system_number": uint32(i),
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "all.mmdb"), mmdb.Write("Test", all), 0o600); err != nil {
		b.Fatal(err)
	}
	p, err := geo.Open(geo.Config{Dir: dir, Country: "all.mmdb", ASN: "all.mmdb", MaxSize: 100 << 20, Unwatched: true})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		a := netip.AddrFrom4([4]byte{byte(1 + i%200), byte(i / 256), byte(i), 1})
		p.Country(a)
		p.ASN(a)
	}
}
