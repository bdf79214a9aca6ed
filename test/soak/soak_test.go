package soak

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// soak is one tier, its backends and the clients that ask it.
type soak struct {
	w      *tier.Tier
	steady [2]*backend // of the two configurations
	shaky  *backend    // killed and revived
	liar   *backend

	pace   float64 // how much longer than usual clients wait between exchanges
	nonces atomic.Int64
	mu     sync.Mutex
	served map[string]int // exchanges that ended as they may, by kind of client
	odd    map[string]int // those of them that a fault touched, by outcome
	failed []error
}

// nonce is a new name for a request.
func (s *soak) nonce() string { return fmt.Sprintf("nonce-%06d", s.nonces.Add(1)) }

// faulty counts an outcome that only a fault explains.
func (s *soak) faulty(outcome string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.odd[outcome]++
}

// routes is one of two configurations: other upstreams, another engine, a route more or less.
func (s *soak) routes(generation int) string {
	odd := generation % 2
	extra := ""
	if odd == 1 {
		extra = "\n  - { id: extra, hosts: [extra.test], policy: guarded, upstreams: [{ id: steady-1 }] }"
	}
	return fmt.Sprintf(`
routes:
  - { id: steady, hosts: [steady.test], policy: guarded, websocket: allow, timeouts: { idle: 5s }, upstreams: [{ id: steady-%[1]d }] }
  - { id: shaky, hosts: [shaky.test], policy: guarded, upstreams: [{ id: shaky }] }
  - { id: big, hosts: [big.test], policy: big, upstreams: [{ id: steady-%[1]d }] }
  - { id: liar, hosts: [liar.test], policy: guarded, upstreams: [{ id: liar }] }
  - { id: liar-read, hosts: [liar-read.test], policy: reading, upstreams: [{ id: liar }] }%[2]s
upstreams:
  - { id: steady-%[1]d, endpoints: ["%[3]s"], timeouts: { connect: 30s, idle: 1s } }
  - { id: shaky, endpoints: ["%[4]s"], timeouts: { connect: 30s, idle: 1s } }
  - { id: liar, endpoints: ["%[5]s"], timeouts: { connect: 30s, idle: 1s } }
policies:
  - id: guarded
    thresholds: { outbound: %[6]d }
    crs: { restricted_headers_basic: [proxy] }
  - { id: big, inherits: guarded, request_body: { limit: 16KiB, oversize: inspect_prefix } }
  - { id: reading, response_body: { inspect: true } }
`, odd, extra, s.steady[odd].url(), s.shaky.url(), s.liar.url(), 4+generation/2%2)
}

// run lets all clients work until the time is over and each kind has done its work, while faults
// happen. It is called from the test's goroutine.
func (s *soak) run(t *testing.T, file string, length time.Duration) {
	t.Helper()
	end := make(chan struct{})
	var wg sync.WaitGroup
	for _, k := range kinds {
		for range k.clients {
			wg.Go(func() { s.client(k, end) })
		}
	}
	over, timer := false, time.After(length)
	// A reload compiles for seconds with the race detector. The others take no longer than a silent client waits.
	every := 5 * time.Second
	if soaking() {
		every = 2 * time.Second
	}
	reload, fault := time.NewTicker(every), time.NewTicker(1500*time.Millisecond)
	defer reload.Stop()
	defer fault.Stop()
	for generation, running := 1, true; running; {
		select {
		case <-timer:
			over = true
		case <-reload.C:
			tier.Rewrite(t, file, s.routes(generation))
			if status, text := s.w.Reload(); status != 200 || !strings.Contains(text, `"changed": true`) {
				t.Errorf("reload: %d %s", status, text)
			}
			generation++
			s.w.Forget()
		case <-fault.C:
			if s.shaky.epoch.Load()%2 == 0 {
				s.shaky.kill()
			} else {
				s.shaky.revive(t)
			}
		}
		s.mu.Lock()
		running = len(s.failed) == 0 && !(over && s.all())
		s.mu.Unlock()
	}
	close(end)
	wg.Wait()
	if s.shaky.epoch.Load()%2 != 0 {
		s.shaky.revive(t)
	}
	tier.Rewrite(t, file, s.routes(0))
	if status, text := s.w.Reload(); status != 200 {
		t.Errorf("reload: %d %s", status, text)
	}
}

// all reports whether there was an exchange of every kind. s.mu is held.
func (s *soak) all() bool {
	return !slices.ContainsFunc(kinds, func(k kind) bool { return s.served[k.name] == 0 })
}

