package upstream

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/deaf"
	"github.com/wafer-waf/wafer/upstream/balance"
	"github.com/wafer-waf/wafer/upstream/health"
	"github.com/wafer-waf/wafer/upstream/health/check"
)

// moods are what an endpoint under test does with requests.
const (
	well int32 = iota
	hangs
	broken  // it answers 503
	resets  // instead of an answer
	babbles // what is no HTTP
)

// moody is an endpoint whose mood a test changes.
type moody struct {
	*backend
	mood   atomic.Int32
	asked  atomic.Int32 // requests that it got, checks left out
	checks atomic.Int32
}

func startMoody(tb testing.TB) *moody {
	m := &moody{}
	release := make(chan struct{})
	m.backend = startBackend(tb, func(s *session) {
		for {
			r, _ := s.request()
			if r == nil {
				return
			}
			if r.URL.Path == "/healthz" {
				m.checks.Add(1)
			} else {
				m.asked.Add(1)
			}
			switch m.mood.Load() {
			case hangs:
				<-release
				return
			case broken:
				s.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
			case resets:
				_ = s.raw.SetLinger(0)
				return
			case babbles:
				s.send("ready\r\n\r\n")
				return
			default:
				s.answer("ok")
			}
		}
	})
	tb.Cleanup(func() { close(release) }) // before the backend stops, which waits for its sessions
	return m
}

// ejecting is a pool of endpoints, one of which is going to fail.
type ejecting struct {
	*Pool
	mu      sync.Mutex
	changes []string
}

func (e *ejecting) told() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changes
}

// newEjecting is prepareEjecting of what is asked from now on.
func newEjecting(tb testing.TB, base time.Duration, edit func(*Config), endpoints ...string) *ejecting {
	e := prepareEjecting(tb, base, edit, endpoints...)
	e.Begin(nil)
	return e
}

// prepareEjecting has ejections that last as long as base. Three faults of a kind lead to one.
func prepareEjecting(tb testing.TB, base time.Duration, edit func(*Config), endpoints ...string) *ejecting {
	e := &ejecting{}
	e.Pool = newPool(tb, func(c *Config) {
		c.Balance.Policy = balance.RoundRobin // whose turns can be counted
		c.Health = health.Config{
			Faults: 3, Errors5xx: 3, Base: base, Max: 8 * base, Share: 50, Panic: 50, Healthy: 2, Unhealthy: 2,
			Tell: func(c health.Change) {
				e.mu.Lock()
				defer e.mu.Unlock()
				e.changes = append(e.changes, fmt.Sprint(c.From, ">", c.To, " ", c.Reason))
			},
		}
		if edit != nil {
			edit(c)
		}
	}, endpoints...)
	return e
}

// get sends requests one after the other. It returns how many were not answered with 200.
func (e *ejecting) get(n int) (failed int) {
	for range n {
		if status, _, err := do(e.Pool, get(), newExchange()); err != nil || status != 200 {
			failed++
		}
	}
	return failed
}

// even fails the test unless requests are shared evenly among the endpoints.
func (e *ejecting) even(t *testing.T, all []*moody) {
	t.Helper()
	const each = 10
	var before []int32
	for _, m := range all {
		before = append(before, m.asked.Load())
	}
	if failed := e.get(each * len(all)); failed > 0 {
		t.Errorf("%d requests failed", failed)
	}
	for i, m := range all {
		if got := m.asked.Load() - before[i]; got != each {
			t.Errorf("endpoint %d got %d requests of %d, want %d", i, got, each*len(all), each)
		}
	}
}

func startMoodies(tb testing.TB, n int) (all []*moody, urls []string) {
	for range n {
		m := startMoody(tb)
		all, urls = append(all, m), append(urls, m.url())
	}
	return all, urls
}

// TestAFaultyEndpointCostsAFew has one of three endpoints fail in each way, for ever: only as many requests notice it as lead to an
// ejection. Behind it all is even again.
func TestAFaultyEndpointCostsAFew(t *testing.T) {
	for _, c := range []struct {
		name   string
		mood   int32
		failed int // requests that clients see fail; those that may be repeated are not
		told   string
	}{
		{"accepts and hangs", hangs, 3, "timeout"},
		{"is broken", broken, 3, "5xx"},
		{"resets", resets, 3, "reset"},
		{"speaks no HTTP", babbles, 3, "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, urls := startMoodies(t, 3)
			p := newEjecting(t, time.Hour, func(c *Config) { c.Response = time.Second }, urls...)
			p.even(t, all)
			all[1].mood.Store(c.mood)
			if failed := p.get(60); failed > c.failed || c.mood != resets && failed != c.failed {
				t.Errorf("%d requests of 60 failed, want %d", failed, c.failed)
			}
			if told := p.told(); len(told) != 1 || told[0] != "up>ejected "+c.told {
				t.Errorf("told %q", told)
			}
			if got := p.Counts(); got[health.Up] != 2 || got[health.Ejected] != 1 {
				t.Errorf("counts %v", got)
			}
			for _, e := range p.Endpoints() {
				if out := e.Address == all[1].addr(); out != (e.State == "ejected") || out && (e.Reason != c.told || e.Until == nil) {
					t.Errorf("%+v", e)
				}
			}
		})
	}
}

