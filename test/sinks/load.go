package sinks

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// Receiver is who takes events, or spans.
type Receiver interface {
	Start(t *testing.T)
	Kill(t *testing.T) // at once, with what it has in its hands
	Received() int     // different items
}

// Tier is a tier under load.
type Tier struct {
	*tier.Tier
	t             *testing.T
	clean, attack atomic.Int64
	stop          chan struct{}
	clients       sync.WaitGroup
}

// clients is how many ask at once.
const clients = 4

// Load starts a tier with boot settings, and clients that ask it until Stop. Each second request is an attack.
func Load(t *testing.T, boot string) *Tier {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(backend.Close)
	file := filepath.Join(t.TempDir(), "wafer.yaml")
	if err := os.WriteFile(file, []byte(boot+"\nto: "+backend.URL+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &Tier{Tier: tier.Run(t, "serve", "--config", file), t: t, stop: make(chan struct{})}
	for range clients {
		l.clients.Go(l.ask)
	}
	t.Cleanup(l.Stop)
	return l
}

// ask asks until it is stopped, and wants every request answered as it has to be.
func (l *Tier) ask() {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		for query, want := range map[string]int{"a=1": http.StatusOK, "a=<script>alert(1)</script>": http.StatusForbidden} {
			request, err := http.NewRequest(http.MethodGet, "http://"+l.Addr+"/", nil)
			if err != nil {
				l.t.Error(err)
				return
			}
			request.URL.RawQuery, request.Host = query, "shop.example" // an address would be a finding
			response, err := client.Do(request)
			if err != nil {
				l.t.Errorf("a request failed: %v", err)
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode != want {
				l.t.Errorf("%s: status %d, want %d", query, response.StatusCode, want)
				return
			}
			if want == http.StatusOK {
				l.clean.Add(1)
			} else {
				l.attack.Add(1)
			}
		}
	}
}

// Stop ends the load. It may be called more than once.
func (l *Tier) Stop() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.clients.Wait()
}

// Answered are the clean requests and the attacks that were.
func (l *Tier) Answered() (clean, attacks int) { return int(l.clean.Load()), int(l.attack.Load()) }

// Counted is what a counter of events or spans says of each result.
type Counted struct{ Sent, Lost, Full int }

// results are those that a counter has, beside sent.
var results = []string{"full", "refused", "too_long", "ended"}

// Count reads a counter; its series has the result put in.
func (l *Tier) Count(series string) (c Counted) {
	c.Sent = int(l.Metric(fmt.Sprintf(series, "sent")))
	for _, r := range results {
		n := int(l.Metric(fmt.Sprintf(series, r)))
		if c.Lost += n; r == "full" {
			c.Full = n
		}
	}
	return c
}

// Killed kills a receiver under load, as often as is said, and starts it again when items were lost. Afterwards as many
// items must have been sent and lost as there were: perClean for a clean request, perAttack for an attack.
func (l *Tier) Killed(r Receiver, often int, series, up string, perClean, perAttack int) Counted {
	t := l.t
	for round := range often {
		before := r.Received()
		tier.Eventually(t, "items arrive", func() bool { return t.Failed() || r.Received() > before+100 })
		r.Kill(t)
		tier.Eventually(t, "the receiver is down", func() bool { return t.Failed() || l.Metric(up) == 0 })
		full := l.Count(series).Full
		tier.Eventually(t, "items are lost", func() bool { return t.Failed() || l.Count(series).Full > full })
		if !t.Failed() && l.Metric(up) != 0 {
			t.Errorf("round %d: a dead receiver is up", round)
		}
		r.Start(t)
		tier.Eventually(t, "the receiver is up again", func() bool { return t.Failed() || l.Metric(up) == 1 })
	}
	l.Stop()
	clean, attacks := l.Answered()
	given := clean*perClean + attacks*perAttack
	var c Counted
	tier.Eventually(t, "every item is counted", func() bool {
		c = l.Count(series)
		return t.Failed() || c.Sent+c.Lost >= given
	})
	t.Logf("%d clean requests and %d attacks were answered; %d items given, %d sent, %d lost, %d received", clean, attacks, given, c.Sent, c.Lost, r.Received())
	if c.Sent+c.Lost != given {
		t.Errorf("%d items were given, %d counted", given, c.Sent+c.Lost)
	}
	return c
}
