package wire

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

const plainRoutes = `
routes:
  - { id: a, hosts: [a.test], policy: "off", upstreams: [{ id: b }] }
  - { id: d, hosts: [d.test], policy: detect, upstreams: [{ id: b }] }
upstreams:
  - { id: b, endpoints: ["%s"] }
policies:
  - { id: "off", mode: "off" }
  - { id: detect, mode: detect }
`

const plainGet = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"

// drip writes s in pieces, one per tick, until the tier answers or all is sent.
func drip(c *client, s string, piece int, tick time.Duration) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for s != "" {
		n := min(piece, len(s))
		if _, err := io.WriteString(c, s[:n]); err != nil {
			return
		}
		s = s[n:]
		<-ticker.C
	}
}

func TestSlowClients(t *testing.T) {
	t.Parallel()
	answer := func(c *peer, m message) bool {
		if m.target != "/big" {
			return ok(c, m)
		}
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n")
		// In pieces: with the race detector, one of 64 MiB stops all of this process for a second.
		piece := strings.Repeat("0123456789abcdef", 4<<10)
		for range 1 << 10 {
			if err == nil {
				_, err = io.WriteString(c, piece)
			}
		}
		return err == nil
	}
	back := newBackend(t, answer)
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(plainRoutes, back.url())),
		"--timeout-head", "2s", "--timeout-body", "3s", "--timeout-write", "3s", "--timeout-idle", "2s")
	const post = "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
	// f expects a refusal, and that the backend never gets a whole request.
	f := func(name, reason string, send func(c *client)) {
		method := "POST"
		if reason == "head_timeout" {
			method = "GET"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, w.Addr, "")
			send(c)
			r := c.reply("GET").wantStatus(t, 408)
			c.ended()
			wantEvent(t, w.Access(r.id), map[string]any{
				"status": 408.0, "error": reason, "verdict": "refused", "method": method, "path": "/",
			})
		})
	}
	f("a head that stops", "head_timeout", func(c *client) { c.send("GET / HTTP/1.1\r\nHos") })
	f("a head that drips", "head_timeout", func(c *client) {
		go drip(c, "GET / HTTP/1.1\r\nX: "+strings.Repeat("a", 1000), 1, 20*time.Millisecond)
	})
	f("a second head that drips", "head_timeout", func(c *client) {
		c.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").reply("GET").wantStatus(c.t, 200)
		go drip(c, "GET / HTTP/1.1\r\nX: "+strings.Repeat("a", 1000), 1, 20*time.Millisecond)
	})
	for _, host := range []string{"a.test", "d.test"} {
		f("a body that stops, "+host, "body_timeout", func(c *client) { c.send(fmt.Sprintf(post, host, 10) + "hello") })
		f("a body that drips, "+host, "body_rate", func(c *client) {
			c.send(fmt.Sprintf(post, host, 5000))
			go drip(c, strings.Repeat("a", 5000), 1, 20*time.Millisecond)
		})
		f("chunks that stop, "+host, "body_timeout", func(c *client) {
			c.send("POST / HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n")
		})
		t.Run("a slow and honest upload, "+host, func(t *testing.T) {
			t.Parallel()
			body := strings.Repeat("0123456789", 4000)
			c := dial(t, w.Addr, "").send(fmt.Sprintf(post, host, len(body)))
			drip(c, body, 1000, 100*time.Millisecond) // four seconds, more than every limit
			c.reply("POST").wantStatus(t, 200)
		})
	}
	t.Run("a slow reader", func(t *testing.T) {
		t.Parallel()
		c := dial(t, w.Addr, "")
		if err := c.SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		c.send("GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n")
		w.Event(func(e map[string]any) bool { return e["event"] == "access" && e["path"] == "/big" })
		n, err := io.Copy(io.Discard, c)
		if n >= 64<<20 || errors.Is(err, io.EOF) {
			t.Errorf("all of it arrived: %d bytes, %v", n, err)
		}
	})
	t.Run("idle connections end in silence", func(t *testing.T) {
		t.Parallel()
		fresh := dial(t, w.Addr, "")
		used := dial(t, w.Addr, "").send(plainGet)
		used.reply("GET").wantStatus(t, 200)
		fresh.ended()
		used.ended()
	})
}

