package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/upstream/balance"
	"github.com/wafer-waf/wafer/upstream/health"
)

// nearFirst has the first of two endpoints asked first.
func nearFirst(edit func(*Config)) func(*Config) {
	return func(c *Config) {
		c.Balance, c.Shares = balance.Options{Zone: "here"}, []Share{{Zone: "here"}, {Zone: "there"}}
		if edit != nil {
			edit(c)
		}
	}
}

// hangUp is a backend that reads a request and ends the connection.
func hangUp(s *session) { s.request() }

// What ended without a byte of an answer goes to another endpoint, if it may be sent twice.
func TestAnotherEndpoint(t *testing.T) {
	for name, tt := range map[string]struct {
		out   *message.Request
		again bool
	}{
		"GET":             {get(), true},
		"PUT":             {whole("PUT", "body"), true},
		"POST":            {whole("POST", "body"), false},
		"PUT of a stream": {streamed("PUT", strings.NewReader("body"), 4), false},
	} {
		t.Run(name, func(t *testing.T) {
			ends, well := startBackend(t, hangUp), startBackend(t, echoSession)
			p := newPool(t, nearFirst(nil), ends.url(), well.url())
			x := newExchange()
			var told []string
			x.Retried = func(endpoint string, why Failure) { told = append(told, endpoint+" "+why.Word) }
			_, _, err := do(p, tt.out, x)
			switch {
			case !tt.again:
				if !errors.Is(err, ErrClosed) || well.requests.Load() != 0 || x.Again != 0 {
					t.Errorf("%v, again %d", err, x.Again)
				}
			case err != nil || x.Endpoint != well.addr() || x.Again != 1 || x.Result(err) != "answered":
				t.Errorf("%v at %s, again %d", err, x.Endpoint, x.Again)
			case len(told) != 1 || told[0] != ends.addr()+" closed":
				t.Errorf("told %q", told)
			}
			if n := ends.requests.Load(); n != 1 {
				t.Errorf("%d requests at the one that ends them", n)
			}
		})
	}
}

// Who is ejected cannot be asked: a response that another endpoint would have made up for is taken, and what the only one left has
// not begun with goes there once more.
func TestTheLastOneLeft(t *testing.T) {
	all, urls := startMoodies(t, 2)
	p := newEjecting(t, time.Hour, func(c *Config) { c.Retries.Unwanted = only(503) }, urls...)
	all[0].mood.Store(hangs)
	for p.Counts()[health.Up] == 2 {
		x := newExchange()
		x.Deadline = time.Now().Add(200 * time.Millisecond) // enough for the one that is well
		_, _, _ = do(p.Pool, get(), x)
	}
	all[1].mood.Store(broken)
	if status, _, err := do(p.Pool, get(), newExchange()); status != 503 || err != nil {
		t.Errorf("%d %v, want the response that there was", status, err)
	}
}

// However many endpoints end requests, one is sent again as often as is allowed.
func TestAttemptsAreBounded(t *testing.T) {
	var all []*backend
	var urls []string
	for range 5 {
		b := startBackend(t, hangUp)
		all, urls = append(all, b), append(urls, b.url())
	}
	for _, attempts := range []int{0, 1, 2} {
		p := newPool(t, func(c *Config) { c.Retries.Attempts = attempts }, urls...)
		before := requests(all)
		if _, _, err := do(p, get(), newExchange()); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		if n := requests(all) - before; n != attempts+1 {
			t.Errorf("%d attempts allowed behind the first: %d requests", attempts, n)
		}
	}
}

func requests(all []*backend) (n int) {
	for _, b := range all {
		n += int(b.requests.Load())
	}
	return n
}

// Statuses are a reason to ask another endpoint if that is asked for, and the last response is one.
func TestStatuses(t *testing.T) {
	busy := func(s *session) {
		for s.head() != "" {
			s.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy")
		}
	}
	ill, well := startBackend(t, busy), startBackend(t, echoSession)
	asked := func(c *Config) { c.Retries.Unwanted = only(503) }
	for name, tt := range map[string]struct {
		edit   func(*Config)
		out    *message.Request
		status int
	}{
		"asked":          {asked, get(), 200},
		"not asked":      {nil, get(), 503},
		"other asked":    {func(c *Config) { c.Retries.Unwanted = only(502) }, get(), 503},
		"not idempotent": {asked, whole("POST", "body"), 503},
		"no attempts":    {func(c *Config) { c.Retries = Retries{Unwanted: only(503), Least: 3} }, get(), 503},
		"no budget":      {func(c *Config) { c.Retries = Retries{Unwanted: only(503), Attempts: 1} }, get(), 503},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, nearFirst(tt.edit), ill.url(), well.url())
			x := newExchange()
			if status, _, err := do(p, tt.out, x); status != tt.status || err != nil {
				t.Errorf("%d %v", status, err)
			}
			if spoilt := name == "no budget"; x.Unaffordable != spoilt || spoilt != (x.Result(nil) == "no_budget") {
				t.Errorf("unaffordable: %v", x.Unaffordable)
			}
			for _, e := range p.live() {
				if n := e.pending.Load(); n != 0 {
					t.Errorf("%d pending", n)
				}
			}
		})
	}
	p := newPool(t, asked, ill.url(), startBackend(t, busy).url())
	if status, body, err := do(p, get(), newExchange()); status != 503 || body != "busy" || err != nil {
		t.Errorf("all are: %d %q %v", status, body, err)
	}
}

