package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestHTTPS: clear text is redirected or refused, and HSTS is said over HTTPS.
func TestHTTPS(t *testing.T) {
	s := newTLSTier(t, `
  - { id: to, hosts: [to.test], https: redirect, hsts: { max_age: 8760h, subdomains: true, preload: true }, upstreams: [{ id: b }] }
  - { id: port, hosts: [port.test], https: redirect, https_port: 8443, hsts: { max_age: 0 }, upstreams: [{ id: b }] }
  - { id: must, hosts: [must.test], https: require, upstreams: [{ id: b }] }
`, "trusted_proxies: [127.0.0.2/32]\n")
	for _, tt := range []struct {
		host, path, location string
		status               int
	}{
		{"to.test", "/a?b=c", "https://to.test/a?b=c", 308}, {"to.test:8080", "/", "https://to.test/", 308}, {"port.test:80", "/x", "https://port.test:8443/x", 308},
		{"must.test", "/", "", 403},
	} {
		a := s.askClear(tt.host, tt.path)
		if a.status != tt.status || a.fields.Get("Location") != tt.location || a.fields.Get(hstsField) != "" {
			t.Errorf("%s: %d %v, %v", tt.host, a.status, a.fields, a.err)
		}
	}
	for host, want := range map[string][]string{
		"to.test": {"max-age=31536000; includeSubDomains; preload"}, "port.test": {"max-age=0"}, "must.test": {"max-age=1"},
	} {
		a := s.askTLS(s.client(host, nil), host, "/")
		if got := a.fields.Values(hstsField); a.status != 200 || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %d %q, %v", host, a.status, got, a.err)
		}
	}
	if a := s.askTLS(s.client("to.test", nil), "to.test", "/", "X-Forwarded-Proto: http"); a.status != 200 {
		t.Errorf("who is not trusted says it is in clear text: %d", a.status)
	}
	if a := s.askClear("must.test", "/", "X-Forwarded-Proto: https"); a.status != 403 {
		t.Errorf("who is not trusted says it is encrypted: %d", a.status)
	}
	for proto, want := range map[string]int{"https": 200, "http": 403} {
		conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).Dial("tcp", s.clear)
		if err != nil {
			t.Fatal(err)
		}
		if a := get(conn, "must.test", "/", "X-Forwarded-Proto: "+proto); a.status != want {
			t.Errorf("a trusted proxy says %s: %d", proto, a.status)
		}
		_ = conn.Close()
	}
}

// A WebSocket and a response without a length work over TLS, and the latter ends with a word that says so.
func TestTunnelOverTLS(t *testing.T) {
	s := newTLSTier(t, "  - { id: all, websocket: allow, upstreams: [{ id: b }] }\n", "")
	s.write("routes.yaml", fmt.Appendf(nil, "upstreams: [{ id: b, endpoints: [\"http://%s\"] }]\npolicies: [{ id: default, mode: off }]\nroutes:\n  - { id: all, websocket: allow, upstreams: [{ id: b }] }\n", echoBackend(t)))
	s.reload()
	dial := func() *tls.Conn {
		conn, err := tls.Dial("tcp", s.addr, s.client("a.test", nil))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		return conn
	}
	conn := dial()
	_, _ = io.WriteString(conn, "GET /tunnel HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	r := bufio.NewReader(conn)
	response, err := http.ReadResponse(r, nil) //nolint:bodyclose // of a tunnel
	if err != nil || response.StatusCode != 101 {
		t.Fatal(response, err)
	}
	for i := range 3 {
		line := fmt.Sprintf("frame %d\n", i)
		_, _ = io.WriteString(conn, line)
		if got, err := r.ReadString('\n'); err != nil || got != line {
			t.Errorf("%q, %v", got, err)
		}
	}
	until(t, "it is open", func() bool { return s.p.tunnels.Load() == 1 })
	_ = conn.Close()
	until(t, "it ends", func() bool { return s.p.tunnels.Load() == 0 })

	conn = dial()
	_, _ = io.WriteString(conn, "GET /chunks HTTP/1.0\r\nHost: a.test\r\n\r\n")
	all, err := io.ReadAll(conn) // an end without close_notify would be an error
	if err != nil || !strings.HasSuffix(string(all), "\r\n\r\nok ") {
		t.Errorf("%q, %v", all, err)
	}
}

// echoBackend answers with chunks, or opens a tunnel that sends back what comes.
func echoBackend(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				br := bufio.NewReader(c)
				r, err := http.ReadRequest(br)
				switch {
				case err != nil:
				case r.URL.Path == "/tunnel":
					_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
					_, _ = io.Copy(c, br)
				default:
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok \r\n0\r\n\r\n")
				}
			}()
		}
	}()
	return ln.Addr().String()
}
