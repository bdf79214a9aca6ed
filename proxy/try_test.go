package proxy

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
)

// TestTry has many requests tried at once: each gets its own verdict, and the memory for bodies is given back.
func TestTry(t *testing.T) {
	routes := parse(t, "routes: [{id: r, upstreams: [{id: u}]}]\nupstreams: [{id: u, endpoints: ['http://127.0.0.1:1']}]\n")
	boot := config.DefaultBoot()
	const at = 4
	boot.Limits.Inspections = at + 1
	p, err := New(Options{
		Boot: boot, Source: config.FixedSource(routes), Log: zerolog.Nop(), Events: audit.New(io.Discard, audit.Options{}), Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	raw := func(body string) []byte {
		return fmt.Appendf(nil, "POST /form HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nUser-Agent: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	from := netip.MustParseAddrPort("192.0.2.1:40000")
	var all sync.WaitGroup
	for range at {
		all.Go(func() {
			for range 10 {
				f := func(want string, request []byte) {
					if e := p.Try(request, from); e.Verdict != want || e.Routes != nil || e.Choices != nil {
						t.Errorf("%s %s (%s), want %s", e.Verdict, e.Failure, e.CoverageReason, want)
					}
				}
				f("pass", raw("q=mug"+strings.Repeat("x", 20000)))
				f("block", raw("q=1' OR '1'='1' -- "))
				f("refused", []byte("nonsense\r\n\r\n"))
			}
		})
	}
	all.Wait()
	for name, part := range p.memory.parts() {
		if n := part.taken(); n != 0 {
			t.Errorf("%s: %d bytes are not given back", name, n)
		}
	}
}
