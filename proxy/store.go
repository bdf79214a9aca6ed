package proxy

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/access/store"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/metrics"
)

// shared is what replicas share, and how it does. A nil one is that of a process that shares nothing.
type shared struct {
	store   *store.Store
	failed  error // it cannot even be tried
	options *config.Store
	log     zerolog.Logger
	metrics *metrics.Store
	known   chan struct{} // closed when what others have shared is known here, or cannot be for now

	mu    sync.Mutex
	since time.Time
	why   string // it is down; empty: it is up
}

// StoreState is how the store does, for people.
type StoreState struct {
	Mode      string    `json:"mode"`
	Addresses []string  `json:"addresses"`
	Up        bool      `json:"up"`
	Since     time.Time `json:"since"`
	Why       string    `json:"why,omitempty"` // it is down
}

// newShared returns the way to the store of a boot file, without taking it.
func newShared(o *config.Store, m *metrics.Metrics, log zerolog.Logger) *shared {
	if !o.On() {
		return nil
	}
	s := &shared{options: o, log: log, metrics: m.Store(), known: make(chan struct{}), since: time.Now(), why: "not tried yet"}
	s.store, s.failed = store.New(store.Options{
		Mode: o.Mode, Addresses: o.Addresses, Master: o.Master, User: o.User,
		PasswordFile: o.PasswordFile, SentinelPasswordFile: o.SentinelPasswordFile,
		TLS: store.TLS{On: o.TLS.Use == config.On, CA: o.TLS.CA, Cert: o.TLS.Cert, Key: o.TLS.Key, ServerName: o.TLS.ServerName},
		DB:  o.DB, Prefix: o.Prefix, Timeout: o.Timeout, ConnectTimeout: o.ConnectTimeout, Connections: o.Connections,
		Did: func(operation string, why store.Fault, took time.Duration) {
			s.metrics.Did(operation, why.String(), took)
		},
		Changed: s.changed,
	})
	return s
}

// changed tells of a store that is up, or down for another reason than before.
func (s *shared) changed(up bool, why error) {
	s.metrics.Up(up)
	s.mu.Lock()
	s.since, s.why = time.Now(), ""
	if !up {
		s.why = why.Error()
	}
	s.mu.Unlock()
	if up {
		s.log.Info().Strs("addresses", s.options.Addresses).Msg("store is up")
		return
	}
	fault := store.FaultOf(why)
	s.log.Error().Err(why).Strs("addresses", s.options.Addresses).Str("reason", fault.String()).Msg("store is down: " + storeAdvice[fault])
}

// storeAdvice is what somebody can do about a store that is down.
var storeAdvice = map[store.Fault]string{
	store.Timeout:  "it does not answer in time",
	store.Refused:  "nobody listens there, or no way leads there",
	store.Broken:   "it ends connections",
	store.Denied:   "user and password are not those of the store, or the user may not do what is needed",
	store.Full:     "it has no memory left: raise its maxmemory, or have it evict what expires first",
	store.ReadOnly: "it is a replica: give the address of what leads to the master, or of sentinels",
	store.NotReady: "it is not ready yet",
	store.Strange:  "what answers there is no store",
	store.Secure:   "TLS: certificates or names are not those that were configured",
	store.Other:    "it refuses what it is asked",
}

// Share keeps up what replicas share, until ctx ends. It does nothing where nothing is shared.
func (p *Proxy) Share(ctx context.Context) {
	s := p.shared
	if s == nil || s.failed != nil {
		return
	}
	_ = s.store.Connect(ctx) // which is told
	var all sync.WaitGroup
	all.Go(func() { s.store.Run(ctx) })
	all.Go(func() { p.snapshots.Builder.Access.KeepUp(ctx, func() { close(s.known) }) })
	all.Wait()
	p.sendKept()
	s.store.Close()
}

// sharedKnown is how long a process that starts waits for what others have shared.
const sharedKnown = 2 * time.Second

// usable returns what is wrong with the files for the store.
func (s *shared) usable() error {
	if s == nil {
		return nil
	}
	return s.failed
}

// await waits until what others have shared is known, if it can be. The tier serves without it.
func (s *shared) await(ctx context.Context) {
	if s == nil {
		return
	}
	select {
	case <-s.known:
	case <-ctx.Done():
	case <-time.After(sharedKnown):
		s.log.Warn().Msg("what other replicas have shared is not known yet")
	}
}

// DescribeStore returns how the store does; nil: there is none.
func (p *Proxy) DescribeStore() any {
	s := p.shared
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return StoreState{s.options.Mode, s.options.Addresses, s.why == "", s.since, s.why}
}

// swapped does what another configuration asks of the process.
func (p *Proxy) swapped(c *config.Routes) {
	p.reserveMemory(c)
	p.warnUnshared(c)
	p.warnUnrecorded(c)
	p.traffic.keep(c)
}

// warnUnshared tells of limits that are shared with nobody.
func (p *Proxy) warnUnshared(c *config.Routes) {
	if p.shared != nil {
		return
	}
	for i := range c.Access {
		if ids := c.Access[i].SharedLimits(); len(ids) > 0 {
			p.log.Warn().Str("access", c.Access[i].ID).Strs("limits", ids).
				Msg("no store is configured (store.addresses): each replica counts alone in limits that are shared")
		}
	}
}
