package addresses_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/addresses"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// naive is the narrowest of some entries that holds an address, found by looking at all of them.
func naive(entries []addresses.Match, a netip.Addr) (best addresses.Match, found bool) {
	for _, e := range entries {
		if e.Prefix.Contains(a) && (e.Until.IsZero() || e.Until.After(now)) && (!found || e.Prefix.Bits() > best.Prefix.Bits()) {
			best, found = e, true
		}
	}
	return best, found
}

// random returns a prefix out of a small space, so that prefixes hold each other often.
func random(r *rand.Rand) netip.Prefix {
	if r.IntN(2) == 0 {
		a := netip.AddrFrom4([4]byte{10, byte(r.IntN(4)), byte(r.IntN(256)), byte(r.IntN(256))})
		return netip.PrefixFrom(a, 4+r.IntN(29)).Masked()
	}
	b := [16]byte{0x20, 0x01, 0x0d, 0xb8, 7: byte(r.IntN(3)), 8: byte(r.IntN(2)), 15: byte(r.IntN(256))}
	return netip.PrefixFrom(netip.AddrFrom16(b), 16+r.IntN(113)).Masked()
}

func TestFindsWhatLookingAtAllFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		var b addresses.Builder
		byPrefix := map[netip.Prefix]addresses.Match{}
		for i := range r.IntN(300) {
			m := addresses.Match{Prefix: random(r), Line: i + 1}
			if r.IntN(3) == 0 {
				m.Until = now.Add(time.Duration(r.IntN(7)-3) * time.Hour)
			}
			if _, twice := byPrefix[m.Prefix]; twice {
				continue
			}
			byPrefix[m.Prefix] = m
			b.Add(m)
		}
		s := b.Set()
		var entries []addresses.Match
		for _, m := range byPrefix {
			entries = append(entries, m)
		}
		if s.Len() != len(entries) {
			t.Fatalf("%d prefixes of %d", s.Len(), len(entries))
		}
		for range 300 {
			a := random(r).Addr()
			want, in := naive(entries, a)
			got, found := s.Find(a, now)
			if found != in || got != want || s.Has(a, now) != in {
				t.Fatalf("%s: %+v %v, want %+v %v", a, got, found, want, in)
			}
		}
	}
}

func TestFindUnmapsAndIgnoresZones(t *testing.T) {
	s := addresses.Of(netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("fe80::/10"))
	for text, want := range map[string]bool{
		"192.0.2.7": true, "::ffff:192.0.2.7": true, "192.0.3.7": false, "fe80::1%eth0": true, "::192.0.2.7": false, "::": false,
		"255.255.255.255": false, "0.0.0.0": false, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": false,
	} {
		if got := s.Has(netip.MustParseAddr(text), now); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if s.Has(netip.Addr{}, now) || (*addresses.Set)(nil).Has(netip.MustParseAddr("::1"), now) || (*addresses.Set)(nil).Len() != 0 {
		t.Error("found in nothing")
	}
}

func TestOfTwoThatAreEqualTheLongerLastingStays(t *testing.T) {
	p := netip.MustParsePrefix("192.0.2.0/24")
	for name, ends := range map[string][]time.Time{
		"one has no end, first": {{}, now.Add(time.Hour)},
		"one has no end, last":  {now.Add(time.Hour), {}},
	} {
		var b addresses.Builder
		for _, until := range ends {
			b.Add(addresses.Match{Prefix: p, Until: until})
		}
		if m, _ := b.Set().Find(p.Addr(), now); !m.Until.IsZero() {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestNotesStay(t *testing.T) {
	var b addresses.Builder
	b.Add(addresses.Match{Prefix: netip.MustParsePrefix("198.51.100.0/24"), Note: "second"})
	b.Add(addresses.Match{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Note: "first"})
	b.Add(addresses.Match{Prefix: netip.MustParsePrefix("2001:db8::/32"), Note: "third"})
	var got []string
	for m := range b.Set().All() {
		got = append(got, m.Note)
	}
	if len(got) != 3 || got[0] != "first" || got[1] != "second" || got[2] != "third" {
		t.Error(got)
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	s := addresses.Of(netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32"))
	four, six := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::9")
	if n := testing.AllocsPerRun(100, func() { s.Has(four, now); s.Has(six, now); s.Find(six, now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// many are n prefixes as feeds have them: addresses, and networks of each length from /16 and /32 on.
func many(n int, six bool) *addresses.Set {
	r := rand.New(rand.NewPCG(3, 4))
	var b addresses.Builder
	for b.Len() < n {
		if six {
			var a [16]byte
			a[0], a[1] = 0x20, byte(r.IntN(16))
			for i := 2; i < 16; i++ {
				a[i] = byte(r.Uint32())
			}
			b.Add(addresses.Match{Prefix: netip.PrefixFrom(netip.AddrFrom16(a), 32+r.IntN(97)).Masked(), Line: b.Len()})
			continue
		}
		a, bits := r.Uint32(), 32
		if r.IntN(4) == 0 {
			bits = 16 + r.IntN(17)
		}
		four := netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
		b.Add(addresses.Match{Prefix: netip.PrefixFrom(four, bits).Masked(), Line: b.Len(), Until: now.Add(time.Hour)})
	}
	return b.Set()
}

// TestBytesOfAPrefix asks the set itself. BenchmarkFindInAMillion asks the heap.
func TestBytesOfAPrefix(t *testing.T) {
	for _, six := range []bool{false, true} {
		if s := many(20_000, six); s.Bytes() > 100*s.Len() {
			t.Errorf("IPv6 %v: %d bytes for each of %d prefixes", six, s.Bytes()/s.Len(), s.Len())
		}
	}
}
