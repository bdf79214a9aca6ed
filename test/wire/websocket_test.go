package wire

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

const handshake = "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: w\r\nAccept: */*\r\nConnection: keep-alive, Upgrade\r\n" +
	"Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// badSwitches are answers to a handshake that do not accept it.
var badSwitches = map[string]string{
	"/no-key":       strings.Replace(switching, "Sec-WebSocket-Accept", "X-Accept", 1),
	"/other-key":    strings.Replace(switching, "s3pP", "S3pP", 1),
	"/other":        strings.Replace(switching, "websocket", "h2c", 1),
	"/no-upgrade":   strings.Replace(switching, "Upgrade: websocket\r\n", "", 1),
	"/two-upgrades": strings.Replace(switching, "\r\n\r\n", "\r\nupgrade: h2c\r\n\r\n", 1),
	"/old":          strings.Replace(switching, "HTTP/1.1", "HTTP/1.0", 1),
}

func TestWebSocket(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 10) // tunnels, as the backend sees them
	back := newBackend(t, func(c *peer, m message) bool {
		if len(m.get("Upgrade")) == 0 {
			return ok(c, m)
		}
		if bad, ok := badSwitches[m.target]; ok {
			_, err := io.WriteString(c, bad+"hello ")
			return err == nil
		}
		if _, err := io.WriteString(c, switching+"hello "); err != nil {
			return false
		}
		if m.target == "/ends" {
			return false
		}
		_, err := io.Copy(c, c.br)
		ended <- err
		return false
	})
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: sockets, hosts: [ws.test], websocket: allow, upstreams: [{ id: b }] }
  - { id: plain, hosts: [plain.test], upstreams: [{ id: b }] }
  - { id: lenient, hosts: [lenient.test], websocket: allow, policy: detect, upstreams: [{ id: b }] }
upstreams:
  - { id: b, endpoints: ["%s"] }
policies:
  - { id: detect, mode: detect }
