package faults

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// session is one connection to an endpoint that fails.
type session struct {
	net.Conn // TLS, if that is spoken
	raw      *net.TCPConn
	br       *bufio.Reader
	seen     <-chan struct{} // the client has the head of a response
	over     <-chan struct{} // the test is
}

// serve has f serve each connection that comes, and returns the address.
func serve(t testing.TB, secure *tls.Config, seen <-chan struct{}, f func(s *session)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	var wg sync.WaitGroup
	t.Cleanup(func() {
		close(over)
		_ = ln.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				s := &session{Conn: c, raw: c.(*net.TCPConn), seen: seen, over: over}
				if secure != nil {
					s.Conn = tls.Server(c, secure)
				}
				s.br = bufio.NewReader(s.Conn)
				defer func() { _ = s.raw.Close() }()
				go func() { // a tier that keeps connections does not keep the test
					<-over
					_ = s.raw.Close()
				}()
				f(s)
			})
		}
	})
	return ln.Addr().String()
}

// request reads a request. It reports false when none comes any more.
func (s *session) request() bool {
	r, err := http.ReadRequest(s.br)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err == nil
}

func (s *session) send(text string) { _, _ = io.WriteString(s.Conn, text) }

// drip sends a text in small parts, one after each pause.
func (s *session) drip(text string, part int, pause time.Duration) {
	for len(text) > 0 {
		n := min(part, len(text))
		if _, err := io.WriteString(s.Conn, text[:n]); err != nil {
			return
		}
		text = text[n:]
		select {
		case <-s.over:
			return
		case <-time.After(pause):
		}
	}
}

// unseen forgets what the client has seen of earlier responses.
func (s *session) unseen() {
	for len(s.seen) > 0 {
		<-s.seen
	}
}

// reset ends the connection as a process does that is killed while it has not read everything.
func (s *session) reset() {
	_ = s.raw.SetLinger(0)
	_ = s.raw.Close()
}

// each serves request after request.
func each(f func(s *session)) func(s *session) {
	return func(s *session) {
		for s.request() {
			f(s)
		}
	}
}

// answers is a response with a body.
func answers(status int) string {
	return fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\nbody", status)
}

// well is an endpoint without a fault.
func well(s *session) { s.send(answers(200)) }
