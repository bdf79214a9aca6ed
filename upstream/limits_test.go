package upstream

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// bubble serves a pool's connections with f and runs the test where time passes at once: what
// is tested are limits of time, and the machine's speed must not decide whether they are kept.
func bubble(t *testing.T, f func(s *session), test func(t *testing.T, b *backend, pool func(edit func(*Config)) *Pool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		ended := make(chan struct{})
		t.Cleanup(func() { close(ended) }) // when the pool is closed
		test(t, b, func(edit func(*Config)) *Pool {
			p := newPool(t, edit, "http://a.test:80")
			p.live()[0].dial = func(time.Duration) (*conn, error) {
				near, far := net.Pipe()
				s := &session{backend: b, Conn: far, br: bufio.NewReader(far), n: int(b.sessions.Add(1)), hold: ended}
				go func() {
					defer far.Close()
					f(s)
				}()
				return newConn(t.Context(), pipe{near})
			}
			return p
		})
	})
}

// pipe is one end of a pipe in the place of a socket. Who looks what waits in the socket learns
// nothing.
type pipe struct{ net.Conn }

func (pipe) SyscallConn() (syscall.RawConn, error) { return noSocket{}, nil }

type noSocket struct{}

func (noSocket) Control(func(fd uintptr)) error    { return errors.ErrUnsupported }
func (noSocket) Read(func(fd uintptr) bool) error  { return errors.ErrUnsupported }
func (noSocket) Write(func(fd uintptr) bool) error { return errors.ErrUnsupported }

// TestStall has an endpoint that neither reads nor answers.
func TestStall(t *testing.T) {
	for name, tt := range map[string]struct {
		response, deadline time.Duration
		why                Failure
	}{
		"response": {5 * time.Second, 0, TimedOut},
		"deadline": {time.Minute, 5 * time.Second, OutOfTime},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(s *session) { <-s.hold }, func(t *testing.T, _ *backend, pool func(func(*Config)) *Pool) {
				p := pool(func(c *Config) { c.Response = tt.response })
				began := time.Now()
				x := newExchange()
				if tt.deadline > 0 {
					x.Deadline = began.Add(tt.deadline)
				}
				_, _, err := do(p, streamed("POST", zeros{}, 1<<30), x)
				if !errors.Is(err, ErrTimeout) || FailureOf(err) != tt.why {
					t.Errorf("error %v", err)
				}
				if took := time.Since(began); took != 5*time.Second {
					t.Errorf("after %s", took)
				}
			})
		})
	}
}

