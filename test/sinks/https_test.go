package sinks_test

import (
	"bufio"
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/test/ports"
	"github.com/wafer-waf/wafer/test/sinks"
	"github.com/wafer-waf/wafer/test/tier"
)

func countOf(text, part string) int { return strings.Count(text, part) }

// seen are the events that a receiver has, each once however often it came.
type seen struct {
	mu     sync.Mutex
	events map[string]bool
}

func (s *seen) add(t *testing.T, line []byte) {
	var event struct {
		Event     string `json:"event"`
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal(line, &event); err != nil || event.RequestID == "" {
		t.Errorf("%q: %v", line, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events == nil {
		s.events = map[string]bool{}
	}
	s.events[event.Event+" "+event.RequestID] = true
}

func (s *seen) Received() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.events)
}

// collector takes batches by HTTPS.
type collector struct {
	seen
	t      *testing.T
	config *tls.Config
	addr   string
	server *http.Server

	behave sync.RWMutex
	as     http.HandlerFunc // instead of taking batches; nil: it takes them
	awake  bool             // answers also where it hangs
}

// hangs is where it takes batches and says nothing.
const hangs = "/hangs"

func (c *collector) Start(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp", c.addr)
	if err != nil {
		t.Fatal(err)
	}
	c.server = &http.Server{Handler: c}
	go func(s *http.Server) { _ = s.Serve(tls.NewListener(ln, c.config)) }(c.server)
}

func (c *collector) Kill(*testing.T) { _ = c.server.Close() }

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.behave.RLock()
	as, awake := c.as, c.awake
	c.behave.RUnlock()
	switch {
	case r.URL.Path == hangs && awake:
		return
	case r.URL.Path == hangs:
		<-r.Context().Done()
		return
	case as != nil:
		as(w, r)
		return
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return // it was killed
	}
	var lines [][]byte
	s := bufio.NewScanner(z)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		lines = append(lines, []byte(s.Text()))
	}
	if s.Err() != nil {
		return // likewise: it has not got the whole batch
	}
	for _, line := range lines {
		c.add(c.t, line)
	}
}

// wakes has it answer everywhere.
func (c *collector) wakes() {
	c.behave.Lock()
	c.awake = true
	c.behave.Unlock()
}

// behaves has it do something else than take batches.
func (c *collector) behaves(as http.HandlerFunc) {
	c.behave.Lock()
	c.as = as
	c.behave.Unlock()
}

// newCollector starts one, and returns what sends to a path of it. What it has taken within the timeout is not sent again.
func newCollector(t *testing.T) (c *collector, kind func(path, timeout string) string) {
	t.Helper()
	ca := certs.Authority(t, "collectors")
	leaf := ca.Issue(t, certs.Of{CN: "127.0.0.1", IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
	own := ca.Issue(t, certs.Of{CN: "wafer"})
	dir := t.TempDir()
	certs.Write(t, dir, map[string][]byte{"ca": ca.Cert(), "cert": own.Cert(), "key": own.PrivateKey()})
	c = &collector{t: t, addr: ports.Address(t), config: &tls.Config{
		Certificates: []tls.Certificate{leaf.Pair()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(), MinVersion: tls.VersionTLS12,
	}}
	c.Start(t)
	t.Cleanup(func() { _ = c.server.Close() })
	return c, func(path, timeout string) string {
		return `
      https:
        url: https://` + c.addr + path + `
        batch: 32KiB
        every: 50ms
        timeout: ` + timeout + `
        tls: { ca: ` + filepath.Join(dir, "ca") + `, cert: ` + filepath.Join(dir, "cert") + `, key: ` + filepath.Join(dir, "key") + ` }`
	}
}

func TestHTTPSCollectorIsKilled(t *testing.T) {
	c, kind := newCollector(t)
	l := sinks.Load(t, sink(kind("/events", "1m")))
	got := l.Killed(c, rounds(), series, up, 1, 2)
	if c.Received() != got.Sent {
		t.Errorf("%d were sent, %d arrived", got.Sent, c.Received())
	}
	told(t, l, rounds())
}

// A collector that hangs, fails, refuses or talks nonsense under load costs events, never requests. It hangs for a sink of
// its own: what comes too late would have been taken all the same, and could not be counted.
func TestHTTPSCollectorMisbehaves(t *testing.T) {
	c, kind := newCollector(t)
	l := sinks.Load(t, sink(kind("/events", "1m"))+`
    - id: hung
      events: [access, security]
      queue: 128KiB
`+kind(hangs, "5s"))
	for name, as := range map[string]http.HandlerFunc{
		"fails":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"refuses": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
		"goes on": func(w http.ResponseWriter, _ *http.Request) { // net/http logs what comes unasked
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				_, _ = conn.Write([]byte("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))
				time.Sleep(20 * time.Millisecond)
				_, _ = conn.Write([]byte("nobody has asked"))
				_ = conn.Close()
			}
		},
		"babbles": func(w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				_, _ = conn.Write([]byte("HTTP/1.1 nonsense\r\n\r\n"))
				_ = conn.Close()
			}
		},
	} {
		lost := l.Count(series).Lost
		c.behaves(as)
		tier.Eventually(t, name, func() bool { return t.Failed() || l.Metric(up) == 0 && l.Count(series).Lost > lost })
		c.behaves(nil)
		tier.Eventually(t, "it is up again", func() bool { return t.Failed() || l.Metric(up) == 1 })
	}
	for line := range strings.Lines(l.Stderr()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("the log has %q", line)
		}
	}
	const hungUp = `wafer_sink_up{sink="hung"}`
	tier.Eventually(t, "it hangs", func() bool {
		return t.Failed() || l.Metric(hungUp) == 0 && l.Count(`wafer_sink_events_total{result="%s",sink="hung"}`).Full > 0
	})
	c.wakes()
	tier.Eventually(t, "it hangs no more", func() bool { return t.Failed() || l.Metric(hungUp) == 1 })
	if got := l.Killed(c, 0, series, up, 1, 2); c.Received() != got.Sent {
		t.Errorf("%d were sent, %d arrived", got.Sent, c.Received())
	}
}
