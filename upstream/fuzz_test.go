package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// FuzzResponse answers with arbitrary bytes. Whatever they are, the next exchange gets its
// own response; and where net/http reads a response in them too, it is the same one.
func FuzzResponse(f *testing.F) {
	for _, raw := range []string{
		"", "x", "HTTP/1.1 200 OK\r\n\r\nuntil close",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\nA\r\n0123456789\r\n0\r\nX: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: a\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\nraw",
		"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
	} {
		f.Add([]byte(raw), true)
		f.Add([]byte(raw), false)
	}
	var raw atomic.Pointer[[]byte]
	var fin atomic.Bool
	b := startBackend(f, func(s *session) {
		for {
			r, _ := s.request()
			switch {
			case r == nil:
				return
			case r.URL.Path == "/own":
				s.answer("own")
			default:
				_, _ = s.Write(*raw.Load())
				if fin.Load() {
					return
				}
			}
		}
	})
	p := newPool(f, func(c *Config) { c.Response = 30 * time.Millisecond }, b.url())
	own := func() *message.Request {
		out := whole("POST", "")
		out.Target = "/own"
		return out
	}
	f.Fuzz(func(t *testing.T, data []byte, end bool) {
		if len(data) > 8<<10 { // more would not arrive in one piece
			return
		}
		raw.Store(&data)
		fin.Store(end)
		x := newExchange()
		x.BodyIdle = 30 * time.Millisecond
		status, body, err := do(p, newRequest("GET", "/raw", "Host: a"), x)
		if n := p.live()[0].pending.Load(); n != 0 {
			t.Fatalf("%d pending", n)
		}
		if err == nil {
			compare(t, data, status, body)
		} else if FailureOf(err) == NoBody || FailureOf(err) == Busy || FailureOf(err) == Unreachable {
			t.Fatalf("reason %s: %v", FailureOf(err).Word, err)
		}
		for {
			status, body, err = do(p, own(), newExchange())
			// Slow machines apart, only the end of a connection may meet the next request.
			if !errors.Is(err, ErrTimeout) && !(end && errors.Is(err, ErrClosed)) {
				break
			}
		}
		if status != 200 || body != "own" || err != nil {
			t.Fatalf("next exchange: %d %q %v", status, body, err)
		}
	})
}

// compare checks an accepted answer against net/http, where that accepts it too.
func compare(t *testing.T, data []byte, status int, body string) {
	t.Helper()
	br := bufio.NewReader(bytes.NewReader(data))
	for {
		r, err := http.ReadResponse(br, nil)
		if err != nil {
			return
		}
		if r.StatusCode < 200 {
			_ = r.Body.Close()
			continue
		}
		want, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return
		}
		if r.StatusCode != status || string(want) != body {
			t.Fatalf("%d %q, net/http has %d %q", status, body, r.StatusCode, want)
		}
		return
	}
}
