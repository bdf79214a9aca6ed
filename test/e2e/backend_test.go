package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// echo is a backend that answers with the bytes of the request, exactly as it received
// them. Its counters tell what reached it at all.
type echo struct {
	addr   string
	whole  atomic.Int64 // requests that arrived to their last byte
	broken atomic.Int64 // requests that began and did not
	answer func(r *http.Request, raw string) string
}

// newEcho starts an echo. If answer is not nil and does not return "", what it returns is
// the whole response.
func newEcho(t testing.TB, answer func(r *http.Request, raw string) string) *echo {
	t.Helper()
	e := &echo{answer: answer}
	e.addr = listen(t, e.serve)
	return e
}

// url is the echo's endpoint.
func (e *echo) url() string { return "http://" + e.addr }

func (e *echo) serve(c net.Conn) {
	var raw bytes.Buffer
	br := bufio.NewReader(io.TeeReader(c, &raw))
	for {
		if _, err := br.Peek(1); err != nil {
			return
		}
		r, err := http.ReadRequest(br)
		if err != nil {
			e.broken.Add(1)
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			e.broken.Add(1)
			return
		}
		e.whole.Add(1)
		answer := ""
		if e.answer != nil {
			answer = e.answer(r, raw.String())
		}
		if answer == "" {
			answer = fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Backend: %s\r\nContent-Length: %d\r\n\r\n", e.addr, raw.Len())
			if r.Method != http.MethodHead {
				answer += raw.String()
			}
		}
		raw.Reset()
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
		if strings.Contains(answer, "\r\nConnection: close\r\n") {
			return
		}
	}
}

// listen accepts connections until the test ends and serves each in a goroutine; they are
// closed when serve returns or the test ends. A serve that waits for the test may outlive it.
func listen(t testing.TB, serve func(net.Conn)) (addr string) {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close() // most are closed
		}
		mu.Unlock()
	})
	return ln.Addr().String()
}
