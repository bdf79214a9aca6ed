package proxy

import (
	"time"

	"github.com/wafer-waf/wafer/access/rate"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/metrics"
)

// limitsStand is how limits stand, for instruments.
func (p *Proxy) limitsStand() []metrics.Limit {
	var all []metrics.Limit
	for _, s := range p.snapshots.Builder.Access.Limits() {
		one := metrics.Limit{ID: s.ID, Requests: map[string]int64{}, Buckets: s.Owing, Bytes: s.Bytes, Forgotten: s.Forgotten, Waiting: s.Waiting}
		for i, n := range s.Counts {
			one.Requests[rate.CountNames[i]] = n
		}
		all = append(all, one)
	}
	return all
}

// turnStep is how often it is looked whether who waits for a turn is still there.
const turnStep = 100 * time.Millisecond

// awaitTurn has a request wait that a limit makes wait. It holds no place and no upstream meanwhile. It answers itself, and
// reports false, if the client leaves, or the process ends.
func (x *exchange) awaitTurn(wait time.Duration) bool {
	defer x.asking.request.Waited()
	began := time.Now()
	for left := wait; left > 0; left = wait - time.Since(began) {
		time.Sleep(min(left, turnStep))
		switch {
		case x.client.Gone(began):
			x.refuse(inspect.ClientGone)
			x.client.Close()
			return false
		case x.proxy.cutting.Load():
			return x.refuse(cutShort)
		}
	}
	return true
}
