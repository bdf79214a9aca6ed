package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// generation is a route file in which everything carries the same letter: backend, fields
// in both directions, block page and status. What it is beside that changes the engine.
func generation(letter, endpoint string, blockStatus int, mode string, threshold int) string {
	return fmt.Sprintf(`
routes:
  - id: shop
    hosts: [shop.test]
    policy: open
    upstreams: [{ id: %[1]s }]
    request_headers: &gen { set: [{ name: X-Gen, value: %[1]s }] }
    response_headers: *gen
  - id: guarded-%[1]s
    hosts: [guarded.test]
    policy: guarded
    upstreams: [{ id: %[1]s }]
    request_headers: *gen
    response_headers: *gen
upstreams:
  - { id: %[1]s, endpoints: ["%[2]s"], timeouts: { idle: 1s } }
policies:
  - { id: open, mode: off }
  - id: guarded
    mode: %[4]s
    thresholds: { inbound: 5, outbound: %[5]d }
    block: { status: %[3]d, json: '{"gen":"%[1]s"}' }
`, letter, endpoint, blockStatus, mode, threshold)
}

// sizes are what a process must not let grow.
type sizes struct{ goroutines, files, heap int }

var heapInUse = regexp.MustCompile(`(?m)^# HeapInuse = (\d+)$`)

// measure collects garbage and waits until what was replaced has been let go.
func measure(t *testing.T, w *tier.Tier, settled func(sizes) bool) sizes {
	t.Helper()
	var s sizes
	defer func() {
		if t.Failed() {
			t.Logf("last measured: %+v", s)
		}
	}()
	tier.Eventually(t, "a settled process", func() bool {
		w.Get("/debug/pprof/heap?gc=1")
		_, profile := w.Get("/debug/pprof/heap?debug=1&gc=1")
		m := heapInUse.FindStringSubmatch(profile)
		if m == nil {
			t.Fatal("no HeapInuse in the heap profile")
		}
		s.heap, _ = strconv.Atoi(m[1])
		s.goroutines = int(w.Metric("go_goroutines"))
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.PID()))
		if err != nil {
			t.Fatal(err)
		}
		s.files = len(files)
		return settled(s)
	})
	return s
}

// asking sends requests from n clients, each over one connection and at the given pace,
// until stop is called, which returns how many were answered.
func asking(n int, pace time.Duration, once func(client int, c *http.Client) error) (stop func() (int64, error)) {
	stop, _ = counting(n, pace, once)
	return stop
}

// counting is asking, and tells how many were answered so far.
func counting(n int, pace time.Duration, once func(client int, c *http.Client) error) (stop func() (int64, error), answered func() int64) {
	var wg sync.WaitGroup
	var count atomic.Int64
	var first atomic.Pointer[error]
	end := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			c := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			defer c.CloseIdleConnections()
			tick := time.NewTicker(pace)
			defer tick.Stop()
			for {
				select {
				case <-end:
					return
				case <-tick.C:
				}
				if err := once(i, c); err != nil {
					first.CompareAndSwap(nil, &err)
					return
				}
				count.Add(1)
			}
		})
	}
	return func() (int64, error) {
		close(end)
		wg.Wait()
		if err := first.Load(); err != nil {
			return count.Load(), *err
		}
		return count.Load(), nil
	}, count.Load
}

// do sends a request and reads the whole answer.
func do(c *http.Client, method, url, host string, body io.Reader) (*http.Response, string, error) {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, "", err
	}
	req.Host = host
	req.Header.Set("Accept", "*/*")
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return resp, string(all), err
}