// A connection may end while a request is on its way. Whether anybody can have read it decides whether it is
// sent again.
func TestWhatWasRead(t *testing.T) {
	if overTLS {
		t.Skip("of sockets")
	}
	for name, tt := range map[string]struct {
		end  func(s *session) // of the connection, behind the first response
		used spent
		body int
	}{
		"closed before":     {func(*session) {}, missed, 10},
		"a large body":      {func(*session) {}, missed, 3 * bufferBytes},
		"read, then closed": {func(s *session) { s.request() }, stale, 10},
		"read, then reset": {func(s *session) {
			s.request()
			_ = s.raw.SetLinger(0)
		}, stale, 10},
	} {
		t.Run(name, func(t *testing.T) {
			acquired := make(chan struct{})
			b := startBackend(t, func(s *session) {
				s.request()
				s.answer("ok")
				if s.n == 1 {
					<-acquired
					tt.end(s)
					_ = s.raw.Close()
				}
			})
			p := newPool(t, nil, b.url())
			warm(t, p)
			e := p.live()[0].endpoint
			within := limit{connect: time.Second}
			c, reused, err := e.acquire(within)
			close(acquired)
			if err != nil || !reused {
				t.Fatal(reused, err)
			}
			if tt.used == missed { // the end has arrived when the request is sent
				eventually(t, "the end arrives", func() bool { return !c.Quiet() })
			}
			used, err := e.exchange(c, true, whole("POST", strings.Repeat("x", tt.body)), newExchange())
			if used != tt.used || !errors.Is(err, ErrClosed) {
				t.Errorf("%d %v, want %d", used, err, tt.used)
			}
		})
	}
}

// Endpoints that swallow what they are sent take no longer together than Config.Connect says.
func TestConnectTimeIsShared(t *testing.T) {
	p := newPool(t, nil, "http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3", "http://127.0.0.1:4")
	a := &attempts{list: p.live(), x: &Exchange{}, now: time.Now(), connect: 8 * time.Second, pool: p, out: whole("POST", "")}
	var got []time.Duration
	for i := range a.list {
		a.x.tried.Add(i)
		w, err := a.within()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, w.connect.Round(time.Second))
		a.now = time.Now().Add(-w.connect) // when the attempt began
		if more := a.again(nothing, &ConnectError{"a:1", net.ErrClosed}); more != (i < 3) {
			t.Fatalf("attempt %d: more %v", i, more)
		}
	}
	for i, want := range []time.Duration{4 * time.Second, 2 * time.Second, time.Second, time.Second} {
		if got[i] != want {
			t.Errorf("times %v", got)
		}
	}
}

// only is a set of one status.
func only(status int) func(int) bool { return func(s int) bool { return s == status } }

// An endpoint that does not accept the tier says so behind the handshake, when it has the request. It has not read it: another one is
// asked, whatever the request, and who refuses is ejected for it.
func TestUnwelcome(t *testing.T) {
	for name, protocol := range map[string]Protocol{"HTTP/1": HTTP1, "HTTP/2": HTTP2} {
		t.Run(name, func(t *testing.T) {
			if overTLS {
				t.Skip("it speaks TLS by itself")
			}
			demands := serverTLS().Clone()
			demands.ClientAuth, demands.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
			demands.NextProtos = protocol.offers()
			_, refuses := startTLS(t, demands, func(s *session) {
				if err := s.Conn.(*tls.Conn).Handshake(); err == nil {
					t.Error("the tier is welcome")
				}
				_ = s.raw.CloseWrite() // what it has sent must not make a reset of the alert
				_, _ = io.Copy(io.Discard, s.raw)
			})
			takes, _ := startHTTP2(t, true, func(http.ResponseWriter, *http.Request) {})
			alone := newPool(t, func(c *Config) { c.Protocol = protocol }, refuses)
			x := newExchange()
			if err := alone.Do(get(), x); FailureOf(err) != Unwelcome || x.Again != 0 {
				t.Errorf("alone: %v, again %d", err, x.Again)
			}
			p := newEjecting(t, time.Hour, func(c *Config) {
				c.Protocol, c.Balance.Policy = protocol, balance.RoundRobin
				c.Retries = Retries{Attempts: 2, Least: 3}
			}, refuses, takes)
			for i := range 20 {
				x := newExchange()
				status, _, err := do(p.Pool, whole([]string{"GET", "POST"}[i%2], "body"), x)
				if status != 200 || err != nil {
					t.Errorf("%d: %d %v", i, status, err)
				}
			}
			if r := p.Endpoints()[0]; r.State != "ejected" || r.Reason != "tls" {
				t.Errorf("%+v", r)
			}
			if err := p.Do(streamed("POST", strings.NewReader("body"), 4), newExchange()); err != nil {
				t.Errorf("ejected: %v", err)
			}
		})
	}
}
