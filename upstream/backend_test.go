package upstream

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/test/ports"
)

// backend is an endpoint that says whatever a test makes it say.
type backend struct {
	ln       net.Listener
	sessions atomic.Int32 // connections accepted
	requests atomic.Int32 // heads read
	wg       sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]bool
}

// session is one connection to a backend.
type session struct {
	*backend
	net.Conn              // what HTTP is spoken on
	raw      *net.TCPConn // what is below it
	br       *bufio.Reader
	n        int           // 1 for the backend's first connection
	hold     chan struct{} // whatever a test waits for
}

// startBackend serves every connection with f until the test ends. A connection is closed
// when f returns.
func startBackend(tb testing.TB, f func(s *session)) *backend {
	return startBackendAt(tb, "127.0.0.1:0", f)
}

func startBackendAt(tb testing.TB, addr string, f func(s *session)) *backend {
	tb.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	b := &backend{ln: ln, open: map[net.Conn]bool{}}
	b.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.open[c] = true
			b.mu.Unlock()
			raw := c.(*net.TCPConn)
			if overTLS {
				c = tls.Server(c, serverTLS())
			}
			s := &session{backend: b, Conn: c, raw: raw, br: bufio.NewReader(c), n: int(b.sessions.Add(1))}
			b.wg.Go(func() {
				defer func() {
					_ = c.Close()
					b.mu.Lock()
					delete(b.open, c)
					b.mu.Unlock()
				}()
				f(s)
			})
		}
	})
	tb.Cleanup(b.stop)
	return b
}

func (b *backend) stop() {
	_ = b.ln.Close()
	b.mu.Lock()
	for c := range b.open {
		_ = c.Close()
	}
	b.mu.Unlock()
	b.wg.Wait()
}

func (b *backend) addr() string { return b.ln.Addr().String() }
func (b *backend) url() string  { return scheme() + b.addr() }

// overTLS has all backends speak TLS: see TestOverTLS.
var overTLS = os.Getenv(overTLSVariable) != ""

const overTLSVariable = "WAFER_TEST_UPSTREAM_TLS"

func scheme() string {
	if overTLS {
		return "https://"
	}
	return "http://"
}

// head reads a request head, "" at the end of the connection.
func (s *session) head() string {
	var head strings.Builder
	for {
		l, err := s.br.ReadString('\n')
		if err != nil {
			return ""
		}
		head.WriteString(l)
		if l == "\r\n" {
			s.requests.Add(1)
			return head.String()
		}
	}
}

// request reads a request with its body as net/http does; nil at the end.
func (s *session) request() (*http.Request, string) {
	r, err := http.ReadRequest(s.br)
	if err != nil {
		return nil, ""
	}
	s.requests.Add(1)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, ""
	}
	return r, string(body)
}

func (s *session) send(raw string) { _, _ = io.WriteString(s.Conn, raw) }

// answer sends a whole response that keeps the connection.
func (s *session) answer(body string) {
	s.send("HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// echoSession answers every request with the number of its connection.
func echoSession(s *session) {
	for s.head() != "" {
		s.answer("session " + strconv.Itoa(s.n))
	}
}

// newRequest builds a request as the proxy does: fields in order, nothing added.
func newRequest(method, target string, fields ...string) *message.Request {
	out := &message.Request{Method: method, Target: target}
	for _, f := range fields {
		k, v, _ := strings.Cut(f, ": ")
		out.Fields = append(out.Fields, message.Field{Name: k, Value: v})
	}
	return out
}

// whole is a request with that body.
func whole(method, body string, fields ...string) *message.Request {
	out := newRequest(method, "/", append(fields, "Host: a")...)
	out.Body.Bytes = []byte(body)
	return out
}

func get() *message.Request { return newRequest("GET", "/", "Host: test.example") }

// streamed is a request with a body stream of n bytes, or chunked if n is negative.
func streamed(method string, r io.Reader, n int) *message.Request {
	out := newRequest(method, "/", "Host: test.example")
	out.Body = message.Body{Stream: r, Length: n}
	return out
}

// newPool is a pool with generous limits; edit changes them.
func newPool(tb testing.TB, edit func(*Config), endpoints ...string) *Pool {
	tb.Helper()
	c := Config{
		ID: "test", Endpoints: endpoints, Connections: 16,
		Connect: 10 * time.Second, Response: 10 * time.Second, Idle: time.Minute,
		TLS:     TLS{CA: testCA().pem()},
		Retries: Retries{Attempts: 2, Share: 20, Least: 3},
	}
	if edit != nil {
		edit(&c)
	}
	p, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

func newExchange() *Exchange {
	return &Exchange{BodyIdle: 10 * time.Second}
}

// do exchanges out, reads the body, closes it, and returns status and body.
func do(p *Pool, out *message.Request, x *Exchange) (status int, body string, err error) {
	if err := p.Do(out, x); err != nil {
		return 0, "", err
	}
	status = x.Response.Status
	if x.Body == nil {
		return status, "", nil
	}
	b, err := io.ReadAll(x.Body)
	if cerr := x.Body.Close(); err == nil {
		err = cerr
	}
	return status, string(b), err
}

// want fails the test unless a plain GET is answered with 200 and body.
func want(tb testing.TB, p *Pool, body string) {
	tb.Helper()
	status, got, err := do(p, get(), newExchange())
	if err != nil || status != 200 || got != body {
		tb.Fatalf("next exchange: %d %q %v, want 200 %q", status, got, err, body)
	}
}

// eventually waits for a condition that another party brings about.
func eventually(tb testing.TB, what string, f func() bool) {
	tb.Helper()
	for limit := time.Now().Add(time.Minute); !f(); runtime.Gosched() {
		if time.Now().After(limit) {
			tb.Fatal("never: " + what)
		}
	}
}

// refused is the URL of a port nobody listens on.
func refused(tb testing.TB) string {
	tb.Helper()
	return scheme() + ports.Address(tb)
}

var errBroken = errors.New("broken by the test")

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
