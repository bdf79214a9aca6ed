package upstream

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// A response that never ends, and is never silent for long, ends after the time for everything.
func TestTotal(t *testing.T) {
	drip := func(w io.Writer, flush func() error, over <-chan struct{}) {
		for {
			if _, err := io.WriteString(w, "1\r\nx\r\n"); err != nil || flush() != nil {
				return
			}
			select {
			case <-over:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	over := make(chan struct{})
	defer close(over)
	b := startBackend(t, func(s *session) {
		s.request()
		s.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		drip(s.Conn, func() error { return nil }, over)
	})
	url, _ := startHTTP2(t, false, func(w http.ResponseWriter, _ *http.Request) {
		drip(w, http.NewResponseController(w).Flush, over)
	})
	for name, p := range map[string]*Pool{
		"HTTP/1": newPool(t, func(c *Config) { c.Total = 100 * time.Millisecond }, b.url()),
		"HTTP/2": newPool(t, func(c *Config) { c.Total, c.Protocol = 100*time.Millisecond, HTTP2 }, url),
	} {
		x := newExchange()
		if err := p.Do(get(), x); err != nil {
			t.Fatal(name, err)
		}
		n, err := io.Copy(io.Discard, x.Body)
		if n == 0 || FailureOf(err) != Endless {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		_ = x.Body.Close()
	}
	silent := startBackend(t, func(s *session) { s.request(); <-over })
	p := newPool(t, func(c *Config) { c.Total = 20 * time.Millisecond }, silent.url())
	if err := p.Do(get(), newExchange()); FailureOf(err) != Endless {
		t.Errorf("no response: %v", err)
	}
}
