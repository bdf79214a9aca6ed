package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"
)

// eventually waits for something that happens in another goroutine.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for timeout := time.After(time.Minute); !f(); {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("never: %s", what)
		}
	}
}

// noLeaks checks at the end of the test that no goroutine of this package is left.
func noLeaks(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		eventually(t, "all goroutines end", func() bool {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			return !strings.Contains(string(stacks), "socket.(*Listener)") && !strings.Contains(string(stacks), "wire.(*Listener)") && !strings.Contains(string(stacks), "wire.(*Conn)")
		})
	})
}

// served is a real server on top of a listener.
type served struct {
	t      *testing.T
	l      *Listener
	server *fasthttp.Server

	mu     sync.Mutex
	errors []error // that ErrorHandler got
}

func listening(t *testing.T, o Options) *Listener {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(inner, o)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// serveHTTP starts a server as the package documentation wants it.
func serveHTTP(t *testing.T, o Options, handler fasthttp.RequestHandler) *served {
	t.Helper()
	noLeaks(t)
	return serveOn(t, listening(t, o), handler)
}

func serveOn(t *testing.T, l *Listener, handler fasthttp.RequestHandler) *served {
	t.Helper()
	s := &served{t: t, l: l}
	s.server = &fasthttp.Server{
		NoDefaultDate: true, // what keeps the date never ends
		Handler:       handler, StreamRequestBody: true, DisablePreParseMultipartForm: true, ReadBufferSize: 64 << 10,
		Logger: silent{}, SecureErrorLogMessage: true, CloseOnShutdown: true,
		ErrorHandler: func(ctx *fasthttp.RequestCtx, err error) {
			s.mu.Lock()
			s.errors = append(s.errors, err)
			s.mu.Unlock()
			status := 599
			if v := ctx.Conn().(*Conn).Violation(); v != nil && errors.Is(err, v) {
				status = v.Status
			}
			ctx.Error("refused", status)
		},
	}
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(s.l) }()
	t.Cleanup(func() {
		_ = s.server.Shutdown()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		eventually(t, "all connections close", func() bool { return open(s.l) == 0 })
	})
	return s
}

type silent struct{}

func (silent) Printf(string, ...any) {}

func (s *served) dial() *net.TCPConn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.l.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c.(*net.TCPConn)
}

// talk sends the input and returns what comes until the server closes, without the fields.
func (s *served) talk(input string) string {
	s.t.Helper()
	c := s.dial()
	if _, err := io.WriteString(c, input); err != nil {
		s.t.Fatal(err)
	}
	_ = c.CloseWrite()
	return s.answers(c)
}

func (s *served) answers(c io.Reader) string {
	s.t.Helper()
	var got []string
	r := bufio.NewReader(c)
	for {
		if _, err := r.Peek(1); err != nil {
			return strings.Join(got, " ")
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			s.t.Fatal(err)
		}
		got = append(got, fmt.Sprint(resp.StatusCode, ":", string(body)))
		_ = resp.Body.Close()
	}
}

// echo answers with the path and the number of bytes in the body.
func echo(ctx *fasthttp.RequestCtx) {
	n := int64(0)
	if b := ctx.RequestBodyStream(); b != nil {
		var err error
		if n, err = io.Copy(io.Discard, b); err != nil {
			status := 598
			if v := ctx.Conn().(*Conn).Violation(); v != nil {
				status = v.Status
			}
			ctx.Error(fmt.Sprint("broken body after ", n), status)
			ctx.SetConnectionClose()
			return
		}
	}
	fmt.Fprintf(ctx, "%s %d", ctx.RequestURI(), n)
}