// TestReloadsUnderLoad swaps the configuration a thousand times, with -short three hundred times, while
// clients keep asking.
// No request fails, each is served by one generation from end to end, and what the old
// generations held is given back.
func TestReloadsUnderLoad(t *testing.T) {
	reloads, early := 1000, 100
	if testing.Short() {
		reloads, early = 300, 30
	}
	const engineEvery = 100
	backends := map[string]*echo{"a": newEcho(t, nil), "b": newEcho(t, nil)}
	status := map[string]int{"a": 403, "b": 406}
	letters := [2]string{"a", "b"}
	text := func(i int) string {
		l := letters[i%2]
		mode := "block"
		if i > early { // every reload proves again that each blocking policy blocks, which takes its time
			mode = "detect"
		}
		return generation(l, backends[l].url(), status[l], mode, 4+i/engineEvery%2)
	}
	file := tier.RouteFile(t, text(0))
	w := tier.Start(t, file, "--reload-interval", "0", "--log-access", "off")

	// passed checks an answer that came from a backend.
	passed := func(resp *http.Response, body string) error {
		gen := resp.Header.Get("X-Gen")
		if resp.StatusCode != 200 || backends[gen] == nil {
			return fmt.Errorf("status %d, X-Gen %q: %s", resp.StatusCode, gen, body)
		}
		if !strings.Contains(body, "\r\nX-Gen: "+gen+"\r\n") || resp.Header.Get("X-Backend") != backends[gen].addr {
			return fmt.Errorf("answer of generation %s, backend %s (a is %s), request\n%s", gen, resp.Header.Get("X-Backend"), backends["a"].addr, body)
		}
		return nil
	}
	var blocked atomic.Int64
	once := func(i int, c *http.Client) error {
		url := "http://" + w.Addr
		resp, body, err := do(c, http.MethodGet, url+"/page", "shop.test", nil)
		if err == nil {
			err = passed(resp, body)
		}
		if err != nil || i%2 == 0 {
			return err
		}
		resp, body, err = do(c, http.MethodPost, url+"/?q="+injection, "guarded.test", strings.NewReader("a=b"))
		switch {
		case err != nil:
			return err
		case resp.StatusCode == 403 && body == `{"gen":"a"}`, resp.StatusCode == 406 && body == `{"gen":"b"}`:
			blocked.Add(1)
			return nil
		default:
			return passed(resp, body)
		}
	}
	defer func() {
		if !t.Failed() {
			return
		}
		_, text := w.Get("/metrics")
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "wafer_upstream_errors_total") || strings.HasPrefix(line, "wafer_panics_total") {
				t.Log(line)
			}
		}
		t.Logf("requests that broke off: a %d, b %d", backends["a"].broken.Load(), backends["b"].broken.Load())
	}()
	var before sizes
	stop, answered := counting(4, 10*time.Millisecond, once)
	for i := 1; i <= reloads; i++ {
		seen := answered()
		tier.Rewrite(t, file, text(i))
		var status int
		var answer string
		tier.Eventually(t, "a reload", func() bool { // nobody may ask the listener more than twenty times a second for long
			status, answer = w.Reload()
			return status != http.StatusTooManyRequests
		})
		if status != http.StatusOK || !strings.Contains(answer, `"changed": true`) {
			t.Fatalf("reload %d: %d %s", i, status, answer)
		}
		if i != early { // the next reload comes when this configuration, or the last one, has served
			tier.EventuallyEvery(t, time.Millisecond, "an answer", func() bool { return answered() > seen })
			continue
		}
		n, err := stop()
		if err != nil {
			t.Fatalf("after %d requests and %d reloads: %v", n, i, err)
		}
		// Idle connections to replaced upstreams, and the goroutines that close them, end
		// within a second; then two measurements agree.
		last := sizes{}
		before = measure(t, w, func(s sizes) bool {
			same := s.goroutines == last.goroutines && s.files == last.files && s.goroutines < 100
			last = s
			return same
		})
		if blocked.Load() == 0 {
			t.Error("no attack was blocked")
		}
		stop, answered = counting(4, 10*time.Millisecond, once)
	}
	n, err := stop()
	if err != nil {
		t.Fatalf("after %d requests: %v", n, err)
	}
	if n < int64(reloads-early) {
		t.Errorf("only %d requests were answered during the reloads", n)
	}
	// What is looked for is what every reload, or every tenth one, leaves behind. How many
	// connections happen to be open, and how many buffers, depends on how many requests met.
	leak := (reloads - early) / 10
	most := sizes{before.goroutines + leak, before.files + leak, before.heap + before.heap/4}
	after := measure(t, w, func(s sizes) bool {
		return s.goroutines <= most.goroutines && s.files <= most.files && s.heap <= most.heap
	})
	t.Logf("%d requests; after %d reloads %+v, after %d %+v", n, early, before, reloads, after)
	if got := w.Metric("wafer_config_generation"); got != float64(reloads+1) {
		t.Errorf("generation %v, want %d", got, reloads+1)
	}
	if got := w.Metric("wafer_engines"); got != 1 {
		t.Errorf("%v engines", got)
	}
}
