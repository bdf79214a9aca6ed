package soak

import (
	"bufio"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/ports"
	"github.com/wafer-waf/wafer/test/tier"
)

// backend is an application that can be killed, and that lies when asked to.
type backend struct {
	addr  string
	epoch atomic.Int64 // even: up; it grows with every start and stop
	got   atomic.Int64 // requests

	mu    sync.Mutex
	ln    net.Listener
	conns map[net.Conn]bool
}

func newBackend(t testing.TB) *backend {
	t.Helper()
	b := &backend{addr: ports.Address(t), conns: map[net.Conn]bool{}}
	if err := b.listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.kill)
	return b
}

func (b *backend) url() string { return "http://" + b.addr }

func (b *backend) listen() error {
	lc := net.ListenConfig{Control: segments}
	ln, err := lc.Listen(context.Background(), "tcp", b.addr)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.ln = ln
	b.mu.Unlock()
	go b.accept(ln)
	return nil
}

func (b *backend) accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		if b.ln != ln { // killed meanwhile
			b.mu.Unlock()
			_ = c.Close()
			continue
		}
		b.conns[c] = true
		b.mu.Unlock()
		go func() {
			b.serve(c)
			_ = c.Close()
			b.mu.Lock()
			delete(b.conns, c)
			b.mu.Unlock()
		}()
	}
}

// kill ends the backend with all its connections.
func (b *backend) kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ln == nil {
		return
	}
	b.epoch.Add(1)
	_ = b.ln.Close()
	b.ln = nil
	for c := range b.conns {
		_ = c.Close()
	}
}

// revive starts it again on the same port.
func (b *backend) revive(t testing.TB) {
	t.Helper()
	tier.Eventually(t, "the backend's port is free", func() bool { return b.listen() == nil })
	b.epoch.Add(1)
}

func (b *backend) serve(c net.Conn) {
	br := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		b.got.Add(1)
		sum := crc32.NewIEEE()
		n, err := io.Copy(sum, r.Body)
		if err != nil {
			return
		}
		nonce := r.Header.Get("X-Nonce")
		kind := strings.TrimPrefix(r.URL.Path, "/")
		switch kind {
		case "large":
			size, _ := strconv.Atoi(r.URL.Query().Get("size"))
			err = large(c, nonce, size, r.URL.Query().Get("framing") == "chunked")
		case "events":
			err = events(c, nonce)
		case "socket":
			if _, err := fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Nonce: %s\r\n\r\n", nonce); err == nil {
				_, _ = io.Copy(c, struct{ io.Reader }{br}) // until either side ends; splicing a socket into itself would not work
			}
			return
		case "slow":
			<-time.After(300 * time.Millisecond) // a slow application, not synchronization
			err = echo(c, nonce, r.Method, n, sum.Sum32())
		default:
			if lie, ok := lies[kind]; ok {
				_, _ = io.WriteString(c, strings.ReplaceAll(lie.answer, "NONCE", nonce))
				if lie.closes {
					return
				}
				continue
			}
			err = echo(c, nonce, r.Method, n, sum.Sum32())
		}
		if err != nil {
			return
		}
	}
}

// echoed is the body with which a backend says what it got.
func echoed(nonce, method string, n int64, sum uint32) string {
	return fmt.Sprintf("%s %s %d %08x\n", nonce, method, n, sum)
}

func echo(w io.Writer, nonce, method string, n int64, sum uint32) error {
	body := echoed(nonce, method, n, sum)
	_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Nonce: %s\r\nContent-Length: %d\r\n\r\n%s", nonce, len(body), body)
	return err
}

// large answers with size bytes, rounded up to whole lines that each hold the nonce.
func large(c io.Writer, nonce string, size int, chunked bool) error {
	line := nonce + "\n"
	lines := (size + len(line) - 1) / len(line)
	framing := fmt.Sprintf("Content-Length: %d", lines*len(line))
	if chunked {
		framing = "Transfer-Encoding: chunked"
	}
	w := bufio.NewWriterSize(c, 16<<10)
	fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nX-Nonce: %s\r\n%s\r\n\r\n", nonce, framing)
	const together = 200
	for lines > 0 {
		n := min(lines, together)
		lines -= n
		part := strings.Repeat(line, n)
		if chunked {
			part = fmt.Sprintf("%x\r\n%s\r\n", len(part), part)
		}
		if _, err := w.WriteString(part); err != nil {
			return err
		}
	}
	if chunked {
		w.WriteString("0\r\n\r\n") //nolint:errcheck // Flush says it
	}
	return w.Flush()
}

// eventCount is how many events an event stream has.
const eventCount = 5

func events(w io.Writer, nonce string) error {
	if _, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Nonce: %s\r\nTransfer-Encoding: chunked\r\n\r\n", nonce); err != nil {
		return err
	}
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for i := range eventCount {
		<-tick.C
		event := fmt.Sprintf("data: %s %d\n\n", nonce, i)
		if _, err := fmt.Fprintf(w, "%x\r\n%s\r\n", len(event), event); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "0\r\n\r\n")
	return err
}

// lie is an answer that no application should give, and what its client may get.
type lie struct {
	answer string // NONCE is replaced
	closes bool
	// status for the client; broken: after that status the body breaks off, or, where the
	// tier reads it before it answers, the status is 502
	status int
	broken bool
}

const stolen = "HTTP/1.1 200 OK\r\nX-Nonce: stolen\r\nContent-Length: 6\r\n\r\nstolen"

var lies = map[string]lie{
	"noise":       {answer: "\x00\x01\x02 this is no HTTP\r\n\r\n", status: 502, closes: true},
	"nothing":     {status: 502, closes: true},
	"status":      {answer: "HTTP/1.1 2000 What\r\nX-Nonce: NONCE\r\nContent-Length: 0\r\n\r\n", status: 502},
	"lengths":     {answer: "HTTP/1.1 200 OK\r\nX-Nonce: NONCE\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nabcde", status: 502},
	"framings":    {answer: "HTTP/1.1 200 OK\r\nX-Nonce: NONCE\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status: 502},
	"control":     {answer: "HTTP/1.1 200 OK\r\nX-Nonce: NONCE\r\nX-Bad: a\x00b\r\nContent-Length: 0\r\n\r\n", status: 502},
	"switched":    {answer: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Nonce: NONCE\r\n\r\n", status: 502},
	"surplus":     {answer: "HTTP/1.1 200 OK\r\nX-Nonce: NONCE\r\nContent-Length: 2\r\n\r\nok" + stolen, status: 200},
	"surplus-204": {answer: "HTTP/1.1 204 No Content\r\nX-Nonce: NONCE\r\n\r\n" + stolen, status: 204},
	"short":       {answer: "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Nonce: NONCE\r\nContent-Length: 1000\r\n\r\nok", closes: true, status: 200, broken: true},
	"chunk":       {answer: "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Nonce: NONCE\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n", closes: true, status: 200, broken: true},
}
