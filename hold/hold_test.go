//go:build unix

package hold

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// keeper runs one at path until the test ends, or stop.
func keeper(t *testing.T, path string, patience time.Duration) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- NewKeeper(patience, zerolog.Nop()).Serve(ctx, path) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// process is the listener of one that serves.
func process(t *testing.T, path string) *Listener {
	t.Helper()
	open := func() (net.Listener, error) {
		var lc net.ListenConfig
		return lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	}
	ln, err := Listen(t.Context(), path, "127.0.0.1:0", open, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() }) // it may be closed
	return ln.(*Listener)
}

// kill ends a process without a word.
func (l *Listener) kill() {
	l.mu.Lock()
	l.closed = true
	_ = l.keeper.Close()
	l.keeper = nil
	l.mu.Unlock()
	_ = l.Listener.Close()
}

// dial connects; nil: it is refused.
func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		return nil
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// accepts wants a connection to arrive at l.
func accepts(t *testing.T, l net.Listener, c net.Conn) {
	t.Helper()
	if c == nil {
		t.Fatal("refused")
	}
	got, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if _, ok := got.(*net.TCPConn); !ok || got.RemoteAddr().String() != c.LocalAddr().String() {
		t.Errorf("accepted %T from %s, want the connection from %s", got, got.RemoteAddr(), c.LocalAddr())
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within a minute: " + what)
		}
	}
}

// TestKilled has connections wait for the next process, whichever time one is killed.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hold.sock")
	keeper(t, path, time.Hour)
	l := process(t, path)
	accepts(t, l, dial(t, l))
	addr := l.Addr().String()
	for range 3 {
		queued := dial(t, l) // and not accepted yet
		l.kill()
		waiting := dial(t, l)
		l = process(t, path)
		if l.Addr().String() != addr {
			t.Fatalf("the next one listens on %s, not on %s", l.Addr(), addr)
		}
		accepts(t, l, queued)
		accepts(t, l, waiting)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "a process that ends by itself is not held", func() bool { return dial(t, l) == nil })
	if next := process(t, path); dial(t, next) == nil {
		t.Error("the next one does not listen")
	}
}

// TestPatience lets go what nobody serves.
func TestPatience(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hold.sock")
	keeper(t, path, time.Millisecond)
	l := process(t, path)
	l.kill()
	eventually(t, "refused", func() bool { return dial(t, l) == nil })
}

// TestKeeperKilled has a process serve on without its keeper, and give the next one the socket.
func TestKeeperKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hold.sock")
	l := process(t, path) // before there is one
	accepts(t, l, dial(t, l))
	stop := keeper(t, path, time.Hour)
	has := func() bool { return l.current() != nil }
	eventually(t, "a keeper is found", has)
	stop()
	eventually(t, "its end is noticed", func() bool { return !has() })
	accepts(t, l, dial(t, l))
	if err := os.WriteFile(path, nil, 0o600); err != nil { // as killed ones leave it, more or less
		t.Fatal(err)
	}
	k := NewKeeper(time.Hour, zerolog.Nop())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Serve(ctx, path) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	eventually(t, "the next keeper has the socket", func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		h := k.held["127.0.0.1:0"]
		return h != nil && h.file != nil
	})
	l.kill()
	waiting := dial(t, l)
	accepts(t, process(t, path), waiting)
}

// TestNonsense closes what speaks otherwise.
func TestNonsense(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hold.sock")
	keeper(t, path, time.Hour)
	for _, text := range []string{"a\nx", "a\nk", string(make([]byte, 2*maxAddress))} {
		var c net.Conn
		eventually(t, "a keeper", func() bool {
			var d net.Dialer
			var err error
			c, err = d.DialContext(t.Context(), "unix", path)
			return err == nil
		})
		t.Cleanup(func() { _ = c.Close() })
		_, _ = c.Write([]byte(text)) // it may be closed already
		for b := make([]byte, 1); ; {
			if _, err := c.Read(b); err != nil {
				break
			}
		}
	}
}
