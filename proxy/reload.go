package proxy

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/metrics"
)

// Reloaded is the outcome of a reload that succeeded.
type Reloaded struct {
	Generation uint64   `json:"generation"`
	Digest     string   `json:"digest"`
	Changed    bool     `json:"changed"` // false: the files hold what is already in force
	Added      []string `json:"added,omitempty"`
	Removed    []string `json:"removed,omitempty"`
	Modified   []string `json:"modified,omitempty"` // ids of routes
	Seconds    float64  `json:"seconds"`
}

type reloadRequest struct {
	trigger string
	done    chan<- reloadOutcome
}

type reloadOutcome struct {
	result Reloaded
	err    error
}

// Run replaces the snapshot when the files change, or when Reload asks for it, until ctx
// ends. It is the only goroutine that builds.
func (p *Proxy) Run(ctx context.Context) {
	var tick, due <-chan time.Time
	if p.boot.Reload.Interval > 0 {
		t := time.NewTicker(p.boot.Reload.Interval)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			if due == nil && p.source.Changed() {
				due = time.After(jitter(p.boot.Reload.Jitter))
			}
		case <-due:
			due = nil
			_, _ = p.reload("file") // counted and logged there
		case first := <-p.reloads:
			burst := []reloadRequest{first}
			for more := true; more; {
				select {
				case r := <-p.reloads:
					burst = append(burst, r)
				default:
					more = false
				}
			}
			due = nil // what was seen is loaded now
			result, err := p.reload(first.trigger)
			for _, r := range burst {
				r.done <- reloadOutcome{result, err}
			}
		}
	}
}

// jitter is a wait of up to limit. Replicas see a ConfigMap change within the same second;
// without it they would all compile, and all be slow, at the same time.
func jitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit)
}

// Reload reads the configuration now and returns what came of it. An error leaves the
// snapshot in force as it is. Requests made while one runs share the next one.
func (p *Proxy) Reload(ctx context.Context, trigger string) (Reloaded, error) {
	done := make(chan reloadOutcome, 1)
	select {
	case p.reloads <- reloadRequest{trigger, done}:
	case <-ctx.Done():
		return Reloaded{}, ctx.Err()
	}
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		return Reloaded{}, ctx.Err()
	}
}

// reload loads, builds, proves and swaps. All that can fail comes before the swap.
func (p *Proxy) reload(trigger string) (Reloaded, error) {
	p.building.Lock()
	defer p.building.Unlock()
	began := time.Now()
	old := p.snapshot.Load()
	p.stage.Store(stageReading)
	c, err := p.source.Load()
	if err == nil && old != nil && c.Digest() == old.digest {
		p.metrics.Unchanged()
		if p.reloadFailed {
			p.reloadFailed = false
			p.log.Info().Str("trigger", trigger).Uint64("generation", old.generation).Msg("the configuration is again the one in force")
		}
		return Reloaded{Generation: old.generation, Digest: old.digest, Seconds: time.Since(began).Seconds()}, nil
	}
	var s *snapshot
	if err == nil {
		p.stage.Store(stageCompiling)
		s, err = p.resources.build(c, p.metrics)
	}
	if err != nil {
		p.metrics.ReloadFailed()
		p.reloadFailed = true
		if old != nil {
			p.log.Error().Err(err).Str("trigger", trigger).Uint64("generation", old.generation).Msg("reload failed, the configuration in force stays")
		}
		return Reloaded{}, err
	}

	result := Reloaded{Generation: 1, Digest: s.digest, Changed: true}
	if old != nil {
		result.Generation = old.generation + 1
		result.Added, result.Removed, result.Modified = diff(old.config, c)
	}
	s.generation, s.retire = result.Generation, p.retire
	s.refs.Store(1)
	p.reloadFailed = false
	p.snapshot.Store(s) // from here on nothing can fail
	if old != nil {
		old.release()
		p.reserveMemory(c) // at first, once the budget is known
	}
	p.publish(s)
	result.Seconds = time.Since(began).Seconds()
	p.log.Info().Str("trigger", trigger).Uint64("generation", s.generation).Str("digest", s.digest).
		Int("routes", len(s.routes)).Int("policies", len(c.Policies)).Int("engines", len(s.engines)).
		Strs("added", result.Added).Strs("removed", result.Removed).Strs("modified", result.Modified).
		Float64("seconds", result.Seconds).Msg("configuration in force")
	return result, nil
}

// retire frees what only s used, after its last request. Series of what the snapshot in force does
// not have end with it.
func (p *Proxy) retire(s *snapshot) {
	go func() {
		if err := p.resources.free(s); err != nil {
			p.log.Warn().Err(err).Uint64("generation", s.generation).Msg("retiring a configuration")
		}
		p.building.Lock() // a snapshot that is being built may have a route again
		defer p.building.Unlock()
		p.metrics.Forget(gone(s.config, p.snapshot.Load().config))
	}()
}

// gone is what one configuration has and another one has not.
func gone(before, now *config.Routes) (g metrics.Gone) {
	for _, r := range before.Routes {
		if !slices.ContainsFunc(now.Routes, func(n config.Route) bool { return n.ID == r.ID }) {
			g.Routes = append(g.Routes, r.ID)
		}
	}
	for _, u := range before.Upstreams {
		if !slices.ContainsFunc(now.Upstreams, func(n config.Upstream) bool { return n.ID == u.ID }) {
			g.Upstreams = append(g.Upstreams, u.ID)
		}
	}
	for _, o := range before.Policies {
		if !slices.ContainsFunc(now.Policies, func(n config.Policy) bool { return n.ID == o.ID }) {
			g.Policies = append(g.Policies, o.ID)
		}
	}
	return g
}

// publish says to the metrics what is in force.
func (p *Proxy) publish(s *snapshot) {
	c := metrics.Configuration{Digest: s.digest, Built: s.built, Generation: s.generation, Engines: len(s.engines)}
	for _, d := range s.describePolicies() {
		c.Policies = append(c.Policies, metrics.Policy{ID: d.ID, Rules: d.Rules, Off: d.Engine == "", Screen: d.NoScreen == ""})
	}
	p.metrics.InForce(&c)
}

// diff compares routes by id. A route is modified if it, its policy or one of its
// upstreams is.
func diff(before, after *config.Routes) (added, removed, modified []string) {
	was, is := index(before), index(after)
	for _, r := range after.Routes {
		if old, ok := was[r.ID]; !ok {
			added = append(added, r.ID)
		} else if !reflect.DeepEqual(old, is[r.ID]) {
			modified = append(modified, r.ID)
		}
	}
	for _, r := range before.Routes {
		if _, ok := is[r.ID]; !ok {
			removed = append(removed, r.ID)
		}
	}
	return added, removed, modified
}

// whole is a route with all it refers to.
type whole struct {
	route     config.Route
	policy    config.Policy
	upstreams []config.Upstream
}

func index(c *config.Routes) map[string]whole {
	out := map[string]whole{}
	for _, r := range c.Routes {
		w := whole{route: r}
		if i := slices.IndexFunc(c.Policies, func(p config.Policy) bool { return p.ID == r.Policy }); i >= 0 {
			w.policy = c.Policies[i]
		}
		for _, u := range r.Upstreams {
			if i := slices.IndexFunc(c.Upstreams, func(c config.Upstream) bool { return c.ID == u.ID }); i >= 0 {
				w.upstreams = append(w.upstreams, c.Upstreams[i])
			}
		}
		out[r.ID] = w
	}
	return out
}