func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	back := newBackend(t, ok)
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(plainRoutes, back.url())), "--limit-connections-per-client", "2", "--limit-connections", "4")
	served := func(from string) *client {
		t.Helper()
		c := dial(t, w.Addr, from).send(plainGet)
		c.reply("GET").wantStatus(t, 200)
		return c
	}
	first := served("127.0.0.1")
	served("127.0.0.1")
	refused := func(from string, status int, reason string) {
		t.Helper()
		c := dial(t, w.Addr, from)
		c.reply("GET").wantStatus(t, status) // without being asked
		c.ended()
		_ = c.Close()
		if n := w.Metric(`wafer_refused_total{reason="` + reason + `"}`); n != 1 {
			t.Errorf("%v refused for %s, want 1", n, reason)
		}
		tier.Eventually(t, "the connection is forgotten", func() bool {
			return w.Metric("wafer_connections") == float64(map[int]int{429: 2, 503: 4}[status])
		})
	}
	refused("127.0.0.1", 429, "connections_per_client")
	served("127.0.0.2")
	served("127.0.0.3")
	refused("127.0.0.4", 503, "connections")
	_ = first.Close()
	tier.Eventually(t, "the connection is forgotten", func() bool { return w.Metric("wafer_connections") == 3 })
	served("127.0.0.1")
}