func TestServer(t *testing.T) {
	s := serveHTTP(t, timed(), echo)
	f := func(name, input, want string) {
		t.Helper()
		if got := s.talk(input); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	f("keep-alive", plain+plain, "200:/ 0 200:/ 0")
	f("violation", "GET / HTTP/1.1\n\n", "400:refused")
	f("violation on a kept-alive connection", plain+"GET / HTTP/1.1\r\n\r\n", "200:/ 0 400:refused")
	f("unsupported version", "GET / HTTP/2.0\r\n\r\n", "505:refused")
	f("coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501:refused")
	f("truncated head", plain+"GET / HT", "200:/ 0 400:refused")
	f("fixed body, then another request", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"+plain, "200:/a 5 200:/ 0")
	f("large body", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat("x", 1000000)+plain, "200:/a 1000000 200:/ 0")
	f("chunked body with trailers", chunkedHead+"5;a\r\nhello\r\n5\r\nworld\r\n0;x\r\nA: b\r\n\r\n"+plain, "200:/ 10 200:/ 0")
	f("truncated fixed body", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\nhello", "400:refused")
	f("truncated long body", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n"+strings.Repeat("x", 9000), "400:broken body after 9000")
	f("truncated chunked body", chunkedHead+"5\r\nhello\r\n0\r\n", "400:broken body after 5")
	f("bad chunk", chunkedHead+"5\r\nhello\n0\r\n\r\n"+plain, "400:broken body after 5")
	f("forbidden trailer", chunkedHead+"5\r\nhello\r\n0\r\nHost: evil\r\n\r\n"+plain, "400:broken body after 5")
	f("Expect", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab", "100: 200:/ 2")

	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.errors {
		var v *Violation
		if !errors.As(err, &v) {
			t.Errorf("ErrorHandler got %v", err)
		}
	}
}

// The answer to a request is out before the next one is read, so nothing can overtake it.
func TestPipeliningKeepsInterimResponsesInOrder(t *testing.T) {
	s := serveHTTP(t, timed(), func(ctx *fasthttp.RequestCtx) {
		_, _ = io.WriteString(ctx.Conn(), "HTTP/1.1 103 Early Hints\r\nLink: <"+string(ctx.RequestURI())+">\r\n\r\n")
		echo(ctx)
	})
	got := s.talk("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nabGET /3 HTTP/1.1\r\nHost: h\r\n\r\n")
	if want := "103: 200:/1 0 103: 200:/2 2 103: 200:/3 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// inBubble serves pipes where time passes at once: a time-out is a time-out, however slow the
// machine is. The connections that dial opens close with the test.
func inBubble(t *testing.T, handler fasthttp.RequestHandler, test func(t *testing.T, s *served, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) }) // the server's own goroutines notice the end
		inner := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
		s := serveOn(t, Listen(inner, timed()), handler)
		t.Cleanup(func() { _ = s.l.Close() })
		test(t, s, func() net.Conn {
			near, far := net.Pipe()
			inner.accept <- far
			t.Cleanup(func() { _ = near.Close() })
			return near
		})
	})
}

// pipes is a listener for connections without sockets.
type pipes struct {
	accept chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func TestServerCutsDrips(t *testing.T) {
	f := func(name, before, dripped, want string, after time.Duration) {
		t.Run(name, func(t *testing.T) {
			inBubble(t, echo, func(t *testing.T, s *served, dial func() net.Conn) {
				c := dial()
				sent := make(chan int, 1)
				began := time.Now()
				go func() {
					_, _ = io.WriteString(c, before)
					for i := range len(dripped) {
						time.Sleep(time.Second)
						if _, err := io.WriteString(c, dripped[i:i+1]); err != nil {
							sent <- i
							return
						}
					}
					sent <- len(dripped)
				}()
				if got := s.answers(c); !strings.HasPrefix(got, want) {
					t.Errorf("got %s, want %s", got, want)
				}
				if took := time.Since(began); took < after || took > after+time.Second {
					t.Errorf("cut after %s, want %s", took, after)
				}
				_ = c.Close()
				if n := <-sent; n == len(dripped) {
					t.Error("all of it was read")
				}
			})
		})
	}
	f("head", "", strings.Repeat("G", 10000), "408:refused", 11*time.Second)
	f("later head", plain, strings.Repeat("G", 10000), "200:/ 0 408:refused", 11*time.Second)
	f("beginning of a body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n", strings.Repeat("x", 10000), "408:refused", 30*time.Second)
	f("chunks", chunkedHead, strings.Repeat("1\r\nx\r\n", 10000), "408:broken body after", 30*time.Second)
}

func TestServerLetsHonestSlowUploadsLive(t *testing.T) {
	inBubble(t, echo, func(t *testing.T, s *served, dial func() net.Conn) {
		c := dial()
		go func() {
			_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 400000\r\n\r\n")
			for range 100 {
				time.Sleep(10 * time.Second)
				_, _ = c.Write(make([]byte, 4000))
			}
		}()
		began := time.Now()
		if got := s.answers(c); got != "200:/ 400000" {
			t.Errorf("got %s", got)
		}
		if took := time.Since(began); took != 1000*time.Second {
			t.Errorf("after %s, want the time that the upload takes", took)
		}
	})
}

func TestShutdownWaitsForRequestsOnly(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	s := serveHTTP(t, timed(), func(ctx *fasthttp.RequestCtx) {
		if string(ctx.RequestURI()) == "/wait" {
			close(began)
			<-end
		}
		echo(ctx)
	})
	idle := s.dial()
	_, _ = io.WriteString(idle, plain)
	if _, err := idle.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	busy := s.dial()
	_, _ = io.WriteString(busy, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
	<-began
	done := make(chan error)
	go func() { done <- s.server.Shutdown() }()
	if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("idle connection: %v", err)
	}
	select {
	case err := <-done:
		t.Errorf("Shutdown did not wait: %v", err)
	default:
	}
	close(end)
	if got := s.answers(busy); got != "200:/wait 0" {
		t.Errorf("got %s", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestHijack(t *testing.T) {
	upgrade := func(ctx *fasthttp.RequestCtx) {
		ctx.Response.SetStatusCode(101)
		ctx.Response.Header.Set("Connection", "Upgrade")
		ctx.Response.Header.Set("Upgrade", "x")
		ctx.Conn().(*Conn).Pass()
		ctx.Hijack(func(c net.Conn) { _, _ = io.Copy(c, c) })
	}
	inBubble(t, upgrade, func(t *testing.T, _ *served, dial func() net.Conn) {
		c := dial()
		// The client speaks before it has the response.
		go io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n\x00first\n") //nolint:errcheck // read below
		r := bufio.NewReader(c)
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != 101 {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		f := func(want string) {
			t.Helper()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(r, got); string(got) != want {
				t.Errorf("got %q, %v", got, err)
			}
		}
		f("\x00first\n")
		time.Sleep(2 * timed().Idle) // longer than any time-out of HTTP
		_, _ = io.WriteString(c, "\xffsecond\r")
		f("\xffsecond\r")
	})
}

// A client that goes on sending gets the response nevertheless.
func TestResponsesArriveBeforeTheReset(t *testing.T) {
	s := serveHTTP(t, timed(), func(ctx *fasthttp.RequestCtx) {
		ctx.Error("too large", 413)
		ctx.SetConnectionClose()
	})
	for range 20 {
		c := s.dial()
		go func() {
			_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n")
			_, _ = c.Write(make([]byte, 4000000))
			_ = c.CloseWrite()
		}()
		if got := s.answers(c); got != "413:too large" {
			t.Fatalf("got %s", got)
		}
	}
}

// faulty is a socket that panics.
type faulty struct{ net.Conn }

func (faulty) Read([]byte) (int, error)  { panic("faulty socket") }
func (faulty) Write([]byte) (int, error) { panic("faulty socket") }

func TestPanicEndsOneConnection(t *testing.T) {
	var panics []any
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	c := accepted(Options{Panicked: func(v any) { panics = append(panics, v) }}, faulty{near})
	if n, err := c.Read(make([]byte, 4096)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read %d, %v", n, err)
	}
	if n, err := c.Write([]byte("HTTP")); n != 0 || err == nil {
		t.Errorf("write %d, %v", n, err)
	}
	if len(panics) != 2 || panics[0] != "faulty socket" {
		t.Errorf("reported %v", panics)
	}
}
