package bots

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wafer-waf/wafer/test/names"
)

// google is a robot, as it is known.
func google(t testing.TB) *Bot {
	t.Helper()
	b, err := New(Definition{ID: "google", Agents: []string{"Googlebot", "AdsBot-Google"}, Domains: []string{"googlebot.com", "Google.com."}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// watched is a Verifier, and a function that waits until it has found something out.
func watched(ask Resolver) (v *Verifier, found func()) {
	v = NewVerifier(ask)
	done := make(chan struct{}, 1)
	v.done = func() { done <- struct{}{} }
	return v, func() { <-done }
}

const (
	reverse4 = "7.2.0.192.in-addr.arpa" // of 192.0.2.7
	reverse6 = "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
)

// TestNames verifies robots by what a name server says, the truth or not.
func TestNames(t *testing.T) {
	tests := []struct {
		name   string
		client string
		zone   map[string][]string
		mood   names.Mood
		want   Standing
	}{
		{name: "of the operator, and forward", client: "192.0.2.7", want: Verified,
			zone: map[string][]string{reverse4: {"ptr crawl-7.googlebot.com"}, "crawl-7.googlebot.com": {"192.0.2.9", "192.0.2.7"}}},
		{name: "of IPv6", client: "2001:db8::7", want: Verified,
			zone: map[string][]string{reverse6: {"ptr crawl-7.googlebot.com"}, "crawl-7.googlebot.com": {"2001:db8::7"}}},
		{name: "of IPv4 within IPv6", client: "::ffff:192.0.2.7", want: Verified,
			zone: map[string][]string{reverse4: {"ptr crawl-7.googlebot.com"}, "crawl-7.googlebot.com": {"192.0.2.7"}}},
		{name: "one of two names", client: "192.0.2.7", want: Verified,
			zone: map[string][]string{reverse4: {"ptr other.test", "ptr crawl-7.googlebot.com"}, "crawl-7.googlebot.com": {"192.0.2.7"}}},
		{name: "a lie: the operator does not have this address", client: "192.0.2.7",
			zone: map[string][]string{reverse4: {"ptr crawl-7.googlebot.com"}, "crawl-7.googlebot.com": {"192.0.2.8"}}},
		{name: "a lie: the operator has no such name", client: "192.0.2.7",
			zone: map[string][]string{reverse4: {"ptr crawl-8.googlebot.com"}}},
		{name: "a lie of IPv6", client: "2001:db8::7",
			zone: map[string][]string{reverse6: {"ptr crawl-7.googlebot.com"}, "crawl-7.googlebot.com": {"2001:db8::8", "192.0.2.7"}}},
		{name: "a name that only begins so", client: "192.0.2.7",
			zone: map[string][]string{reverse4: {"ptr crawl.googlebot.com.evil.test"}, "crawl.googlebot.com.evil.test": {"192.0.2.7"}}},
		{name: "a name that only ends so", client: "192.0.2.7",
			zone: map[string][]string{reverse4: {"ptr evilgooglebot.com"}, "evilgooglebot.com": {"192.0.2.7"}}},
		{name: "another robot's", client: "192.0.2.7",
			zone: map[string][]string{reverse4: {"ptr a.search.msn.com"}, "a.search.msn.com": {"192.0.2.7"}}},
		{name: "a rented machine", client: "192.0.2.7",
			zone: map[string][]string{reverse4: {"ptr 7.bc.googleusercontent.com"}, "7.bc.googleusercontent.com": {"192.0.2.7"}}},
		{name: "beyond the names that are asked for", client: "192.0.2.7",
			zone: map[string][]string{
				reverse4:          {"ptr a.googlebot.com", "ptr b.googlebot.com", "ptr c.googlebot.com", "ptr d.googlebot.com", "ptr e.googlebot.com"},
				"e.googlebot.com": {"192.0.2.7"},
			}},
		{name: "no name", client: "192.0.2.7"},
		{name: "a broken server", client: "192.0.2.7", mood: names.Broken},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := names.Start(t)
			server.Feel(test.mood)
			for name, records := range test.zone {
				server.Set(name, records...)
			}
			v, found := watched(server.Resolver())
			b, client, now := google(t), netip.MustParseAddr(test.client), time.Now()
			if got := v.Stands(b, client, now); got != Pending {
				t.Fatalf("before anything is known: %v", got)
			}
			found()
			if got := v.Stands(b, client, now); got != test.want {
				t.Errorf("stands %v, want %v", got, test.want)
			}
		})
	}
}

// TestStrangersNames wants that names are not asked for which whoever has an address can choose.
func TestStrangersNames(t *testing.T) {
	server := names.Start(t)
	server.Set(reverse4, "ptr expensive.evil.test")
	v, found := watched(server.Resolver())
	for range 3 {
		v.Stands(google(t), netip.MustParseAddr("192.0.2.7"), time.Now())
	}
	found()
	if n := server.Asked("expensive.evil.test"); n != 0 {
		t.Errorf("asked %d times for a name of the client's choice", n)
	}
}

// fake is a resolver that says what it is told to.
type fake struct {
	names   func(ctx context.Context) ([]string, error)
	address netip.Addr
	asked   atomic.Int32
}

func (f *fake) LookupAddr(ctx context.Context, _ string) ([]string, error) {
	f.asked.Add(1)
	return f.names(ctx)
}

func (f *fake) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{f.address}, nil
}

