package redis

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Way is a way to a server that can be slow, or lead elsewhere.
type Way struct {
	Addr string

	to    atomic.Pointer[string]
	delay atomic.Int64
	mu    sync.Mutex
	open  map[net.Conn]bool
}

// WayTo opens one.
func WayTo(tb testing.TB, to string) *Way {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	w := &Way{Addr: ln.Addr().String(), open: map[net.Conn]bool{}}
	w.Lead(to)
	tb.Cleanup(func() {
		_ = ln.Close()
		w.Cut()
	})
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go w.carry(conn)
		}
	}()
	return w
}

// Lead has new connections go to an address.
func (w *Way) Lead(to string) { w.to.Store(&to) }

// Slow has every reply wait.
func (w *Way) Slow(delay time.Duration) { w.delay.Store(int64(delay)) }

// Cut ends all connections, in the middle of what they carry.
func (w *Way) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.open {
		_ = conn.Close()
	}
	clear(w.open)
}

func (w *Way) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", *w.to.Load())
	if err != nil {
		return
	}
	defer server.Close()
	w.mu.Lock()
	w.open[client], w.open[server] = true, true
	w.mu.Unlock()
	go func() {
		_, _ = io.Copy(server, client) // the end of either is the end of both
		_ = server.Close()
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		if d := time.Duration(w.delay.Load()); d > 0 {
			time.Sleep(d)
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
