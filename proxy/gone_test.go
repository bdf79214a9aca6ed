package proxy

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
)

// TestClientGone has clients leave while their requests wait for the rules, and while the rules look at
// them. Neither goes on: the application hears of none, and what would take seconds ends at once. Nor
// does the tier turn against a client that only has nothing more to say.
func TestClientGone(t *testing.T) {
	c, err := config.ParseRoutes("gone", fmt.Appendf(nil, `
routes:
  - { id: brief, hosts: [brief.test], upstreams: [{ id: b }] }
  - { id: long, hosts: [long.test], policy: long, upstreams: [{ id: b }] }
upstreams: [{ id: b, endpoints: ["http://%s"] }]
policies: [{ id: long, paranoia: { blocking: 4 }, mode: detect, inspection_budget: 10s }]
`, benchBackend(t, "\r\n\r\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, addr := benchProxy(t, c)
	const attack = "GET /?q=1%27%20OR%20%271%27=%271%27--%20- HTTP/1.1\r\nHost: brief.test\r\nAccept: */*\r\nUser-Agent: Mozilla/5.0\r\n\r\n"
	form := "q=" + strings.Repeat("select+1+from+dual+where+1%3D1+", 20000)
	long := fmt.Sprintf("POST / HTTP/1.1\r\nHost: long.test\r\nAccept: */*\r\nUser-Agent: Mozilla/5.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form)

	p.bulkhead = newBulkhead(1, 8, time.Minute)
	var other lane
	if !p.bulkhead.enter(&other, who{}) {
		t.Fatal("no place")
	}
	waits := func() bool { return p.bulkhead.queued() == 1 }
	client := sendTo(t, addr, attack)
	until(t, "the request waits", waits)
	reset(t, client)
	<-time.After(2 * inspect.LongWait) // who waits less is not looked at
	p.bulkhead.leave(&other, netip.Prefix{})
	refused := func(n float64) func() bool {
		return func() bool { return counters(t, p)["refused_total client_gone"] == n }
	}
	until(t, "who left while waiting is counted", refused(1))
	until(t, "the place is free", func() bool { return free(p) == 1 })

	client = sendTo(t, addr, long)
	until(t, "the rules look", func() bool { return free(p) == 0 })
	reset(t, client)
	until(t, "the rules end", func() bool { return free(p) == 1 })
	until(t, "who left meanwhile is counted", refused(2))

	client = sendTo(t, addr, attack)
	closed(t, client.(*net.TCPConn).CloseWrite)
	answer := make([]byte, 12)
	if _, err := client.Read(answer); err != nil || string(answer) != "HTTP/1.1 403" {
		t.Errorf("a client that says no more is answered with %q, %v", answer, err)
	}
	if n := counters(t, p)["requests_total long would_block"]; n > 0 {
		t.Errorf("%v requests were inspected to the end", n)
	}
}

func free(p *Proxy) int {
	p.bulkhead.mu.Lock()
	defer p.bulkhead.mu.Unlock()
	return p.bulkhead.free
}

func sendTo(t *testing.T, addr, request string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	return c
}

// reset has a client leave without a doubt.
func reset(t *testing.T, c net.Conn) {
	t.Helper()
	closed(t, func() error { return c.(*net.TCPConn).SetLinger(0) })
	closed(t, c.Close)
}

func closed(t *testing.T, how func() error) {
	t.Helper()
	if err := how(); err != nil {
		t.Fatal(err)
	}
}

// until waits for something that is sure to happen.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !happened(); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestClientGoneWhileAnswerIsAwaited has clients leave while the application thinks: their places get free, over HTTP/1, too.
func TestClientGoneWhileAnswerIsAwaited(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked, left := make(chan struct{}), make(chan struct{})
	app := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/thinks" {
			asked <- struct{}{}
			<-r.Context().Done()
			left <- struct{}{}
		}
	})}
	go func() { _ = app.Serve(ln) }()
	t.Cleanup(func() { _ = app.Close() })
	c, err := config.ParseRoutes("gone", fmt.Appendf(nil, `
routes: [{ id: r, upstreams: [{ id: u }] }]
upstreams: [{ id: u, endpoints: ["http://%s"], limits: { in_flight: 1 } }]
`, ln.Addr()), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, addr := benchProxy(t, c)
	client := sendTo(t, addr, "GET /thinks HTTP/1.1\r\nHost: a\r\n\r\n")
	<-asked
	reset(t, client)
	<-left
	until(t, "who left is counted", func() bool { return counters(t, p)["refused_total client_gone"] == 1 })
	client = sendTo(t, addr, "GET /else HTTP/1.1\r\nHost: a\r\n\r\n")
	answer := make([]byte, 12)
	if _, err := client.Read(answer); err != nil || string(answer) != "HTTP/1.1 200" {
		t.Errorf("the next client is answered with %q, %v", answer, err)
	}
}
