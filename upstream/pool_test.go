package upstream

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/upstream/balance"
)

func TestNew(t *testing.T) {
	good := Config{ID: "shop", Endpoints: []string{"http://a:1"}, Connections: 1, Connect: 1, Response: 1, Idle: 1}
	for name, tt := range map[string]struct {
		edit func(*Config)
		want string // part of the error; "": none
	}{
		"good":           {func(*Config) {}, ""},
		"slash":          {func(c *Config) { c.Endpoints = []string{"http://a:1/"} }, ""},
		"v6":             {func(c *Config) { c.Endpoints = []string{"http://[::1]:80"} }, ""},
		"no endpoints":   {func(c *Config) { c.Endpoints = nil }, "no endpoints"},
		"https":          {func(c *Config) { c.Endpoints = []string{"https://a:1"} }, ""},
		"ftp":            {func(c *Config) { c.Endpoints = []string{"ftp://a:1"} }, "scheme"},
		"mixed":          {func(c *Config) { c.Endpoints = []string{"https://a:1", "http://a:2"} }, "either http or https"},
		"no scheme":      {func(c *Config) { c.Endpoints = []string{"a:1"} }, "scheme"},
		"no host":        {func(c *Config) { c.Endpoints = []string{"http://:80"} }, "no host"},
		"comma":          {func(c *Config) { c.Endpoints = []string{"http://a,b:80"} }, "no host"},
		"path":           {func(c *Config) { c.Endpoints = []string{"http://a:1/x"} }, "more than"},
		"query":          {func(c *Config) { c.Endpoints = []string{"http://a:1?x"} }, "more than"},
		"user":           {func(c *Config) { c.Endpoints = []string{"http://u@a:1"} }, "more than"},
		"bad port":       {func(c *Config) { c.Endpoints = []string{"http://a:x"} }, "port"},
		"no connections": {func(c *Config) { c.Connections = 0 }, "connections"},
		"no limits":      {func(c *Config) { c.Connect, c.Response, c.Idle = 0, 0, 0 }, ""},
		"negative":       {func(c *Config) { c.Idle = -1 }, "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			tt.edit(&c)
			p, err := New(c)
			if tt.want == "" {
				if err != nil || p.ID() != "shop" {
					t.Errorf("%v %v", p, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), `upstream "shop": `) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if to, _, err := endpointAddr("http://[::1]"); to.Address != "[::1]:80" || err != nil {
		t.Errorf("default port: %q %v", to.Address, err)
	}
}

// TestTimesOfAnyLength asks with no limits, and with those that are as long and as short as they can be written.
func TestTimesOfAnyLength(t *testing.T) {
	for _, d := range []time.Duration{0, math.MaxInt64} {
		for _, protocol := range []Protocol{HTTP1, HTTP2} {
			url, _ := startHTTP2(t, false, func(http.ResponseWriter, *http.Request) {})
			if protocol == HTTP1 {
				if overTLS {
					continue
				}
				url = startBackend(t, echoSession).url()
			}
			p := newPool(t, func(c *Config) {
				c.Protocol, c.Connect, c.Handshake, c.Response, c.Idle, c.Total, c.Every = protocol, d, d, d, d, d, d
				c.Retries.Least = math.MaxInt
			}, url, url)
			for range 3 {
				x := &Exchange{}
				if status, _, err := do(p, get(), x); status != 200 || err != nil {
					t.Errorf("%v: %d %v", d, status, err)
				}
			}
			if !p.budget.take(time.Now()) {
				t.Error("no budget")
			}
		}
	}
	p := newPool(t, func(c *Config) { c.Connect = 1 }, "http://127.0.0.1:1", "http://127.0.0.1:2")
	a := &attempts{list: p.live(), x: &Exchange{}, now: time.Now(), connect: 1, pool: p, out: get()}
	if w, err := a.within(); err != nil || w.connect <= 0 {
		t.Errorf("%v %v: no time is no limit", w.connect, err)
	}
}

// TestNames dials by name, and over IPv6 where there is any.
func TestNames(t *testing.T) {
	b := startBackend(t, echoSession)
	_, port, err := net.SplitHostPort(b.addr())
	if err != nil {
		t.Fatal(err)
	}
	p := newPool(t, nil, scheme()+"localhost:"+port)
	want(t, p, "session 1")
	t.Run("v6", func(t *testing.T) {
		if ln, err := net.Listen("tcp", "[::1]:0"); err != nil {
			t.Skip("no IPv6: ", err)
		} else {
			_ = ln.Close()
		}
		p := newPool(t, nil, startBackendAt(t, "[::1]:0", echoSession).url())
		want(t, p, "session 1")
	})
}

func TestFailover(t *testing.T) {
	b := startBackend(t, echoSession)
	for _, policy := range []balance.Policy{balance.LeastRequest, balance.RoundRobin, balance.ConsistentHash, balance.Sticky} {
		p := newPool(t, func(c *Config) { c.Balance.Policy = policy }, refused(t), b.url(), refused(t), refused(t))
		for range 8 { // from every starting point, and for every method
			x := newExchange()
			if status, _, err := do(p, newRequest("POST", "/", "Host: a"), x); status != 200 || err != nil {
				t.Fatal(status, err)
			}
			if x.Endpoint != b.addr() {
				t.Errorf("endpoint %q", x.Endpoint)
			}
		}
	}

	p := newPool(t, nil, refused(t), refused(t))
	x := newExchange()
	err := p.Do(get(), x)
	var connect *ConnectError
	if !errors.As(err, &connect) || connect.Endpoint != x.Endpoint || FailureOf(err) != Unreachable {
		t.Errorf("error %v", err)
	}
	for _, e := range p.live() {
		if n := e.pending.Load(); n != 0 {
			t.Errorf("%s: %d pending", e.addr, n)
		}
	}
}

func TestBusy(t *testing.T) {
	a, b := startBackend(t, echoSession), startBackend(t, echoSession)
	p := newPool(t, func(c *Config) { c.Connections = 1 }, a.url(), refused(t), b.url())
	x, y := newExchange(), newExchange()
	for _, x := range []*Exchange{x, y} {
		if err := p.Do(get(), x); err != nil {
			t.Fatal(err)
		}
	}
	if x.Endpoint == y.Endpoint {
		t.Error("both at one endpoint")
	}
	if err := p.Do(get(), newExchange()); !errors.Is(err, ErrBusy) || FailureOf(err) != Busy {
		t.Errorf("error %v", err)
	}
	if err := x.Body.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, p, "session 1")
	_ = y.Body.Close()
}

func TestRoundRobin(t *testing.T) {
	var urls []string
	for range 3 {
		urls = append(urls, startBackend(t, echoSession).url())
	}
	p := newPool(t, func(c *Config) { c.Balance.Policy = balance.RoundRobin }, urls...)
	seen := map[string]int{}
	for range 9 {
		x := newExchange()
		if _, _, err := do(p, get(), x); err != nil {
			t.Fatal(err)
		}
		seen[x.Endpoint]++
	}
	for addr, n := range seen {
		if n != 3 {
			t.Errorf("%s: %d of 9", addr, n)
		}
	}
}

// Of two that are drawn the one with less in progress is asked, so never the one that has most.
func TestLeastRequest(t *testing.T) {
	var urls []string
	for range 3 {
		urls = append(urls, startBackend(t, echoSession).url())
	}
	p := newPool(t, nil, urls...)
	load := map[string]int{}
	for range 30 {
		x := newExchange()
		if err := p.Do(streamed("POST", strings.NewReader("x"), 1), x); err != nil { // of which nobody counts how long it takes
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = x.Body.Close() })
		busiest := len(load) == len(urls)
		for addr, n := range load {
			busiest = busiest && (addr == x.Endpoint || n < load[x.Endpoint])
		}
		if busiest {
			t.Errorf("%s is asked: %v", x.Endpoint, load)
		}
		load[x.Endpoint]++
	}
}

// TestClose closes a pool with an idle connection and one in use.
func TestClose(t *testing.T) {
	ended := make(chan int, 3)
	b := startBackend(t, func(s *session) {
		echoSession(s)
		ended <- s.n
	})
	p := newPool(t, nil, b.url())
	x, y := newExchange(), newExchange()
	for _, x := range []*Exchange{x, y} {
		if err := p.Do(get(), x); err != nil {
			t.Fatal(err)
		}
	}
	_ = x.Body.Close()
	p.Close()
	if n := <-ended; n != 1 {
		t.Errorf("session %d ended, want the idle one", n)
	}
	if got, err := io.ReadAll(y.Body); string(got) != "session 2" || err != nil {
		t.Errorf("in flight: %q %v", got, err)
	}
	_ = y.Body.Close()
	if n := <-ended; n != 2 {
		t.Errorf("session %d ended", n)
	}
	want(t, p, "session 3") // late, but served
	if n := <-ended; n != 3 {
		t.Errorf("session %d ended", n)
	}
	p.Close()
}

// TestLeak makes exchanges of every outcome and counts goroutines and descriptors.
func TestLeak(t *testing.T) {
	dead := refused(t)
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	func() {
		b := startBackend(t, func(s *session) {
			for {
				r, _ := s.request()
				if r == nil {
					return
				}
				switch r.URL.Path {
				case "/good":
					s.answer("ok")
				case "/bad":
					s.send("HTTP/3 200\r\n")
				case "/none":
					return
				case "/until":
					s.send("HTTP/1.1 200 OK\r\n\r\nok")
					return
				}
			}
		})
		p := newPool(t, func(c *Config) { c.Idle = 10 * time.Millisecond }, b.url(), dead)
		for i := range 200 {
			path := []string{"/good", "/bad", "/none", "/until"}[i%4]
			x := newExchange()
			if err := p.Do(newRequest("GET", path, "Host: a"), x); err == nil {
				if i%8 < 4 {
					_, _ = io.Copy(io.Discard, x.Body)
				}
				_ = x.Body.Close()
			}
			_, _, err := do(p, streamed("POST", strings.NewReader("short"), 9), newExchange())
			if FailureOf(err) != NoBody {
				t.Fatal(err)
			}
		}
		p.Close()
		b.stop()
	}()
	eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "as many files as before", func() bool { return openFiles(t) <= files })
}