func TestProxyProtocol(t *testing.T) {
	t.Parallel()
	back := newBackend(t, ok)
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(plainRoutes, back.url())), "--proxy-protocol", "on", "--trusted-proxies", "127.0.0.1/32")
	v2 := func(family byte, addresses string) string {
		return "\r\n\r\n\x00\r\nQUIT\n\x21" + string(rune(family)) + "\x00" + string(rune(len(addresses))) + addresses
	}
	known := func(name, header, client string) {
		t.Run(name, func(t *testing.T) {
			for _, step := range []int{1, 1000} {
				before := back.count()
				replies := exchange(t, w.Addr, header+plainGet, step)
				if len(replies) != 1 {
					t.Fatalf("%d answers", len(replies))
				}
				replies[0].wantStatus(t, 200)
				wantEvent(t, w.Access(replies[0].id), map[string]any{"client": client})
				if got := back.seen(before)[0].get("X-Forwarded-For"); len(got) != 1 || got[0] != client {
					t.Errorf("X-Forwarded-For: %q, want %s", got, client)
				}
			}
		})
	}
	known("version 1", "PROXY TCP4 203.0.113.7 192.0.2.1 56324 80\r\n", "203.0.113.7")
	known("version 1, IPv6", "PROXY TCP6 2001:db8::7 2001:db8::1 56324 80\r\n", "2001:db8::7")
	known("version 1, unknown", "PROXY UNKNOWN\r\n", "127.0.0.1")
	known("version 2", v2(0x11, "\xcb\x00\x71\x08\xc0\x00\x02\x01\x12\x34\x00\x50"), "203.0.113.8")
	known("version 2, IPv6", v2(0x21, string(net.ParseIP("2001:db8::9"))+string(net.ParseIP("2001:db8::1"))+"\x12\x34\x00\x50"), "2001:db8::9")
	const addresses = "\xcb\x00\x71\x08\xc0\x00\x02\x01\x12\x34\x00\x50"
	known("version 2 with further values", v2(0x11, addresses+"\x04\x00\x03abc\x01\x00\x02h2"), "203.0.113.8")
	known("version 2, IPv4 in IPv6", v2(0x21, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xcb\x00\x71\x08"+string(net.ParseIP("2001:db8::1"))+"\x12\x34\x00\x50"), "203.0.113.8")
	known("version 2, the load balancer itself", strings.Replace(v2(0x11, addresses), "\n\x21", "\n\x20", 1), "127.0.0.1")
	known("version 2, unspecified", v2(0x00, ""), "127.0.0.1")
	t.Run("what the client says of itself", func(t *testing.T) {
		before := back.count()
		replies := exchange(t, w.Addr, v2(0x11, addresses)+strings.Replace(plainGet, "\r\n\r\n", "\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real-Ip: 6.6.6.6\r\n\r\n", 1), 1000)
		wantEvent(t, w.Access(replies[0].id), map[string]any{"client": "203.0.113.8"})
		m := back.seen(before)[0]
		if got := m.get("X-Forwarded-For"); len(got) != 1 || got[0] != "203.0.113.8" || m.get("Forwarded") != nil || m.get("X-Real-Ip") != nil {
			t.Errorf("forwarded %q", m.raw)
		}
	})
	t.Run("two headers", func(t *testing.T) {
		before := back.count()
		header := "PROXY TCP4 203.0.113.7 192.0.2.1 56324 80\r\n"
		dial(t, w.Addr, "").send(header+header+plainGet).reply("GET").wantStatus(t, 400)
		if seen := back.seen(before); len(seen) > 0 {
			t.Errorf("the backend saw %+v", seen)
		}
	})
	refused := func(name, from, sent, reason string) {
		t.Run(name, func(t *testing.T) {
			series := `wafer_refused_total{reason="` + reason + `"}`
			counted, before := w.Metric(series), back.count()
			dial(t, w.Addr, from).send(sent).ended()
			if n := w.Metric(series); n != counted+1 {
				t.Errorf("%s was counted %v times", reason, n-counted)
			}
			if seen := back.seen(before); len(seen) > 0 {
				t.Errorf("the backend saw %+v", seen)
			}
		})
	}
	refused("spoofed", "127.0.0.2", "PROXY TCP4 203.0.113.7 192.0.2.1 56324 80\r\n"+plainGet, "proxy_protocol_untrusted")
	refused("spoofed, version 2", "127.0.0.2", v2(0x11, "\xcb\x00\x71\x08\xc0\x00\x02\x01\x12\x34\x00\x50")+plainGet, "proxy_protocol_untrusted")
	refused("missing", "127.0.0.1", plainGet, "proxy_protocol_missing")
	refused("malformed", "127.0.0.1", "PROXY TCP4 203.0.113.7 192.0.2.1 56324\r\n"+plainGet, "proxy_protocol_malformed")
	refused("malformed address", "127.0.0.1", "PROXY TCP4 203.0.113.007 192.0.2.1 56324 80\r\n"+plainGet, "proxy_protocol_malformed")
	refused("version 2, UDP", "127.0.0.1", v2(0x12, addresses)+plainGet, "proxy_protocol_malformed")
	refused("version 2, half an address", "127.0.0.1", v2(0x11, addresses[:6])+plainGet, "proxy_protocol_malformed")
	refused("version 3", "127.0.0.1", strings.Replace(v2(0x11, addresses), "\n\x21", "\n\x31", 1)+plainGet, "proxy_protocol_malformed")
	refused("version 2, another command", "127.0.0.1", strings.Replace(v2(0x11, addresses), "\n\x21", "\n\x22", 1)+plainGet, "proxy_protocol_malformed")
	refused("cut short", "127.0.0.1", "PROXY TCP4 203.0.113.7 192.0.2.1 56324 80 "+plainGet, "proxy_protocol_malformed")
	t.Run("nobody asks others for it", func(t *testing.T) {
		c := dial(t, w.Addr, "127.0.0.2").send(plainGet)
		r := c.reply("GET").wantStatus(t, 200)
		wantEvent(t, w.Access(r.id), map[string]any{"client": "127.0.0.2"})
	})
}
