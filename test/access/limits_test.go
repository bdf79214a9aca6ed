package access

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/redis"
	"github.com/wafer-waf/wafer/test/tier"
)

// What the limits of the fleet are, by its hosts.
const (
	replicas  = 3
	perSecond = 10
	burst     = 30 // more than come back while a busy machine does nothing for two seconds
)

const fleetFile = `
routes:
  - { id: exact, hosts: [exact.test], access: exact, upstreams: [{ id: app }] }
  - { id: local, hosts: [local.test], access: local, upstreams: [{ id: app }] }
  - { id: many, hosts: [many.test], access: many, upstreams: [{ id: app }] }
upstreams: [{ id: app, endpoints: ["%s"] }]
policies: [{ id: default, mode: "off" }]
access:
  - { id: exact, limits: [{ id: l, rate: 10/s, burst: 30, share: exact, replicas: 3 }] }
  - { id: local, limits: [{ id: l, rate: 10/s, burst: 30, share: local }] }
  - { id: many, limits: [{ id: l, rate: 1/h }] }
`

// fleet starts tiers that share a store.
func fleet(t *testing.T, n int, store *redis.Server) []*tier.Tier {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }))
	t.Cleanup(app.Close)
	file := tier.RouteFile(t, fmt.Sprintf(fleetFile, app.URL))
	all := make([]*tier.Tier, n)
	start := tier.Start
	if store == nil {
		start = tier.Plain // what is not shared is tested with the race detector elsewhere, and here by very many requests
	}
	for i := range all {
		args := []string{"--trusted-proxies", "127.0.0.1/32", "--log-access", "off"}
		if store != nil {
			// A store that a busy machine has answer late is none: each tier counts alone then.
			args = append(args, "--store-addresses", store.Addr, "--store-timeout", "5s")
		}
		all[i] = start(t, file, args...)
	}
	return all
}

// asker asks one tier for one host, as one client after the other, on one connection.
type asker struct {
	conn net.Conn
	br   *bufio.Reader
	host string
}

func askerOf(t *testing.T, w *tier.Tier, host string) *asker {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(15 * time.Minute)) // it has one
	return &asker{conn, bufio.NewReader(conn), host}
}

// passes reports whether a request of a client passes.
func (a *asker) passes(client string) (bool, error) {
	if _, err := fmt.Fprintf(a.conn, "GET / HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: %s\r\n\r\n", a.host, client); err != nil {
		return false, err
	}
	r, err := http.ReadResponse(a.br, nil)
	if err != nil {
		return false, err
	}
	_, _ = io.Copy(io.Discard, r.Body) // what is wrong with it shows next time
	_ = r.Body.Close()
	if r.StatusCode != 200 && r.StatusCode != 429 {
		return false, fmt.Errorf("status %d", r.StatusCode)
	}
	return r.StatusCode == 200, nil
}

