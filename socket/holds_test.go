package socket

import (
	"net"
	"testing"
)

// TestHolds: what connections hold counts like connections, and no longer than they hold it.
func TestHolds(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(inner, Options{Connections: 5})
	defer l.Close()
	accept := func() *Conn {
		t.Helper()
		go func() {
			if c, err := net.Dial("tcp", inner.Addr().String()); err == nil {
				t.Cleanup(func() { _ = c.Close() })
			}
		}()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return c.Socket()
	}
	one, two := accept(), accept()
	counts := func(want int) {
		t.Helper()
		l.mu.Lock()
		defer l.mu.Unlock()
		if got := l.open + l.more; got != want {
			t.Errorf("counted %d, want %d", got, want)
		}
	}
	for _, tt := range []struct {
		conn  *Conn
		bytes int
		room  bool
		count int
	}{
		{one, heldBytes - 1, true, 2},
		{one, 2 * heldBytes, true, 4},
		{one, 2*heldBytes + 1, true, 4},
		{two, heldBytes, true, 5},
		{two, 3 * heldBytes, false, 7},
		{one, 3 * heldBytes, false, 8},
		{two, 2 * heldBytes, true, 7}, // less than before is never refused
		{two, 0, true, 5},
	} {
		if got := tt.conn.Holds(tt.bytes); got != tt.room {
			t.Errorf("%d bytes: room %v", tt.bytes, got)
		}
		counts(tt.count)
	}
	_ = one.Close()
	counts(1)
	if !one.Holds(9 * heldBytes) {
		t.Error("a connection that is closed holds nothing")
	}
	counts(1)
}
