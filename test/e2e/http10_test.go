package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// Clients of HTTP/1.0 know no chunks: of a response whose length nobody knows they get every piece when it
// comes, and its end is that of the connection.
func TestHTTP10GetsStreams(t *testing.T) {
	t.Parallel()
	const pieces, piece = 160, 64 << 10 // more than anybody would hold back
	proceed := make(chan struct{})
	back := listen(t, func(c net.Conn) {
		request := make([]byte, 4<<10)
		n, err := c.Read(request)
		if err != nil {
			return
		}
		_, path, _ := strings.Cut(string(request[:n]), " ")
		chunk := func(s string) { _, _ = fmt.Fprintf(c, "%x\r\n%s\r\n", len(s), s) } // the client sees what is missing
		media := "text/plain"
		if strings.HasPrefix(path, "/events") {
			media = "text/event-stream"
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n", media)
		switch {
		case strings.HasPrefix(path, "/large"):
			for range pieces {
				chunk(strings.Repeat("a", piece))
			}
		case strings.HasPrefix(path, "/events"):
			chunk("data: 1\n\n")
			<-proceed
			chunk("data: 2\n\n")
		default:
			chunk("data: 1\n\n")
			return
		}
		_, _ = io.WriteString(c, "0\r\n\r\n")
	})
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["http://`+back+`"] }
`+off))
	ask := func(path string) (*client, string, string) {
		c := dial(t, w.Addr, "").send("GET " + path + " HTTP/1.0\r\nHost: shop.test\r\nConnection: keep-alive\r\n\r\n")
		resp := c.head("GET")
		if resp.StatusCode != 200 || resp.ContentLength >= 0 || len(resp.TransferEncoding) > 0 || !resp.Close || resp.Header.Get("Date") == "" {
			t.Errorf("head of %s: %v %v", path, resp.Status, resp.Header)
		}
		return c, path, resp.Header.Get("X-Request-Id")
	}
	end := func(c *client, path, id string) (string, error) {
		body, err := io.ReadAll(c.br)
		want := any(nil)
		if err != nil {
			want = "response_body"
		}
		wantEvent(t, w.Access(id), map[string]any{"path": path, "status": 200.0, "error": want, "bytes_out": float64(len(body))})
		return string(body), err
	}
	c, path, id := ask("/large")
	if body, err := end(c, path, id); err != nil || len(body) != pieces*piece {
		t.Errorf("%d bytes of %d, %v", len(body), pieces*piece, err)
	}
	c, path, id = ask("/events")
	first := make([]byte, len("data: 1\n\n"))
	if _, err := io.ReadFull(c.br, first); err != nil || string(first) != "data: 1\n\n" {
		t.Errorf("first event: %q %v", first, err)
	}
	close(proceed)
	if rest, err := io.ReadAll(c.br); err != nil || string(rest) != "data: 2\n\n" {
		t.Errorf("second event: %q %v", rest, err)
	}
	wantEvent(t, w.Access(id), map[string]any{"path": path, "error": nil})
	c, path, id = ask("/cut")
	if body, err := end(c, path, id); !errors.Is(err, syscall.ECONNRESET) || body != "data: 1\n\n" {
		t.Errorf("a response that breaks off looks whole: %q %v", body, err)
	}
}

// A response that came without a date has one when it leaves, once, and a date that came stays.
func TestDate(t *testing.T) {
	t.Parallel()
	const theirs = "Sun, 06 Nov 1994 08:49:37 GMT"
	back := newEcho(t, nil)
	dated := newEcho(t, func(r *http.Request, _ string) string {
		return "HTTP/1.1 200 OK\r\nDate: " + theirs + "\r\nContent-Length: 0\r\n\r\n"
	})
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: shop, hosts: [shop.test], upstreams: [{ id: a }] }
  - { id: dated, hosts: [dated.test], upstreams: [{ id: b }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
  - { id: b, endpoints: ["`+dated.url()+`"] }
`+off))
	for host, status := range map[string]int{"shop.test": 200, "nobody.test": 404} {
		r := get(t, w, host, "/").wantStatus(t, status)
		if all := r.header.Values("Date"); len(all) != 1 {
			t.Errorf("%s: %d dates", host, len(all))
		} else if _, err := http.ParseTime(all[0]); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if all := get(t, w, "dated.test", "/").header.Values("Date"); len(all) != 1 || all[0] != theirs {
		t.Errorf("dates %v, want the application's", all)
	}
}