// flood has one client ask all tiers for a host as often as they answer, for so long. It returns how many requests passed,
// and how long it took from before the first to after the last.
func flood(t *testing.T, tiers []*tier.Tier, host, client string, lasts time.Duration) (passed int, took time.Duration) {
	t.Helper()
	var askers []*asker
	for _, w := range tiers {
		askers = append(askers, askerOf(t, w, host))
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	for _, a := range askers {
		all.Go(func() {
			for time.Since(began) < lasts {
				pass, err := a.passes(client)
				if err != nil {
					t.Error(err)
					return
				}
				if pass {
					mu.Lock()
					passed++
					mu.Unlock()
				}
				time.Sleep(time.Millisecond) // which leaves something of the machine to others
			}
		})
	}
	all.Wait()
	return passed, time.Since(began)
}

// TestLimitsOfAFleet floods three tiers that share a store: no more passes than a limit says, with what docs/access.md says
// that replicas can let pass too much, and hardly less.
func TestLimitsOfAFleet(t *testing.T) {
	t.Parallel()
	lasts := time.Minute
	if testing.Short() {
		lasts = 4 * time.Second
	}
	store := redis.Start(t, redis.Options{})
	tiers := fleet(t, replicas, store)
	// Ten times of what it takes on a quiet machine to hear of each other.
	const unheard = 1.0
	over := map[string]float64{"exact.test": 0, "local.test": (replicas-1)*burst + 2*replicas*perSecond*unheard}
	var both sync.WaitGroup
	for host, over := range over {
		both.Go(func() {
			passed, took := flood(t, tiers, host, "192.0.2.1", lasts)
			limit := burst + perSecond*took.Seconds()
			t.Logf("%s: %d have passed in %v, of %.0f", host, passed, took, limit)
			if float64(passed) > limit+over {
				t.Errorf("%s: %d have passed in %v, more than %.0f and %.0f", host, passed, took, limit, over)
			}
			// It was asked while that lasted, and not all the time that it took.
			if least := 0.95 * (burst + perSecond*lasts.Seconds()); float64(passed) < least {
				t.Errorf("%s: %d have passed in %v, less than %.0f", host, passed, took, least)
			}
		})
	}
	both.Wait()
}

// TestLimitsWithoutTheirStore kills the store: each tier enforces its part of the limit at once, and when the store is back they
// count together again.
func TestLimitsWithoutTheirStore(t *testing.T) {
	t.Parallel()
	store := redis.Start(t, redis.Options{})
	tiers := fleet(t, replicas, store)
	var askers []*asker
	for _, w := range tiers {
		askers = append(askers, askerOf(t, w, "exact.test"))
	}
	// burstOf is how much of its burst a client gets that asks all tiers once more than that, and how long that took.
	burstOf := func(client string) (n int, took time.Duration) {
		began := time.Now()
		for range burst + 1 {
			for _, a := range askers {
				pass, err := a.passes(client)
				if err != nil {
					t.Fatal(err)
				}
				if pass {
					n++
				}
			}
		}
		return n, time.Since(began)
	}
	check := func(when, client string) {
		t.Helper()
		n, took := burstOf(client)
		if most := burst + perSecond*took.Seconds() + replicas; n < burst || float64(n) > most {
			t.Errorf("%s: %d have passed in %v, not %d to %.0f", when, n, took, burst, most)
		}
	}
	check("with the store", "192.0.2.1")
	store.Kill()
	check("without the store", "192.0.2.2")
	store.Run()
	for i, a := range askers {
		tier.Eventually(t, "the tier counts in the store again", func() bool {
			_, err := a.passes(fmt.Sprintf("192.0.2.%d", 10+i))
			return err == nil && store.Do("DBSIZE") != "0"
		})
	}
	tier.Eventually(t, "all count together", func() bool {
		n, took := burstOf(fmt.Sprintf("198.51.100.%d", time.Now().UnixNano()%250))
		return float64(n) <= burst+perSecond*took.Seconds()
	})
}

// TestLimitsOfManyClients has very many clients ask, and all of them limited, in bounded memory.
func TestLimitsOfManyClients(t *testing.T) {
	t.Parallel()
	clients := 100_000
	if testing.Short() {
		clients = 1000
	}
	w := fleet(t, 1, nil)[0]
	for round, want := range []bool{true, false} {
		var all sync.WaitGroup
		const parts = 8
		for part := range parts {
			a := askerOf(t, w, "many.test")
			all.Go(func() {
				for i := part; i < clients; i += parts * (1 + 19*round) { // the second time, a sample
					pass, err := a.passes(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
					if err != nil || pass != want {
						t.Errorf("client %d, round %d: passes %v, %v", i, round, pass, err)
						return
					}
				}
			})
		}
		all.Wait()
	}
	of := func(metric string) float64 {
		return w.Metric("wafer_access_limit_" + metric + `{limit="l",policy="many"}`)
	}
	if of("buckets") != float64(clients) || of("forgotten_total") != 0 || of("bytes") > 5_400_000 {
		t.Errorf("%v buckets in %v bytes, %v forgotten", of("buckets"), of("bytes"), of("forgotten_total"))
	}
}
