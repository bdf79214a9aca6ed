package snapshot

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/waf"
)

// Options are what a [Keeper] is made of.
type Options[R any] struct {
	Source  *config.Source
	Builder *Builder[R]
	Metrics *metrics.Metrics
	Log     zerolog.Logger
	Reload  config.Reload
	Swapped func(*config.Routes) // is called when another one has come into force

	LastGood LastGood       // nil: files that are refused at the start end it
	Stands   func(Standing) // is called with what has come of each reload, if it is not nil
}

// Keeper keeps the snapshot in force, and replaces it.
type Keeper[R any] struct {
	Options[R]

	inForce  atomic.Pointer[Snapshot[R]] // nil until Load has succeeded
	stage    atomic.Value                // string: what Load is at
	requests chan reloadRequest
	building sync.Mutex // held from the first series of a snapshot to its being current
	standing atomic.Pointer[Standing]
	history  history
}

// NewKeeper returns a keeper that has no snapshot yet.
func NewKeeper[R any](o Options[R]) *Keeper[R] {
	k := &Keeper[R]{Options: o, requests: make(chan reloadRequest)}
	k.Builder.disagreed = k.screenDisagreed
	k.stage.Store(stageReading)
	return k
}

// What Load is at, in words for people who wait.
const (
	stageReading   = "reading the configuration"
	stageCompiling = "compiling policies"
	stageLastGood  = "compiling the last good configuration, for the files are refused"
)

// Stage says what Load is at.
func (k *Keeper[R]) Stage() string { return k.stage.Load().(string) }

// InForce returns the snapshot in force, which the caller has not acquired; nil: there is none yet.
func (k *Keeper[R]) InForce() *Snapshot[R] { return k.inForce.Load() }

