package wire

import (
	"bufio"
	"io"
	"net"
	"sync"
	"testing"
)

// backend is an application behind the tier. It notes every byte that it gets.
type backend struct {
	addr   string
	answer func(c *peer, m message) (again bool)

	mu       sync.Mutex
	messages []message
	conns    int
}

// peer is one connection to the backend.
type peer struct {
	net.Conn
	br *bufio.Reader
}

const plainOK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// ok answers every request with the same few bytes.
func ok(c *peer, _ message) bool {
	_, err := io.WriteString(c, plainOK)
	return err == nil
}

// newBackend starts one. answer is called for each whole request; the connection ends when
// it returns false, or after a request that cannot be parsed.
func newBackend(t testing.TB, answer func(c *peer, m message) bool) *backend {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{addr: ln.Addr().String(), answer: answer}
	var mu sync.Mutex
	var open []net.Conn
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			b.mu.Lock()
			b.conns++
			n := b.conns
			b.mu.Unlock()
			go b.serve(c, n)
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close() // most are closed
		}
		mu.Unlock()
	})
	return b
}

func (b *backend) url() string { return "http://" + b.addr }

func (b *backend) serve(c net.Conn, n int) {
	defer c.Close()
	br := bufio.NewReaderSize(c, 64<<10)
	p := parser{br: br}
	for {
		m := p.next()
		m.conn = n
		if m.raw == "" {
			return
		}
		b.mu.Lock()
		b.messages = append(b.messages, m)
		b.mu.Unlock()
		if m.err != nil || !b.answer(&peer{c, br}, m) {
			return
		}
	}
}

// seen returns what arrived after the first n messages.
func (b *backend) seen(n int) []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]message(nil), b.messages[n:]...)
}

func (b *backend) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.messages)
}
