//go:build !race

package proxy

import (
	"fmt"
	"strings"
	"testing"
)

// TestAllocations bounds what a request without inspection allocates from the first byte to
// the last one, its access event included. It is of no use with the race detector, which
// empties pools at random.
func TestAllocations(t *testing.T) {
	const most = 12
	const formEnd = "&end=1"
	form := "field=" + strings.Repeat("y", 1000) + formEnd
	for _, tt := range []struct{ name, request, end, access string }{
		{"GET", benchHead, "\r\n\r\n", ""},
		{"GET under an access policy", benchHead, "\r\n\r\n", benchAccess},
		{"GET that no record wants", benchHead, "\r\n\r\n", benchRecords},
		{"GET with a token", withToken(t), "\r\n\r\n", benchChallenge},
		{"POST", fmt.Sprintf("POST /order HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: w\r\nAccept: */*\r\n"+
			"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form), formEnd, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, addr := benchProxy(t, benchRoutes(t, "off", benchBackend(t, tt.end), 1, 1, tt.access))
			c := newBenchClient(t, addr, tt.request)
			c.exchange(t) // connects, and makes the route's counters
			if n := testing.AllocsPerRun(1000, func() { c.exchange(t) }); n > most {
				t.Errorf("%v allocations, want at most %d", n, most)
			} else {
				t.Logf("%v allocations", n)
			}
		})
	}
}
