package http2

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/listen/entrance"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
	"golang.org/x/net/http2"
)

// pipes is a listener of connections in memory.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.conns) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// inBubble runs f with a client of a server whose clock goes as fast as it can.
func inBubble(t *testing.T, o Options, serve func(*site, listen.Client), f func(t *testing.T, s *site, r *raw), settings ...http2.Setting) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{read: make(chan string, 10)}
		o.Handler = listen.Handler{
			Serve: func(c listen.Client, _ any) { serve(s, c) },
			Failed: func(c listen.Client, _ any, why error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.failed = append(s.failed, why.(*listen.Violation).Reason) //nolint:errorlint // as it is
			},
			Panicked: func(v any) { t.Error("panic:", v) },
		}
		s.Server = New(o)
		p := &pipes{conns: make(chan net.Conn)}
		ln := entrance.Listen(p, entrance.Options{HTTP2: s.Take, Options: socket.Options{WriteTimeout: o.WriteTimeout, WriteRate: o.WriteRate}})
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() { _, _ = io.Copy(io.Discard, c) }()
			}
		}()
		near, far := net.Pipe()
		p.conns <- near
		r := speak(t, newEager(far), settings...)
		f(t, s, r)
		_ = far.Close()
		_ = ln.Close()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

// eager is a connection that takes what comes without being asked, as a socket does.
type eager struct {
	net.Conn
	mu   sync.Mutex
	more *sync.Cond
	held []byte
	end  error
}

func newEager(c net.Conn) *eager {
	e := &eager{Conn: c}
	e.more = sync.NewCond(&e.mu)
	go func() {
		b := make([]byte, 4096)
		for e.end == nil {
			n, err := c.Read(b)
			e.mu.Lock()
			e.held, e.end = append(e.held, b[:n]...), err
			e.mu.Unlock()
			e.more.Signal()
		}
	}()
	return e
}

func (e *eager) Read(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.held) == 0 && e.end == nil {
		e.more.Wait()
	}
	n := copy(p, e.held)
	if e.held = e.held[n:]; n > 0 {
		return n, nil
	}
	return 0, e.end
}

// timed are options whose every limit is another one.
func timed() Options {
	return Options{
		HeadTimeout: 10 * time.Second, BodyTimeout: 20 * time.Second, BodyRate: 100,
		WriteTimeout: 30 * time.Second, WriteRate: 100, Idle: 40 * time.Second,
	}
}

func TestSlowBodies(t *testing.T) {
	for name, tt := range map[string]struct {
		bytes int           // in each frame
		every time.Duration // how often there is one
		n     int           // how many, and then the end
		want  string
		after time.Duration // when the handler has it
	}{
		"silent":         {0, 0, 0, "-1  request too slow: body_timeout", 20 * time.Second},
		"a long silence": {10, 15 * time.Second, 1, "-1 ********** <nil>", 15 * time.Second},
		"too slow":       {100, 5 * time.Second, 10, "body_rate", 0},
		"slow":           {500, 5 * time.Second, 10, "<nil>", 50 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, timed(), func(s *site, c listen.Client) { s.read <- readAll(c); c.Respond(&message.Response{Status: 200}) },
				func(t *testing.T, s *site, r *raw) {
					start := time.Now()
					stream, err := r.open(false, get()...)
					if err != nil {
						t.Fatal(err)
					}
					for i := range tt.n {
						time.Sleep(tt.every)
						if r.WriteData(stream, i == tt.n-1, []byte(strings.Repeat("*", tt.bytes))) != nil {
							break
						}
					}
					got := <-s.read
					if !strings.HasSuffix(got, tt.want) || tt.after != 0 && time.Since(start) != tt.after {
						t.Errorf("%q after %v, want %q", got, time.Since(start), tt.want)
					}
				})
		})
	}
}

// Who converses may be silent.
func TestConversation(t *testing.T) {
	inBubble(t, timed(), func(s *site, c listen.Client) {
		c.Converse()
		s.read <- readAll(c)
		c.Respond(&message.Response{Status: 200})
	}, func(t *testing.T, s *site, r *raw) {
		stream, err := r.open(false, get()...)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if err := r.WriteData(stream, true, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if got := <-s.read; got != "-1 hello <nil>" {
			t.Errorf("%q", got)
		}
	})
}

// A body that is slow holds up no other stream, and one that nobody reads costs nobody time.
func TestSlowBodyBesideOthers(t *testing.T) {
	inBubble(t, timed(), func(s *site, c listen.Client) {
		if c.Request().Body.Stream != nil {
			s.read <- readAll(c)
		}
		c.Respond(&message.Response{Status: 200})
	}, func(t *testing.T, s *site, r *raw) {
		if _, err := r.open(false, get()...); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(time.Second)
			stream, err := r.open(true, get()...)
			if err != nil {
				t.Fatal(err)
			}
			if o := r.outcome(stream); o.status != 200 {
				t.Errorf("%+v", o)
			}
		}
		if got := <-s.read; got != "-1  request too slow: body_timeout" {
			t.Errorf("%q", got)
		}
	})
}

