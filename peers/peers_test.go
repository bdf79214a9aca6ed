package peers

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhoAsks shows a peer who asks, and by which token.
func TestWhoAsks(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(Header) != "wafer-1" || r.Header.Get("Authorization") != "Bearer wafer_x" || r.URL.RawQuery != "a=b" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write([]byte(strings.Repeat("x", 100)))
	}))
	defer s.Close()
	token, broken := "wafer_x", error(nil)
	p := New(Options{Names: []string{s.Listener.Addr().String()}, Self: "wafer-1", Token: func() (string, error) { return token, broken }})
	all, err := p.Addresses(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	get := func(limit int64) error {
		_, err := p.Get(t.Context(), all[0], "/x?a=b", time.Minute, limit)
		return err
	}
	if err := get(100); err != nil {
		t.Error(err)
	}
	if err := get(99); err == nil || !strings.Contains(err.Error(), "more than 99 bytes") {
		t.Errorf("too long: %v", err)
	}
	token = "other"
	var status *StatusError
	if err := get(100); !errors.As(err, &status) || status.Status != http.StatusForbidden || status.Path != "/x" {
		t.Errorf("refused: %v", err)
	}
	if broken = errors.New("no file"); !errors.Is(get(100), broken) {
		t.Error("asked without a token")
	}
}

// TestStrangers has names looked up no oftener than now and then, whoever asks.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looked, found := 0, []netip.Addr{netip.MustParseAddr("10.0.0.1")}
		p := New(Options{Names: []string{"wafer-admin:9090"}, Lookup: func(context.Context, string) ([]netip.Addr, error) {
			looked++
			return found, nil
		}})
		include := func(a string, want bool) {
			t.Helper()
			if is, err := p.Include(t.Context(), netip.MustParseAddr(a)); is != want || err != nil {
				t.Errorf("%s: %v, %v", a, is, err)
			}
		}
		for range 100 {
			include("10.0.0.2", false)
			include("::ffff:10.0.0.1", true)
		}
		if looked != 1 {
			t.Errorf("looked up %d times", looked)
		}
		found = append(found, netip.MustParseAddr("10.0.0.2"))
		time.Sleep(missedFor + time.Millisecond) // of the bubble's clock
		include("10.0.0.2", true)
		found = found[1:]
		time.Sleep(knownFor + time.Millisecond)
		include("10.0.0.1", false)
	})
}

// TestStrangersWhoLeave has a stranger leave while names are looked up: peers are known all the same.
func TestStrangersWhoLeave(t *testing.T) {
	p := New(Options{Names: []string{"wafer-admin:9090"}, Lookup: func(ctx context.Context, _ string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, ctx.Err()
	}})
	left, leave := context.WithCancel(t.Context())
	leave()
	for a, want := range map[string]bool{"10.0.0.2": false, "10.0.0.1": true} {
		if is, err := p.Include(left, netip.MustParseAddr(a)); is != want || err != nil {
			t.Errorf("%s: %v, %v", a, is, err)
		}
	}
}

// TestKnownPeersDoNotWait has a stranger whose names take long to be looked up.
func TestKnownPeersDoNotWait(t *testing.T) {
	looking, found := make(chan bool), make(chan bool)
	first := true
	p := New(Options{Names: []string{"wafer-admin:9090"}, Lookup: func(context.Context, string) ([]netip.Addr, error) {
		if !first {
			looking <- true
			<-found
		}
		first = false
		return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
	}})
	known, stranger := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	if is, err := p.Include(t.Context(), known); !is || err != nil {
		t.Fatal(is, err)
	}
	p.since = p.since.Add(-missedFor - time.Millisecond)
	answered := make(chan bool, 2)
	ask := func(a netip.Addr) {
		is, _ := p.Include(t.Context(), a)
		answered <- is
	}
	go ask(stranger)
	<-looking
	go ask(known)
	select {
	case is := <-answered:
		if !is {
			t.Error("a peer is not known")
		}
	case <-time.After(time.Minute):
		t.Error("a peer waits for a stranger")
	}
	found <- true
	if <-answered {
		t.Error("a stranger is a peer")
	}
}