// TestSilence has an endpoint fall silent at some point of its response. Each time only the
// limit under test is short.
func TestSilence(t *testing.T) {
	const short = 5 * time.Second
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, tt := range map[string]struct {
		raw                      string
		response, deadline, idle time.Duration
		why                      Failure
	}{
		"before the head":          {"", short, 0, time.Minute, TimedOut},
		"in the head":              {"HTTP/1.1 200 OK\r\nCont", short, 0, time.Minute, TimedOut},
		"after an interim":         {"HTTP/1.1 103 Hints\r\n\r\n", short, 0, time.Minute, TimedOut},
		"before the head deadline": {"", time.Minute, short, time.Minute, OutOfTime},
		"in a body":                {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbod", time.Minute, 0, short, Stalled},
		"in a chunk":               {chunked + "9\r\nbod", time.Minute, 0, short, Stalled},
		"before the last chunk":    {chunked + "3\r\nbod\r\n", time.Minute, 0, short, Stalled},
		"before the last line":     {chunked + "0\r\n", time.Minute, 0, short, Stalled},
		"in a body until close":    {"HTTP/1.1 200 OK\r\n\r\nbod", time.Minute, 0, short, Stalled},
	} {
		t.Run(name, func(t *testing.T) {
			falls := func(s *session) {
				s.head()
				s.send(tt.raw)
				<-s.hold
			}
			bubble(t, falls, func(t *testing.T, b *backend, pool func(func(*Config)) *Pool) {
				p := pool(func(c *Config) { c.Response = tt.response })
				began := time.Now()
				x := newExchange()
				x.BodyIdle = tt.idle
				if tt.deadline > 0 {
					x.Deadline = began.Add(tt.deadline)
				}
				if _, _, err := do(p, get(), x); !errors.Is(err, ErrTimeout) || FailureOf(err) != tt.why {
					t.Errorf("error %v", err)
				}
				if took := time.Since(began); took != short {
					t.Errorf("after %s", took)
				}
				if n := b.requests.Load(); n != 1 {
					t.Errorf("sent %d times", n)
				}
			})
		})
	}
}

// A client that leaves while its response is awaited has its place no longer.
func TestGone(t *testing.T) {
	silent := func(s *session) {
		if s.n == 1 {
			s.request()
			s.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 ")
			<-s.hold
			return
		}
		echoSession(s)
	}
	bubble(t, silent, func(t *testing.T, _ *backend, pool func(func(*Config)) *Pool) {
		p := pool(func(c *Config) { c.Limits.InFlight, c.Response = 1, time.Minute })
		began, asked := time.Now(), 0
		x := newExchange()
		x.Gone = func() bool { asked++; return asked == 3 }
		if err := p.Do(get(), x); FailureOf(err) != Left || p.Connections() != 0 {
			t.Errorf("%v, %d connections", err, p.Connections())
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("after %s", took)
		}
		want(t, p, "session 2")
	})
}

// And so over sockets, by TLS as well.
func TestGoneOverSockets(t *testing.T) {
	done := make(chan struct{})
	b := startBackend(t, func(s *session) {
		s.request()
		<-done
	})
	defer close(done)
	p := newPool(t, nil, b.url())
	x := newExchange()
	x.Gone = func() bool { return true }
	if err := p.Do(get(), x); FailureOf(err) != Left || p.Connections() != 0 {
		t.Errorf("%v, %d connections", err, p.Connections())
	}
}

// TestDeadlinePassed checks that nothing is sent after the deadline.
func TestDeadlinePassed(t *testing.T) {
	b := startBackend(t, echoSession)
	p := newPool(t, nil, b.url())
	x := newExchange()
	x.Deadline = time.Now().Add(-time.Second)
	if err := p.Do(get(), x); !errors.Is(err, ErrTimeout) {
		t.Errorf("error %v", err)
	}
	if n := b.sessions.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

// TestDrip transfers slowly in both directions: every limit is shorter than the transfer,
// none is shorter than a pause in it.
func TestDrip(t *testing.T) {
	const (
		limit  = 10 * time.Second
		pause  = limit - time.Second
		pieces = 25
	)
	wanted := strings.Repeat("drip", pieces)
	drip := func(w io.Writer) {
		for range pieces {
			time.Sleep(pause) // the bubble's clock
			if _, err := io.WriteString(w, "drip"); err != nil {
				return
			}
		}
	}
	drips := func(s *session) {
		for {
			r, body := s.request()
			if r == nil {
				return
			}
			if r.Method == "POST" {
				s.answer(body)
				continue
			}
			s.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
			drip(s.Conn)
		}
	}
	f := func(name string, out func(t *testing.T) *message.Request) {
		t.Run(name, func(t *testing.T) {
			bubble(t, drips, func(t *testing.T, _ *backend, pool func(func(*Config)) *Pool) {
				p := pool(func(c *Config) { c.Response = limit })
				began := time.Now()
				x := newExchange()
				x.BodyIdle = limit
				if name == "down" {
					x.Deadline = began.Add(limit) // it ends with the head
				}
				if _, body, err := do(p, out(t), x); body != wanted || err != nil {
					t.Errorf("%q %v", body, err)
				}
				if took := time.Since(began); took != pieces*pause {
					t.Errorf("after %s", took)
				}
			})
		})
	}
	up := func(n int) func(t *testing.T) *message.Request {
		return func(t *testing.T) *message.Request {
			r, w := io.Pipe()
			t.Cleanup(func() { _ = r.Close() })
			go func() {
				drip(w)
				_ = w.Close()
			}()
			return streamed("POST", r, n)
		}
	}
	f("down", func(*testing.T) *message.Request { return get() })
	f("up", up(len(wanted)))
	f("up, chunked", up(-1))
}

// TestIdle checks that a kept-alive connection is closed after its time.
func TestIdle(t *testing.T) {
	ended := make(chan struct{})
	b := startBackend(t, func(s *session) {
		echoSession(s)
		close(ended)
	})
	p := newPool(t, func(c *Config) { c.Idle = 20 * time.Millisecond }, b.url())
	want(t, p, "session 1")
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("an idle connection is kept")
	}
}
