package upstream

import (
	"math"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/upstream/health"
	h2 "golang.org/x/net/http2"
)

// TestHurriedClientsEjectNobody has clients whose time is too short for any endpoint. Who has had a fair time is at fault.
func TestHurriedClientsEjectNobody(t *testing.T) {
	for name, tt := range map[string]struct {
		fair time.Duration
		up   int
	}{"hurried": {math.MaxInt64, 2}, "fair": {time.Nanosecond, 1}} {
		t.Run(name, func(t *testing.T) {
			all, urls := startMoodies(t, 2)
			p := newEjecting(t, time.Hour, nil, urls...)
			p.get(4)
			all[0].mood.Store(hangs)
			for range 20 {
				x := newExchange()
				x.Fair, x.Deadline = tt.fair, time.Now().Add(20*time.Millisecond)
				_, _, _ = do(p.Pool, whole("POST", "a"), x)
			}
			if n := p.Counts()[health.Up]; n != tt.up {
				t.Errorf("%d are up, told %q", n, p.told())
			}
		})
	}
}

// TestADialThatIsCut has somebody wait for a connection that another one opens, whose time is over first. The endpoint takes
// connections later.
func TestADialThatIsCut(t *testing.T) {
	if overTLS {
		t.Skip("of cleartext")
	}
	b := startFrames(t, nil, func(c *frames, id uint32) { c.ok(id) })
	p := newPool(t, speaks(HTTP2), b.url())
	e := p.live()[0].endpoint
	_, d, mine := e.mux.place()
	if !mine {
		t.Fatal("somebody dials")
	}
	done := make(chan error)
	go func() {
		_, _, err := do(p, get(), newExchange())
		done <- err
	}()
	eventually(t, "it waits", func() bool { return e.pending.Load() == 1 })
	if _, _, _, err := e.dialSession(d, limit{connect: time.Nanosecond, until: time.Now()}); err == nil {
		t.Skip("connected in no time")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestABegunRequestIsNotSentAgain has an endpoint say that it has not seen what it has begun to answer.
func TestABegunRequestIsNotSentAgain(t *testing.T) {
	if overTLS {
		t.Skip("of cleartext")
	}
	for name, tt := range map[string]struct{ heard, again bool }{"silent": {false, true}, "begun": {true, false}} {
		t.Run(name, func(t *testing.T) {
			b := startFrames(t, nil, func(c *frames, id uint32) {
				if c.n > 1 {
					c.ok(id)
					return
				}
				if tt.heard {
					c.fields(id, false, ":status", "103")
				}
				_ = c.WriteGoAway(0, h2.ErrCodeNo, nil)
			})
			p := newPool(t, speaks(HTTP2), b.url())
			status, _, err := do(p, whole("POST", "a"), newExchange())
			if again := status == 200 && b.requests.Load() == 2; again != tt.again || again != (err == nil) {
				t.Errorf("%d %v, %d requests", status, err, b.requests.Load())
			}
		})
	}
}
