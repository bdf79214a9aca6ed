package upstream

import (
	"testing"
)

// What a Pool has under way counts in the limits of the one that takes its place, and in that one's place, until it is over.
func TestReloadCountsOn(t *testing.T) {
	for name, limits := range map[string]Limits{
		"in flight": {InFlight: 3}, "at the endpoint": {EndpointInFlight: 3}, "connections": {Connections: 3},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackend(t, echoSession)
			limited := func(c *Config) { c.Limits = limits }
			first, second, third := newPool(t, limited, b.url()), newPool(t, limited, b.url()), newPool(t, limited, b.url())
			first.Begin(nil)
			old := occupy(t, first, 2)
			second.Begin(first)
			first.Close()
			third.Begin(second) // which was never asked
			second.Close()
			if n, e := third.InFlight(), third.Endpoints()[0]; n != 2 || e.InFlight != 2 || e.Connections != 2 || third.Connections() != 2 {
				t.Errorf("%d in flight, %+v, %d connections", n, e, third.Connections())
			}
			held := occupy(t, third, 1)
			if err := third.Do(get(), newExchange()); FailureOf(err) != Busy {
				t.Errorf("one too many: %v", err)
			}
			for _, x := range old {
				_ = x.Body.Close()
			}
			held = append(held, occupy(t, third, 2)...)
			if err := third.Do(get(), newExchange()); FailureOf(err) != Busy {
				t.Errorf("one too many of its own: %v", err)
			}
			for _, tl := range []*tally{third.places.taken, third.places.open, third.live()[0].pending, third.live()[0].open} {
				if tl.all(); tl.before.Load() != nil {
					t.Error("what is over is kept")
				}
			}
			for _, x := range held {
				_ = x.Body.Close()
			}
		})
	}
}
