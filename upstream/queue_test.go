package upstream

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Several places that are free are for several who wait: none waits until the one before is answered.
func TestWhoWaitsIsServedAtOnce(t *testing.T) {
	if overTLS {
		t.Skip("of cleartext")
	}
	const places = 3
	for name, edit := range map[string]func(*Config){
		"in flight":   func(c *Config) { c.Limits.InFlight = places },
		"connections": func(c *Config) { c.Connections = places },
		"endpoint":    func(c *Config) { c.Limits.EndpointInFlight = places },
		"all":         func(c *Config) { c.Limits.Connections = places },
	} {
		t.Run(name, func(t *testing.T) {
			arrived, answers := make(chan bool, 4*places), make(chan bool)
			s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				arrived <- true
				<-answers
			}))
			defer s.Close()
			p := newPool(t, func(c *Config) {
				c.Limits = Limits{Queue: places, Patience: time.Minute}
				edit(c)
			}, s.URL)
			served := make(chan error, 2*places)
			for range 2 * places {
				go func() {
					_, _, err := do(p, get(), newExchange())
					served <- err
				}()
			}
			eventually(t, "the places are taken, and others wait", func() bool {
				n, _ := p.Waiting()
				return len(arrived) == places && n == places
			})
			for range places {
				answers <- true
			}
			eventually(t, "all that have waited are served", func() bool { return len(arrived) == 2*places })
			close(answers)
			for range 2 * places {
				if err := <-served; err != nil {
					t.Error(err)
				}
			}
		})
	}
}
