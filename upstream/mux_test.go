package upstream

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// startHTTP2 is an endpoint that speaks HTTP/2: in cleartext, or by TLS beside HTTP/1.
func startHTTP2(t testing.TB, secure bool, f http.HandlerFunc) (url string, connections *atomic.Int32) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections = new(atomic.Int32)
	s := &http.Server{Handler: f, Protocols: new(http.Protocols), ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}}
	s.Protocols.SetUnencryptedHTTP2(!secure)
	s.Protocols.SetHTTP1(secure)
	s.Protocols.SetHTTP2(secure)
	t.Cleanup(func() { _ = s.Close() })
	if secure {
		s.TLSConfig = &tls.Config{Certificates: serverTLS().Certificates}
		go func() { _ = s.ServeTLS(ln, "", "") }()
		return "https://" + ln.Addr().String(), connections
	}
	go func() { _ = s.Serve(ln) }()
	return "http://" + ln.Addr().String(), connections
}

func speaks(p Protocol) func(*Config) { return func(c *Config) { c.Protocol = p } }

// ways are the ways in which HTTP/2 is come to.
var ways = map[string]struct {
	secure   bool
	protocol Protocol
}{"h2c": {false, HTTP2}, "h2": {true, HTTP2}, "auto": {true, Auto}}

// TestHTTP2 has a request arrive as it was built, and a response come back as it was sent.
func TestHTTP2(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			url, connections := startHTTP2(t, way.secure, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				w.Header().Set("X-Proto", r.Proto)
				w.Header().Set("X-Seen", fmt.Sprintf("%s %s %s %q %q %q", r.Method, r.Host, r.RequestURI, r.Header["X-First"], r.Header["Cookie"], r.Header["Content-Length"]))
				w.WriteHeader(201)
				_, _ = w.Write(body)
			})
			p := newPool(t, speaks(way.protocol), url)
			fields := []string{"Host: shop.test:81", "X-First: 1", "Cookie: a=\"1\"; b", "X-First: 2", "Connection: X-Gone", "Upgrade: websocket"}
			big := strings.Repeat("0123456789abcdef", 20_000)
			for target, want := range map[string]string{
				"/":                               "/",
				"/a/%2e%2e/b?u=http://y&a=%41&&d": "/a/%2e%2e/b?u=http://y&a=%41&&d",
				"//host/x?y":                      "//host/x?y",
			} {
				for _, body := range []string{"", "small", big} {
					for _, how := range []string{"bytes", "length", "stream"} {
						out := newRequest("POST", target, fields...)
						length := "[\"" + fmt.Sprint(len(body)) + "\"]"
						switch how {
						case "bytes":
							out.Body.Bytes = []byte(body)
						case "length":
							out.Body = message.Body{Stream: strings.NewReader(body), Length: len(body)}
						default:
							out.Body = message.Body{Stream: io.MultiReader(strings.NewReader(body)), Length: -1}
							length = "[]"
						}
						x := newExchange()
						status, got, err := do(p, out, x)
						seen := fmt.Sprintf("POST shop.test:81 %s %q %q %s", want, []string{"1", "2"}, []string{`a="1"; b`}, length)
						if err != nil || status != 201 || got != body || x.Response.Fields.Get("x-seen") != seen {
							t.Fatalf("%s %s %d: %d %v, %d bytes\n got %s\nwant %s", target, how, len(body), status, err, len(got), x.Response.Fields.Get("x-seen"), seen)
						}
						if x.Response.Fields.Get("X-Proto") != "HTTP/2.0" {
							t.Fatal(x.Response.Fields)
						}
					}
				}
			}
			if n := connections.Load(); n != 1 {
				t.Errorf("%d connections", n)
			}
			if n := p.live()[0].pending.Load(); n != 0 {
				t.Errorf("%d pending", n)
			}
		})
	}
}

