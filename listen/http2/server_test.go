package http2

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/listen/entrance"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
)

// site is a server under test.
type site struct {
	*Server
	addr string
	read chan string // what handlers have to tell

	mu     sync.Mutex
	failed []string // reasons
}

func (s *site) reasons() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.failed, " ")
}

// patient are options of a server that waits for a minute.
func patient() Options {
	return Options{
		HeadTimeout: time.Minute, BodyTimeout: time.Minute, WriteTimeout: time.Minute, Idle: time.Minute,
	}
}

// serving serves until the test ends.
func serving(t *testing.T, o Options, socks socket.Options, serve func(listen.Client)) *site {
	t.Helper()
	return servingOn(t, func(ln net.Listener) net.Listener { return ln }, o, socks, serve)
}

// servingOn is serving, behind what is made of the listener.
func servingOn(t *testing.T, on func(net.Listener) net.Listener, o Options, socks socket.Options, serve func(listen.Client)) *site {
	t.Helper()
	s := &site{}
	o.Handler = listen.Handler{
		Serve: func(c listen.Client, _ any) { serve(c) },
		Expect: func(c listen.Client) any {
			if c.Request().Target == "/refused" {
				c.Respond(&message.Response{Status: 403, Body: message.Body{Bytes: []byte("no")}})
				return nil
			}
			return "begun"
		},
		Failed: func(c listen.Client, _ any, why error) {
			s.mu.Lock()
			v := why.(*listen.Violation) //nolint:errorlint // as it is
			s.failed = append(s.failed, v.Reason)
			s.mu.Unlock()
			c.Respond(&message.Response{Status: v.Status, Body: message.Body{Bytes: []byte(v.Reason)}})
		},
		Panicked: func(v any) { t.Error("panic:", v) },
	}
	s.Server = New(o)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = inner.Addr().String()
	ln := entrance.Listen(on(inner), entrance.Options{Options: socks, HTTP2: s.Take})
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			}()
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 100*time.Millisecond)
		defer cancel()
		_ = s.Shutdown(ctx)
		ln.Cut()
	})
	return s
}

// browser is a client of the standard library.
func browser(t *testing.T) *http.Client {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// echo answers with what was asked.
func echo(c listen.Client) {
	r := c.Request()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s\n", r.Method, r.Target, r.Protocol, r.Host)
	for _, f := range r.Fields {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	if r.Body.Stream != nil {
		all, err := io.ReadAll(r.Body.Stream)
		fmt.Fprintf(&b, "%d %s %v\n", r.Body.Length, all, err)
		for _, f := range r.Body.Trailers() {
			fmt.Fprintf(&b, "%s= %s\n", f.Name, f.Value)
		}
	}
	c.Respond(&message.Response{Status: 200, Fields: message.Fields{{Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}},
		Body: message.Body{Bytes: []byte(b.String())}})
}

// answer is what a response says beside its body, which was read.
type answer struct {
	StatusCode      int
	Proto           string
	Header, Trailer http.Header
	ContentLength   int64
}

func answered(r *http.Response) answer {
	return answer{r.StatusCode, r.Proto, r.Header, r.Trailer, r.ContentLength}
}

func TestRequests(t *testing.T) {
	s := serving(t, patient(), socket.Options{}, echo)
	client := browser(t)
	ask := func(method, target string, body io.Reader, edit func(*http.Request)) (answer, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.addr+target, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", "")
		if edit != nil {
			edit(r)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		all, err := io.ReadAll(response.Body)
		if err != nil {
			t.Error(err)
		}
		return answered(response), string(all)
	}
	r, got := ask("GET", "/a%2fb?c=%zz", nil, func(r *http.Request) {
		r.Header.Set("X-B", "b")
		r.AddCookie(&http.Cookie{Name: "a", Value: "1"})
		r.AddCookie(&http.Cookie{Name: "b", Value: "2"})
	})
	want := "GET /a%2fb?c=%zz HTTP/2.0 " + s.addr + "\nhost: " + s.addr + "\n"
	if !strings.HasPrefix(got, want) || !strings.Contains(got, "\nx-b: b\n") || !strings.Contains(got, "\ncookie: a=1; b=2\n") {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if v := r.Header.Values("X-A"); r.Proto != "HTTP/2.0" || len(v) != 2 || r.ContentLength != int64(len(got)) || r.Header.Get("Content-Type") != "" {
		t.Errorf("%s %v", r.Proto, r.Header)
	}
	if _, got = ask("POST", "/", strings.NewReader("hello"), nil); !strings.HasSuffix(got, "5 hello <nil>\n") {
		t.Errorf("got %q", got)
	}
	_, got = ask("POST", "/", io.MultiReader(strings.NewReader("hello "), strings.NewReader("world")), func(r *http.Request) {
		r.Trailer = http.Header{"X-T": {"t"}}
	})
	if !strings.HasSuffix(got, "-1 hello world <nil>\nx-t= t\n") {
		t.Errorf("got %q", got)
	}
	if r, got := ask("HEAD", "/", nil, nil); got != "" || r.ContentLength <= 0 {
		t.Errorf("%q %d", got, r.ContentLength)
	}
	if _, got := ask("POST", "/", strings.NewReader("x"), func(r *http.Request) { r.Header.Set("Expect", "100-continue") }); !strings.HasSuffix(got, "1 x <nil>\n") {
		t.Errorf("got %q", got)
	}
	if r, got := ask("POST", "/refused", strings.NewReader("x"), func(r *http.Request) { r.Header.Set("Expect", "100-continue") }); r.StatusCode != 403 || got != "no" {
		t.Errorf("%d %q", r.StatusCode, got)
	}
	if got := s.reasons(); got != "" {
		t.Errorf("refused: %s", got)
	}
}

// readAll tells what there is to read of a request's body.
func readAll(c listen.Client) string {
	b := c.Request().Body
	if b.Stream == nil {
		return ""
	}
	all, err := io.ReadAll(b.Stream)
	return fmt.Sprintf("%d %s %v", b.Length, all, err)
}

// waitFor waits for what has to happen.
func waitFor(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// hasLast reports whether the last of some words is that one.
func hasLast(words, last string) bool {
	return words == last || strings.HasSuffix(words, " "+last)
}
