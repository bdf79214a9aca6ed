package addresses_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/access/addresses"
)

// BenchmarkFindInAMillion looks up addresses that are all over the place, so that no part of the set is warm.
func BenchmarkFindInAMillion(b *testing.B) {
	for _, six := range []bool{false, true} {
		name := map[bool]string{false: "IPv4", true: "IPv6"}[six]
		before := heap()
		s := many(1_000_000, six)
		perPrefix := float64(heap()-before) / float64(s.Len())
		r := rand.New(rand.NewPCG(5, 6))
		asked := make([]netip.Addr, 1<<16)
		for i := range asked {
			var a [16]byte
			for j := range a {
				a[j] = byte(r.Uint32())
			}
			if a[0], a[1] = 0x20, a[1]%16; six {
				asked[i] = netip.AddrFrom16(a)
			} else {
				asked[i] = netip.AddrFrom4([4]byte(a[4:8]))
			}
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			found := 0
			for i := 0; b.Loop(); i++ {
				if s.Has(asked[i%len(asked)], now) {
					found++
				}
			}
			b.ReportMetric(perPrefix, "B/prefix")
		})
		runtime.KeepAlive(s)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkParseAMillion reads as many entries from each format.
func BenchmarkParseAMillion(b *testing.B) {
	entry := func(i int) string { return fmt.Sprintf("%d.%d.%d.%d", 1+i>>20, i>>12&255, i>>4&255, i&15*16) }
	for format, line := range map[addresses.Format]string{
		addresses.Plain: "%s\n", addresses.CSV: "x,%s,y\n", addresses.JSON: `{"cidr":"%s"}` + "\n", addresses.IPSet: "add a %s timeout 300\n",
	} {
		var text strings.Builder
		if format == addresses.IPSet {
			text.WriteString("create a hash:ip family inet timeout 300\n")
		}
		for i := range 1_000_000 {
			fmt.Fprintf(&text, line, entry(i))
		}
		b.Run(string(format), func(b *testing.B) {
			for b.Loop() {
				s, _, err := addresses.Parse(text.String(), addresses.Reading{Format: format, Column: "2", Fields: []string{"cidr"}, Now: now})
				if err != nil || s.Len() != 1_000_000 {
					b.Fatal(s.Len(), err)
				}
			}
		})
	}
}
