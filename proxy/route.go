package proxy

import (
	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/recent"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/waf"
)

// route is a route of the snapshot, and what its requests need here beside it.
type route struct {
	*snapshot.Route
	lenient          pathKinds // of odd paths that are let through although readings differ
	strictPaths      bool      // odd paths are refused although readings agree
	inspectsMessages bool      // of WebSockets
	demand           *demand   // of clients' certificates; nil: as the host's other routes, or the listener
	hsts             string
	block            pages
	lane             lane             // at the bulkhead
	traffic          *recent.Counters // nil: nobody counts
}

func newRoute(r *snapshot.Route) *route {
	return &route{
		Route:            r,
		lenient:          kindsOf(r.Config.AmbiguousPaths),
		strictPaths:      r.Config.PathReadings == config.ReadingsOne,
		inspectsMessages: r.Config.WebSocket == config.WebSocketInspect && r.Policy.Mode != config.ModeOff,
		demand:           demandOf(r.Config.ClientCertificate),
		hsts:             hstsOf(r.Config.HSTS),
		block:            pages{html: r.Policy.Block.HTML, json: r.Policy.Block.JSON},
	}
}

// newBuilder returns what makes snapshots of such routes.
func newBuilder(compiler *waf.Compiler, t traffic) *snapshot.Builder[*route] {
	by := &inspect.Inspector{Decoder: coding.New()}
	counted := func(r *snapshot.Route) *route {
		n := newRoute(r)
		n.traffic = t.of(r.Config.ID)
		return n
	}
	return snapshot.NewBuilder(compiler, counted, func(p *inspect.Policy) ([]snapshot.Stopped, error) { return probe(by, p) })
}
