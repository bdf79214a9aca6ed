package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// holder runs "wafer hold" until the test ends, and returns its socket.
func holder(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hold.sock")
	ctx, cancel := context.WithCancel(t.Context())
	c := exec.CommandContext(ctx, tier.Binary(t), "hold", path)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	t.Cleanup(func() { cancel(); <-read; _ = c.Wait() }) // it was killed
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() || !strings.Contains(lines.Text(), "holding") {
		t.Fatalf("wafer hold says %q", lines.Text())
	}
	go func() {
		defer close(read)
		for lines.Scan() {
			t.Log("hold: " + lines.Text())
		}
	}()
	return path
}

// TestKillUnderLoad kills one process of two, again and again, while clients that ask each other one in turn never ask
// twice. A client has one request under way: no more than that may fail at a time.
func TestKillUnderLoad(t *testing.T) {
	back := newEcho(t, nil)
	file := tier.RouteFile(t, `
routes:
  - { id: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
`+off)
	const clients, kills = 8, 3
	var tiers [2]*tier.Tier
	var sockets [2]string
	var addrs [2]string
	start := func(i int) { tiers[i] = tier.Start(t, file, "--hold", sockets[i], "--log-access", "off") }
	for i := range tiers {
		sockets[i] = holder(t)
		start(i)
		addrs[i] = tiers[i].Addr
	}
	var failed, first atomic.Int64 // first: answers of the tier that is killed
	var turn [clients]int
	stop, answered := counting(clients, 2*time.Millisecond, func(i int, c *http.Client) error {
		turn[i]++
		to := turn[i] % 2
		method, body := http.MethodGet, io.Reader(nil)
		if turn[i]%4 < 2 {
			method, body = http.MethodPost, onlyOnce{strings.NewReader("a=b")}
		}
		resp, text, err := do(c, method, "http://"+addrs[to]+"/page", "shop.test", body)
		switch {
		case err != nil && to == 0:
			failed.Add(1)
			return nil
		case err != nil:
			return err
		case resp.StatusCode != 200 || !strings.HasPrefix(text, method+" /page HTTP/1.1\r\n"):
			return fmt.Errorf("status %d: %s", resp.StatusCode, text)
		}
		if to == 0 {
			first.Add(1)
		}
		return nil
	})
	more := func() {
		t.Helper()
		seen, seenFirst := answered(), first.Load()
		tier.Eventually(t, "more answers", func() bool { return answered() > seen+20*clients && first.Load() > seenFirst+clients })
	}
	for range kills {
		more()
		before := failed.Load()
		tiers[0].Kill()
		start(0) // as the kubelet does
		if tiers[0].Addr != addrs[0] {
			t.Fatalf("the next process listens on %s", tiers[0].Addr)
		}
		more()
		if lost := failed.Load() - before; lost > clients {
			t.Errorf("%d requests failed, of %d clients with one each", lost, clients)
		} else {
			t.Logf("%d requests failed", lost)
		}
	}
	n, err := stop()
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d of %d requests failed in %d kills", failed.Load(), n, kills)

	tiers[0].Signal(syscall.SIGINT)
	if code := tiers[0].Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	tier.Eventually(t, "a process that ends by itself is not held", func() bool {
		_, _, err := do(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, http.MethodGet, "http://"+addrs[0]+"/", "shop.test", nil)
		return err != nil
	})
}
