package snapshot

import (
	"slices"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/upstream/health"
	"github.com/wafer-waf/wafer/upstream/health/check"
)

// HealthTold is told what becomes of the endpoints of upstreams, as [health.Config] says; nil: nobody asks.
type HealthTold struct {
	Changed  func(upstream string, c health.Change)
	Panics   func(upstream string, panics bool, available, of int)
	Withheld func(upstream string)
}

// begin has the pools of a snapshot begin that is about to be in force, with what the one before knows; nil: there
// is none.
func (s *Snapshot[R]) begin(old *Snapshot[R]) {
	var before map[string]*upstream.Pool
	if old != nil {
		before = old.poolsByID()
	}
	for id, p := range s.poolsByID() {
		p.Begin(before[id])
	}
}

// health is when endpoints of an upstream are not asked.
func (t *HealthTold) health(u *config.Upstream) health.Config {
	e := &u.Ejection
	c := health.Config{Base: e.Base, Max: e.Max, Share: int(e.Share), Panic: int(e.Panic)}
	if e.Mode == config.On {
		c.Faults, c.Errors5xx = e.Faults, e.Errors5xx
	}
	if u.Health != nil {
		c.Healthy, c.Unhealthy = u.Health.Healthy, u.Health.Unhealthy
	}
	if t.Changed != nil {
		c.Tell = func(change health.Change) { t.Changed(u.ID, change) }
	}
	if t.Panics != nil {
		c.Panics = func(panics bool, available, of int) { t.Panics(u.ID, panics, available, of) }
	}
	if t.Withheld != nil {
		c.Withheld = func(string) { t.Withheld(u.ID) }
	}
	return c
}

// checks are how endpoints are checked; nil: they are not.
func checks(u *config.Upstream) *check.Config {
	h := u.Health
	if h == nil {
		return nil
	}
	return &check.Config{
		Method: h.Method, Path: h.Path, Host: h.Host, Body: h.Body, GRPC: h.Protocol == config.CheckGRPC, Service: h.Service,
		Good: func(status int) bool {
			return slices.ContainsFunc(h.Status, func(r config.StatusRange) bool { return r.Has(status) })
		},
		Interval: h.Interval, Down: h.IntervalDown, Timeout: h.Timeout,
	}
}
