package upstream

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// TestRequestVerbatim compares the bytes on the wire with the request as built.
func TestRequestVerbatim(t *testing.T) {
	const head = "POST //host/x?u=http://y&a=%41&&d=%zz HTTP/1.1\r\nx-first: 1\r\nHost: a.example\r\nCookie: a=\"1\"; b\r\nCookie: c\r\nX-First: 2\r\n"
	stream := func(r io.Reader, n int) message.Body { return message.Body{Stream: r, Length: n} }
	for name, tt := range map[string]struct {
		body message.Body
		want string
	}{
		"none":       {message.Body{}, "\r\n"},
		"bytes":      {message.Body{Bytes: []byte("body")}, "Content-Length: 4\r\n\r\nbody"},
		"many bytes": {message.Body{Bytes: []byte(strings.Repeat("l", 50000))}, "Content-Length: 50000\r\n\r\n" + strings.Repeat("l", 50000)},
		"no bytes":   {message.Body{Bytes: []byte{}}, "Content-Length: 0\r\n\r\n"},
		"stream":     {stream(iotest.OneByteReader(strings.NewReader("body and more")), 4), "Content-Length: 4\r\n\r\nbody"},
		"chunks": {stream(io.MultiReader(strings.NewReader("one"), strings.NewReader("0123456789abcdefg")), -1),
			"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n"},
		"no chunk": {stream(strings.NewReader(""), -1), "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			out := newRequest("POST", "//host/x?u=http://y&a=%41&&d=%zz",
				"x-first: 1", "Host: a.example", "Cookie: a=\"1\"; b", "Cookie: c", "X-First: 2")
			out.Body = tt.body
			wanted := head + tt.want
			got := make(chan string, 1)
			b := startBackend(t, func(s *session) {
				buf := make([]byte, len(wanted))
				n, _ := io.ReadFull(s.br, buf)
				got <- string(buf[:n])
				s.answer("ok")
				echoSession(s)
			})
			p := newPool(t, nil, b.url())
			if status, body, err := do(p, out, newExchange()); status != 200 || body != "ok" || err != nil {
				t.Fatal(status, body, err)
			}
			if g := <-got; g != wanted {
				t.Errorf("got  %.300q\nwant %.300q", g, wanted)
			}
			want(t, p, "session 1")
		})
	}
}

// TestLargeUpload sends bodies of many chunks and checks them at the other end.
func TestLargeUpload(t *testing.T) {
	const size = 8 << 20
	for _, n := range []int{size, -1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			b := startBackend(t, func(s *session) {
				for {
					r, body := s.request()
					if r == nil {
						return
					}
					s.answer(fmt.Sprint(len(body), strings.Trim(body, "\x00") == ""))
				}
			})
			p := newPool(t, nil, b.url())
			out := streamed("POST", io.LimitReader(zeros{}, size), n)
			if _, body, err := do(p, out, newExchange()); body != fmt.Sprint(size, true) || err != nil {
				t.Errorf("%q %v", body, err)
			}
		})
	}
}

// TestClientBody breaks the client's side of a request. The endpoint must not take what
// it got for a whole request, nor must the connection be used again.
func TestClientBody(t *testing.T) {
	for name, tt := range map[string]struct {
		body io.Reader
		n    int
		want error
	}{
		"short":          {strings.NewReader("bo"), 4, io.ErrUnexpectedEOF},
		"empty":          {strings.NewReader(""), 4, io.ErrUnexpectedEOF},
		"broken":         {io.MultiReader(strings.NewReader("bo"), iotest.ErrReader(errBroken)), 4, errBroken},
		"broken chunked": {io.MultiReader(strings.NewReader("bo"), iotest.ErrReader(errBroken)), -1, errBroken},
		"cut chunked":    {io.MultiReader(strings.NewReader("bo"), iotest.ErrReader(io.ErrUnexpectedEOF)), -1, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			whole := make(chan bool, 1)
			b := startBackend(t, func(s *session) {
				if s.n > 1 {
					echoSession(s)
					return
				}
				r, _ := s.request()
				whole <- r != nil
			})
			p := newPool(t, nil, b.url())
			_, _, err := do(p, streamed("PUT", tt.body, tt.n), newExchange())
			var client *ClientBodyError
			if !errors.As(err, &client) || !errors.Is(err, tt.want) || FailureOf(err) != NoBody {
				t.Errorf("error %v", err)
			}
			if <-whole {
				t.Error("the endpoint saw a whole request")
			}
			want(t, p, "session 2")
		})
	}
}

// TestUnframed checks that a request whose head could disagree with its body is never sent.
func TestUnframed(t *testing.T) {
	coded := streamed("POST", strings.NewReader("body"), 4)
	coded.Fields = append(coded.Fields, message.Field{Name: "transfer-encodinG", Value: "chunked"})
	for name, out := range map[string]*message.Request{
		"length":              whole("POST", "body", "Content-Length: 4"),
		"length too small":    whole("POST", "body", "content-length: 3"),
		"length without body": newRequest("GET", "/", "Host: a", "Content-Length: 4"),
		"chunked bytes":       whole("POST", "body", "Transfer-Encoding: chunked"),
		"coding of a stream":  coded,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, nil, refused(t))
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(fmt.Sprint(r), "BUG:") {
					t.Errorf("recovered %v", r)
				}
			}()
			_ = p.Do(out, newExchange())
		})
	}
}

// TestEarlyResponse rejects an upload that is larger than all buffers on the way.
func TestEarlyResponse(t *testing.T) {
	const reject = "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"
	const size = 256 << 20
	for name, reaction := range map[string]func(s *session){
		"closes":          func(*session) {},
		"resets":          func(s *session) { _ = s.raw.SetLinger(0) },
		"lingers":         func(s *session) { _, _ = io.CopyN(io.Discard, s.br, 4<<20) },
		"reads all":       func(s *session) { _, _ = io.Copy(io.Discard, s.br) },
		"reads no more":   func(s *session) { <-s.hold },
		"half-closes":     func(s *session) { _ = s.Conn.(interface{ CloseWrite() error }).CloseWrite(); <-s.hold },
		"interim at once": func(s *session) { <-s.hold },
	} {
		for _, n := range []int{size, -1} {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				t.Parallel() // mostly waiting
				hold := make(chan struct{})
				b := startBackend(t, func(s *session) {
					s.hold = hold
					s.head()
					if s.n > 1 {
						s.answer("session 2")
						return
					}
					if name == "interim at once" { // must not end the upload
						s.send("HTTP/1.1 102 Processing\r\n\r\n")
						_, _ = io.CopyN(io.Discard, s.br, 64<<20)
					}
					s.send(reject)
					reaction(s)
				})
				defer close(hold)
				limit := int64(size)
				if name == "reads all" {
					limit = 16 << 20
				}
				p := newPool(t, func(c *Config) { c.Response = time.Second }, b.url())
				body := io.LimitReader(zeros{}, limit)
				if n > 0 {
					n = int(limit)
				}
				status, got, err := do(p, streamed("POST", body, n), newExchange())
				if status != 413 || got != "big" || err != nil {
					t.Fatal(status, got, err)
				}
				if name != "reads all" {
					want(t, p, "session 2")
				}
			})
		}
	}
}