`, back.url())))
	open := func(t *testing.T, target, more string) (*client, reply) {
		t.Helper()
		c := dial(t, w.Addr, "").send(fmt.Sprintf(handshake, target, "ws.test") + more)
		r := c.reply("GET").wantStatus(t, 101)
		if r.header.Get("Connection") != "Upgrade" || r.header.Get("Upgrade") != "websocket" || r.header.Get("Sec-WebSocket-Accept") == "" {
			t.Errorf("101 with %v", r.header)
		}
		return c, r
	}
	read := func(t *testing.T, c *client, want string) {
		t.Helper()
		got := make([]byte, len(want))
		if n, err := io.ReadFull(c.br, got); err != nil || string(got) != want {
			t.Fatalf("through the tunnel: %q %v, want %q", got[:n], err, want)
		}
	}
	gauge := func(want float64) func() bool {
		return func() bool { return w.Metric("wafer_tunnels") == want }
	}

	t.Run("bytes in both directions", func(t *testing.T) {
		before := back.count()
		c, r := open(t, "/chat?room=1", "early\x00\xff\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n")
		read(t, c, "hello early\x00\xff\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n")
		m := back.seen(before)[0]
		want := "GET /chat?room=1 HTTP/1.1\r\nHost: ws.test\r\nUser-Agent: w\r\nAccept: */*\r\nSec-WebSocket-Version: 13\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + tierFields(m.raw, r.id) + "\r\n"
		if m.raw != want {
			t.Errorf("handshake %q, want %q", m.raw, want)
		}
		tier.Eventually(t, "one tunnel is counted", gauge(1))
		for i := range 100 {
			s := strings.Repeat(fmt.Sprint(i), 100)
			c.send(s)
			read(t, c, s)
		}

		// Requests go by the tunnel.
		ask(t, w.Addr, "GET /by HTTP/1.1\r\nHost: ws.test\r\nUser-Agent: w\r\nAccept: */*\r\n\r\n").wantStatus(t, 200)
		if seen := back.seen(before); len(seen) != 2 || seen[1].conn == seen[0].conn {
			t.Errorf("the backend saw %+v", seen)
		}

		_ = c.Close()
		_ = tier.Receive(t, "the end of the tunnel at the backend", ended) // how it ends does not matter
		tier.Eventually(t, "no tunnel is counted", gauge(0))
		wantEvent(t, w.Access(r.id), map[string]any{
			"status": 101.0, "verdict": "pass", "coverage": "headers", "coverage_reason": "upgrade", "route": "sockets",
		})
		// Nor is its connection used afterwards.
		ask(t, w.Addr, "GET /after HTTP/1.1\r\nHost: ws.test\r\nUser-Agent: w\r\nAccept: */*\r\n\r\n").wantStatus(t, 200)
		if seen := back.seen(before); len(seen) != 3 || seen[2].conn == seen[0].conn {
			t.Errorf("the backend saw %+v", seen)
		}
	})
	t.Run("the backend ends it", func(t *testing.T) {
		c, _ := open(t, "/ends", "")
		read(t, c, "hello ")
		c.ended()
		tier.Eventually(t, "no tunnel is counted", gauge(0))
	})
	t.Run("an attack in the handshake", func(t *testing.T) {
		before := back.count()
		r := ask(t, w.Addr, fmt.Sprintf(handshake, "/chat?q="+injection, "ws.test")).wantStatus(t, 403)
		wantEvent(t, w.Access(r.id), map[string]any{"verdict": "block", "status": 403.0})
		if seen := back.seen(before); len(seen) > 0 {
			t.Errorf("the backend saw %+v", seen)
		}
	})
	for target := range badSwitches {
		t.Run("an answer that accepts nothing, "+target, func(t *testing.T) {
			c := dial(t, w.Addr, "").send(fmt.Sprintf(handshake, target, "ws.test"))
			r := c.reply("GET").wantStatus(t, 502)
			wantEvent(t, w.Access(r.id), map[string]any{"error": "malformed", "status": 502.0})
			ask(t, w.Addr, "GET /after HTTP/1.1\r\nHost: ws.test\r\nUser-Agent: w\r\nAccept: */*\r\n\r\n").wantStatus(t, 200)
			if n := w.Metric("wafer_tunnels"); n != 0 {
				t.Errorf("%v tunnels", n)
			}
		})
	}
	f := func(name, raw string) {
		t.Run(name, func(t *testing.T) {
			before := back.count()
			ask(t, w.Addr, raw).wantStatus(t, 200)
			m := back.seen(before)[0]
			for _, f := range []string{"Connection", "Upgrade", "HTTP2-Settings"} {
				if v := m.get(f); v != nil {
					t.Errorf("%s: %q was forwarded", f, v)
				}
			}
		})
	}
	f("a route that denies it", fmt.Sprintf(handshake, "/", "plain.test"))
	f("h2c", "GET / HTTP/1.1\r\nHost: ws.test\r\nUser-Agent: w\r\nAccept: */*\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
	f("h2c beside it", "GET / HTTP/1.1\r\nHost: ws.test\r\nUser-Agent: w\r\nAccept: */*\r\nConnection: Upgrade\r\nUpgrade: h2c, websocket\r\n\r\n")
	f("another method", strings.Replace(fmt.Sprintf(handshake, "/", "ws.test"), "GET", "HEAD", 1))
	good := fmt.Sprintf(handshake, "/", "ws.test")
	f("no key", strings.Replace(good, "Sec-WebSocket-Key", "X-Key", 1))
	f("half a key", strings.Replace(good, "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ==", 1))
	f("another version", strings.Replace(good, "Version: 13", "Version: 8", 1))
	f("no upgrade among the options of Connection", strings.Replace(good, "keep-alive, Upgrade", "keep-alive", 1))
	f("a body", strings.Replace(fmt.Sprintf(handshake, "/", "lenient.test"), "\r\n\r\n", "\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello", 1))
	f("HTTP/1.0", strings.Replace(fmt.Sprintf(handshake, "/", "ws.test"), "HTTP/1.1", "HTTP/1.0", 1))
}