// openFiles is the number of open descriptors, 0 where that is not known.
func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestFailureOf(t *testing.T) {
	cause := errors.New("cause")
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&ConnectError{"a:1", cause}, "connect"},
		{&ConnectError{"a:1", os.ErrDeadlineExceeded}, "connect_timeout"},
		{&exchangeError{"a:1", ErrTimeout, &ConnectError{"a:1", os.ErrDeadlineExceeded}}, "timeout"}, // there was no more time to connect in
		{&ClientBodyError{io.ErrUnexpectedEOF}, "client"},
		{ErrBusy, "busy"},
		{wireError("a:1", os.ErrDeadlineExceeded), "timeout"},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, "closed"}, // not an error of ours
		{wireError("a:1", malformed("x")), "malformed"},
		{wireError("a:1", io.EOF), "closed"},
		{wireError("a:1", cause), "closed"},
		{io.ErrUnexpectedEOF, "closed"},
		{fmt.Errorf("wrapped: %w", ErrBusy), "busy"},
	} {
		if got := FailureOf(tt.err).Word; got != tt.want {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{wireError("a:1", io.EOF), "exchange with a:1: connection closed by endpoint: unexpected EOF"},
		{wireError("a:1", malformed("version")), "exchange with a:1: malformed response: version"},
		{&ConnectError{"a:1", cause}, "connect to a:1: cause"},
		{&ClientBodyError{cause}, "read request body: cause"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
