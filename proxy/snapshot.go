package proxy

import (
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/routing/upstream"
	"github.com/wafer-waf/wafer/waf"
)

// snapshot is all that serving a request takes, immutable once it is published. A request
// stays on the snapshot it began with.
type snapshot struct {
	generation uint64
	built      time.Time
	config     *config.Routes
	digest     string
	table      *routing.Table[*route]
	routes     []*route // in the order of the file
	engines    map[string]*shared[*waf.Engine]
	byPolicy   map[string]*waf.Engine // of engines; those that are off have none
	pools      map[string]*shared[*upstream.Pool]

	// refs counts the requests on this snapshot, and one for being the current one. At
	// zero it is retired; it never rises from zero again.
	refs   atomic.Int64
	retire func(*snapshot)
}

// acquire reports false if the snapshot has been retired.
func (s *snapshot) acquire() bool {
	for {
		n := s.refs.Load()
		if n == 0 {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *snapshot) release() {
	if s.refs.Add(-1) == 0 {
		s.retire(s)
	}
}

// current returns the snapshot in force, acquired.
func (p *Proxy) current() *snapshot {
	for {
		if s := p.snapshot.Load(); s.acquire() {
			return s
		}
	}
}

// shared is an engine or a pool that several snapshots use. owners is guarded by
// resources.mu.
type shared[T any] struct {
	value  T
	owners int
	proved bool // an engine that has stopped the probes; for the one goroutine that builds
}

// route is a config.Route bound to everything a request on it needs.
type route struct {
	config           config.Route
	policy           config.Policy
	inspect          inspect.Policy  // the same policy, as inspections see it
	lenient          pathKinds       // of odd paths that are let through although readings differ
	strictPaths      bool            // odd paths are refused although readings agree
	inspectsMessages bool            // of WebSockets
	split            *upstream.Split // nil: a redirect
	block            pages
	metrics          *metrics.Route
	inFlight         atomic.Int64
	lane             lane // at the bulkhead
}
