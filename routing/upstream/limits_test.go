package upstream

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// TestStall has an endpoint that neither reads nor answers.
func TestStall(t *testing.T) {
	for name, tt := range map[string]struct {
		response, deadline time.Duration
	}{
		"response": {100 * time.Millisecond, 0},
		"deadline": {time.Minute, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			hold := make(chan struct{})
			defer close(hold)
			b := startBackend(t, func(*session) { <-hold })
			p := newPool(t, func(c *Config) { c.Response = tt.response }, b.url())
			x := newExchange()
			if tt.deadline > 0 {
				x.Deadline = time.Now().Add(tt.deadline)
			}
			_, _, err := do(p, streamed("POST", zeros{}, 1<<30), x)
			if !errors.Is(err, ErrTimeout) || Reason(err) != "timeout" {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestSilence has an endpoint fall silent at some point of its answer. Each time only the
// limit under test is short.
func TestSilence(t *testing.T) {
	const short = 50 * time.Millisecond
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, tt := range map[string]struct {
		raw                      string
		response, deadline, idle time.Duration
	}{
		"before the head":          {"", short, 0, time.Minute},
		"in the head":              {"HTTP/1.1 200 OK\r\nCont", short, 0, time.Minute},
		"after an interim":         {"HTTP/1.1 103 Hints\r\n\r\n", short, 0, time.Minute},
		"before the head deadline": {"", time.Minute, short, time.Minute},
		"in a body":                {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbod", time.Minute, 0, short},
		"in a chunk":               {chunked + "9\r\nbod", time.Minute, 0, short},
		"before the last chunk":    {chunked + "3\r\nbod\r\n", time.Minute, 0, short},
		"before the last line":     {chunked + "0\r\n", time.Minute, 0, short},
		"in a body until close":    {"HTTP/1.1 200 OK\r\n\r\nbod", time.Minute, 0, short},
	} {
		t.Run(name, func(t *testing.T) {
			hold := make(chan struct{})
			defer close(hold)
			b := startBackend(t, func(s *session) {
				s.head()
				s.send(tt.raw)
				<-hold
			})
			p := newPool(t, func(c *Config) { c.Response = tt.response }, b.url())
			x := newExchange()
			x.BodyIdle = tt.idle
			if tt.deadline > 0 {
				x.Deadline = time.Now().Add(tt.deadline)
			}
			if _, _, err := do(p, get(), x); !errors.Is(err, ErrTimeout) || Reason(err) != "timeout" {
				t.Errorf("error %v", err)
			}
			if n := b.requests.Load(); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
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
		limit  = 600 * time.Millisecond
		pause  = 40 * time.Millisecond
		pieces = 25
	)
	wanted := strings.Repeat("drip", pieces)
	drip := func(w io.Writer) { // the pace is what is tested
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for range pieces {
			<-tick.C
			if _, err := io.WriteString(w, "drip"); err != nil {
				return
			}
		}
	}
	b := startBackend(t, func(s *session) {
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
	})
	p := newPool(t, func(c *Config) { c.Response = limit }, b.url())
	t.Run("down", func(t *testing.T) {
		t.Parallel()
		x := newExchange()
		x.BodyIdle, x.Deadline = limit, time.Now().Add(limit)
		start := time.Now()
		if _, body, err := do(p, get(), x); body != wanted || err != nil {
			t.Errorf("%q %v", body, err)
		}
		if time.Since(start) < limit {
			t.Error("too fast to tell")
		}
	})
	for _, n := range []int{len(wanted), -1} {
		t.Run("up", func(t *testing.T) {
			t.Parallel()
			r, w := io.Pipe()
			go func() {
				drip(w)
				_ = w.Close()
			}()
			if _, body, err := do(p, streamed("POST", r, n), newExchange()); body != wanted || err != nil {
				t.Errorf("%q %v", body, err)
			}
			_ = r.Close()
		})
	}
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
	<-ended
}
