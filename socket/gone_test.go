//go:build unix

package socket

import (
	"net"
	"testing"
	"time"
)

func TestGone(t *testing.T) {
	for _, c := range []struct {
		name  string
		leave func(t *testing.T, client *net.TCPConn)
		gone  bool // after its patience
	}{
		{"waits", func(*testing.T, *net.TCPConn) {}, false},
		{"sends on", func(t *testing.T, client *net.TCPConn) { send(t, client) }, false},
		{"closes", func(t *testing.T, client *net.TCPConn) { shut(t, client.Close) }, true},
		{"closes its side", func(t *testing.T, client *net.TCPConn) { shut(t, client.CloseWrite) }, true},
		{"resets", func(t *testing.T, client *net.TCPConn) {
			shut(t, func() error { return client.SetLinger(0) })
			shut(t, client.Close)
		}, true},
		// The next request is there, and has to be looked at before its end is.
		{"sends on and closes", func(t *testing.T, client *net.TCPConn) { send(t, client); shut(t, client.Close) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			client, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			sock, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			conn := New(sock)
			defer sock.Close()
			patient, impatient := time.Now().Add(time.Hour), time.Now().Add(-Patience)
			if conn.Gone(impatient) {
				t.Fatal("gone before it has left")
			}
			c.leave(t, client.(*net.TCPConn))
			// What a client does arrives a moment later.
			for limit := time.Now().Add(10 * time.Second); conn.Gone(impatient) != c.gone && time.Now().Before(limit); {
			}
			if conn.Gone(impatient) != c.gone {
				t.Errorf("gone: %v", !c.gone)
			}
			if got, want := conn.Gone(patient), c.name == "resets"; got != want {
				t.Errorf("gone, although it may wait for its answer: %v", got)
			}
			if conn.closed.Store(true); !conn.Gone(patient) {
				t.Error("a closed connection has a client")
			}
		})
	}
}

func send(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\n")); err != nil {
		t.Fatal(err)
	}
}

func shut(t *testing.T, how func() error) {
	t.Helper()
	if err := how(); err != nil {
		t.Fatal(err)
	}
}
