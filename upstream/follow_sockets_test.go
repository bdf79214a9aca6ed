package upstream

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/test/names"
)

// everywhere is a backend at all addresses of 127.0.0.0/8 and at one port. It answers with the address that it was
// reached at.
type everywhere struct {
	port string
	open atomic.Int32 // connections
}

func startEverywhere(t *testing.T) *everywhere {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &everywhere{}
	_, b.port, _ = net.SplitHostPort(ln.Addr().String())
	s := &http.Server{
		ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("At", r.Context().Value(http.LocalAddrContextKey).(net.Addr).String())
		}),
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				b.open.Add(1)
			case http.StateClosed, http.StateHijacked:
				b.open.Add(-1)
			}
		},
	}
	go func() { _ = s.Serve(ln) }() // until it is closed
	t.Cleanup(func() { s.Close() })
	return b
}

// asked sends a request and returns which endpoint has answered.
func asked(p *Pool) (string, error) {
	var x Exchange
	if err := p.Do(&message.Request{Method: "GET", Target: "/", Host: "app.test"}, &x); err != nil {
		return "", err
	}
	return x.Endpoint, x.Body.Close()
}

// until waits for what comes by itself.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within a minute", what)
		case <-tick.C:
		}
	}
}

// A name server that changes its mind is followed. Nobody notices one that fails, falls silent or lies.
func TestNoRequestSuffersFromDNS(t *testing.T) {
	server, backend := names.Start(t), startEverywhere(t)
	server.Set("app.test", "127.0.0.2", "127.0.0.3")
	p, err := New(Config{
		ID: "u", Endpoints: []string{"http://app.test:" + backend.port}, Discovery: DiscoveryDNS, Every: time.Millisecond, Resolver: server.Resolver(),
		Connections: 8, Connect: time.Minute, Response: time.Minute, Idle: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	at := func(addrs ...string) string {
		return strings.Join(addrs, ":"+backend.port+" ") + ":" + backend.port
	}
	until(t, "the first answer", func() bool { return addressesOf(p) == at("127.0.0.2", "127.0.0.3") })
	for _, mood := range []names.Mood{names.Broken, names.Stranger, names.Noise, names.Empty, names.Nowhere, names.Mute} {
		server.Feel(mood)
		before := server.Asked("app.test")
		until(t, "another question", func() bool { return server.Asked("app.test") > before+1 })
		for range 20 {
			if endpoint, err := asked(p); err != nil || !strings.Contains(at("127.0.0.2", "127.0.0.3"), endpoint) {
				t.Fatalf("mood %d: %q, %v", mood, endpoint, err)
			}
		}
		if got := addressesOf(p); got != at("127.0.0.2", "127.0.0.3") {
			t.Errorf("mood %d: endpoints %s", mood, got)
		}
		until(t, "the report", func() bool { f := p.Sources()[0].Failing; return f != nil && f.Reason == Unresolved.Word })
	}
	server.Set("app.test", "127.0.0.3", "127.0.0.4")
	server.Feel(names.Honest)
	until(t, "the other answer", func() bool { return addressesOf(p) == at("127.0.0.3", "127.0.0.4") })
	if f := p.Sources()[0].Failing; f != nil {
		t.Errorf("an answer is reported as %+v", f)
	}
	for range 20 {
		if endpoint, err := asked(p); err != nil || !strings.Contains(at("127.0.0.3", "127.0.0.4"), endpoint) {
			t.Errorf("%q, %v", endpoint, err)
		}
	}
}

// Fifty endpoints of which one comes and one goes all the time: no request fails, all are asked, and of those that are gone
// no connection is left.
func TestNoRequestSuffersFromChurn(t *testing.T) {
	backend, s := startEverywhere(t), newScript("app")
	p := following(t, nil, s)
	const pods, changes = 50, 100
	list := func(from int) string {
		var all []string
		for i := range pods {
			all = append(all, fmt.Sprintf("127.0.%d.%d:%s", 1+(from+i)/250, 1+(from+i)%250, backend.port))
		}
		return strings.Join(all, " ")
	}
	s.say(list(0))
	var mu sync.Mutex
	seen := map[string]bool{}
	done := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for over := false; !over; {
				select {
				case <-done:
					over = true
				default:
				}
				endpoint, err := asked(p)
				if err != nil {
					t.Errorf("a request failed: %v", err)
					return
				}
				mu.Lock()
				seen[endpoint] = true
				mu.Unlock()
			}
		})
	}
	asks := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(seen)
	}
	for n := 1; n <= changes; n++ {
		before := asks()
		s.say(list(n))
		until(t, "requests to others", func() bool { return asks() > before || asks() >= pods+n/2 || t.Failed() })
	}
	close(done)
	clients.Wait()
	if n := asks(); n < pods {
		t.Errorf("only %d endpoints were asked", n)
	}
	p.Close()
	until(t, "no connection is left", func() bool { return backend.open.Load() == 0 })
}
