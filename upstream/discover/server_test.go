package discover

import (
	"context"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/names"
)

// look has a source look once.
func look(t *testing.T, s Source) (string, error) {
	t.Helper()
	return lookFor(t, time.Minute, s)
}

func lookFor(t *testing.T, most time.Duration, s Source) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	found, err := s.(*looked).look(ctx)
	return text(Unique(found)), err
}

// A real name server changes its mind, fails, falls silent and lies: what it has said before is held on to.
func TestNameServerFailsAndLies(t *testing.T) {
	server := names.Start(t)
	server.Set("pods.test", "10.0.0.2", "10.0.0.1", "fd00::1")
	s, err := Addresses(Target{Address: "pods.test:80"}, time.Second, server.Resolver())
	if err != nil {
		t.Fatal(err)
	}
	const all, fewer = "10.0.0.1:80 10.0.0.2:80 [fd00::1]:80", "10.0.0.3:80"
	if got, err := look(t, s); got != all || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	for _, c := range []struct {
		what string
		mood names.Mood
		wait time.Duration // there is no answer to wait for
	}{
		{"fails", names.Broken, time.Minute}, {"fails for IPv6", names.BrokenIPv6, time.Minute}, {"says nothing", names.Mute, 100 * time.Millisecond},
		{"answers what was not asked", names.Stranger, 100 * time.Millisecond}, {"sends noise", names.Noise, 100 * time.Millisecond},
		{"answers with nothing", names.Empty, time.Minute}, {"names nobody's addresses", names.Nowhere, time.Minute},
	} {
		server.Feel(c.mood)
		if got, err := lookFor(t, c.wait, s); got != all || err == nil {
			t.Errorf("one that %s: %q, %v", c.what, got, err)
		}
	}
	server.Feel(names.Honest)
	server.Set("pods.test")
	if got, err := look(t, s); got != all || err == nil {
		t.Errorf("the name is gone: %q, %v", got, err)
	}
	server.Set("pods.test", "10.0.0.3")
	if got, err := look(t, s); got != fewer || err != nil {
		t.Errorf("all is well again: %q, %v", got, err)
	}
}

func TestRecordsFollowNames(t *testing.T) {
	const name = "_http._tcp.shop.test"
	server := names.Start(t)
	s := Records(Target{Address: name, Host: ServiceOf(name), Weight: 7}, time.Second, server.Resolver())
	server.Set("a.shop.test", "10.0.0.1", "fd00::1")
	server.Set("b.shop.test", "10.0.0.2")
	server.Set("c.shop.test", "10.0.0.3")
	for _, step := range []struct {
		what    string
		mood    names.Mood
		records []string
		want    string
		failed  bool
	}{
		{"no record", names.Honest, nil, "", true},
		{"ports and weights", names.Honest, []string{"0 30 8081 a.shop.test", "0 0 8082 b.shop.test"}, "10.0.0.1:8081*30 10.0.0.2:8082*1 [fd00::1]:8081*30", false},
		{"another rank", names.Honest, []string{"5 1 80 c.shop.test", "0 1 80 b.shop.test"}, "10.0.0.2:80*1 10.0.0.3:80*1?", false},
		{"nobody of the first rank", names.Honest, []string{"5 1 80 c.shop.test", "0 1 80 d.shop.test"}, "10.0.0.3:80*1", true},
		{"no such service", names.Honest, []string{"0 0 0 ."}, "", true},
		{"a host twice", names.Honest, []string{"5 1 80 b.shop.test", "0 9 80 b.shop.test"}, "10.0.0.2:80*9", false},
		{"fails", names.Broken, nil, "", true},
	} {
		server.Feel(step.mood)
		server.Set(name, step.records...)
		if got, err := look(t, s); got != step.want || (err != nil) != step.failed {
			t.Errorf("%s: %q, %v, want %q", step.what, got, err, step.want)
		}
	}
	if host := ServiceOf(name); host != "shop.test" {
		t.Errorf("certificates are for %q", host)
	}
}

// What failed for a while is found again, and a host whose addresses fail is asked where it was.
func TestRecordsThroughAFailure(t *testing.T) {
	const name = "_http._tcp.shop.test"
	server := names.Start(t)
	server.Set(name, "0 1 80 a.shop.test")
	server.Set("a.shop.test", "10.0.0.1")
	s := Records(Target{Address: name}, 10*time.Millisecond, server.Resolver())
	if got, err := look(t, s); got != "10.0.0.1:80*1" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	server.Set("a.shop.test")
	if got, err := look(t, s); got != "10.0.0.1:80*1" || err == nil {
		t.Errorf("its host is unknown: %q, %v", got, err)
	}
	h := watch(t, s)
	server.Feel(names.Broken)
	for server.Asked(name) < 8 {
		_, _ = server.Resolver().LookupHost(t.Context(), "other.test") // takes a moment
	}
	server.Feel(names.Honest)
	server.Set("a.shop.test", "10.0.0.9")
	for h.now() != "10.0.0.9:80*1" {
		_, _ = server.Resolver().LookupHost(t.Context(), "other.test")
	}
}
