package upstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// TestLateBytes sends bytes on an idle connection. They must not become a response.
func TestLateBytes(t *testing.T) {
	const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"
	for name, tt := range map[string]struct {
		method, head string
	}{
		"after 200":  {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
		"after 204":  {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
		"after 304":  {"GET", "HTTP/1.1 304 Not Modified\r\n\r\n"},
		"after HEAD": {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			b := startBackend(t, func(s *session) {
				if s.n > 1 {
					echoSession(s)
					return
				}
				s.head()
				s.answer("ok")
				s.head()
				s.send(tt.head)
				<-release
				s.send(poison)
				echoSession(s)
			})
			p := newPool(t, nil, b.url())
			c := warm(t, p)
			if _, _, err := do(p, newRequest(tt.method, "/", "Host: a"), newExchange()); err != nil {
				t.Fatal(err)
			}
			if !c.silent() {
				t.Fatal("noise before the poison")
			}
			close(release)
			eventually(t, "poison arrives", func() bool { return !c.silent() })
			want(t, p, "session 2")
		})
	}
}

// warm makes an exchange and returns the connection it leaves in the pool.
func warm(t *testing.T, p *Pool) *conn {
	t.Helper()
	x := newExchange()
	if err := p.Do(get(), x); err != nil {
		t.Fatal(err)
	}
	c := x.body.conn
	if _, err := io.Copy(io.Discard, x.Body); err != nil {
		t.Fatal(err)
	}
	if err := x.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return c
}

// acquaint has the endpoints of a pool be known to keep connections for long.
func acquaint(p *Pool) {
	for _, m := range p.live() {
		for range acquainted {
			m.habit.lasted(time.Hour)
		}
	}
}

// TestStale has the endpoint close an idle connection. The next request, of any method,
// must not notice.
func TestStale(t *testing.T) {
	for _, reset := range []bool{false, true} {
		for _, method := range []string{"GET", "POST"} {
			t.Run(fmt.Sprint(method, " reset ", reset), func(t *testing.T) {
				b := startBackend(t, func(s *session) {
					if s.n > 1 {
						echoSession(s)
						return
					}
					s.head()
					s.answer("ok")
					if reset {
						_ = s.raw.SetLinger(0)
					}
				})
				p := newPool(t, nil, b.url())
				c := warm(t, p)
				eventually(t, "end arrives", func() bool { return !c.silent() })
				out := newRequest(method, "/", "Host: a")
				if status, body, err := do(p, out, newExchange()); status != 200 || body != "session 2" || err != nil {
					t.Fatal(status, body, err)
				}
				if n := b.requests.Load(); n != 2 {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
}

// TestRetry has the endpoint close a kept-alive connection when the next request is
// already under way.
func TestRetry(t *testing.T) {
	bytesBody := func(method string) *message.Request { return whole(method, "body") }
	plain := func(method string) *message.Request { return newRequest(method, "/", "Host: a") }
	for name, tt := range map[string]struct {
		out   *message.Request
		retry bool
	}{
		"GET":              {plain("GET"), true},
		"HEAD":             {plain("HEAD"), true},
		"OPTIONS":          {plain("OPTIONS"), true},
		"DELETE":           {plain("DELETE"), true},
		"TRACE":            {plain("TRACE"), true},
		"PUT with bytes":   {bytesBody("PUT"), true},
		"POST":             {bytesBody("POST"), false},
		"PATCH":            {bytesBody("PATCH"), false},
		"get":              {plain("get"), false},
		"QUERY":            {plain("QUERY"), false},
		"PUT with stream":  {streamed("PUT", strings.NewReader("body"), 4), false},
		"PUT with chunks":  {streamed("PUT", strings.NewReader("body"), -1), false},
		"GET with nothing": {plain("GET"), true},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackend(t, func(s *session) {
				if s.n > 1 {
					s.request()
					s.send("HTTP/1.1 204 No Content\r\n\r\n")
					return
				}
				s.request()
				s.answer("ok")
				s.request()
			})
			p := newPool(t, nil, b.url())
			warm(t, p)
			acquaint(p)
			status, _, err := do(p, tt.out, newExchange())
			if tt.retry && (err != nil || status != 204 || b.requests.Load() != 3) {
				t.Errorf("%d %v after %d requests", status, err, b.requests.Load())
			}
			if !tt.retry && (!errors.Is(err, ErrClosed) || b.requests.Load() != 2) {
				t.Errorf("%d %v after %d requests, want ErrClosed", status, err, b.requests.Load())
			}
			if n := p.live()[0].pending.Load(); n != 0 {
				t.Errorf("%d pending", n)
			}
		})
	}
}

// TestRetryOnce checks the bounds of a retry at the only endpoint: never a second one, none after a byte of
// the response.
func TestRetryOnce(t *testing.T) {
	t.Run("twice", func(t *testing.T) {
		b := startBackend(t, func(s *session) {
			s.head()
			if s.n == 1 {
				s.answer("ok")
				s.head()
			}
		})
		p := newPool(t, nil, b.url())
		warm(t, p)
		if _, _, err := do(p, get(), newExchange()); !errors.Is(err, ErrClosed) || b.requests.Load() != 3 {
			t.Errorf("%v after %d requests", err, b.requests.Load())
		}
	})
	t.Run("new connection", func(t *testing.T) {
		b := startBackend(t, func(s *session) { s.head() })
		p := newPool(t, nil, b.url())
		if _, _, err := do(p, get(), newExchange()); !errors.Is(err, ErrClosed) || b.requests.Load() != 2 {
			t.Errorf("%v after %d requests", err, b.requests.Load())
		}
	})
	t.Run("answer begun", func(t *testing.T) {
		b := startBackend(t, func(s *session) {
			s.head()
			s.answer("ok")
			s.head()
			s.send("HTTP/1.1")
		})
		p := newPool(t, nil, b.url())
		warm(t, p)
		if _, _, err := do(p, get(), newExchange()); !errors.Is(err, ErrClosed) || b.requests.Load() != 2 {
			t.Errorf("%v after %d requests", err, b.requests.Load())
		}
	})
}

// TestCloseEarly closes bodies that were not read to their end.
func TestCloseEarly(t *testing.T) {
	for name, tt := range map[string]struct {
		raw  string
		read int
		next string
	}{
		"all buffered":      {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", 1, "session 1"},
		"all read":          {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", 4, "session 1"},
		"more behind":       {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyX", 1, "session 2"},
		"not yet there":     {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody", 1, "session 2"},
		"chunks":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", 1, "session 2"},
		"chunks but an end": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", 4, "session 2"},
		"until close":       {"HTTP/1.1 200 OK\r\n\r\nbody", 4, "session 2"},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackend(t, func(s *session) {
				if s.n == 1 {
					s.head()
					s.send(tt.raw)
				}
				echoSession(s)
			})
			p := newPool(t, nil, b.url())
			x := newExchange()
			if err := p.Do(get(), x); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(x.Body, make([]byte, tt.read)); err != nil {
				t.Fatal(err)
			}
			if err := x.Body.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := x.Body.Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Errorf("read after close: %v", err)
			}
			// A second exchange holds the connection while the first is closed again.
			y := newExchange()
			if err := p.Do(get(), y); err != nil {
				t.Fatal(err)
			}
			if err := x.Body.Close(); err != nil {
				t.Error(err)
			}
			got, err := io.ReadAll(y.Body)
			if string(got) != tt.next || err != nil {
				t.Errorf("%q %v, want %q", got, err, tt.next)
			}
			_ = y.Body.Close()
			if n := p.live()[0].pending.Load(); n != 0 {
				t.Errorf("%d pending", n)
			}
		})
	}
}

func TestExchangeMisused(t *testing.T) {
	b := startBackend(t, echoSession)
	p := newPool(t, nil, b.url())
	x := newExchange()
	if err := p.Do(get(), x); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = x.Body.Close() }()
	defer func() {
		if r := recover(); r == nil || !strings.HasPrefix(fmt.Sprint(r), "BUG:") {
			t.Errorf("recovered %v", r)
		}
	}()
	_ = p.Do(get(), x)
}

// TestConcurrent mixes answers of all framings, early closes and dying connections, and
// checks that every response is to its own request.
func TestConcurrent(t *testing.T) {
	filler := strings.Repeat("-", 3000)
	b := startBackend(t, func(s *session) {
		for {
			r, _ := s.request()
			if r == nil {
				return
			}
			body := r.URL.Path + filler
			switch r.URL.Query().Get("as") {
			case "fixed":
				s.answer(body)
			case "chunked":
				s.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body))
			case "close":
				s.send("HTTP/1.1 200 OK\r\n\r\n" + body)
				return
			case "extra":
				// In one piece: bytes that arrive when the next request is on its way cannot be
				// told from its response.
				s.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%sHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n/poison", len(body), body))
			case "die":
				s.answer(body)
				return
			}
		}
	})
	p := newPool(t, func(c *Config) { c.Connections = 100 }, b.url())
	kinds := []string{"fixed", "fixed", "chunked", "close", "extra", "die"}
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(g)))
			x := newExchange()
			for i := range 100 {
				path := fmt.Sprintf("/%d/%d", g, i)
				out := newRequest("GET", path+"?as="+kinds[rnd.IntN(len(kinds))], "Host: a")
				if err := p.Do(out, x); err != nil {
					t.Error(err)
					return
				}
				wanted := []byte(path + filler)
				if rnd.IntN(4) == 0 {
					wanted = wanted[:rnd.IntN(len(wanted))]
				}
				got := make([]byte, len(wanted))
				if _, err := io.ReadFull(x.Body, got); err != nil || !bytes.Equal(got, wanted) {
					t.Errorf("%s: %.20q %v", path, got, err)
				}
				if err := x.Body.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
