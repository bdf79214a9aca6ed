package collect

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/wafer-waf/wafer/test/ports"
	"github.com/wafer-waf/wafer/test/sinks"
	"github.com/wafer-waf/wafer/test/tier"
)

func TestMain(m *testing.M) {
	if at := os.Getenv(asCollector); at != "" {
		grpc, http, _ := strings.Cut(at, " ")
		if err := collectAt(grpc, http); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(tier.Main(m))
}

// collector is a process that collects, and what it has told of.
type collector struct {
	grpc, http string
	cmd        *exec.Cmd
	read       sync.WaitGroup

	mu   sync.Mutex
	seen map[string]bool
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{grpc: ports.Address(t), http: ports.Address(t), seen: map[string]bool{}}
	c.Start(t)
	t.Cleanup(func() { c.Kill(t) })
	return c
}

func (c *collector) Start(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.cmd = exec.Command(self)
	c.cmd.Env = append(os.Environ(), asCollector+"="+c.grpc+" "+c.http)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listens := make(chan struct{})
	c.read.Go(func() {
		for lines := bufio.NewReader(out); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return // it was killed, in the middle of a line perhaps
			}
			if line == "listening\n" {
				close(listens)
				continue
			}
			c.mu.Lock()
			c.seen[line] = true
			c.mu.Unlock()
		}
	})
	tier.Receive(t, "the collector listens", listens)
}

func (c *collector) Kill(*testing.T) {
	_ = c.cmd.Process.Kill()
	c.read.Wait()
	_ = c.cmd.Wait()
}

func (c *collector) Received() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}

// rounds is how often a collector is killed.
func rounds() int {
	if testing.Short() {
		return 1
	}
	return 8
}

func TestLogsWhileTheCollectorIsKilled(t *testing.T) {
	for _, protocol := range []string{"grpc", "http"} {
		t.Run(protocol, func(t *testing.T) {
			c := newCollector(t)
			l := sinks.Load(t, `
events:
  stdout: { format: off }
  sinks:
    - id: receiver
      events: [access, security]
      queue: 128KiB
      otlp: { endpoint: "http://`+map[string]string{"grpc": c.grpc, "http": c.http}[protocol]+`", protocol: `+protocol+`, batch: 32KiB, every: 50ms, timeout: 1m }`)
			got := l.Killed(c, rounds(), `wafer_sink_events_total{result="%s",sink="receiver"}`, `wafer_sink_up{sink="receiver"}`, 1, 2)
			if c.Received() != got.Sent {
				t.Errorf("%d were sent, %d arrived", got.Sent, c.Received())
			}
		})
	}
}

func TestTracesWhileTheCollectorIsKilled(t *testing.T) {
	c := newCollector(t)
	l := sinks.Load(t, `
events: { stdout: { format: off } }
traces: { endpoint: "http://`+c.grpc+`", sample: 100%, queue: 512 }`)
	// A clean request has three spans, an attack has none of an application.
	got := l.Killed(c, rounds(), `wafer_trace_spans_total{result="%s"}`, "wafer_trace_up", 3, 2)
	if c.Received() != got.Sent {
		t.Errorf("%d were sent, %d arrived", got.Sent, c.Received())
	}
}