// Current returns the snapshot in force, acquired.
func (k *Keeper[R]) Current() *Snapshot[R] {
	for {
		if s := k.inForce.Load(); s.Acquire() {
			return s
		}
	}
}

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
func (k *Keeper[R]) Run(ctx context.Context) {
	var tick, due <-chan time.Time
	if k.Options.Reload.Interval > 0 {
		t := time.NewTicker(k.Options.Reload.Interval)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			if due == nil && k.Source.Changed() {
				due = time.After(jitter(k.Options.Reload.Jitter))
			}
		case <-due:
			due = nil
			_, _ = k.reload("file") // counted and logged there
		case first := <-k.requests:
			burst := []reloadRequest{first}
			for more := true; more; {
				select {
				case r := <-k.requests:
					burst = append(burst, r)
				default:
					more = false
				}
			}
			due = nil // what was seen is loaded now
			result, err := k.reload(first.trigger)
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
func (k *Keeper[R]) Reload(ctx context.Context, trigger string) (Reloaded, error) {
	done := make(chan reloadOutcome, 1)
	select {
	case k.requests <- reloadRequest{trigger, done}:
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
func (k *Keeper[R]) reload(trigger string) (Reloaded, error) {
	k.building.Lock()
	defer k.building.Unlock()
	began := time.Now()
	old := k.inForce.Load()
	k.stage.Store(stageReading)
	c, err := k.Source.Load()
	err = Complete(c, err)
	if err == nil && old != nil && c.Digest() == old.digest {
		return k.unchanged(old, trigger, began), nil
	}
	var s *Snapshot[R]
	if err == nil {
		k.stage.Store(stageCompiling)
		s, err = k.Builder.Build(c, k.Metrics)
	}
	if err != nil {
		k.Metrics.ReloadFailed()
		k.stand(old, err)
		if old != nil {
			k.Log.Error().Err(err).Str("trigger", trigger).Uint64("generation", old.Generation).Msg("reload failed, the configuration in force stays")
		}
		return Reloaded{}, err
	}
	return k.swap(s, trigger, k.Source.Bundle(), nil, began), nil
}

// unchanged ends a reload that found what is in force.
func (k *Keeper[R]) unchanged(s *Snapshot[R], trigger string, began time.Time) Reloaded {
	k.Metrics.Unchanged()
	message := "the configuration is unchanged"
	if len(k.Standing().Problems) > 0 {
		message = "the configuration is again the one in force"
	}
	s.lastGood = "" // the files say the same now
	k.stand(s, nil)
	k.Log.Info().Str("trigger", trigger).Uint64("generation", s.Generation).Msg(message)
	return Reloaded{Generation: s.Generation, Digest: s.digest, Seconds: time.Since(began).Seconds()}
}

// swap puts a snapshot in force that was built from a bundle. Refused is why files are not, if it is not from them.
func (k *Keeper[R]) swap(s *Snapshot[R], trigger string, bundle *config.Bundle, refused error, began time.Time) Reloaded {
	old := k.inForce.Load()
	result := Reloaded{Generation: 1, Digest: s.digest, Changed: true}
	if old != nil {
		result.Generation = old.Generation + 1
		result.Added, result.Removed, result.Modified = diff(old.Config, s.Config)
	}
	s.Generation, s.retire = result.Generation, k.retire
	s.refs.Store(1)
	s.begin(old)
	for _, p := range s.accesses {
		k.Builder.Access.Begin(p)
	}
	k.inForce.Store(s) // from here on nothing can fail
	if old != nil {
		old.Release()
		k.Swapped(s.Config)
	}
	k.publish(s)
	k.stand(s, refused)
	if k.LastGood != nil && bundle != nil {
		k.LastGood.Keep(bundle)
	}
	result.Seconds = time.Since(began).Seconds()
	k.remember(result, trigger, old, s)
	k.Log.Info().Str("trigger", trigger).Uint64("generation", s.Generation).Str("digest", s.digest).
		Int("routes", len(s.routes)).Int("policies", len(s.Config.Policies)).Int("engines", len(s.engines)).
		Strs("added", result.Added).Strs("removed", result.Removed).Strs("modified", result.Modified).
		Float64("seconds", result.Seconds).Msg("configuration in force")
	return result
}

// retire frees what only s used, after its last request. Series of what the snapshot in force does
// not have end with it.
func (k *Keeper[R]) retire(s *Snapshot[R]) {
	go func() {
		for _, p := range s.accesses {
			k.Builder.Access.End(p)
		}
		if err := k.Builder.Free(s); err != nil {
			k.Log.Warn().Err(err).Uint64("generation", s.Generation).Msg("retiring a configuration")
		}
		k.building.Lock() // a snapshot that is being built may have a route again
		defer k.building.Unlock()
		k.Metrics.Forget(gone(s.Config, k.inForce.Load().Config))
	}()
}

// publish says to the metrics what is in force.
func (k *Keeper[R]) publish(s *Snapshot[R]) {
	c := metrics.Configuration{
		Digest: s.digest, Built: s.built, Generation: s.Generation, Engines: len(s.engines), LastGood: s.lastGood != "", NextUpdate: s.nextUpdate,
		NotAfter: map[string]time.Time{},
	}
	for _, p := range s.pools {
		if at := p.value.CertificateEnds(); !at.IsZero() {
			c.NotAfter[p.value.ID()] = at
		}
	}
	for i, d := range s.describePolicies() {
		c.Policies = append(c.Policies, metrics.Policy{ID: d.ID, Rules: d.Rules, Off: d.Engine == "", Screen: d.NoScreen == "", Without: leftOut(&s.Config.Policies[i])})
	}
	k.Metrics.InForce(&c)
}

// leftOut are the rules that a policy leaves out everywhere.
func leftOut(p *config.Policy) (rules []int) {
	for _, x := range p.Exclusions {
		if x.Rule != 0 && x.Target == "" && x.Path == "" {
			rules = append(rules, x.Rule)
		}
	}
	return rules
}

// screenDisagreed reports that an engine's screen was wrong, and is off until the engine is built
// anew. It concerns all policies that share the engine.
func (k *Keeper[R]) screenDisagreed(e *waf.Engine, d waf.Disagreement) {
	var policies []string
	if s := k.inForce.Load(); s != nil {
		for _, policy := range s.Config.Policies {
			if s.byPolicy[policy.ID] == e {
				policies = append(policies, policy.ID)
				k.Metrics.Disagreed(policy.ID)
			}
		}
	}
	event := k.Log.Error().Str("policy", strings.Join(policies, ", "))
	if d.Panic != nil {
		event.Err(d.Panic).Bytes("stack", d.Panic.Stack).Msg("screen panicked and is off")
		return
	}
	if len(d.Findings.Matches) > 0 {
		m := &d.Findings.Matches[0]
		event.Int("rule_id", m.RuleID)
		if len(m.Targets) > 0 {
			t := &m.Targets[0]
			event.Str("target", t.Name).Str("value", k.Builder.Masking.Found(t.Name, t.Value, t.Around))
		}
	}
	event.Msg("screen disagreed with the rules and is off")
}
