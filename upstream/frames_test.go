package upstream

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
	h2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is an endpoint's side of a connection that speaks HTTP/2 frame by frame.
type frames struct {
	*session
	*h2.Framer
	block bytes.Buffer
	enc   *hpack.Encoder
	wait  sync.Mutex // of who answers later
}

// startFrames serves connections that way: f runs for each request's head, with the number of the connection.
func startFrames(t testing.TB, settings []h2.Setting, f func(c *frames, id uint32)) *backend {
	return startBackend(t, func(s *session) {
		if overTLS {
			return
		}
		preface := make([]byte, len(h2.ClientPreface))
		if _, err := io.ReadFull(s.br, preface); err != nil {
			return
		}
		c := &frames{session: s, Framer: h2.NewFramer(s.Conn, s.br)}
		c.enc = hpack.NewEncoder(&c.block)
		c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		_ = c.WriteSettings(settings...)
		for {
			frame, err := c.ReadFrame()
			if err != nil {
				return
			}
			switch frame := frame.(type) {
			case *h2.MetaHeadersFrame:
				s.requests.Add(1)
				f(c, frame.StreamID)
			case *h2.PingFrame:
				if !frame.IsAck() && string(frame.Data[:]) != "silence!" {
					_ = c.WritePing(true, frame.Data)
				}
			}
		}
	})
}

// head writes a list of fields, given as name and value in turn.
func (c *frames) fields(id uint32, end bool, list ...string) {
	c.block.Reset()
	for i := 0; i < len(list); i += 2 {
		_ = c.enc.WriteField(hpack.HeaderField{Name: list[i], Value: list[i+1]})
	}
	block := c.block.Bytes()
	for first := true; first || len(block) > 0; first = false {
		n := min(len(block), 16<<10)
		if first {
			_ = c.WriteHeaders(h2.HeadersFrameParam{StreamID: id, EndStream: end, EndHeaders: n == len(block), BlockFragment: block[:n]})
		} else {
			_ = c.WriteContinuation(id, n == len(block), block[:n])
		}
		block = block[n:]
	}
}

func (c *frames) ok(id uint32) {
	c.fields(id, false, ":status", "200")
	_ = c.WriteData(id, true, []byte("ok"))
}