// TestAnEndpointThatSwallowsPackets is one whose queue of connections is full, so that the kernel answers no more of
// them: without ejection each request that is sent there waits for timeouts.connect, for ever.
func TestAnEndpointThatSwallowsPackets(t *testing.T) {
	all, urls := startMoodies(t, 2)
	p := newEjecting(t, time.Hour, func(c *Config) { c.Connect = 2 * time.Second }, append(urls, scheme()+deaf.Address(t))...)
	passed := 0
	for range 60 {
		x := newExchange()
		x.Retried = func(_ string, why Failure) {
			if passed++; why != Unreachable && why != Unconnected && why != SlowHandshake {
				t.Errorf("retried for %v", why)
			}
		}
		if status, _, err := do(p.Pool, get(), x); status != 200 || err != nil {
			t.Fatalf("%d %v", status, err)
		}
	}
	if passed != 3 {
		t.Errorf("%d requests waited, want 3", passed)
	}
	if a, b := all[0].asked.Load(), all[1].asked.Load(); a+b != 60 {
		t.Errorf("the others were asked %d and %d times", a, b)
	}
}

// TestEvenAgain has an endpoint fail, be ejected, and be well again. One request tries it, and then it gets its share.
func TestEvenAgain(t *testing.T) {
	for _, mood := range []int32{hangs, broken, babbles} {
		all, urls := startMoodies(t, 3)
		p := newEjecting(t, 100*time.Millisecond, func(c *Config) { c.Response = time.Second }, urls...)
		all[2].mood.Store(mood)
		eventually(t, "ejected", func() bool { p.get(1); return len(p.told()) > 0 })
		all[2].mood.Store(well)
		eventually(t, "up again", func() bool { p.get(1); return p.Counts()[health.Up] == 3 })
		p.even(t, all)
		if told := p.told(); told[len(told)-1] != "ejected>up " {
			t.Errorf("told %q", told)
		}
	}
}

// TestAllFail has all endpoints answer that they are broken: none is ejected, since none does better, and when
// they are well again, all is even at once.
func TestAllFail(t *testing.T) {
	all, urls := startMoodies(t, 3)
	p := newEjecting(t, time.Hour, nil, urls...)
	for _, m := range all {
		m.mood.Store(broken)
	}
	if failed := p.get(60); failed != 60 {
		t.Errorf("%d of 60 failed", failed)
	}
	for _, m := range all {
		m.mood.Store(well)
	}
	p.even(t, all)
	if told := p.told(); len(told) > 0 {
		t.Errorf("told %q", told)
	}
}

// TestWhatClientsDoEjectsNobody has clients send half a body, and take more than their time.
func TestWhatClientsDoEjectsNobody(t *testing.T) {
	_, urls := startMoodies(t, 2)
	p := newEjecting(t, time.Hour, nil, urls...)
	for range 20 {
		if _, _, err := do(p.Pool, streamed("POST", failing{}, 10), newExchange()); FailureOf(err) != NoBody {
			t.Fatalf("%v", err)
		}
		late, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		x := newExchange()
		x.Deadline, _ = late.Deadline()
		if _, _, err := do(p.Pool, streamed("POST", sleepy{late}, 10), x); FailureOf(err) != OutOfTime {
			t.Fatalf("%v", err)
		}
		cancel()
	}
	if p.Counts()[health.Up] != 2 {
		t.Errorf("told %q", p.told())
	}
}

// sleepy is the body of a client that sends on when the time of its request is over.
type sleepy struct{ late context.Context }

func (s sleepy) Read(p []byte) (int, error) {
	<-s.late.Done()
	return copy(p, "body"), nil
}

// failing is the body of a client that breaks off.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

// TestChecksKeepRequestsAway has checks find an endpoint broken, of which requests are then kept, and well again.
func TestChecksKeepRequestsAway(t *testing.T) {
	all, urls := startMoodies(t, 3)
	p := newEjecting(t, time.Hour, func(c *Config) {
		c.Checks = &check.Config{
			Method: "GET", Path: "/healthz", Good: func(s int) bool { return s == 200 }, Body: "ok",
			Interval: 20 * time.Millisecond, Down: 20 * time.Millisecond, Timeout: 5 * time.Second,
		}
	}, urls...)
	all[0].mood.Store(broken)
	eventually(t, "down", func() bool { return p.Counts()[health.Down] == 1 })
	asked := all[0].asked.Load()
	if failed := p.get(30); failed > 0 || all[0].asked.Load() != asked {
		t.Errorf("%d of 30 failed, and %d were sent to who is down", failed, all[0].asked.Load()-asked)
	}
	all[0].mood.Store(well)
	eventually(t, "up again", func() bool { return p.Counts()[health.Up] == 3 })
	p.even(t, all)
	if told := p.told(); len(told) != 2 || told[0] != "up>down check" || told[1] != "down>up " {
		t.Errorf("told %q", told)
	}
	if all[1].checks.Load() == 0 {
		t.Error("the second endpoint was not checked")
	}
}

// TestAReloadEndsNoEjection has one pool take another one's place, and back, as a reload does that is taken back soon.
func TestAReloadEndsNoEjection(t *testing.T) {
	all, urls := startMoodies(t, 3)
	p := newEjecting(t, time.Hour, nil, urls...)
	all[1].mood.Store(broken)
	p.get(30)
	next := prepareEjecting(t, time.Hour, func(c *Config) { c.Connections = 4 }, urls...)
	next.Begin(p.Pool)
	asked := all[1].asked.Load()
	for _, pool := range []*ejecting{next, p} {
		if failed := pool.get(30); failed > 0 || all[1].asked.Load() != asked || pool.Counts()[health.Ejected] != 1 {
			t.Errorf("%d of 30 failed, and %d were sent to who is ejected", failed, all[1].asked.Load()-asked)
		}
		p.Begin(next.Pool)
	}
}
