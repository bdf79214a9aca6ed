package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// balancer is a Service in small: it asks each tier's /readyz every 50 ms and gives new
// connections to those that are ready, in turn.
type balancer struct {
	addr  string
	mu    sync.Mutex
	tiers []*tier.Tier
	ready []bool
	turn  int
}

func newBalancer(t *testing.T, tiers ...*tier.Tier) *balancer {
	b := &balancer{tiers: tiers, ready: make([]bool, len(tiers))}
	end := make(chan struct{})
	var probing sync.WaitGroup
	probing.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				b.probe()
			}
		}
	})
	t.Cleanup(func() {
		close(end)
		probing.Wait()
	})
	b.addr = listen(t, b.carry)
	return b
}

func (b *balancer) probe() {
	for i := range b.tiers {
		b.mu.Lock()
		admin := b.tiers[i].Admin
		b.mu.Unlock()
		resp, err := http.Get("http://" + admin + "/readyz") //nolint:noctx // ends with the tier
		ok := err == nil && resp.StatusCode == http.StatusOK
		if err == nil {
			_ = resp.Body.Close()
		}
		b.mu.Lock()
		b.ready[i] = ok && b.tiers[i].Admin == admin
		b.mu.Unlock()
	}
}

// replace puts a new tier in the place of one that has ended.
func (b *balancer) replace(i int, w *tier.Tier) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tiers[i], b.ready[i] = w, false
}

func (b *balancer) isReady(i int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ready[i]
}

// next is the address of a ready tier, empty if there is none.
func (b *balancer) next() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.tiers {
		b.turn++
		if i := b.turn % len(b.tiers); b.ready[i] {
			return b.tiers[i].Addr
		}
	}
	return ""
}

// carry copies between a client and one tier until either closes.
func (b *balancer) carry(client net.Conn) {
	var d net.Dialer
	c, err := d.Dial("tcp", b.next())
	if err != nil {
		return // the client counts it as lost
	}
	defer c.Close()
	go func() {
		_, _ = io.Copy(c, client)
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(client, c)
}

// onlyOnce hides what it reads from, so that net/http cannot send it a second time.
type onlyOnce struct{ io.Reader }

func TestRollingRestartUnderLoad(t *testing.T) {
	back := newEcho(t, nil)
	file := tier.RouteFile(t, `
routes:
  - { id: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
`+off)
	start := func() *tier.Tier { return tier.Start(t, file, "--drain-delay", "1s", "--log-access", "off") }
	tiers := []*tier.Tier{start(), start()}
	b := newBalancer(t, tiers...)
	for i := range tiers {
		tier.Eventually(t, "a ready tier", func() bool { return b.isReady(i) })
	}
	stop, answered := counting(4, 2*time.Millisecond, func(i int, c *http.Client) error {
		method, body := http.MethodGet, io.Reader(nil)
		if i%2 == 0 {
			method, body = http.MethodPost, onlyOnce{strings.NewReader("a=b")}
		}
		resp, text, err := do(c, method, "http://"+b.addr+"/page", "shop.test", body)
		if err != nil {
			return err
		}
		if resp.StatusCode != 200 || !strings.HasPrefix(text, method+" /page HTTP/1.1\r\n") {
			return fmt.Errorf("status %d: %s", resp.StatusCode, text)
		}
		return nil
	})
	const between = 20 // requests, at least, before, between and after the restarts
	more := func() {
		t.Helper()
		seen := answered()
		tier.Eventually(t, "more answers", func() bool { return answered() >= seen+between })
	}
	more()
	for i, old := range tiers {
		old.Signal(syscall.SIGTERM)
		if code := old.Wait(); code != 0 {
			t.Errorf("tier %d ended with exit code %d", i, code)
		}
		b.replace(i, start())
		tier.Eventually(t, "a ready tier again", func() bool { return b.isReady(i) })
		more()
	}
	if n, err := stop(); err != nil {
		t.Errorf("a request was lost after %d: %v", n, err)
	}
}

// gate is a backend whose answers to /slow wait until the gate opens.
type gate struct {
	*echo
	arrived chan struct{}
	open    chan struct{}
}

func newGate(t *testing.T) *gate {
	g := &gate{arrived: make(chan struct{}, 10), open: make(chan struct{})}
	g.echo = newEcho(t, func(r *http.Request, _ string) string {
		if r.URL.Path == "/slow" {
			g.arrived <- struct{}{}
			<-g.open
		}
		return ""
	})
	return g
}

func (g *gate) tier(t *testing.T, args ...string) *tier.Tier {
	return tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+g.url()+`"] }
`+off), args...)
}

func TestSIGTERMDrains(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	w := g.tier(t, "--drain-delay", "8s")
	slow := dial(t, w.Addr, "").send(request("GET", "shop.test", "/slow"))
	tier.Receive(t, "the slow request", g.arrived)
	idle := dial(t, w.Addr, "")
	idle.send(request("GET", "shop.test", "/")).reply("GET").wantStatus(t, 200)

	w.Signal(syscall.SIGTERM)
	tier.Eventually(t, "readiness to fail", func() bool {
		status, text := w.Get("/readyz")
		return status == 503 && strings.Contains(text, "draining")
	})
	// Not ready, and yet it answers: on old connections, which it asks to leave, and on new ones.
	for _, c := range []*client{idle, dial(t, w.Addr, "")} {
		r := c.send(message("POST", "shop.test", "/", "a=b")).reply("POST").wantStatus(t, 200)
		if !r.Close {
			t.Errorf("an answer while draining keeps the connection: %v", r.header)
		}
	}
	tier.Eventually(t, "the listener to close", func() bool {
		c, err := net.Dial("tcp", w.Addr) //nolint:noctx // loopback
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	if status, _ := w.Get("/healthz"); status != 200 {
		t.Errorf("/healthz: %d while requests are in flight", status)
	}
	close(g.open)
	slow.reply("GET").wantStatus(t, 200)
	if code := w.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	w.Log(func(l map[string]any) bool { return l["message"] == "stopped" })
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	w := g.tier(t, "--drain-delay", "10m", "--shutdown-grace", "10m")
	dial(t, w.Addr, "").send(request("GET", "shop.test", "/slow"))
	tier.Receive(t, "the slow request", g.arrived)
	w.Signal(syscall.SIGTERM)
	w.Log(func(l map[string]any) bool { return l["message"] == "draining" })
	w.Signal(syscall.SIGTERM)
	if code := w.Wait(); code != 1 {
		t.Errorf("exit code %d, want 1: a request was cut", code)
	}
	close(g.open)
}

func TestInterruptUnderLoad(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	w := g.tier(t, "--drain-delay", "10m", "--log-access", "off")
	asked := make(chan struct{}, 1)
	stop := asking(4, time.Millisecond, func(_ int, c *http.Client) error {
		_, _, err := do(c, http.MethodGet, "http://"+w.Addr+"/", "shop.test", nil)
		select {
		case asked <- struct{}{}:
		default:
		}
		return err
	})
	tier.Receive(t, "traffic", asked)
	w.Signal(syscall.SIGINT)
	if code := w.Wait(); code != 0 { // long before the drain delay
		t.Errorf("exit code %d", code)
	}
	_, _ = stop() // the tier is gone
}
