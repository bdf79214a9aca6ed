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
	b := startBackend(t, func(s *session) {
		s.request()
		s.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		drip(s.Conn, func() error { return nil }, over)
	})
	url, _ := startHTTP2(t, false, func(w http.ResponseWriter, _ *http.Request) {
		drip(w, http.NewResponseController(w).Flush, over)
	})
	silent := startBackend(t, func(s *session) { s.request(); <-over })
	t.Cleanup(func() { close(over) }) // before the backends wait for who serves
	// It has to be long enough for a connection, with TLS, on a machine that has other work.
	pool := func(protocol Protocol, url string) *Pool {
		return newPool(t, func(c *Config) { c.Total, c.Protocol = 2*time.Second, protocol }, url)
	}
	for name, p := range map[string]*Pool{
		"HTTP/1": pool(HTTP1, b.url()),
		"HTTP/2": pool(HTTP2, url),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newExchange()
			if err := p.Do(get(), x); err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, x.Body)
			if n == 0 || FailureOf(err) != Endless {
				t.Errorf("%d bytes, %v", n, err)
			}
			_ = x.Body.Close()
		})
	}
	t.Run("no response", func(t *testing.T) {
		t.Parallel()
		if err := pool(HTTP1, silent.url()).Do(get(), newExchange()); FailureOf(err) != Endless {
			t.Errorf("%v", err)
		}
	})
}