// TestAuto speaks HTTP/1 to endpoints that prefer it, and where a connection changes what it is for.
func TestAuto(t *testing.T) {
	_, url := startTLS(t, serverTLS(), func(s *session) {
		for {
			head := s.head()
			switch {
			case head == "":
				return
			case strings.Contains(head, "Upgrade: "):
				s.send("HTTP/1.1 101 Switching Protocols\r\n\r\nhello")
				_, _ = io.Copy(s, s.br)
			default:
				s.answer("session 1")
			}
		}
	})
	p := newPool(t, speaks(Auto), url)
	want(t, p, "session 1")
	want(t, p, "session 1")
	upgrade := func(p *Pool) {
		t.Helper()
		x := newExchange()
		x.Upgrade = true
		if err := p.Do(newRequest("GET", "/", "Host: a", "Upgrade: websocket"), x); err != nil || x.Response.Status != 101 {
			t.Fatal(x.Response.Status, err)
		}
		b := make([]byte, 5)
		if _, err := io.ReadFull(x.Body, b); err != nil || string(b) != "hello" {
			t.Error(string(b), err)
		}
		_ = x.Body.Close()
	}
	upgrade(p)

	both := serverTLS().Clone()
	both.NextProtos = []string{"h2", "http/1.1"}
	_, url = startTLS(t, both, func(s *session) {
		s.head()
		s.send("HTTP/1.1 101 Switching Protocols\r\n\r\nhello")
		_, _ = io.Copy(s, s.br)
	})
	upgrade(newPool(t, speaks(Auto), url))
}

// TestUpgradesAreLimited: connections for upgrades are among those that an endpoint may have, whatever it speaks otherwise.
func TestUpgradesAreLimited(t *testing.T) {
	both := serverTLS().Clone()
	both.NextProtos = []string{"h2", "http/1.1"}
	_, url := startTLS(t, both, func(s *session) {
		s.head()
		s.send("HTTP/1.1 101 Switching Protocols\r\n\r\nhello")
		_, _ = io.Copy(s, s.br)
	})
	p := newPool(t, func(c *Config) { speaks(Auto)(c); c.Connections = 2 }, url)
	upgrade := func() (*Exchange, error) {
		x := newExchange()
		x.Upgrade = true
		return x, p.Do(newRequest("GET", "/", "Host: a", "Upgrade: websocket"), x)
	}
	one, err := upgrade()
	if err != nil {
		t.Fatal(err)
	}
	two, err := upgrade()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := upgrade(); !errors.Is(err, ErrBusy) {
		t.Errorf("a third one: %v", err)
	}
	_ = one.Body.Close()
	three, err := upgrade()
	if err != nil {
		t.Fatal("in the place of the first:", err)
	}
	_ = two.Body.Close()
	_ = three.Body.Close()
}

// TestHTTP2Only has endpoints that do not speak HTTP/2 asked by it.
func TestHTTP2Only(t *testing.T) {
	b := startBackend(t, func(s *session) { s.head(); s.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"); s.head() })
	if !overTLS {
		if err := newPool(t, speaks(HTTP2), b.url()).Do(get(), newExchange()); FailureOf(err) != NoProtocol {
			t.Error(FailureOf(err), err)
		}
	}
	_, url := startTLS(t, serverTLS(), echoSession)
	if err := newPool(t, speaks(HTTP2), url).Do(get(), newExchange()); FailureOf(err) != NoProtocol {
		t.Error(FailureOf(err), err)
	}
}

// TestTrailers passes fields behind bodies, in both directions.
func TestTrailers(t *testing.T) {
	url, _ := startHTTP2(t, false, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Te") != "trailers" {
			t.Error("te:", r.Header)
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "7")
		w.Header().Set(http.TrailerPrefix+"Seen", r.Trailer.Get("Checksum"))
	})
	p := newPool(t, speaks(HTTP2), url)
	for _, length := range []int{-1, 3} {
		out := streamed("POST", strings.NewReader("abc"), length)
		out.Fields = append(out.Fields, message.Field{Name: "Trailer", Value: "Checksum"})
		out.Body.Trailers = func() message.Fields {
			return message.Fields{{Name: "Checksum", Value: "abc"}, {Name: "Connection", Value: "x"}}
		}
		x := newExchange()
		x.Trailers = true
		status, body, err := do(p, out, x)
		if err != nil || status != 200 || body != "abc" {
			t.Fatal(status, body, err)
		}
		if got := x.Response.Body.Trailers(); got.Get("grpc-status") != "7" || got.Get("seen") != "abc" {
			t.Error(got)
		}
	}
}

