package proxy

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/routing/upstream"
)

// faulty panics whatever is asked of it.
type faulty struct{}

func (faulty) Read([]byte) (int, error) { panic("faulty body") }
func (faulty) Close() error             { panic("faulty body") }

// Nobody recovers for what the server calls when a handler has returned: a panic would end
// the process.
func TestPanicsBehindTheHandler(t *testing.T) {
	var log bytes.Buffer
	p := &Proxy{log: zerolog.New(&log), metrics: newMetrics(prometheus.NewRegistry(), "test")}
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
		b := &answerBody{x: x, r: faulty{}}
		if n, err := b.Read(make([]byte, 10)); n != 0 || err == nil || err == io.EOF {
			t.Errorf("read %d, %v: a body that ends like this looks whole", n, err)
		}
		if b.err == nil {
			t.Error("the event would not tell")
		}
	})
	f("close", func(x *exchange) {
		if err := (&answerBody{x: x}).Close(); err != nil {
			t.Error(err)
		}
	})
	f("end", func(x *exchange) { x.end() })
}
