// Package faults has endpoints that fail in the ways in which endpoints do, over real sockets, and looks what becomes of the
// requests: how many fail, how often one reaches an endpoint, who is asked. How long it takes is told, and nothing asserted of it.
package faults

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/test/ports"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/upstream/health"
)

// endpoint is one that can be killed and come back at its address.
type endpoint struct {
	t    *testing.T
	addr string
	idle func() time.Duration // how long it waits for another request on a connection; nil: for ever
	rude bool                 // it ends connections by a reset

	requests atomic.Int64
	seen     *sync.Map // ids of requests, with how often they were read

	mu   sync.Mutex
	ln   net.Listener
	dead bool
	open map[net.Conn]bool
	wg   sync.WaitGroup
}

func start(t *testing.T, e *endpoint) *endpoint {
	e.t, e.addr, e.open = t, ports.Address(t), map[net.Conn]bool{}
	e.revive()
	t.Cleanup(e.kill)
	return e
}

func (e *endpoint) url() string { return "http://" + e.addr }

// revive has the endpoint listen.
func (e *endpoint) revive() {
	ln, err := net.Listen("tcp", e.addr)
	if err != nil {
		e.t.Fatal(err)
	}
	e.mu.Lock()
	e.ln, e.addr, e.dead = ln, ln.Addr().String(), false
	e.mu.Unlock()
	e.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			e.mu.Lock()
			e.open[c] = true
			if e.dead { // it was accepted in the last moment
				_ = c.Close()
			}
			e.mu.Unlock()
			e.wg.Go(func() { e.serve(c) })
		}
	})
}

// kill ends the endpoint as the end of a process does: what it is working on is lost.
func (e *endpoint) kill() {
	e.mu.Lock()
	e.dead = true
	_ = e.ln.Close()
	for c := range e.open {
		_ = c.Close()
	}
	e.mu.Unlock()
	e.wg.Wait()
}

func (e *endpoint) serve(c net.Conn) {
	defer func() {
		if e.rude {
			_ = c.(*net.TCPConn).SetLinger(0)
		}
		_ = c.Close()
		e.mu.Lock()
		delete(e.open, c)
		e.mu.Unlock()
	}()
	br := bufio.NewReader(c)
	for first := true; ; first = false {
		if e.idle != nil && !first {
			_ = c.SetReadDeadline(time.Now().Add(e.idle()))
		}
		if _, err := br.Peek(1); err != nil {
			return
		}
		_ = c.SetReadDeadline(time.Time{})
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		e.requests.Add(1)
		if e.seen != nil {
			n, _ := e.seen.LoadOrStore(r.Header.Get("X-Id"), new(atomic.Int32))
			n.(*atomic.Int32).Add(1)
		}
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
	}
}

// upTo returns random times.
func upTo(most time.Duration) func() time.Duration {
	return func() time.Duration { return rand.N(most) }
}

// newPool has the defaults of a route file.
func newPool(t *testing.T, edit func(*upstream.Config), endpoints ...string) *upstream.Pool {
	c := upstream.Config{
		ID: "faults", Endpoints: endpoints, Connections: 512, Retries: upstream.Retries{Attempts: 2, Share: 20, Least: 3},
		Connect: 2 * time.Second, Response: 10 * time.Second, Idle: time.Minute,
		Health: health.Config{Faults: 5, Errors5xx: 5, Base: 10 * time.Second, Max: time.Minute, Share: 50, Panic: 50},
	}
	if edit != nil {
		edit(&c)
	}
	p, err := upstream.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	p.Begin(nil)
	return p
}

// ask makes a request and reads the response, which is always 200.
func ask(p *upstream.Pool, x *upstream.Exchange, method, id string) error {
	out := &message.Request{Method: method, Target: "/", Fields: message.Fields{{Name: "Host", Value: "a"}, {Name: "X-Id", Value: id}}}
	if method != "GET" {
		out.Body.Bytes = []byte("body")
	}
	*x = upstream.Exchange{BodyIdle: 10 * time.Second, Response: message.Response{Fields: x.Response.Fields[:0]}}
	if err := p.Do(out, x); err != nil {
		return err
	}
	if x.Body == nil {
		return nil
	}
	_, err := io.Copy(io.Discard, x.Body)
	return errors.Join(err, x.Body.Close())
}