// TestMalformedHTTP2 sends responses that break the protocol. Those that break it for one stream leave the connection to others.
func TestMalformedHTTP2(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	for name, tt := range map[string]struct {
		answer func(c *frames, id uint32)
		method string
		ends   bool // the connection
		good   bool
		cut    bool // it is the body that breaks off
	}{
		"fine":              {answer: func(c *frames, id uint32) { c.ok(id) }, good: true},
		"no status":         {answer: func(c *frames, id uint32) { c.fields(id, true, "a", "b") }},
		"status not first":  {answer: func(c *frames, id uint32) { c.fields(id, true, "a", "b", ":status", "200") }},
		"two statuses":      {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", ":status", "200") }},
		"status 20":         {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "20") }},
		"status 099":        {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "099") }},
		"status +20":        {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "+20") }},
		"request's pseudo":  {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", ":path", "/") }},
		"unknown pseudo":    {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", ":x", "/") }},
		"upper case":        {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "X-A", "1") }},
		"name with space":   {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "x a", "1") }},
		"name with colon":   {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "x:a", "1") }},
		"empty name":        {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "", "1") }},
		"line feed":         {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "x", "a\nb") }},
		"carriage return":   {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "x", "a\rb") }},
		"NUL":               {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "x", "a\x00b") }},
		"control":           {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "x", "a\x01b") }},
		"space in front":    {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "x", " a") }},
		"tab behind":        {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "x", "a\t") }},
		"connection":        {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "connection", "close") }},
		"transfer-encoding": {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "transfer-encoding", "chunked") }},
		"keep-alive":        {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "keep-alive", "1") }},
		"upgrade":           {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "upgrade", "h2c") }},
		"two lengths": {answer: func(c *frames, id uint32) {
			c.fields(id, true, ":status", "200", "content-length", "0", "content-length", "0")
		}},
		"length -1":    {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "content-length", "-1") }},
		"length 0x2":   {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "content-length", "0x2") }},
		"empty length": {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "content-length", "") }},
		"two types": {answer: func(c *frames, id uint32) {
			c.fields(id, true, ":status", "200", "content-type", "a/b", "content-type", "a/b")
		}},
		"two encodings": {answer: func(c *frames, id uint32) {
			c.fields(id, true, ":status", "200", "content-encoding", "gzip", "content-encoding", "br")
		}},
		"length without body": {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "content-length", "2") }},
		"length too long": {answer: func(c *frames, id uint32) {
			c.fields(id, false, ":status", "200", "content-length", "3")
			_ = c.WriteData(id, true, []byte("ok"))
		}, cut: true},
		"length too short": {answer: func(c *frames, id uint32) {
			c.fields(id, false, ":status", "200", "content-length", "1")
			_ = c.WriteData(id, true, []byte("ok"))
		}, cut: true},
		"length right": {answer: func(c *frames, id uint32) {
			c.fields(id, false, ":status", "200", "content-length", "2")
			_ = c.WriteData(id, true, []byte("ok"))
		}, good: true},
		"body of HEAD":    {method: "HEAD", answer: func(c *frames, id uint32) { c.ok(id) }},
		"length for HEAD": {method: "HEAD", answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "content-length", "7") }, good: true},
		"body of 204": {answer: func(c *frames, id uint32) {
			c.fields(id, false, ":status", "204")
			_ = c.WriteData(id, true, []byte("ok"))
		}},
		"empty body of 304":   {answer: func(c *frames, id uint32) { c.fields(id, false, ":status", "304"); _ = c.WriteData(id, true, nil) }, good: true},
		"101":                 {answer: func(c *frames, id uint32) { c.fields(id, false, ":status", "101") }},
		"interim at the end":  {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "103") }},
		"interim with length": {answer: func(c *frames, id uint32) { c.fields(id, false, ":status", "103", "content-length", "0"); c.ok(id) }},
		"interim":             {answer: func(c *frames, id uint32) { c.fields(id, false, ":status", "103", "a", "b"); c.ok(id) }, good: true},
		"too many interim": {answer: func(c *frames, id uint32) {
			for range 17 {
				c.fields(id, false, ":status", "103")
			}
			c.ok(id)
		}},
		"body before head": {answer: func(c *frames, id uint32) { _ = c.WriteData(id, true, []byte("ok")) }},
		"body before final": {answer: func(c *frames, id uint32) {
			c.fields(id, false, ":status", "100")
			_ = c.WriteData(id, true, []byte("ok"))
		}},
		"second head": {answer: func(c *frames, id uint32) { c.fields(id, false, ":status", "200"); c.fields(id, false, "a", "b") }, cut: true},
		"status in trailers": {answer: func(c *frames, id uint32) {
			c.fields(id, false, ":status", "200")
			c.fields(id, true, ":status", "200")
		}, cut: true},
		"framing in trailers": {answer: func(c *frames, id uint32) {
			c.fields(id, false, ":status", "200")
			c.fields(id, true, "content-length", "2")
		}, cut: true},
		"connection's trailer": {answer: func(c *frames, id uint32) {
			c.fields(id, false, ":status", "200")
			c.fields(id, true, "connection", "close")
		}, cut: true},
		"trailers": {answer: func(c *frames, id uint32) {
			c.fields(id, false, ":status", "200")
			_ = c.WriteData(id, false, []byte("ok"))
			c.fields(id, true, "a", "b")
		}, good: true},
		"large head":     {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "x", long[:60_000]) }, good: true},
		"head too large": {answer: func(c *frames, id uint32) { c.fields(id, true, ":status", "200", "x", long) }},
		"push": {answer: func(c *frames, id uint32) {
			_ = c.WritePushPromise(h2.PushPromiseParam{StreamID: id, PromiseID: 2, EndHeaders: true})
		}, ends: true},
		"stream never opened":   {answer: func(c *frames, id uint32) { c.fields(id+2, true, ":status", "200") }, ends: true},
		"stream of ours":        {answer: func(c *frames, id uint32) { _ = c.WriteData(2, true, []byte("x")) }, ends: true},
		"garbage":               {answer: func(c *frames, id uint32) { c.send(strings.Repeat("HTTP/1.1 200 OK\r\n\r\n", 100)) }, ends: true},
		"window beyond its end": {answer: func(c *frames, id uint32) { _ = c.WriteWindowUpdate(0, 1<<31-1) }, ends: true},
		"empty frames": {answer: func(c *frames, id uint32) {
			for range 2000 {
				_ = c.WriteSettings()
			}
		}, ends: true},
		"bad block": {answer: func(c *frames, id uint32) {
			_ = c.WriteHeaders(h2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})
		}, ends: true},
	} {
		t.Run(name, func(t *testing.T) {
			if overTLS {
				t.Skip("in cleartext")
			}
			b := startFrames(t, nil, func(c *frames, id uint32) {
				if c.requests.Load() == 1 {
					tt.answer(c, id)
				} else {
					c.ok(id)
				}
			})
			p := newPool(t, speaks(HTTP2), b.url())
			out := get()
			if tt.method != "" {
				out.Method = tt.method
			}
			status, _, err := do(p, out, newExchange())
			switch {
			case tt.good && (err != nil || status == 0):
				t.Fatal(status, err)
			case !tt.good && (!errors.Is(err, ErrMalformed) && FailureOf(err) != Malformed || status != 0 && !tt.cut):
				t.Fatal(status, err)
			}
			want(t, p, "ok")
			if n := b.sessions.Load(); (n == 1) == tt.ends {
				t.Errorf("%d connections", n)
			}
			if n := p.live()[0].pending.Load(); n != 0 {
				t.Errorf("%d pending", n)
			}
		})
	}
}