// client repeats one kind of exchange on one connection, as long as that lives.
func (s *soak) client(k kind, end <-chan struct{}) {
	c := &client{soak: s, end: end}
	defer c.drop()
	tick := time.NewTicker(time.Duration(float64(k.every) * s.pace))
	defer tick.Stop()
	for pause(end, tick.C) {
		err := k.once(c)
		if errors.Is(err, errOver) {
			return
		}
		s.mu.Lock()
		if err == nil {
			s.served[k.name]++
		} else {
			s.failed = append(s.failed, fmt.Errorf("%s: %w", k.name, err))
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// report ends the test if an exchange has failed, with the first of those that did.
func (s *soak) report(t *testing.T) {
	t.Helper()
	for i, err := range s.failed {
		if i < 10 {
			t.Error(err)
		}
	}
	if len(s.failed) > 0 {
		_, text := s.w.Get("/metrics")
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "wafer_upstream_errors_total{") || strings.HasPrefix(line, "wafer_refused_total{") {
				t.Log(strings.TrimSpace(line))
			}
		}
		t.FailNow()
	}
}

// settled waits until nothing is in flight and sizes are at most most, and returns them.
func (s *soak) settled(t *testing.T, most sizes) sizes {
	t.Helper()
	var now, last sizes
	var flight, open, tunnels, queue float64
	defer func() {
		if t.Failed() {
			t.Logf("requests in flight %v, connections %v, tunnels %v, queue %v, %+v", flight, open, tunnels, queue, now)
		}
	}()
	tier.Eventually(t, "nothing in flight, and no more held than at rest", func() bool {
		flight, open = s.w.Metric("wafer_requests_in_flight"), s.w.Metric("wafer_connections")
		tunnels, queue = s.w.Metric("wafer_tunnels"), s.w.Metric("wafer_inspection_queue")
		last, now = now, measure(t, s.w)
		return flight+open+tunnels+queue == 0 && now.goroutines == last.goroutines && now.files == last.files &&
			now.goroutines <= most.goroutines && now.files <= most.files && now.heap <= most.heap
	})
	return now
}

// TestSoak mixes all kinds of clients with faults, for WAFER_TEST_SOAK. Every answer
// carries its own request's nonce, outcomes are those that the fault at hand allows, and at
// the end nothing is left of it all. On a machine with other work, WAFER_TEST_SOAK_PACE makes
// clients wait so many times longer between exchanges: what is asked for is right answers,
// not many.
func TestSoak(t *testing.T) {
	usual := "20s"
	if testing.Short() {
		usual = "12s"
	}
	length, err := time.ParseDuration(cmp.Or(os.Getenv("WAFER_TEST_SOAK"), usual))
	if err != nil {
		t.Fatal(err)
	}
	pace, err := strconv.ParseFloat(cmp.Or(os.Getenv("WAFER_TEST_SOAK_PACE"), "1"), 64)
	if err != nil {
		t.Fatal(err)
	}
	s := &soak{
		steady: [2]*backend{newBackend(t), newBackend(t)}, shaky: newBackend(t), liar: newBackend(t),
		pace: pace, served: map[string]int{}, odd: map[string]int{},
	}
	file := tier.RouteFile(t, s.routes(0))
	// Where everything is slow, so may clients be. Nobody knows how slow that is in make test.
	slow := min(time.Duration(pace*float64(3*time.Second)), 20*time.Second).String()
	if !soaking() {
		slow = "15s"
	}
	// There is a place for the inspection of every client: what happens if there is none is
	// TestOverload's.
	s.w = tier.Start(t, file, "--limit-inspections", "64", "--reload-interval", "0", "--log-access", "off", "--trusted-proxies", "127.0.0.1/32",
		"--timeout-head", slow, "--timeout-body", slow, "--timeout-write", slow, "--timeout-idle", "20s")

	s.run(t, file, min(max(length/4, 5*time.Second), 30*time.Second)) // warm-up: what stays after it may stay
	s.report(t)
	before := s.settled(t, sizes{1 << 20, 1 << 20, 1 << 40})
	clear(s.served)
	s.run(t, file, length)
	s.report(t)
	// The tolerance: connections of the test itself, and a quarter of the heap, which holds
	// buffers whose number depends on how many requests met.
	after := s.settled(t, sizes{before.goroutines + 10, before.files + 10, before.heap + before.heap/4})
	t.Logf("after the warm-up %+v, after the soak %+v", before, after)
	total := 0
	for _, k := range kinds {
		total += s.served[k.name]
	}
	t.Logf("%d exchanges: %v", total, s.served)
	for _, outcome := range slices.Sorted(maps.Keys(s.odd)) {
		t.Logf("under faults: %s: %d", outcome, s.odd[outcome])
	}
	if n := s.w.Metric("wafer_panics_total"); n != 0 {
		t.Errorf("%v panics", n)
	}
	if n := sum(s.w, "wafer_requests_total", `verdict="error_`); n != 0 {
		t.Errorf("the engine failed %d times", n)
	}
	if n := s.w.Metric(`wafer_config_reloads_total{result="failure"}`); n != 0 {
		t.Errorf("%v reloads failed", n)
	}
	s.w.Signal(syscall.SIGINT)
	if code := s.w.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
