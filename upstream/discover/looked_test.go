package discover

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// zone is a resolver whose answers a test sets: the clock of a bubble does not go with real sockets.
type zone struct {
	mu    sync.Mutex
	names map[string]string // addresses, separated by spaces; "fail": no answer
	asked int
}

func (z *zone) set(name, addrs string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.names[name] = addrs
}

func (z *zone) LookupNetIP(ctx context.Context, network, host string) (out []netip.Addr, _ error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked++
	for a := range strings.FieldsSeq(z.names[host]) {
		switch a {
		case "fail":
			return nil, errors.New("no answer")
		case "hang":
			z.mu.Unlock()
			<-ctx.Done()
			z.mu.Lock()
			return nil, ctx.Err()
		}
		if ip := netip.MustParseAddr(a); ip.Is4() == (network == "ip4") {
			out = append(out, ip)
		}
	}
	if len(out) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return out, nil
}

func (z *zone) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", nil, errors.New("not asked for here")
}

const every = 5 * time.Second

// watch has a source tell until the test ends.
func watch(t *testing.T, s Source) *heard {
	t.Helper()
	h := &heard{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Watch(ctx, h.tell)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return h
}

func TestAddressesFollowNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{names: map[string]string{}}
		s, err := Addresses(Target{Address: "a.test:80", Host: "a.test", Weight: 2}, every, z)
		if err != nil || s.String() != "a.test:80" {
			t.Fatal(s, err)
		}
		h := watch(t, s)
		for _, step := range []struct{ what, has, want string }{
			{"nothing is known", "", ""},
			{"in any order and twice", "10.0.0.2 10.0.0.1 10.0.0.2", "10.0.0.1:80*2 10.0.0.2:80*2"},
			{"pods come and go", "10.0.0.2 10.0.0.3", "10.0.0.2:80*2 10.0.0.3:80*2"},
			{"the resolver fails", "fail", "10.0.0.2:80*2 10.0.0.3:80*2"},
			{"the name is unknown all of a sudden", "", "10.0.0.2:80*2 10.0.0.3:80*2"},
			{"one less", "10.0.0.3", "10.0.0.3:80*2"},
			{"the resolver hangs", "hang", "10.0.0.3:80*2"},
			{"nobody's addresses", "0.0.0.0 224.0.0.1 255.255.255.255 ::", "10.0.0.3:80*2"},
			{"both families", "10.0.0.4 fd00::4", "10.0.0.4:80*2 [fd00::4]:80*2"},
			{"another one", "10.0.0.5", "10.0.0.5:80*2"},
		} {
			z.set("a.test", step.has)
			time.Sleep(2*every + lookupTimeout) // the bubble's clock
			synctest.Wait()
			if got := h.now(); got != step.want {
				t.Errorf("%s: found %q, want %q", step.what, got, step.want)
			}
		}
		if want := []bool{false, true, false, true, false, true}; !slices.Equal(h.well, want) {
			t.Errorf("told that all is well: %t, want %t", h.well, want)
		}
	})
}

// An answer for one family does not take away what the other had when it fails.
func TestFamiliesFailApart(t *testing.T) {
	v4, v6 := "10.0.0.1", "fd00::1"
	for _, c := range []struct {
		what, then string
		fail       string // the family that does from then on
		want       string
		failed     bool
	}{
		{"IPv6 fails", v4, "ip6", "10.0.0.1 fd00::1", true},
		{"IPv4 fails", v6, "ip4", "10.0.0.1 fd00::1", true},
		{"IPv6 is gone", v4, "", "10.0.0.1", false},
		{"IPv4 moved, IPv6 fails", "10.0.0.2", "ip6", "10.0.0.2 fd00::1", true},
	} {
		z := &zone{names: map[string]string{"a.test": v4 + " " + v6}}
		r := &oneFamilyFails{zone: z}
		a := &addresses{ask: r, name: "a.test"}
		if _, err := a.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		z.set("a.test", c.then)
		r.fails = c.fail
		found, err := a.look(t.Context())
		var got []string
		for _, ip := range found {
			got = append(got, ip.String())
		}
		if strings.Join(got, " ") != c.want || (err != nil) != c.failed {
			t.Errorf("%s: %v, %v, want %s", c.what, got, err, c.want)
		}
	}
	never := &addresses{ask: &oneFamilyFails{&zone{names: map[string]string{"a.test": v4}}, "ip6"}, name: "a.test"}
	if found, err := never.look(t.Context()); err != nil || len(found) != 1 {
		t.Errorf("a name server that knows IPv4 alone: %v, %v", found, err)
	}
}

type oneFamilyFails struct {
	*zone
	fails string
}

func (o *oneFamilyFails) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if network == o.fails {
		return nil, &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true}
	}
	return o.zone.LookupNetIP(ctx, network, host)
}

// Replicas that start together do not ask in step, and none asks more often than a tenth sooner.
func TestLooksAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{names: map[string]string{"a.test": "10.0.0.1"}}
		s, err := Addresses(Target{Address: "a.test:80"}, every, z)
		if err != nil {
			t.Fatal(err)
		}
		watch(t, s)
		const hour = time.Hour
		time.Sleep(hour)
		synctest.Wait()
		if n := z.asked / len(families); n < int(hour/(every*11/10)) || n > int(hour/(every*9/10))+1 {
			t.Errorf("asked %d times in an hour", n)
		}
	})
}

func TestAnswersAreBounded(t *testing.T) {
	var all []Target
	for i := range most + 5 {
		all = append(all, Target{Address: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String()})
	}
	if found, err := bounded(all, nil); len(found) != most || err == nil {
		t.Errorf("%d targets, %v", len(found), err)
	}
}
