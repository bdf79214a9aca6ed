package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/wire"
)

// served serves until the test ends, and returns a connection to the server.
func served(t *testing.T, h listen.Handler) (net.Conn, *bufio.Reader) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.Panicked = func(v any) { t.Error(v) }
	s := New(Options{Handler: h, Options: wire.Options{HeadBytes: 8 << 10, HeadTimeout: time.Minute, Idle: time.Minute, BodyTimeout: time.Minute}})
	done := make(chan error, 1)
	go func() { done <- s.Serve(socket.Listen(ln, socket.Options{})) }()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		if err := s.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c, bufio.NewReader(c)
}

// said is a response that was received.
type said struct {
	status int
	line   string // the status with its reason
	header http.Header
	length int64
	closes bool
}

// send sends raw and returns the response and its body.
func send(t *testing.T, c net.Conn, br *bufio.Reader, raw string) (said, string) {
	t.Helper()
	if _, err := io.WriteString(c, raw); err != nil && raw != "" {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return said{r.StatusCode, r.Status, r.Header, r.ContentLength, r.Close}, string(body)
}

func text(status int, body string) *message.Response {
	return &message.Response{Status: status, Body: message.Body{Bytes: []byte(body)}}
}

// closing counts how often it is closed.
type closing struct {
	io.Reader
	n *atomic.Int32
}

func (c closing) Close() error {
	c.n.Add(1)
	return nil
}

func TestRespond(t *testing.T) {
	var closed atomic.Int32
	const date = "Thu, 01 Jan 1970 00:00:00 GMT"
	c, br := served(t, listen.Handler{Serve: func(c listen.Client, begun any) {
		if begun != nil {
			t.Error("something had begun")
		}
		stream := closing{strings.NewReader("streamed"), &closed}
		r := &message.Response{Status: 201, Reason: "Fine", Fields: message.Fields{{Name: "Date", Value: date}, {Name: "X-Path", Value: c.Request().Target}}}
		switch c.Request().Target {
		case "/bytes":
			r.Body.Bytes = []byte("bytes")
		case "/none":
		case "/stream":
			r.Body = message.Body{Stream: stream, Length: len("streamed")}
		case "/chunks":
			r.Body = message.Body{Stream: stream, Length: -1}
		case "/twice":
			c.Respond(text(500, "the first"))
			r.Body.Bytes = []byte("the second")
		case "/stays":
			r.Body = message.Body{Stream: stream, Length: -1}
			defer c.Respond(text(500, "too late"))
		case "/close":
			c.Close()
		}
		c.Respond(r)
		r.Fields[1].Value = "changed" // it has copied all
		clear(r.Body.Bytes)
	}})
	for _, tt := range []struct {
		path, body string
		length     int64
		streams    int32
	}{
		{"/bytes", "bytes", 5, 0}, {"/none", "", 0, 0}, {"/stream", "streamed", 8, 1}, {"/chunks", "streamed", -1, 1},
		{"/twice", "the second", 10, 0}, {"/stays", "streamed", -1, 1}, {"/bytes", "bytes", 5, 0}, {"/close", "", 0, 0},
	} {
		before := closed.Load()
		r, body := send(t, c, br, "GET "+tt.path+" HTTP/1.1\r\nHost: a\r\n\r\n")
		if r.line != "201 Fine" || r.header.Get("Date") != date || r.header.Get("X-Path") != tt.path || body != tt.body || r.length != tt.length {
			t.Errorf("%s: %+v %q", tt.path, r, body)
		}
		if r.closes != (tt.path == "/close") {
			t.Errorf("%s: closes: %v", tt.path, r.closes)
		}
		if _, err := io.WriteString(c, ""); err == nil && tt.streams > 0 {
			// The server closes the stream before it reads the next request.
			if r, _ := send(t, c, br, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n"); r.status != 201 {
				t.Errorf("%s: then %d", tt.path, r.status)
			}
		}
		if n := closed.Load() - before; n != tt.streams {
			t.Errorf("%s: %d streams closed, want %d", tt.path, n, tt.streams)
		}
	}
	if _, err := br.ReadByte(); err != io.EOF {
		t.Errorf("after a response that closes: %v", err)
	}
}

func TestExpect(t *testing.T) {
	const head = "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
	c, br := served(t, listen.Handler{
		Expect: func(c listen.Client) any {
			if c.Request().Body.Stream != nil || c.Request().Body.Length != 4 {
				t.Errorf("body %+v", c.Request().Body)
			}
			return "begun"
		},
		Serve: func(c listen.Client, begun any) {
			body, err := io.ReadAll(c.Request().Body.Stream)
			if begun != "begun" || string(body) != "body" || err != nil {
				t.Errorf("%v %q %v", begun, body, err)
			}
			c.Respond(text(200, "thanks"))
		},
	})
	for range 2 {
		if r, _ := send(t, c, br, head); r.status != 100 {
			t.Fatalf("status %d", r.status)
		}
		if r, body := send(t, c, br, "body"); r.status != 200 || body != "thanks" {
			t.Fatalf("%d %q", r.status, body)
		}
	}
}

func TestExpectRefused(t *testing.T) {
	c, br := served(t, listen.Handler{Expect: func(c listen.Client) any {
		c.Respond(text(403, "no"))
		return nil
	}})
	r, body := send(t, c, br, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	if r.status != 403 || body != "no" || !r.closes {
		t.Errorf("%d %q, closes: %v", r.status, body, r.closes)
	}
}

// TestFailed has requests fail before they began, and while their body is awaited.
func TestFailed(t *testing.T) {
	type failure struct {
		begun          any
		method, target string
		reason         string
	}
	failures := make(chan failure, 8)
	handler := listen.Handler{
		Expect: func(listen.Client) any { return "begun" },
		Serve:  func(listen.Client, any) { t.Error("served") },
		Failed: func(c listen.Client, begun any, err error) {
			var v *listen.Violation
			f := failure{begun: begun, method: c.Request().Method, target: c.Request().Target}
			if errors.As(err, &v) {
				f.reason = v.Reason
			}
			c.Respond(text(400, "what?"))
			c.Close()
			failures <- f
		},
	}
	for raw, want := range map[string]failure{
		"GET /x HTTP/1.1\r\n\r\n":                                                         {nil, "GET", "/x", "host_missing"},
		"GET http://u:p@h/x HTTP/1.1\r\nHost: h\r\n\r\n":                                  {nil, "GET", "/x", "userinfo"},
		"PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n": {"begun", "PUT", "/x", listen.Truncated},
	} {
		c, br := served(t, handler)
		r, body := send(t, c, br, raw)
		if r.status == 100 {
			_ = c.(*net.TCPConn).CloseWrite()
			r, body = send(t, c, br, "")
		}
		if r.status != 400 || body != "what?" || !r.closes {
			t.Errorf("%q: %d %q, closes: %v", raw, r.status, body, r.closes)
		}
		select {
		case got := <-failures:
			if got != want {
				t.Errorf("%q: %+v, want %+v", raw, got, want)
			}
		default:
			t.Errorf("%q: has not failed", raw)
		}
	}
}

func TestInformAndSwitch(t *testing.T) {
	c, br := served(t, listen.Handler{Serve: func(c listen.Client, _ any) {
		c.Inform(&message.Response{Status: 103, Fields: message.Fields{{Name: "Link", Value: "</a>"}}})
		head := &message.Response{Status: 101, Fields: message.Fields{{Name: "Upgrade", Value: "echo"}}}
		c.Switch(head, func(t listen.Tunnel) {
			_, _ = io.CopyN(t, t, 4)
			_ = t.Close()
		})
	}})
	r, _ := send(t, c, br, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if r.status != 103 || r.header.Get("Link") != "</a>" {
		t.Errorf("%+v", r)
	}
	switched, err := http.ReadResponse(br, nil)
	if err != nil || switched.StatusCode != 101 || switched.Header.Get("Upgrade") != "echo" {
		t.Fatalf("%+v %v", switched, err)
	}
	_ = switched.Body.Close()
	if _, err := io.WriteString(c, "ping"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(br); string(got) != "ping" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

func TestDrop(t *testing.T) {
	c, br := served(t, listen.Handler{Serve: func(c listen.Client, _ any) { c.Drop() }})
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(br); len(got) != 0 {
		t.Errorf("%q, want nothing", got)
	}
}

// TestNeverAsked has a client leave before it was told to go on.
func TestNeverAsked(t *testing.T) {
	var failed []error
	s := New(Options{Handler: listen.Handler{Failed: func(c listen.Client, begun any, err error) {
		if begun != "begun" || c.Request().Method != "PUT" {
			t.Errorf("%v, %+v", begun, c.Request())
		}
		c.Respond(text(400, "to nobody"))
		failed = append(failed, err)
	}}})
	c := &client{server: s, request: message.Request{Method: "PUT"}}
	a := &awaited{c, "begun"}
	for range 2 {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(failed) != 1 || !errors.Is(failed[0], io.ErrUnexpectedEOF) {
		t.Errorf("failed with %v", failed)
	}
}

// TestUnread leaves bodies unread: a small one is discarded, and is no request; behind others nothing is read.
func TestUnread(t *testing.T) {
	const next = "GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n"
	inBody := strings.Repeat("GET /in-the-body HTTP/1.1\r\nHost: a.test\r\n\r\n", 4)
	for _, tt := range []struct {
		name, framing, body string
		read                int
		closes              bool
	}{
		{"small", "Content-Length", inBody, 0, false},
		{"part of it", "Content-Length", inBody, 20, false},
		{"all but discarded", "Content-Length", strings.Repeat("x", discarded+20), 20, false},
		{"more", "Content-Length", strings.Repeat("x", discarded+20), 19, true},
		{"chunked", "Transfer-Encoding", inBody, 0, true},
		{"all of it chunked", "Transfer-Encoding", inBody, 1 << 20, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, br := served(t, listen.Handler{Serve: func(c listen.Client, _ any) {
				if b := c.Request().Body.Stream; b != nil {
					if n, err := io.CopyN(io.Discard, b, int64(tt.read)); err != nil && err != io.EOF {
						t.Errorf("%d bytes: %v", n, err)
					}
				}
				c.Respond(text(403, c.Request().Target))
			}})
			head := "POST /first HTTP/1.1\r\nHost: a.test\r\n" + tt.framing
			raw := head + fmt.Sprintf(": %d\r\n\r\n%s", len(tt.body), tt.body)
			if tt.framing != "Content-Length" {
				raw = head + fmt.Sprintf(": chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(tt.body), tt.body)
			}
			if r, body := send(t, c, br, raw); r.status != 403 || body != "/first" || r.closes != tt.closes {
				t.Fatalf("%+v %q; want closes %v", r, body, tt.closes)
			}
			if tt.closes {
				if n, _ := io.Copy(io.Discard, br); n > 0 {
					t.Errorf("%d bytes follow", n)
				}
				return
			}
			if _, body := send(t, c, br, next); body != "/next" {
				t.Errorf("the next request is %q", body)
			}
		})
	}
}
