package upstream

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/upstream/discover"
)

// occupy begins n exchanges, which have their places until their bodies are closed.
func occupy(t *testing.T, p *Pool, n int) []*Exchange {
	t.Helper()
	var all []*Exchange
	for range n {
		x := newExchange()
		if err := p.Do(get(), x); err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// What is beyond a limit is told at once, or waits for a place.
func TestPlaces(t *testing.T) {
	a, b := startBackend(t, echoSession), startBackend(t, echoSession)
	for name, tt := range map[string]struct {
		limits Limits
		places int
	}{
		"in flight":               {Limits{InFlight: 3}, 3},
		"in flight at endpoints":  {Limits{EndpointInFlight: 2}, 4},
		"both":                    {Limits{InFlight: 3, EndpointInFlight: 1}, 2},
		"in flight, and a queue":  {Limits{InFlight: 3, Queue: 1, Patience: 50 * time.Millisecond}, 3},
		"endpoints, with a queue": {Limits{EndpointInFlight: 1, Queue: 1, Patience: 50 * time.Millisecond}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, func(c *Config) { c.Limits = tt.limits }, a.url(), b.url())
			for range 2 { // all places are given back
				all := occupy(t, p, tt.places)
				want := Busy
				if tt.limits.Queue > 0 {
					want = Waited
				}
				if err := p.Do(get(), newExchange()); FailureOf(err) != want || !errors.Is(err, ErrBusy) {
					t.Errorf("%v, want %v", err, want)
				}
				if tt.limits.Queue > 0 {
					x := newExchange()
					x.Deadline = time.Now().Add(time.Millisecond)
					if err := p.Do(get(), x); !errors.Is(err, ErrTimeout) {
						t.Error("a deadline:", err)
					}
				}
				for _, x := range all {
					_ = x.Body.Close()
				}
			}
			if n := p.places.taken.Load() + p.places.waiting.Load(); n != 0 {
				t.Errorf("%d are left", n)
			}
		})
	}
}

// Who waits gets what is given back, the first one first, and nobody else waits than there may.
func TestQueue(t *testing.T) {
	b := startBackend(t, echoSession)
	for name, edit := range map[string]func(*Config){
		"in flight":   func(c *Config) { c.Limits.InFlight = 1 },
		"connections": func(c *Config) { c.Connections = 1 },
		"endpoint":    func(c *Config) { c.Limits.EndpointInFlight = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			const most = 4
			p := newPool(t, func(c *Config) {
				c.Limits = Limits{Queue: most, Patience: time.Minute}
				edit(c)
			}, b.url())
			held := occupy(t, p, 1)[0]
			served := make(chan int, most)
			for i := range most {
				go func() {
					x := newExchange()
					if err := p.Do(get(), x); err != nil {
						t.Error(err)
					}
					served <- i
					_ = x.Body.Close()
				}()
				eventually(t, "it waits", func() bool { n, may := p.Waiting(); return may && n == i+1 })
			}
			if err := p.Do(get(), newExchange()); FailureOf(err) != QueueFull {
				t.Errorf("one too many: %v", err)
			}
			_ = held.Body.Close()
			for i := range most {
				if got := <-served; got != i {
					t.Errorf("%d is served as number %d", got, i)
				}
			}
		})
	}
}

// A connection that has become old is not used again.
func TestAge(t *testing.T) {
	b := startBackend(t, echoSession)
	p := newPool(t, nil, b.url())
	c := warm(t, p)
	c.ends = 0
	want(t, p, "session 2")
	want(t, p, "session 2")

	x := newExchange() // one that becomes old while it is used
	if err := p.Do(get(), x); err != nil {
		t.Fatal(err)
	}
	x.body.conn.ends = 0
	_, _ = io.Copy(io.Discard, x.Body)
	_ = x.Body.Close()
	want(t, p, "session 3")

	if got := (Age{}).end(); got != socket.Never {
		t.Errorf("no age: %d", got)
	}
	for range 100 {
		if d := time.Duration(Age{time.Minute, 20}.end()); d > time.Minute || d < 48*time.Second {
			t.Errorf("ends after %s", d)
		}
	}
}

// One that speaks HTTP/2 leaves when it is old, behind what is under way.
func TestAgeOfSharedConnections(t *testing.T) {
	url, connections := startHTTP2(t, false, func(http.ResponseWriter, *http.Request) {})
	p := newPool(t, func(c *Config) {
		speaks(HTTP2)(c)
		c.Age = Age{Most: time.Millisecond}
	}, url)
	for i := range 3 {
		if status, _, err := do(p, get(), newExchange()); status != 200 || err != nil {
			t.Fatal(status, err)
		}
		eventually(t, "it leaves", func() bool {
			m := p.live()[0].mux
			m.mu.Lock()
			defer m.mu.Unlock()
			return len(m.live) == 0
		})
		if n := connections.Load(); int(n) <= i { // more, where one has become old before its request was sent
			t.Errorf("%d connections", n)
		}
	}
}

// Who waits finds what nobody has given back, too: an endpoint that is new, while all others work on.
func TestQueueFindsNewEndpoints(t *testing.T) {
	if overTLS {
		t.Skip("sources are of cleartext")
	}
	a, b := startBackend(t, echoSession), startBackend(t, echoSession)
	source := newScript("pods")
	p := newPool(t, func(c *Config) {
		c.Endpoints, c.Sources = nil, []discover.Source{source}
		c.Limits = Limits{EndpointInFlight: 2, Queue: 8, Patience: time.Minute}
	})
	source.say(a.addr())
	held := occupy(t, p, 2)
	served := make(chan error)
	const most = 4
	for i := range most {
		go func() {
			_, _, err := do(p, get(), newExchange())
			served <- err
		}()
		eventually(t, "it waits", func() bool { return int(p.places.waiting.Load()) == i+1 })
	}
	source.say(a.addr() + " " + b.addr())
	for range most {
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	for _, x := range held {
		_ = x.Body.Close()
	}
}

// However many look for a place at once, one that is free is found.
func TestAPlaceThatIsFreeIsFound(t *testing.T) {
	p := &places{}
	p.limit(Limits{InFlight: 1})
	var wg sync.WaitGroup
	var missed atomic.Int32
	for range 4 {
		wg.Go(func() {
			for range 20_000 {
				if p.take() {
					if n := p.taken.Load(); n != 1 {
						missed.Add(1)
					}
					p.give()
				}
			}
		})
	}
	wg.Wait()
	if n := missed.Load(); n > 0 {
		t.Errorf("%d times there were more than there are places", n)
	}
}
