package http2

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
	"golang.org/x/net/http2"
)

// fetch asks for a path.
func fetch(t *testing.T, s *site, client *http.Client, path string) (answer, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answered(response), string(body), err
}

// broken is a stream that breaks off.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = errors.New("broken")
	}
	return n, err
}

// closing is a stream that tells when it is closed.
type closing struct {
	io.Reader
	closed chan string
}

func (c closing) Close() error { c.closed <- "closed"; return nil }

// Responses come as they were given, with their trailers, and a part is never taken for the whole.
func TestResponses(t *testing.T) {
	closed := make(chan string, 10)
	s := serving(t, patient(), socket.Options{}, func(c listen.Client) {
		r := &message.Response{Status: 200, Fields: message.Fields{{Name: "Connection", Value: "close"}, {Name: "Set-Cookie", Value: "a"}, {Name: "Set-Cookie", Value: "b"}}}
		r.Body.Length = -1
		switch c.Request().Target {
		case "/stream":
			r.Body.Stream = closing{strings.NewReader("hello"), closed}
			r.Body.Trailers = func() message.Fields {
				return message.Fields{{Name: "grpc-status", Value: "0"}, {Name: "x-t", Value: "t"}}
			}
		case "/sized":
			r.Body.Stream, r.Body.Length = closing{strings.NewReader("hello"), closed}, 5
		case "/broken":
			r.Body.Stream = closing{broken{strings.NewReader("hello")}, closed}
		case "/twice":
			c.Respond(&message.Response{Status: 500, Body: message.Body{Bytes: []byte("first")}})
			r.Body = message.Body{Bytes: []byte("second")}
		case "/drop":
			c.Drop()
			return
		case "/nothing":
			r.Status, r.Body = 204, message.Body{}
		case "/early":
			c.Inform(&message.Response{Status: 103, Fields: message.Fields{{Name: "Link", Value: "</a>"}}})
			r.Body = message.Body{Bytes: []byte("late")}
		}
		c.Respond(r)
	})
	client := browser(t)
	r, got, err := fetch(t, s, client, "/stream")
	if err != nil || got != "hello" || r.ContentLength != -1 || r.Trailer.Get("Grpc-Status") != "0" || r.Trailer.Get("X-T") != "t" || <-closed != "closed" {
		t.Errorf("%v %q %v", r, got, err)
	}
	if v := r.Header["Set-Cookie"]; len(v) != 2 || v[0] != "a" || r.Header.Get("Connection") != "" || r.Header.Get("Content-Type") != "" || r.Header.Get("Date") == "" {
		t.Errorf("%v", r.Header)
	}
	if r, got, err := fetch(t, s, client, "/sized"); err != nil || got != "hello" || r.ContentLength != 5 || <-closed != "closed" {
		t.Errorf("%q %v", got, err)
	}
	if _, got, err := fetch(t, s, client, "/broken"); err == nil || <-closed != "closed" {
		t.Errorf("a part is taken for the whole: %q", got)
	}
	if r, got, err := fetch(t, s, client, "/twice"); err != nil || r.StatusCode != 200 || got != "second" {
		t.Errorf("%q %v", got, err)
	}
	if _, _, err := fetch(t, s, client, "/drop"); err == nil {
		t.Error("a response where there is none")
	}
	if r, got, err := fetch(t, s, client, "/nothing"); err != nil || got != "" || r.Header.Get("Content-Length") != "" {
		t.Errorf("%q %v", got, err)
	}
	early := ""
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		early += h.Get("Link")
		return nil
	}})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/early", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _ = response.Body.Close(); early != "</a>" || response.Header.Get("Link") != "" {
		t.Errorf("early: %q, then %v", early, response.Header)
	}
}

