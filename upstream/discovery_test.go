package upstream

import (
	"context"
	"fmt"
	"github.com/wafer-waf/wafer/upstream/health"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// zone is a name server whose answers a test sets.
type zone struct {
	mu    sync.Mutex
	names map[string]string // addresses, separated by spaces
}

func (z *zone) set(name, addrs string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.names[name] = addrs
}

func (z *zone) LookupNetIP(_ context.Context, network, name string) (out []netip.Addr, _ error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for a := range strings.FieldsSeq(z.names[name]) {
		if ip := netip.MustParseAddr(a); ip.Is4() == (network == "ip4") {
			out = append(out, ip)
		}
	}
	if len(out) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return out, nil
}

func (z *zone) LookupSRV(_ context.Context, _, _, name string) (string, []*net.SRV, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.names[name] == "" {
		return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return name, []*net.SRV{{Target: z.names[name], Port: 8080, Weight: 3}}, nil
}

// always is until a name has been looked at again, whatever the clock of that is.
const always = 2 * lookupEvery

func TestDiscoveryFollowsDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{names: map[string]string{}}
		p, err := New(Config{
			ID: "u", Endpoints: []string{"http://a.test:8080", "http://b.test:9090"}, Discovery: DiscoveryDNS, Resolver: z,
			Connections: 1, Connect: time.Second, Response: time.Second, Idle: time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		want := func(when string, addrs ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for _, e := range p.live() {
				got = append(got, e.addr)
			}
			if !slices.Equal(got, addrs) {
				t.Errorf("%s: endpoints %v, want %v", when, got, addrs)
			}
		}
		next := func() { time.Sleep(always) } // the bubble's clock

		want("no answer yet", "a.test:8080", "b.test:9090")
		if n := p.Counts()[health.Up]; n != 0 {
			t.Errorf("%d names without an address are up", n)
		}

		z.set("a.test", "10.0.0.2 10.0.0.1 10.0.0.2")
		next()
		want("one name is known", "10.0.0.1:8080", "10.0.0.2:8080")
		if n := p.Counts()[health.Up]; n != 2 {
			t.Errorf("%d are up", n)
		}
		kept := p.live()[1].endpoint

		z.set("a.test", "10.0.0.2 10.0.0.3")
		z.set("b.test", "fd00::1")
		next()
		want("pods came and went", "10.0.0.2:8080", "10.0.0.3:8080", "[fd00::1]:9090")
		if p.live()[0].endpoint != kept {
			t.Error("an endpoint that stayed lost its connections")
		}
		gone := p.live()[1]

		z.set("a.test", "10.0.0.2")
		next()
		want("one fewer", "10.0.0.2:8080", "[fd00::1]:9090")
		if !gone.closed.Load() {
			t.Error("an endpoint that went keeps its connections")
		}

		z.set("a.test", "")
		next()
		want("DNS fails", "10.0.0.2:8080", "[fd00::1]:9090")

		p.Close()
		z.set("a.test", "10.0.0.9")
		next()
		want("after the end", "10.0.0.2:8080", "[fd00::1]:9090")
	})
}

func TestNoDiscoveryUnlessAsked(t *testing.T) {
	p, err := New(Config{
		ID: "u", Endpoints: []string{"http://a.test:8080"}, Connections: 1, Resolver: &zone{names: map[string]string{"a.test": "10.0.0.1"}},
		Connect: time.Second, Response: time.Second, Idle: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if e := p.live(); len(e) != 1 || e[0].addr != "a.test:8080" {
		t.Errorf("endpoints %v", e)
	}
}

// Addresses that were known stay when DNS has no more, so that whoever looks at the upstream alone would
// never hear of it.
func TestDiscoveryTellsOfNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{names: map[string]string{"a.test": "10.0.0.1"}}
		var told []string
		p, err := New(Config{
			ID: "u", Endpoints: []string{"http://a.test:8080"}, Discovery: DiscoveryDNS, Resolver: z,
			Connections: 1, Connect: time.Second, Response: time.Second, Idle: time.Second,
			SourceChanged: func(name string, err error) { told = append(told, fmt.Sprint(name, " ", err != nil)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, addrs := range []string{"10.0.0.2", "", "", "10.0.0.3", "10.0.0.3"} {
			synctest.Wait()
			z.set("a.test", addrs)
			time.Sleep(always)
		}
		synctest.Wait()
		p.Close()
		if want := []string{"a.test:8080 true", "a.test:8080 false"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}