// A frame, or a head, that does not come to its end costs the connection.
func TestSlowFrames(t *testing.T) {
	half := func(r *raw) error { // the beginning of a head
		block := r.encode(get()...)
		return r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:3], EndStream: true})
	}
	for name, tt := range map[string]struct {
		begin  func(*raw) error
		reason string
		after  time.Duration
	}{
		"a head": {half, "head_timeout", 10 * time.Second},
		"the first bytes of a frame": {func(r *raw) error {
			_, err := r.Conn.Write([]byte{0, 0})
			return err
		}, "head_timeout", 10 * time.Second},
		"a frame of settings": {func(r *raw) error {
			_, err := r.Conn.Write([]byte{0, 0, 6, 4, 0, 0, 0, 0, 0, 1})
			return err
		}, "head_timeout", 10 * time.Second},
		"data": {func(r *raw) error {
			if _, err := r.open(false, get()...); err != nil {
				return err
			}
			_, err := r.Conn.Write([]byte{0, 1, 0, 0, 0, 0, 0, 0, 1, 'a'})
			return err
		}, "body_timeout", 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, timed(), func(_ *site, c listen.Client) { _ = readAll(c) }, func(t *testing.T, s *site, r *raw) {
				start := time.Now()
				if err := tt.begin(r); err != nil {
					t.Fatal(err)
				}
				o := r.outcome(0)
				if got := time.Since(start); !o.gone || got != tt.after || !strings.Contains(s.reasons(), tt.reason) {
					t.Errorf("%+v after %v: %s", o, got, s.reasons())
				}
			})
		})
	}
}

// Who takes nothing of a response does not keep its stream, and who takes a little at a time does.
func TestSlowReaders(t *testing.T) {
	large, small := strings.Repeat("*", 50_000), strings.Repeat("*", 3000)
	stream := func(s string) message.Body { return message.Body{Stream: strings.NewReader(s), Length: len(s)} }
	whole := func(s string) message.Body { return message.Body{Bytes: []byte(s)} }
	for name, tt := range map[string]struct {
		body  message.Body
		bytes uint32 // by which the window is opened
		every time.Duration
		ends  bool
		after time.Duration
	}{
		"nothing":                   {stream(large), 0, 0, false, 30 * time.Second},
		"too little":                {stream(large), 50, time.Second, false, 0},
		"enough":                    {stream(large), 500, time.Second, true, 0},
		"nothing of a whole":        {whole(large), 0, 0, false, 30 * time.Second},
		"enough of a whole":         {whole(large), 500, time.Second, true, 100 * time.Second},
		"nothing of a small one":    {whole(small), 0, 0, false, 60 * time.Second}, // 30 for nothing, 30 for its bytes
		"too little of a small one": {whole(small), 20, time.Second, false, 60 * time.Second},
		"enough of a small one":     {whole(small), 120, time.Second, true, 25 * time.Second},
		"nothing of a small stream": {stream(small), 0, 0, false, 60 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, timed(), func(_ *site, c listen.Client) {
				c.Respond(&message.Response{Status: 200, Body: tt.body})
			}, func(t *testing.T, _ *site, r *raw) {
				start := time.Now()
				stream, err := r.open(true, get()...)
				if err != nil {
					t.Fatal(err)
				}
				go func() {
					for tt.bytes > 0 && time.Since(start) < 10*time.Minute {
						time.Sleep(tt.every)
						if r.WriteWindowUpdate(stream, tt.bytes) != nil {
							return
						}
					}
				}()
				o := r.outcome(stream)
				if got := time.Since(start); o.over == tt.ends || o.gone || tt.after != 0 && got != tt.after {
					t.Errorf("%d bytes, reset %v, after %v", len(o.body), o.over, got)
				}
				_ = r.Conn.Close()
				time.Sleep(time.Hour)
			}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		})
	}
}

// A connection on which nothing happens is told to end, and ended.
func TestIdle(t *testing.T) {
	inBubble(t, timed(), func(_ *site, c listen.Client) { c.Respond(&message.Response{Status: 200}) }, func(t *testing.T, s *site, r *raw) {
		stream, err := r.open(true, get()...)
		if err != nil {
			t.Fatal(err)
		}
		if o := r.outcome(stream); o.status != 200 {
			t.Fatalf("%+v", o)
		}
		start := time.Now()
		if o := r.outcome(0); !o.gone || o.goAway != http2.ErrCodeNo || time.Since(start) != 41*time.Second { // one for the GOAWAY to arrive
			t.Errorf("%+v after %v", o, time.Since(start))
		}
		if got := s.reasons(); got != "" {
			t.Error(got)
		}
	})
}
