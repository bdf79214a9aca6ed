package snapshot

import (
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/access/challenge"
	"github.com/wafer-waf/wafer/access/feed"
	"github.com/wafer-waf/wafer/access/geo"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/waf"
)

// Snapshot is all that serving a request takes, immutable once it is published.
type Snapshot[R any] struct {
	Generation uint64
	Config     *config.Routes
	Table      *routing.Table[R]
	Hosts      *routing.Hosts[*identity.Terms] // what they ask of clients; nil: none says anything
	Access     *access.Policy                  // of requests that no route matches; nil: nobody is asked
	Answers    *challenge.Endpoint             // to puzzles; nil: there are none

	built    time.Time
	digest   string
	lastGood string // where it is from, if not from the files; who builds guards it
	// nextUpdate is when lists of revoked certificates are to be replaced, by route.
	nextUpdate map[string]time.Time
	routes     []*Route // in the order of the file
	engines    map[string]*shared[*waf.Engine]
	byPolicy   map[string]*waf.Engine // of engines; those that are off have none
	pools      map[string]*shared[*upstream.Pool]
	accesses   map[string]*access.Policy // by id, those that are not off
	lists      map[string]*shared[*feed.List]
	databases  map[string]*shared[*geo.Places]
	sources    sources // of lists and databases

	// refs counts the requests on this snapshot, and one for being the current one. At
	// zero it is retired; it never rises from zero again.
	refs   atomic.Int64
	retire func(*Snapshot[R])
}

// Acquire keeps the snapshot for one user more. It reports false if it has been retired.
func (s *Snapshot[R]) Acquire() bool {
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

// Release ends what Acquire began.
func (s *Snapshot[R]) Release() {
	if s.refs.Add(-1) == 0 {
		s.retire(s)
	}
}

// Stopped says what stopped one attack of the proof that a policy protects.
type Stopped struct {
	Attack string `json:"attack"` // the class, as rules are tagged
	By     string `json:"by"`     // the way it came, such as a query or a form
	Rules  []int  `json:"rules"`  // of the class, that found it
	Rule   int    `json:"rule"`   // that decided
	// Before are rules that stop this very request before those do, which are shown to stop it, too.
	Before []int `json:"before,omitempty"`
}

// shared is an engine or a pool that several snapshots use. owners is guarded by
// resources.mu.
type shared[T any] struct {
	value  T
	owners int
	proof  []Stopped // of an engine that has stopped the probes; for the one goroutine that builds
}

// Route is a config.Route bound to everything a request on it needs.
type Route struct {
	Config   config.Route
	Policy   config.Policy
	Inspect  inspect.Policy  // the same policy, as inspections see it
	Split    *upstream.Split // nil: a redirect
	Access   *access.Policy  // nil: nobody is asked
	Records  *Recording      // nil: nothing is recorded
	Metrics  *metrics.Route
	InFlight atomic.Int64

	Forwarding *access.Forwarding // of what proves who the client is; nil: as everything else
}
