package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// loaded is what a load generator did.
type loaded struct {
	Requests, Refused int
	Micros            int
	Unanswered        int // sent, served perhaps, but not waited for
	Loader            string
}

// slow is how long a request takes, at least, that closedLoop is used for.
const slow = 500 * time.Microsecond

// load keeps a server busy with a pool. wrk costs least, and so limits fast servers least, but it
// leaves a request on each connection unanswered when its time is up. Where requests are slow
// and therefore few, that would falsify CPU time per request; closedLoop waits for the last
// answer instead.
func load(ctx context.Context, o options, dir string, v *server, p pool) (loaded, error) {
	took, err := probe(v, p)
	if err != nil {
		return loaded{}, err
	}
	if took > slow {
		return closedLoop(ctx, v, p, o.connectionsFor(took), time.Duration(o.Seconds)*time.Second)
	}
	r, err := wrk(ctx, o, dir, "http://"+v.addr, p, o.Connections, o.Seconds)
	return loaded{Requests: r.Requests, Refused: r.Status400, Micros: r.Micros, Unanswered: o.Connections, Loader: "wrk"}, err
}

// connectionsFor is how many connections keep a server busy whose requests take so long. Of
// those that take a tenth of a second, more than two would only wait, and Wafer refuses what
// has waited too long.
func (o options) connectionsFor(took time.Duration) int {
	if took > 100*time.Millisecond {
		return min(2, o.Inspected)
	}
	return o.Inspected
}

// probe is how long a request of the pool takes a server that has nothing else to do: the
// median of what can be asked in a tenth of a second, of three at least.
func probe(v *server, p pool) (time.Duration, error) {
	c := &client{addr: v.addr}
	defer c.close()
	var took []time.Duration
	for began := time.Now(); len(took) < 3 || time.Since(began) < 100*time.Millisecond; {
		sent := time.Now()
		if _, err := c.do(p.list[len(took)%len(p.list)].raw); err != nil {
			return 0, err
		}
		took = append(took, time.Since(sent))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// closedLoop has each connection send its next request when the last one was answered, until
// time is up, and checks every status.
func closedLoop(ctx context.Context, v *server, p pool, connections int, length time.Duration) (loaded, error) {
	var next, refused atomic.Int64
	errs := make([]error, connections)
	var wg sync.WaitGroup
	began := time.Now()
	for k := range connections {
		wg.Go(func() {
			c := &client{addr: v.addr}
			defer c.close()
			for time.Since(began) < length && errs[k] == nil {
				r := p.list[int(next.Add(1)-1)%len(p.list)]
				status, err := c.do(r.raw)
				switch {
				case err != nil:
					errs[k] = err
				case !v.rightly(r, status):
					errs[k] = fmt.Errorf("status %d, want %d:\n%.300s", status, v.wants(r), r.raw)
				case status != 200:
					refused.Add(1)
				default:
					errs[k] = ctx.Err()
				}
			}
		})
	}
	wg.Wait()
	return loaded{
		Requests: int(next.Load()), Refused: int(refused.Load()), Micros: int(time.Since(began).Microseconds()), Loader: "closed loop",
	}, errors.Join(errs...)
}