func silent(ctx context.Context) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestKept wants answers kept for as long as they are good for, and a robot to stay one while it is asked for again.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := netip.MustParseAddr("192.0.2.7")
		f := &fake{address: client, names: func(context.Context) ([]string, error) { return []string{"a.googlebot.com."}, nil }}
		v, b := NewVerifier(f), google(t)
		stands := func(want Standing, asked int32) {
			t.Helper()
			got := v.Stands(b, client, time.Now())
			synctest.Wait()
			if got != want || f.asked.Load() != asked {
				t.Errorf("stands %v after %d lookups, want %v after %d", got, f.asked.Load(), want, asked)
			}
		}
		stands(Pending, 1)
		stands(Verified, 1)
		time.Sleep(keepYes - time.Second)
		stands(Verified, 1)
		time.Sleep(time.Second)
		f.names = silent
		stands(Verified, 2)
		time.Sleep(patience) // nobody answered, which is no nay
		synctest.Wait()
		stands(Verified, 2)
		time.Sleep(keepUnknown)
		f.names = func(context.Context) ([]string, error) { return nil, &net.DNSError{IsNotFound: true} }
		stands(Verified, 3)
		stands(Not, 3)
		time.Sleep(keepNo - time.Second)
		stands(Not, 3)
	})
}

// TestBounds wants no more lookups at once, and no more entries, than there may be.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{names: silent}
		v, b := NewVerifier(f), google(t)
		address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
		for i := range 2 * atOnce {
			want := Pending
			if i >= atOnce {
				want = Not
			}
			if got := v.Stands(b, address(i), time.Now()); got != want {
				t.Errorf("client %d stands %v, want %v", i, got, want)
			}
		}
		entries := func() int {
			v.mu.Lock()
			defer v.mu.Unlock()
			return len(v.known)
		}
		if n := entries(); n != atOnce {
			t.Errorf("%d entries, want %d", n, atOnce)
		}
		time.Sleep(patience)
		synctest.Wait()
		f.names = func(context.Context) ([]string, error) { return nil, &net.DNSError{IsNotFound: true} }
		for i := range mostEntries + 1000 {
			v.Stands(b, address(i), time.Now())
			synctest.Wait()
		}
		if n := entries(); n != mostEntries {
			t.Errorf("%d entries, want %d", n, mostEntries)
		}
	})
}

func TestDefinitions(t *testing.T) {
	if b := google(t); !b.Claims("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)") || b.Claims("curl/8.0") {
		t.Error("who claims to be Google is not seen, or who does not is")
	}
	for _, d := range []Definition{
		{Agents: []string{"a"}}, {Domains: []string{"a.test"}}, {Agents: []string{""}, Domains: []string{"a.test"}},
		{Agents: []string{"a"}, Domains: []string{"com"}}, {Agents: []string{"a"}, Domains: []string{"."}},
	} {
		if _, err := New(d); err == nil {
			t.Errorf("%+v is taken", d)
		}
	}
}

func BenchmarkStands(b *testing.B) {
	client := netip.MustParseAddr("192.0.2.7")
	v, found := watched(&fake{address: client, names: func(context.Context) ([]string, error) { return []string{"a.googlebot.com."}, nil }})
	robot, now := google(b), time.Now()
	v.Stands(robot, client, now)
	found()
	b.ReportAllocs()
	for b.Loop() {
		if v.Stands(robot, client, now) != Verified {
			b.Fatal("not verified")
		}
	}
}
