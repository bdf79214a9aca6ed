package feed

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// run looks again and again until ctx ends. At once: what is in force is of an earlier process or list.
func (l *List) run(ctx context.Context, atOnce bool) {
	defer close(l.ended)
	var err error
	if l.config.Web == nil {
		l.watch(ctx)
		return
	}
	timer := time.NewTimer(l.wait(atOnce, err))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err = l.Refresh(ctx)
		timer.Reset(l.wait(false, err))
	}
}

// watch looks at a file whenever it has changed.
func (l *List) watch(ctx context.Context) {
	tick := time.NewTicker(l.config.Every)
	defer tick.Stop()
	touched := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.looking.Lock()
		changed := l.source.Changed()
		l.looking.Unlock()
		if changed {
			_ = l.Refresh(ctx) // told there
			continue
		}
		l.mu.Lock()
		if l.status.Failures == 0 {
			l.status.Good = time.Now()
		}
		l.mu.Unlock()
		if time.Since(touched) > keptFor/2 {
			touched = time.Now()
			l.touch()
		}
	}
}

// firstRetry is the wait after the first look in vain. Each that follows is twice as long, up to Every.
const firstRetry = 10 * time.Second

// wait is how long to wait before the next look.
func (l *List) wait(atOnce bool, err error) time.Duration {
	l.mu.Lock()
	failures := l.status.Failures
	l.mu.Unlock()
	return l.config.wait(atOnce, failures, err, rand.Float64())
}

// wait spreads the looks of replicas that have begun at the same time: random is between 0 and 1, and moves a look
// by up to a tenth of the time to either side. A server that says when to come back is not asked before.
func (c *Config) wait(atOnce bool, failures int, err error, random float64) time.Duration {
	d := c.Every
	if atOnce {
		return time.Duration(random * float64(min(d, firstRetry)))
	}
	if failures > 0 {
		d = min(d, firstRetry<<min(failures-1, 20))
	}
	if refused := (*statusError)(nil); errors.As(err, &refused) {
		d = max(d, min(refused.after, c.Every))
	}
	return d - d/10 + time.Duration(random*float64(d/5))
}
