package proxy

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/upstream"
)

// faulty panics whatever is asked of it.
type faulty struct{}

func (faulty) Read([]byte) (int, error) { panic("faulty body") }
func (faulty) Close() error             { panic("faulty body") }

// Nobody recovers for what the server calls when a handler has returned: a panic would end
// the process.
func TestPanicsBehindTheHandler(t *testing.T) {
	var log bytes.Buffer
	p := &Proxy{log: zerolog.New(&log), metrics: metrics.New(prometheus.NewRegistry(), "test", "", "")}
	f := func(name string, do func(x *exchange)) {
		t.Helper()
		log.Reset()
		x := newExchange()
		x.proxy, x.id = p, "id-"+name
		x.up = &upstream.Exchange{Body: faulty{}}
		do(x)
		for _, want := range []string{"request panicked", "faulty body", x.id, "panic_test.go"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: the log lacks %q: %s", name, want, log.String())
			}
		}
	}
	f("read", func(x *exchange) {
		b := &responseBody{x: x, r: faulty{}}
		if n, err := b.Read(make([]byte, 10)); n != 0 || err == nil || err == io.EOF {
			t.Errorf("read %d, %v: a body that ends like this looks whole", n, err)
		}
		if b.err == nil {
			t.Error("the event would not tell")
		}
	})
	f("close", func(x *exchange) {
		if err := (&responseBody{x: x}).Close(); err != nil {
			t.Error(err)
		}
	})
	f("end", func(x *exchange) { x.end() })
}

// lockedBuffer is written by one goroutine and read by another.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestPanicInTheHandler breaks the snapshot in force, so that looking up a route panics.
func TestPanicInTheHandler(t *testing.T) {
	p, addr := benchProxy(t, benchRoutes(t, "off", benchBackend(t, "\r\n\r\n"), 1, 1))
	var log lockedBuffer
	p.log = zerolog.New(&log)
	current := p.snapshots.InForce()
	table := current.Table
	current.Table = nil

	c := newBenchClient(t, addr, benchHead)
	if _, err := c.Write(c.request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c) // and the connection ends
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 500 ")) || bytes.Contains(answer, []byte("nil pointer")) {
		t.Errorf("answer %q, %v", answer, err)
	}
	current.Table = table

	_, id, _ := strings.Cut(string(answer), "X-Request-Id: ")
	id, _, _ = strings.Cut(id, "\r\n")
	for _, want := range []string{"request panicked", "nil pointer", id, "exchange.go"} {
		if want == "" || !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log.String())
		}
	}
	families, err := p.metrics.Registry.(prometheus.Gatherer).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if n := f.GetMetric()[0].GetCounter().GetValue(); f.GetName() == "wafer_panics_total" && n != 1 {
			t.Errorf("%v panics were counted", n)
		}
	}
	newBenchClient(t, addr, benchHead).exchange(t) // others are served
}

// hasty is a client that panics when it is given a response, or takes it.
type hasty struct {
	onlooker
	panics int // times yet
	got    []int
}

func (h *hasty) Respond(r *message.Response) {
	if h.panics--; h.panics >= 0 {
		panic("no way out")
	}
	h.got = append(h.got, r.Status)
}

// TestPanicAroundTheResponse has a panic take the place of a response that streams, and come when it is on
// its way.
func TestPanicAroundTheResponse(t *testing.T) {
	p := &Proxy{log: zerolog.Nop(), metrics: metrics.New(prometheus.NewRegistry(), "test", "", "")}
	for _, tt := range []struct {
		name    string
		panics  int
		streams bool
		got     []int
	}{
		{"given", 1, false, []int{500}},
		{"on its way", 0, true, []int{200}},
	} {
		client := &hasty{panics: tt.panics}
		x := newExchange()
		x.proxy, x.client = p, client
		x.response.Status = 200
		func() {
			defer func() {
				if r := recover(); r != nil {
					x.panicked(r)
				}
			}()
			x.respond(message.Body{Stream: strings.NewReader("x"), Length: -1})
			panic("late")
		}()
		if !slices.Equal(client.got, tt.got) || x.streams != tt.streams {
			t.Errorf("%s: got %v, want %v; its end is the stream's: %v", tt.name, client.got, tt.got, x.streams)
		}
	}
}