// TestBeyondTheWindow sends more of a body than there is a window for, while nobody reads.
func TestBeyondTheWindow(t *testing.T) {
	if overTLS {
		t.Skip("in cleartext")
	}
	seen := make(chan struct{})
	b := startFrames(t, nil, func(c *frames, id uint32) {
		if c.requests.Load() > 1 {
			c.ok(id)
			return
		}
		c.fields(id, false, ":status", "200")
		for range 5 {
			_ = c.WriteData(id, false, make([]byte, 16<<10))
		}
		_ = c.WritePing(false, [8]byte{})
		for {
			frame, err := c.ReadFrame()
			if err != nil {
				t.Error(err)
				return
			}
			if ping, ok := frame.(*h2.PingFrame); ok && ping.IsAck() {
				close(seen)
				return
			}
		}
	})
	p, x := newPool(t, speaks(HTTP2), b.url()), newExchange()
	if err := p.Do(get(), x); err != nil {
		t.Fatal(err)
	}
	<-seen
	if n, err := io.Copy(io.Discard, x.Body); FailureOf(err) != Malformed {
		t.Errorf("%d bytes, %v", n, err)
	}
	_ = x.Body.Close()
	want(t, p, "ok")
}

// TestRefusedStreams sends again what an endpoint has not looked at, whatever it is, and nothing else.
func TestRefusedStreams(t *testing.T) {
	reset := func(code h2.ErrCode) func(*frames, uint32) {
		return func(c *frames, id uint32) { _ = c.WriteRSTStream(id, code) }
	}
	goAway := func(c *frames, id uint32) { _ = c.WriteGoAway(id-2&^(1<<31), h2.ErrCodeNo, nil) }
	for name, tt := range map[string]struct {
		out         *message.Request
		answer      func(*frames, uint32)
		want        Failure
		connections int32
	}{
		"refused":        {get(), reset(h2.ErrCodeRefusedStream), Failure{}, 1},
		"refused POST":   {whole("POST", "body"), reset(h2.ErrCodeRefusedStream), Failure{}, 1},
		"refused stream": {streamed("POST", io.MultiReader(strings.NewReader("body")), -1), reset(h2.ErrCodeRefusedStream), Refused, 1},
		"refused after head": {get(), func(c *frames, id uint32) {
			c.fields(id, false, ":status", "103")
			_ = c.WriteRSTStream(id, h2.ErrCodeRefusedStream)
		}, Refused, 1},
		"too much":             {get(), reset(h2.ErrCodeEnhanceYourCalm), Refused, 1},
		"canceled":             {get(), reset(h2.ErrCodeCancel), Reset, 1},
		"internal error":       {get(), reset(h2.ErrCodeInternal), Reset, 1},
		"no error":             {get(), reset(h2.ErrCodeNo), Reset, 1},
		"going away":           {get(), goAway, Failure{}, 2},
		"going away, POST":     {whole("POST", "body"), goAway, Failure{}, 2},
		"going after it":       {get(), func(c *frames, id uint32) { _ = c.WriteGoAway(id, h2.ErrCodeNo, nil); c.ok(id) }, Failure{}, 2},
		"an end":               {get(), func(c *frames, _ uint32) { _ = c.session.Close() }, Failure{}, 2},
		"an end, POST":         {whole("POST", "body"), func(c *frames, _ uint32) { _ = c.session.Close() }, Closed, 2},
		"an end, after a byte": {get(), func(c *frames, id uint32) { c.fields(id, false, ":status", "103"); _ = c.session.Close() }, Closed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if overTLS {
				t.Skip("in cleartext")
			}
			b := startFrames(t, nil, func(c *frames, id uint32) {
				if c.requests.Load() == 2 {
					tt.answer(c, id)
				} else {
					c.ok(id)
				}
			})
			p := newPool(t, speaks(HTTP2), b.url())
			want(t, p, "ok")
			var retried atomic.Int32
			x := newExchange()
			x.Retried = func(string, Failure) { retried.Add(1) }
			status, body, err := do(p, tt.out, x)
			if tt.want == (Failure{}) {
				if err != nil || status != 200 || body != "ok" {
					t.Fatal(status, body, err)
				}
			} else if FailureOf(err) != tt.want || retried.Load() != 0 {
				t.Fatal(FailureOf(err), err, retried.Load())
			}
			want(t, p, "ok")
			if n := b.sessions.Load(); n != tt.connections {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestAlwaysRefused gives up.
func TestAlwaysRefused(t *testing.T) {
	if overTLS {
		t.Skip("in cleartext")
	}
	b := startFrames(t, nil, func(c *frames, id uint32) { _ = c.WriteRSTStream(id, h2.ErrCodeRefusedStream) })
	p := newPool(t, speaks(HTTP2), b.url())
	if err := p.Do(get(), newExchange()); FailureOf(err) != Refused || b.requests.Load() != 3 {
		t.Error(err, b.requests.Load())
	}
}

// TestStreamsPerConnection opens connections when those that there are have no place, as many as may be.
func TestStreamsPerConnection(t *testing.T) {
	if overTLS {
		t.Skip("in cleartext")
	}
	hold := make(chan struct{})
	b := startFrames(t, []h2.Setting{{ID: h2.SettingMaxConcurrentStreams, Val: 2}}, func(c *frames, id uint32) {
		if c.requests.Load() == 1 {
			c.ok(id) // and the settings have been heard
			return
		}
		go func() { <-hold; c.wait.Lock(); defer c.wait.Unlock(); c.ok(id) }()
	})
	p := newPool(t, func(c *Config) { c.Protocol, c.Connections = HTTP2, 1 }, b.url())
	want(t, p, "ok")
	done := make(chan error, 2)
	for range 2 {
		go func() { _, _, err := do(p, get(), newExchange()); done <- err }()
	}
	eventually(t, "two are under way", func() bool { return b.requests.Load() == 3 })
	if err := p.Do(get(), newExchange()); !errors.Is(err, ErrBusy) {
		t.Error("a third one:", err)
	}
	close(hold)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	want(t, p, "ok")
	if n := b.sessions.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestSilentConnection does not wait in vain twice: a connection that does not answer a ping is given up.
func TestSilentConnection(t *testing.T) {
	if overTLS {
		t.Skip("in cleartext")
	}
	b := startFrames(t, nil, func(c *frames, id uint32) {
		if c.requests.Load() == 2 {
			_, _ = io.Copy(io.Discard, c.br) // nothing is answered any more
		}
		c.ok(id)
	})
	p := newPool(t, func(c *Config) { c.Protocol, c.Response, c.Connect = HTTP2, 500*time.Millisecond, 500*time.Millisecond }, b.url())
	want(t, p, "ok")
	if err := p.Do(get(), newExchange()); !errors.Is(err, ErrTimeout) {
		t.Fatal(err)
	}
	want(t, p, "ok") // on another connection, at once
	e := p.live()[0]
	eventually(t, "the silent one is closed", func() bool { e.mux.mu.Lock(); defer e.mux.mu.Unlock(); return len(e.mux.live) == 1 })
}

// TestIdleConnection ends a connection that nobody uses.
func TestIdleConnection(t *testing.T) {
	if overTLS {
		t.Skip("in cleartext")
	}
	b := startFrames(t, nil, func(c *frames, id uint32) { c.ok(id) })
	p := newPool(t, func(c *Config) { c.Protocol, c.Idle = HTTP2, 20*time.Millisecond }, b.url())
	want(t, p, "ok")
	e := p.live()[0]
	eventually(t, "it is closed", func() bool { e.mux.mu.Lock(); defer e.mux.mu.Unlock(); return len(e.mux.live) == 0 })
	want(t, p, "ok")
	if n := b.sessions.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}
