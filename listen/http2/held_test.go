package http2

import (
	"bytes"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
	"golang.org/x/net/http2"
)

// holder is a server whose handlers read a body when they are told.
type holder struct {
	*site
	began, read, done chan struct{}
}

func newHolder(t *testing.T, connections int) *holder {
	h := &holder{began: make(chan struct{}), read: make(chan struct{}), done: make(chan struct{})}
	h.site = serving(t, patient(), socket.Options{Connections: connections, Refused: func(string, netip.Addr) {}}, func(c listen.Client) {
		if c.Request().Target == "/waits" {
			h.began <- struct{}{}
			<-h.read
			if r := c.Request().Body.Stream; r != nil {
				_, _ = io.Copy(io.Discard, r)
			}
			h.done <- struct{}{}
		}
		c.Respond(&message.Response{Status: 200})
	})
	return h
}

// waits opens a stream whose body nobody reads for now.
func (h *holder) waits(t *testing.T, r *raw, more ...string) uint32 {
	t.Helper()
	stream, err := r.open(false, append([]string{":method", "POST", ":scheme", "http", ":authority", "a.test", ":path", "/waits"}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	<-h.began
	return stream
}

func send(t *testing.T, r *raw, stream uint32, n int, ends bool) {
	t.Helper()
	for ; n > 0; n -= min(n, maxFrame) {
		if err := r.WriteData(stream, ends && n <= maxFrame, bytes.Repeat([]byte("a"), min(n, maxFrame))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUnreadCounts: bytes that nobody reads count like connections, until they are read.
func TestUnreadCounts(t *testing.T) {
	const bytes = 60_000 // three times what counts like a connection
	for connections, ends := range map[int]bool{weight + 3: false, weight + 2: true} {
		h := newHolder(t, connections)
		r := dial(t, h.site)
		stream := h.waits(t, r)
		send(t, r, stream, bytes, true)
		if ends {
			if o := r.outcome(stream); !o.gone || o.goAway != http2.ErrCodeEnhanceYourCalm && o.goAway != http2.ErrCodeNo {
				t.Errorf("room for %d connections: %+v", connections, o)
			}
			waitFor(t, "a reason", func() bool { return hasLast(h.reasons(), "http2_unread") })
			h.read <- struct{}{}
			<-h.done
			continue
		}
		h.read <- struct{}{}
		<-h.done
		if o := r.outcome(stream); o.status != 200 {
			t.Errorf("room for %d connections: %+v", connections, o)
		}
		if got := h.reasons(); got != "" {
			t.Errorf("room for %d connections: %s", connections, got)
		}
		again := h.waits(t, r) // what was read holds no room
		send(t, r, again, bytes, true)
		h.read <- struct{}{}
		<-h.done
		if o := r.outcome(again); o.status != 200 {
			t.Errorf("again: %+v", o)
		}
	}
}

// TestHeadsCount: large heads count like connections while they are answered, so that there is no room for another stream.
func TestHeadsCount(t *testing.T) {
	large := strings.Repeat("a", 20<<10)
	h := newHolder(t, weight+2)
	r := dial(t, h.site)
	first := h.waits(t, r, "x-large", large)
	second, err := r.open(true, get()...)
	if err != nil {
		t.Fatal(err)
	}
	if o := r.outcome(second); o.status != 503 {
		t.Errorf("beside a large head: %+v", o)
	}
	send(t, r, first, 1, true)
	h.read <- struct{}{}
	<-h.done
	if o := r.outcome(first); o.status != 200 {
		t.Errorf("%+v", o)
	}
	small := h.waits(t, r)
	third, err := r.open(true, get()...)
	if err != nil {
		t.Fatal(err)
	}
	if o := r.outcome(third); o.status != 200 {
		t.Errorf("beside a small head: %+v", o)
	}
	send(t, r, small, 1, true)
	h.read <- struct{}{}
	<-h.done
}
