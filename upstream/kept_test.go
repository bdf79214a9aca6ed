package upstream

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wafer-waf/wafer/upstream/balance"
)

// All endpoints together get no more connections than the upstream may have, and one that has nothing to do with its own makes
// room for another one.
func TestConnectionsOfAll(t *testing.T) {
	a, b, c := startBackend(t, echoSession), startBackend(t, echoSession), startBackend(t, echoSession)
	p := newPool(t, func(cfg *Config) { cfg.Limits.Connections = 4 }, a.url(), b.url(), c.url())
	held := occupy(t, p, 4)
	if n := p.Connections(); n != 4 {
		t.Errorf("%d connections", n)
	}
	if err := p.Do(get(), newExchange()); FailureOf(err) != Busy {
		t.Errorf("one too many: %v", err)
	}
	for _, x := range held {
		_, _ = io.Copy(io.Discard, x.Body)
		_ = x.Body.Close()
	}
	if n := p.Connections(); n != 4 {
		t.Errorf("%d connections are kept", n)
	}
	for _, m := range p.live() { // whoever has kept them: each endpoint can have all
		var all []*conn
		for range 4 {
			c, _, err := m.acquire(limit{connect: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
		if _, _, err := m.acquire(limit{connect: time.Second}); !errors.Is(err, ErrBusy) {
			t.Errorf("a fifth: %v", err)
		}
		for _, c := range all {
			c.giveBack(true)
		}
	}
	p.Close()
	if n := p.Connections(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

// A connection that speaks HTTP/2 and has nothing to do makes room, too.
func TestConnectionsOfAllByHTTP2(t *testing.T) {
	if overTLS {
		t.Skip("it speaks TLS by itself")
	}
	hangs := make(chan struct{})
	serve := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hangs" {
			w.(http.Flusher).Flush()
			<-hangs
		}
	}
	a, _ := startHTTP2(t, false, serve)
	b, _ := startHTTP2(t, false, serve)
	p := newPool(t, func(c *Config) {
		c.Protocol, c.Limits.Connections, c.Balance.Policy = HTTP2, 1, balance.RoundRobin
	}, a, b)
	for range 6 {
		if _, _, err := do(p, get(), newExchange()); err != nil || p.Connections() != 1 {
			t.Errorf("%v, %d connections", err, p.Connections())
		}
	}
	x := newExchange()
	if err := p.Do(newRequest("GET", "/hangs", "Host: a"), x); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the other one gets none, and this one has room for more on its connection
		y := newExchange()
		if err := p.Do(get(), y); err != nil || y.Endpoint != x.Endpoint || p.Connections() != 1 {
			t.Errorf("%v by %s, %d connections", err, y.Endpoint, p.Connections())
		}
	}
	close(hangs)
	_ = x.Body.Close()
}

// Who waits gets the connection that gets free, whichever endpoint has it.
func TestConnectionsAreWaitedFor(t *testing.T) {
	a, b := startBackend(t, echoSession), startBackend(t, echoSession)
	p := newPool(t, func(c *Config) { c.Limits = Limits{Connections: 1, Queue: 1, Patience: time.Minute} }, a.url(), b.url())
	held := occupy(t, p, 1)[0]
	done := make(chan error)
	go func() {
		x := newExchange()
		err := p.Do(get(), x)
		if err == nil {
			err = x.Body.Close()
		}
		done <- err
	}()
	eventually(t, "it waits", func() bool { n, _ := p.Waiting(); return n == 1 })
	_ = held.Body.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// An exchange that has to have a new connection does not exceed the limit of its endpoint.
func TestConnectionsOfOne(t *testing.T) {
	b := startBackend(t, echoSession)
	p := newPool(t, func(c *Config) { c.Connections = 2 }, b.url())
	for _, x := range occupy(t, p, 2) {
		_, _ = io.Copy(io.Discard, x.Body)
		_ = x.Body.Close()
	}
	e := p.live()[0]
	c, err := e.fresh(limit{connect: time.Second})
	if err != nil || p.Connections() != 2 {
		t.Fatalf("%v, %d connections", err, p.Connections())
	}
	checking, err := e.fresh(limit{connect: time.Second, unlimited: true})
	if err != nil || p.Connections() != 2 {
		t.Errorf("a check: %v, %d connections", err, p.Connections())
	}
	_ = checking.Close()
	_ = c.Close()
	_ = c.Close()
	if n := p.Connections(); n != 1 {
		t.Errorf("%d connections, one is kept", n)
	}
}

// Endpoints come and go, each of them with a connection that is kept. Nothing of them is left, and nobody sleeps for those that
// are there.
func TestNobodySleepsForConnections(t *testing.T) {
	before := sleepers()
	var all []*backend
	var urls []string
	for range 50 {
		b := startBackend(t, echoSession)
		all, urls = append(all, b), append(urls, b.url())
	}
	p := newPool(t, nil, urls...)
	for _, m := range p.live() {
		c, _, err := m.acquire(limit{connect: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		c.giveBack(true)
	}
	if n := p.Connections(); n != len(all) {
		t.Errorf("%d connections are kept", n)
	}
	if now := sleepers(); now > before {
		t.Errorf("%d goroutines of the package are there, %d were", now, before)
	}
	p.Close()
	if n := p.Connections(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

// sleepers is how many goroutines run code of a Pool; those of tests and their backends are not counted.
func sleepers() (n int) {
	text := make([]byte, 1<<20)
	text = text[:runtime.Stack(text, true)]
	for one := range strings.SplitSeq(string(text), "\n\n") {
		if strings.Contains(one, "/upstream.(*") && !strings.Contains(one, "_test.go") {
			n++
		}
	}
	return n
}

// Connections rest for as long as they may, or somewhat shorter than the endpoint says.
func TestRests(t *testing.T) {
	for field, rests := range map[string]time.Duration{
		"":                             time.Minute,
		"Keep-Alive: timeout=5\r\n":    4 * time.Second,
		"Keep-Alive: timeout=1\r\n":    500 * time.Millisecond,
		"Keep-Alive: timeout=3600\r\n": time.Minute,
		"keep-alive: max=7, timeout=20, x=\"1\"\r\n": 19 * time.Second,
		"Keep-Alive: max=7\r\n":                      time.Minute,
		"Keep-Alive: timeout=soon\r\n":               time.Minute,
		"Keep-Alive: timeout=0\r\n":                  time.Minute,
		"Keep-Alive: timeout=99999999999\r\n":        time.Minute,
	} {
		t.Run(field, func(t *testing.T) {
			says := func(s *session) {
				for s.head() != "" {
					s.send("HTTP/1.1 200 OK\r\n" + field + "Content-Length: 2\r\n\r\nok")
				}
			}
			bubble(t, says, func(t *testing.T, b *backend, pool func(func(*Config)) *Pool) {
				p := pool(func(c *Config) { c.Idle = time.Minute })
				ask := func() {
					t.Helper()
					if _, _, err := do(p, get(), newExchange()); err != nil {
						t.Fatal(err)
					}
				}
				ask()
				time.Sleep(rests - time.Millisecond)
				synctest.Wait()
				if n := p.Connections(); n != 1 {
					t.Errorf("%d connections just before", n)
				}
				time.Sleep(2 * time.Millisecond)
				synctest.Wait()
				if n := p.Connections(); n != 0 {
					t.Errorf("%d connections just after", n)
				}
				ask()
				if n := b.sessions.Load(); n != 2 {
					t.Errorf("%d sessions", n)
				}
			})
		})
	}
}

// Requests that may not be sent twice use connections only of an endpoint that is known to keep them.
func TestHabit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h habit
		want := func(idle time.Duration, safe bool) {
			t.Helper()
			if got := h.safe(idle); got != safe {
				t.Errorf("%s: safe %v", idle, got)
			}
		}
		want(0, false)
		for range acquainted {
			h.lasted(10 * time.Second)
		}
		want(5*time.Second, true)
		want(6*time.Second, false)
		h.closed(8 * time.Second)
		want(3*time.Second, true)
		want(5*time.Second, false)
		h.closed(20 * time.Millisecond)
		want(0, false) // it ends them at any time
		time.Sleep((period + 1) * time.Second)
		want(0, false)
		h.closed(4 * time.Second)
		want(0, false) // what was seen in the period before counts, too
		time.Sleep((period + 1) * time.Second)
		want(time.Second, true)
		want(3*time.Second, false)
		time.Sleep(period * time.Second)
		want(5*time.Second, true) // all of that is forgotten
	})
}
