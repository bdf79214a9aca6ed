package proxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/config"
)

// pathsBackend answers by the path: with a body of a kind, with a WebSocket, or not at all.
func pathsBackend(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	serve := func(c net.Conn) {
		defer c.Close()
		br := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			answer := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
			switch r.URL.Path {
			case "/long":
				answer += "Content-Length: 60000\r\n\r\n" + strings.Repeat("ok ", 20000)
			case "/chunks":
				answer += "Transfer-Encoding: chunked\r\n\r\n3\r\nok \r\n0\r\n\r\n"
			case "/cut":
				_, _ = io.WriteString(c, answer+"Content-Length: 60000\r\n\r\nok")
				return
			case "/tunnel":
				_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
				_, _ = io.Copy(io.Discard, c)
				return
			case "/dead":
				return
			default:
				answer += "Content-Length: 2\r\n\r\nok"
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return ln.Addr().String()
}

const pathsRoutes = `
routes:
  - { id: plain, hosts: [plain.test], policy: plain, upstreams: [{ id: b }] }
  - { id: answers, hosts: [answers.test], policy: answers, websocket: inspect, upstreams: [{ id: b }] }
  - { id: open, hosts: [open.test], policy: open, upstreams: [{ id: b }] }
  - { id: prefix, hosts: [prefix.test], policy: prefix, upstreams: [{ id: b }] }
upstreams: [{ id: b, endpoints: ["http://%s"] }]
policies:
  - { id: plain }
  - { id: answers, response_body: { inspect: true, limit: 32KiB, mime_types: [text/plain] } }
  - { id: open, on_overload: allow }
  - { id: prefix, request_body: { limit: 16KiB, oversize: inspect_prefix } }
`

// message spells a request with a form for a body, of which sent bytes are really sent.
func formMessage(host, path, body string, sent int, fields ...string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: w\r\nAccept: */*\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Content-Length: %d\r\n%s\r\n%s", path, host, len(body), strings.Join(fields, ""), body[:sent])
}

// TestMemoryIsGivenBack sends requests that end in every way an exchange can end. Afterwards nothing is held.
func TestMemoryIsGivenBack(t *testing.T) {
	c, err := config.ParseRoutes("paths", fmt.Appendf(nil, pathsRoutes, pathsBackend(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, addr := benchProxy(t, c)
	body := "q=" + strings.Repeat("apples and pears ", 3000)
	attack := "q=1' OR '1'='1'-- -" + body
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, body)
	_ = z.Close()
	const handshake = "GET /tunnel HTTP/1.1\r\nHost: answers.test\r\nUser-Agent: w\r\nAccept: */*\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

	f := func(name, request string, want int, then func(c *net.TCPConn)) {
		t.Run(name, func(t *testing.T) {
			sock, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer sock.Close()
			if err := sock.SetDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(sock, request); err != nil {
				t.Fatal(err)
			}
			if want != 0 {
				resp, err := http.ReadResponse(bufio.NewReader(sock), nil)
				if err != nil || resp.StatusCode != want || (want == 503) != (resp.Header.Get("Retry-After") != "") {
					t.Fatalf("%v, %v; want %d", resp, err, want)
				}
				if want != 101 {
					_, _ = io.Copy(io.Discard, resp.Body)
				}
				_ = resp.Body.Close()
			}
			if then != nil {
				then(sock.(*net.TCPConn))
			}
			if want == 0 {
				eventually(t, "its end", func() bool { return p.memory.uploads.taken() == 0 })
			}
			for part, room := range p.memory.parts() {
				eventually(t, part+" to be given back", func() bool { return room.taken() == 0 })
			}
		})
	}
	vanish := func(c *net.TCPConn) {
		eventually(t, "the upload", func() bool { return p.memory.uploads.taken() >= 32<<10 })
		_ = c.SetLinger(0)
		_ = c.Close()
	}
	f("no body", "GET / HTTP/1.1\r\nHost: plain.test\r\n\r\n", 200, nil)
	f("a small body", formMessage("plain.test", "/", "q=a", 3), 200, nil)
	f("a large body", formMessage("plain.test", "/", body, len(body)), 200, nil)
	f("a large answer", formMessage("plain.test", "/long", body, len(body)), 200, nil)
	f("an attack", formMessage("plain.test", "/", attack, len(attack)), 403, nil)
	f("an encoded body", formMessage("plain.test", "/", zipped.String(), zipped.Len(), "Content-Encoding: gzip\r\n"), 200, nil)
	f("one that cannot be decoded", formMessage("plain.test", "/", body, len(body), "Content-Encoding: gzip\r\n"), 415, nil)
	f("the rest of it is not inspected", formMessage("prefix.test", "/long", body, len(body)), 200, nil)
	f("an inspected answer", formMessage("answers.test", "/long", body, len(body)), 200, nil)
	f("an inspected answer in chunks", formMessage("answers.test", "/chunks", body, len(body)), 200, nil)
	f("an inspected answer that ends early", formMessage("answers.test", "/cut", body, len(body)), 502, nil)
	f("an upstream that is gone", formMessage("plain.test", "/dead", body, len(body)), 502, nil)
	f("a client that is gone", formMessage("plain.test", "/", body, 40000), 0, vanish)
	f("a client that is gone, prefix", formMessage("prefix.test", "/", body, 40000), 0, func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() })
	f("a WebSocket", handshake, 101, nil)
	f("a WebSocket that ends within a message", handshake, 101, func(c *net.TCPConn) {
		_, _ = c.Write(append([]byte{0x81, 0xfe, 0x40, 0x00, 0, 0, 0, 0}, bytes.Repeat([]byte("a"), 1000)...))
		eventually(t, "the message", func() bool { return p.memory.uploads.taken() > 0 })
		_ = c.Close()
	})
	f("a body that was asked for", formMessage("plain.test", "/", body, 0, "Expect: 100-continue\r\n"), 100, func(c *net.TCPConn) {
		_, _ = io.WriteString(c, body[:len(body)/2])
		vanish(c)
	})

	if n, ok := p.memory.uploads.take(1 << 40); !ok {
		t.Fatal("no room")
	} else {
		p.memory.uploads.patience = time.Millisecond
		defer p.memory.uploads.free(n)
	}
	held, _ := p.memory.uploads.take(smallBody)
	for n := int64(0); ; held += n {
		if n, _ = p.memory.uploads.take(smallBody); n == 0 {
			break
		}
	}
	free := p.memory.uploads.whole() - p.memory.uploads.taken() // what is reserved
	all := p.memory.uploads
	all.set(all.whole() - free)
	refused := func(host string, want int) {
		t.Helper()
		sock, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer sock.Close()
		_ = sock.SetDeadline(time.Now().Add(time.Minute))
		_, _ = io.WriteString(sock, formMessage(host, "/", body, len(body)))
		resp, err := http.ReadResponse(bufio.NewReader(sock), nil)
		if err != nil || resp.StatusCode != want || (want == 503) != (resp.Header.Get("Retry-After") != "") {
			t.Fatalf("%s without memory: %v, %v; want %d", host, resp, err, want)
		}
		_ = resp.Body.Close()
	}
	before := all.taken()
	refused("plain.test", 503)
	refused("open.test", 200)
	eventually(t, "the same as before", func() bool { return all.taken() == before })
	eventually(t, "the refusal to be counted", func() bool { return counters(t, p)["refused_total memory"] == 1 })
	eventually(t, "coverage to be counted", func() bool { return counters(t, p)["coverage_total none overload open"] == 1 })
	all.free(held)
}

// TestMemoryOfPrefixes has an upload stall behind the part of it that was inspected. It holds that part for as long as
// nobody else needs the room, and is let go then.
func TestMemoryOfPrefixes(t *testing.T) {
	c, err := config.ParseRoutes("paths", fmt.Appendf(nil, pathsRoutes, pathsBackend(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, addr := benchProxy(t, c)
	all := p.memory.uploads
	body := "q=" + strings.Repeat("apples and pears ", 3000)
	send := func(host, body string, sent int) net.Conn {
		sock, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sock.Close() })
		if _, err := io.WriteString(sock, formMessage(host, "/", body, sent)); err != nil {
			t.Fatal(err)
		}
		return sock
	}
	answer := func(sock net.Conn, want int) {
		t.Helper()
		resp, err := http.ReadResponse(bufio.NewReader(sock), nil)
		if err != nil || resp.StatusCode != want {
			t.Fatalf("%v, %v; want %d", resp, err, want)
		}
		_ = resp.Body.Close()
	}
	stalled := send("prefix.test", body, 40000)
	eventually(t, "the upload to be passed on", func() bool {
		all.mu.Lock()
		defer all.mu.Unlock()
		return all.passing.first != nil
	})
	all.mu.Lock()
	rest := all.budget - all.used // all that is left goes to others
	all.used += rest
	all.mu.Unlock()
	other := send("plain.test", body[:2000], 2000)
	answer(stalled, 503)
	answer(other, 200)
	all.free(rest)
	eventually(t, "memory to be given back", func() bool { return all.taken() == 0 })
	wantEmpty(t, all)
}

// TestMemoryAfterPanics has an exchange fail while it holds memory.
func TestMemoryAfterPanics(t *testing.T) {
	p, addr := benchProxy(t, benchRoutes(t, "block", benchBackend(t, "end"), 1, 1))
	whole := p.memory.uploads
	p.inspector.Memory = (*room)(nil) // so that asking it panics
	sock, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	_, _ = io.WriteString(sock, formMessage("h", "/", strings.Repeat("x", 50000), 50000))
	resp, err := http.ReadResponse(bufio.NewReader(sock), nil)
	if err != nil || resp.StatusCode != 500 {
		t.Fatalf("%v, %v", resp, err)
	}
	_ = resp.Body.Close()
	eventually(t, "memory to be given back", func() bool { return whole.taken() == 0 })
}

// eventually waits for what comes a moment after a response.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !f(); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatal("not within a minute: ", what)
		}
	}
}