// TestDuplex has both bodies flow at once.
func TestDuplex(t *testing.T) {
	url, _ := startHTTP2(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		http.NewResponseController(w).Flush()
		buf := make([]byte, 100)
		for {
			n, err := r.Body.Read(buf)
			_, _ = w.Write(bytes.ToUpper(buf[:n]))
			http.NewResponseController(w).Flush()
			if err != nil {
				return
			}
		}
	})
	p := newPool(t, speaks(HTTP2), url)
	start := func() (*io.PipeWriter, *Exchange) {
		t.Helper()
		r, w := io.Pipe()
		x := newExchange()
		x.StopBody = func() { _ = r.CloseWithError(errBroken) }
		if err := p.Do(streamed("POST", r, -1), x); err != nil || x.Response.Status != 200 {
			t.Fatal(x.Response.Status, err)
		}
		buf := make([]byte, 5)
		for range 100 {
			if _, err := io.WriteString(w, "hello"); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(x.Body, buf); err != nil || string(buf) != "HELLO" {
				t.Fatal(string(buf), err)
			}
		}
		return w, x
	}
	w, x := start()
	_ = w.Close()
	if rest, err := io.ReadAll(x.Body); err != nil || len(rest) != 0 {
		t.Error(string(rest), err)
	}
	_ = x.Body.Close()

	w, x = start() // and now the response is given up
	_ = x.Body.Close()
	if _, err := io.WriteString(w, "more"); !errors.Is(err, errBroken) {
		t.Error("somebody still reads:", err)
	}

	w, x = start() // the client gives up
	_ = w.CloseWithError(errBroken)
	if _, err := io.ReadAll(x.Body); FailureOf(err) != NoBody {
		t.Error(err)
	}
	_ = x.Body.Close()
	if n := p.live()[0].pending.Load(); n != 0 {
		t.Errorf("%d pending", n)
	}
}

// TestManyStreams has many requests share a connection, with bodies larger than their windows, some of which nobody reads.
func TestManyStreams(t *testing.T) {
	const size = 300_000
	url, connections := startHTTP2(t, true, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Got", fmt.Sprint(n))
		_, _ = w.Write(make([]byte, size))
	})
	p := newPool(t, speaks(Auto), url)
	unread := newExchange()
	if err := p.Do(get(), unread); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			for range 5 {
				x := newExchange()
				out := streamed("POST", io.LimitReader(zeros{}, size), -1)
				status, body, err := do(p, out, x)
				if err != nil || status != 200 || len(body) != size || x.Response.Fields.Get("x-got") != fmt.Sprint(size) {
					t.Error(status, len(body), err, x.Response.Fields)
				}
			}
		})
	}
	wg.Wait()
	_ = unread.Body.Close()
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	p.Close()
	eventually(t, "connections end", func() bool { e := p.live()[0]; e.mux.mu.Lock(); defer e.mux.mu.Unlock(); return len(e.mux.live) == 0 })
}

// TestHTTP2Limits waits as long as with HTTP/1, and no longer.
func TestHTTP2Limits(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	url, _ := startHTTP2(t, false, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/begin" {
			_, _ = io.WriteString(w, "begun")
			http.NewResponseController(w).Flush()
		}
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	})
	p := newPool(t, func(c *Config) { c.Protocol, c.Response = HTTP2, 100*time.Millisecond }, url)
	if err := p.Do(get(), newExchange()); !errors.Is(err, ErrTimeout) {
		t.Error("response:", err)
	}
	x := newExchange()
	x.BodyIdle = 100 * time.Millisecond
	if status, body, err := do(p, newRequest("GET", "/begin", "Host: a"), x); status != 200 || body != "begun" || !errors.Is(err, ErrTimeout) {
		t.Error("idle:", status, body, err)
	}
	if err := p.Do(streamed("POST", zeros{}, -1), newExchange()); !errors.Is(err, ErrTimeout) {
		t.Error("body that nobody takes:", err)
	}
	slow := newPool(t, speaks(HTTP2), url)
	x = newExchange()
	x.Deadline = time.Now().Add(100 * time.Millisecond)
	if err := slow.Do(get(), x); !errors.Is(err, ErrTimeout) {
		t.Error("deadline:", err)
	}
	x = newExchange()
	x.Gone = func() bool { return true }
	if err := slow.Do(get(), x); FailureOf(err) != Left {
		t.Error("gone:", err)
	}
	done := make(chan error)
	go func() { done <- slow.Do(get(), newExchange()) }()
	eventually(t, "a request is under way", func() bool { return slow.live()[0].pending.Load() == 1 })
	slow.Cut()
	if err := <-done; !errors.Is(err, ErrClosed) && !errors.As(err, new(*ConnectError)) {
		t.Error("cut:", err)
	}
	for _, p := range []*Pool{p, slow} {
		if n := p.live()[0].pending.Load(); n != 0 {
			t.Errorf("%d pending", n)
		}
	}
}
