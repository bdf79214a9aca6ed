package http1

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/wire"
)

var from = netip.MustParseAddrPort("192.0.2.1:4000")

func TestRead(t *testing.T) {
	r, err := Read([]byte("POST http://a.test/x?u=http://y&a=%41 HTTP/1.1\r\nhost: a.test\r\nX-A:  1 \r\nx-a:2\r\nX-Empty:\r\nContent-Length: 4\r\n\r\nbody"), from, wire.Options{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body.Stream)
	if string(body) != "body" || err != nil || r.Body.Length != 4 {
		t.Errorf("body %q of %d, %v", body, r.Body.Length, err)
	}
	want := message.Fields{{Name: "host", Value: "a.test"}, {Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}, {Name: "X-Empty"}, {Name: "Content-Length", Value: "4"}}
	if !slices.Equal(r.Fields, want) {
		t.Errorf("fields %q, want %q", r.Fields, want)
	}
	if r.Method != "POST" || r.Target != "/x?u=http://y&a=%41" || r.Protocol != message.HTTP11 || r.Host != "a.test" || r.Peer != from {
		t.Errorf("%+v", r)
	}
}

func TestReadRefuses(t *testing.T) {
	for raw, reason := range map[string]string{
		"GET / HTTP/1.1\r\n\r\n":                       "host_missing",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n": "repeated_field",
		"GET / HTTP/1.1\r\nHost: a":                    listen.Truncated,
	} {
		var v *listen.Violation
		if _, err := Read([]byte(raw), from, wire.Options{}); !errors.As(err, &v) || v.Reason != reason {
			t.Errorf("%q: %v, want %s", raw, err, reason)
		}
	}
	r, err := Read([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), from, wire.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var v *listen.Violation
	if body, err := io.ReadAll(r.Body.Stream); string(body) != "abc" || !errors.As(err, &v) || v.Reason != listen.Truncated {
		t.Errorf("%q %v, want the end of it to be missing", body, err)
	}
}

func TestOriginForm(t *testing.T) {
	for target, want := range map[string]string{
		"/a?b": "/a?b", "*": "*", "http://h": "/", "http://h/a?b": "/a?b", "http://h?b": "/?b", "https://h:1/": "/", "": "",
		"//h/a?u=http://y": "//h/a?u=http://y",
	} {
		if got := originForm(target); got != want {
			t.Errorf("%q: %q, want %q", target, got, want)
		}
	}
}

func TestAddrPort(t *testing.T) {
	if got := addrPort(&net.TCPAddr{IP: net.ParseIP("::ffff:10.0.0.1"), Port: 1}).String(); got != "10.0.0.1:1" {
		t.Errorf("%s", got)
	}
	if got := addrPort(&net.UnixAddr{}); got.IsValid() {
		t.Errorf("%s", got)
	}
}

// Fields in their case, and heads beyond the usual buffer.
func TestSetHead(t *testing.T) {
	var h fasthttp.ResponseHeader
	for _, fill := range []string{"1", strings.Repeat("f", 60<<10), "2"} {
		r := message.Response{Status: 299, Reason: "Fine", Fields: message.Fields{
			{Name: "x-LOWER", Value: fill}, {Name: "Set-Cookie", Value: "a"}, {Name: "Set-Cookie", Value: "b"},
		}}
		setHead(&h, &r)
		got := string(h.Header())
		for i := range r.Fields {
			if line := r.Fields[i].Name + ": " + r.Fields[i].Value + "\r\n"; strings.Count(got, line) != 1 {
				t.Errorf("%.200q is %d times in %.200q", line, strings.Count(got, line), got)
			}
		}
		if !strings.HasPrefix(got, "HTTP/1.1 299 Fine\r\n") || strings.Contains(got, "Connection") {
			t.Errorf("%.200q", got)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a field that would be two was taken")
		}
	}()
	setHead(&h, &message.Response{Status: 200, Fields: message.Fields{{Name: "X", Value: "a\x00b"}}})
}

func BenchmarkFill(b *testing.B) {
	var h fasthttp.RequestHeader
	if err := h.Read(bufio.NewReader(strings.NewReader("GET /women/boots?color=brown HTTP/1.1\r\nHost: shop.example.com\r\n" +
		strings.Repeat("X-Field: and its value, of some length\r\n", 14) + "\r\n"))); err != nil {
		b.Fatal(err)
	}
	var r message.Request
	var scratch []byte
	b.ReportAllocs()
	for b.Loop() {
		scratch = fill(&r, &h, scratch)
	}
}
