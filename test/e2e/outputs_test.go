package e2e

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// serveInto starts a tier whose standard output is stdout, and returns its two addresses.
func serveInto(t *testing.T, stdout *os.File, args ...string) (traffic, admin string) {
	t.Helper()
	c := exec.Command(tier.Binary(t), append(args, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")...)
	c.Stdout = stdout
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	serving := make(chan [2]string, 1)
	go func() {
		defer close(ended)
		s := bufio.NewScanner(stderr)
		for s.Scan() {
			var l struct{ Message, Listen, Admin string }
			if json.Unmarshal(s.Bytes(), &l) == nil && l.Message == "serving" {
				serving <- [2]string{l.Listen, l.Admin}
			}
		}
		_ = c.Wait() // killed
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-ended
	})
	addr := tier.Receive(t, "a serving tier", serving)
	return addr[0], addr[1]
}

// metric asks for a series without labels.
func metric(t *testing.T, admin, name string) float64 {
	t.Helper()
	for line := range strings.Lines(ask(t, admin, request("GET", admin, "/metrics", "Connection: close")).body) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			var n float64
			if err := json.Unmarshal([]byte(value), &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s", name)
	return 0
}

// dropped is the number of events that found no room.
func dropped(t *testing.T, admin string) float64 {
	t.Helper()
	return metric(t, admin, "wafer_events_dropped_total")
}

func TestTrafficOutlivesItsLog(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	file := tier.RouteFile(t, `
routes:
  - { id: all, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
`+off)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	traffic, admin := serveInto(t, w, "serve", "--routes", file)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	// Nobody reads: the pipe fills, then the buffer of 4 MiB, at 2 KB an event.
	long := request("GET", "shop.test", "/"+strings.Repeat("p", 1500), "X-Long: "+strings.Repeat("u", 500))
	long = strings.Replace(long, "User-Agent: e2e", "User-Agent: "+strings.Repeat("u", 500), 1)
	c := dial(t, traffic, "")
	const most = 20_000
	asked := 0
	for ; asked < most; asked++ {
		c.send(long).reply(http.MethodGet).wantStatus(t, 200)
		if asked%500 == 0 && dropped(t, admin) > 0 {
			break
		}
	}
	if asked == most {
		t.Fatalf("no event was dropped after %d requests", most)
	}

	// Somebody reads again: what was kept comes out in whole lines.
	lines := bufio.NewReader(r)
	for range 100 {
		line, err := lines.ReadString('\n')
		if err != nil || !json.Valid([]byte(line)) {
			t.Fatalf("event %q, %v", line, err)
		}
	}
	// And nobody can ever again.
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	before := dropped(t, admin)
	for asked := range 3000 {
		c.send(long).reply(http.MethodGet).wantStatus(t, 200)
		if asked%500 == 499 && dropped(t, admin) > before {
			return
		}
	}
	t.Errorf("no event was dropped since the output was closed: %v", before)
}