// An event stream is sent as it comes.
func TestEventStream(t *testing.T) {
	events, source := io.Pipe()
	s := serving(t, patient(), socket.Options{}, func(c listen.Client) {
		c.Respond(&message.Response{Status: 200, Body: message.Body{Stream: events, Length: -1}})
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := browser(t).Do(request) // the head is there before any event
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	for _, event := range []string{"one\n", "two\n"} {
		if _, err := io.WriteString(source, event); err != nil {
			t.Fatal(err)
		}
		if got, err := lines.ReadString('\n'); err != nil || got != event {
			t.Fatalf("%q %v", got, err)
		}
	}
	_ = source.Close()
}

// Who leaves is gone, a body that is given up ends, and what is remembered of a connection goes to its next
// request.
func TestClient(t *testing.T) {
	why := &listen.Violation{Status: 503, Reason: "memory"}
	told := make(chan string, 10)
	s := serving(t, patient(), socket.Options{}, func(c listen.Client) {
		switch c.Request().Method {
		case "POST":
			go c.GiveUp(why)
			told <- readAll(c)
		case "PUT":
			told <- "began"
			waitFor(t, "the client leaves", func() bool { return c.Gone(time.Now()) })
			told <- "gone"
		}
		if c.Gone(time.Now()) && c.Request().Method == "GET" {
			t.Error("gone")
		}
		told <- c.Standing().Client.String()
		c.Standing().Client = netip.MustParsePrefix("192.0.2.1/32")
		c.Respond(&message.Response{Status: 200})
	})
	r := dial(t, s)
	head := func(method string) []string {
		return []string{":method", method, ":scheme", "http", ":authority", "a.test", ":path", "/"}
	}
	if stream, err := r.open(true, head("GET")...); err != nil || r.outcome(stream).status != 200 {
		t.Fatal(err)
	}
	if got := <-told; got != "invalid Prefix" {
		t.Error(got)
	}
	if stream, err := r.open(false, head("POST")...); err != nil || r.outcome(stream).status != 200 {
		t.Fatal(err)
	}
	if got := <-told; got != "-1  request refused: memory" {
		t.Error(got)
	}
	if got := <-told; got != "192.0.2.1/32" {
		t.Error(got)
	}
	stream, err := r.open(true, head("PUT")...)
	if err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != "began" {
		t.Error(got)
	}
	if err := r.WriteRSTStream(stream, http2.ErrCodeCancel); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != "gone" {
		t.Error(got)
	}
}

// A connection is told to end when the tier is about to, and its open streams are answered.
func TestRetireAndShutdown(t *testing.T) {
	going, began := make(chan struct{}), make(chan struct{}, 2)
	s := serving(t, patient(), socket.Options{}, func(c listen.Client) {
		if c.Request().Method == "POST" {
			began <- struct{}{}
			<-going
		} else {
			c.Retire()
		}
		c.Respond(&message.Response{Status: 200})
	})
	first, second := dial(t, s), dial(t, s)
	slow := []string{":method", "POST", ":scheme", "http", ":authority", "a.test", ":path", "/"}
	waiting, err := first.open(true, slow...)
	if err != nil {
		t.Fatal(err)
	}
	<-began
	if _, err = first.open(true, get()...); err != nil {
		t.Fatal(err)
	}
	other, err := second.open(true, slow...)
	if err != nil {
		t.Fatal(err)
	}
	<-began
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.WithoutCancel(t.Context())) }()
	<-s.closed
	close(going)
	if o := first.outcome(waiting); o.status != 200 {
		t.Errorf("%+v", o)
	}
	if o := second.outcome(other); o.status != 200 {
		t.Errorf("%+v", o)
	}
	if o := second.outcome(0); !o.gone || o.goAway != http2.ErrCodeNo {
		t.Errorf("%+v", o)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Streams count like connections.
func TestStreamsPerClient(t *testing.T) {
	began, going := make(chan struct{}, 10), make(chan struct{})
	var refused []string
	s := serving(t, patient(), socket.Options{
		ConnectionsPerClient: 2, Refused: func(reason string, _ netip.Addr) { refused = append(refused, reason) },
	}, func(c listen.Client) {
		began <- struct{}{}
		<-going
		c.Respond(&message.Response{Status: 200})
	})
	r := dial(t, s)
	streams := make([]uint32, 3)
	for i := range streams {
		var err error
		if streams[i], err = r.open(true, get()...); err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			<-began
		}
	}
	if o := r.outcome(streams[2]); o.status != 429 {
		t.Errorf("%+v", o)
	}
	close(going)
	last := uint32(0)
	waitFor(t, "room", func() bool {
		var err error
		if last, err = r.open(true, get()...); err != nil {
			t.Fatal(err)
		}
		return r.outcome(last).status == 200
	})
	if len(refused) == 0 || refused[0] != "connections_per_client" {
		t.Errorf("%v", refused)
	}
}

// TestConnectionsWeigh has room for one connection of HTTP/2 and a bit.
func TestConnectionsWeigh(t *testing.T) {
	s := serving(t, patient(), socket.Options{Connections: 2*weight - 1, Refused: func(string, netip.Addr) {}}, func(c listen.Client) {
		c.Respond(&message.Response{Status: 200})
	})
	ask := func(r *raw) outcome {
		t.Helper()
		id, err := r.open(true, get()...)
		if err != nil {
			t.Fatal(err)
		}
		return r.outcome(id)
	}
	first := dial(t, s)
	if o := ask(first); o.status != 200 {
		t.Fatalf("%+v", o)
	}
	second := dial(t, s)
	for i := range 2 {
		f, err := second.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if away, ok := f.(*http2.GoAwayFrame); i == 1 && (!ok || away.ErrCode != http2.ErrCodeEnhanceYourCalm) {
			t.Errorf("%v", f)
		}
	}
	if o := ask(first); o.status != 200 {
		t.Errorf("the first: %+v", o)
	}
	_ = first.Close()
	waitFor(t, "room", func() bool {
		r := dial(t, s)
		id, err := r.open(true, get()...)
		return err == nil && r.outcome(id).status == 200
	})
}

// TestStreamsWeigh has room for a connection with two streams at once, which need more than two connections do, or not quite.
func TestStreamsWeigh(t *testing.T) {
	for connections, want := range map[int]int{weight + 1: 503, weight + 2: 200} {
		began, going := make(chan struct{}), make(chan struct{})
		s := serving(t, patient(), socket.Options{Connections: connections, Refused: func(string, netip.Addr) {}}, func(c listen.Client) {
			if c.Request().Target == "/waits" {
				close(began)
				<-going
			}
			c.Respond(&message.Response{Status: 200})
		})
		r := dial(t, s)
		first, err := r.open(true, ":method", "GET", ":scheme", "http", ":authority", "a.test", ":path", "/waits")
		if err != nil {
			t.Fatal(err)
		}
		<-began
		for range 2 { // the second one takes the place that the first gives back
			second, err := r.open(true, get()...)
			if err != nil {
				t.Fatal(err)
			}
			if o := r.outcome(second); o.status != want {
				t.Errorf("room for %d connections: %+v, want %d", connections, o, want)
			}
		}
		close(going)
		if o := r.outcome(first); o.status != 200 {
			t.Errorf("room for %d connections: %+v", connections, o)
		}
	}
}
