package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// patience is how long a test waits for something that has to happen.
const patience = 2 * time.Minute

// injection is an SQL injection that the default policy blocks, as a query value.
const injection = "1%27%20OR%20%271%27%3D%271%27%20--%20"

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }

// reply is a response, read whole.
type reply struct {
	status int
	proto  string
	header http.Header
	body   string
	id     string // of the request
	*http.Response
}

// client is one connection to a listener.
type client struct {
	t testing.TB
	net.Conn
	br *bufio.Reader
}

// dial opens a connection. It comes from the address from, or from 127.0.0.1 if that is empty.
func dial(t testing.TB, addr, from string) *client {
	t.Helper()
	d := net.Dialer{Timeout: patience}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the test may have closed it
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{t, c, bufio.NewReader(c)}
}

// send writes bytes as they are, and renews the time that an answer may take.
func (c *client) send(raw string) *client {
	c.t.Helper()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.WriteString(c, raw); err != nil {
		c.t.Fatal(err)
	}
	return c
}

// head reads the head of a response to a request with that method.
func (c *client) head(method string) *http.Response {
	c.t.Helper()
	resp, err := http.ReadResponse(c.br, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("read response: %v", err)
	}
	return resp
}

// reply reads a whole response to a request with that method.
func (c *client) reply(method string) reply {
	c.t.Helper()
	resp := c.head(method)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("read response body: %v", err)
	}
	return reply{resp.StatusCode, resp.Proto, resp.Header, string(body), resp.Header.Get("X-Request-Id"), resp}
}

// request spells a request without body. The fields that every polite client sends come first.
func request(method, host, target string, fields ...string) string {
	return message(method, host, target, "", fields...)
}

// message is request with a body of known length; fields come before it.
func message(method, host, target, body string, fields ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: e2e\r\nAccept: */*\r\n", method, target, host)
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return b.String()
}

// ask sends a raw request on a connection of its own and reads the answer.
func ask(t testing.TB, addr, raw string) reply {
	t.Helper()
	return askFrom(t, addr, "", raw)
}

// askFrom is ask from another address of loopback.
func askFrom(t testing.TB, addr, from, raw string) reply {
	t.Helper()
	c := dial(t, addr, from).send(raw)
	defer c.Close()
	method, _, _ := strings.Cut(raw, " ")
	return c.reply(method)
}

// get asks for a target on a host.
func get(t testing.TB, w *tier.Tier, host, target string, fields ...string) reply {
	t.Helper()
	return ask(t, w.Addr, request("GET", host, target, fields...))
}

// post sends a form.
func post(t testing.TB, w *tier.Tier, host, target, body string, fields ...string) reply {
	t.Helper()
	return ask(t, w.Addr, message("POST", host, target, body, append([]string{"Content-Type: application/x-www-form-urlencoded"}, fields...)...))
}

// wantStatus fails the test if the status is another.
func (r reply) wantStatus(t testing.TB, want int) reply {
	t.Helper()
	if r.status != want {
		t.Errorf("status %d, want %d\n%v\n%.500s", r.status, want, r.header, r.body)
	}
	return r
}

// wantEvent compares fields of an event. Numbers are float64, as JSON has them.
func wantEvent(t testing.TB, event map[string]any, want map[string]any) {
	t.Helper()
	for k, v := range want {
		if event[k] != v {
			t.Errorf("event has %s=%v, want %v\n%v", k, event[k], v, event)
		}
	}
}

// hex spells a chunk size.
func hex(n int) string { return strconv.FormatInt(int64(n), 16) }
