package upstream

import (
	"testing"
	"time"

	"github.com/wafer-waf/wafer/upstream/balance"
)

func hashing() balance.Options { return balance.Options{Policy: balance.ConsistentHash} }

// keyed is an exchange that belongs to one endpoint.
func keyed() *Exchange {
	x := newExchange()
	x.KeyOf("always the same")
	return x
}

// With what waits for one endpoint, others that have places are not asked, and nobody overtakes.
func TestEndpointQueue(t *testing.T) {
	for name, edit := range map[string]func(*Config){
		"connections": func(c *Config) { c.Connections = 1 },
		"in flight":   func(c *Config) { c.Limits.EndpointInFlight = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := startBackend(t, echoSession), startBackend(t, echoSession)
			p := newPool(t, func(c *Config) {
				c.Balance = hashing()
				c.Limits = Limits{EndpointQueue: 2, Patience: time.Minute}
				edit(c)
			}, a.url(), b.url())
			x := keyed()
			if err := p.Do(get(), x); err != nil {
				t.Fatal(err)
			}
			own := x.Endpoint
			served := make(chan int)
			for i := range 2 {
				go func() {
					x := keyed()
					if err := p.Do(get(), x); err != nil || x.Endpoint != own {
						t.Errorf("%v by %s, not %s", err, x.Endpoint, own)
					}
					served <- i
					if x.Body != nil {
						_ = x.Body.Close()
					}
				}()
				eventually(t, "it waits", func() bool { n, may := p.Waiting(); return may && n == i+1 })
			}
			more := keyed() // for which there is no room in the line
			if err := p.Do(get(), more); err != nil || more.Endpoint == own {
				t.Errorf("%v by %s", err, more.Endpoint)
			}
			if err := p.Do(get(), keyed()); FailureOf(err) != Busy {
				t.Errorf("the other one is full, too: %v", err)
			}
			_ = x.Body.Close()
			for i := range 2 {
				if n := <-served; n != i {
					t.Errorf("%d was served as number %d", n, i)
				}
			}
			_ = more.Body.Close()
		})
	}
}

// Who has waited long enough for an endpoint of its own is told so.
func TestEndpointQueueEnds(t *testing.T) {
	a, b := startBackend(t, echoSession), startBackend(t, echoSession)
	p := newPool(t, func(c *Config) {
		c.Balance = hashing()
		c.Connections = 1
		c.Limits = Limits{EndpointQueue: 1, Patience: 30 * time.Millisecond}
	}, a.url(), b.url())
	x := keyed()
	if err := p.Do(get(), x); err != nil {
		t.Fatal(err)
	}
	if err := p.Do(get(), keyed()); FailureOf(err) != Waited {
		t.Errorf("%v", err)
	}
	_ = x.Body.Close()
	if _, _, err := do(p, get(), keyed()); err != nil {
		t.Error(err)
	}
}
