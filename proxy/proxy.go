package proxy

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/access/collection"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/mask"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/recent"
	"github.com/wafer-waf/wafer/record"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/trace"
	"github.com/wafer-waf/wafer/waf"
)

// Options are what a Proxy is made of.
type Options struct {
	Boot     config.Boot
	Source   *config.Source
	Log      zerolog.Logger
	Events   *audit.Log
	Recorder *record.Recorder // nil: nothing is recorded
	Registry prometheus.Registerer
	Version  string

	Masking   *mask.Policy                  // what is secret in what the proxy tells
	Tracer    *trace.Tracer                 // nil: requests are not traced
	Compiling func(policy string, i, n int) // as that of [snapshot.Builder]
	Services  snapshot.Services             // as that of [snapshot.Builder]
	Traffic   *recent.Timeline              // counts requests; nil: nobody does
	LastGood  snapshot.LastGood             // as that of [snapshot.Options], like Stands
	Stands    func(snapshot.Standing)

	// Remembers has rules keep something from one request to the next. Who only tries requests wants each of them to
	// be the first.
	Remembers bool
}

// Proxy is the tier: a listener, the snapshot in force, and the loop that replaces it.
type Proxy struct {
	boot       config.Boot
	log        zerolog.Logger
	events     *audit.Log
	recorder   *record.Recorder // nil: nothing is recorded
	tracer     *trace.Tracer    // nil: requests are not traced
	masking    *mask.Policy
	metrics    *metrics.Metrics
	listeners  listeners
	doors      *doors
	refreshing sync.Mutex // the files of doors
	bootStale  bool       // the boot file has changed since the start; refreshing guards it
	processors processors
	bulkhead   *bulkhead
	memory     *memory
	suspects   suspects
	traffic    traffic
	inspector  inspect.Inspector
	snapshots  *snapshot.Keeper[*route]
	shared     *shared
	kept       *collection.Table // what rules remember; nil: nothing
	draining   atomic.Bool
	serving    atomic.Int64 // requests
	tunnels    atomic.Int64 // that are open
	cutting    atomic.Bool  // what runs is ended
}

// New is Prepare and Load.
func New(o Options) (*Proxy, error) {
	p := Prepare(o)
	if err := p.Load(context.Background()); err != nil {
		return nil, err
	}
	return p, nil
}

// Prepare returns a Proxy that has no configuration yet. Until Load has succeeded, it can be asked
// whether it is ready, and must not be served with, run or shut down.
func Prepare(o Options) *Proxy {
	coraza, crs := waf.Versions()
	p := &Proxy{
		boot: o.Boot, log: o.Log, events: o.Events, recorder: o.Recorder, tracer: o.Tracer, masking: o.Masking,
		metrics: metrics.New(o.Registry, o.Version, coraza, crs),
		memory:  newMemory(int64(config.GiB)), // until Load
	}
	p.metrics.Aliases(o.Boot.Metrics.Aliases)
	p.traffic = newTraffic(o.Traffic)
	p.bulkhead = newBulkhead(p.inspections(), inspectionQueue, inspectionWait)
	p.bulkhead.crowded = p.processors.add
	p.inspector = inspect.Inspector{Decoder: coding.New(), Memory: p.memory.readings}
	p.memory.watchedBy(p.metrics)
	p.shared = newShared(&p.boot.Store, p.metrics, o.Log)
	p.snapshots = snapshot.NewKeeper(snapshot.Options[*route]{
		Source: o.Source, Builder: newBuilder(p.compiler(o.Remembers), p.traffic), Metrics: p.metrics, Log: o.Log, Reload: o.Boot.Reload,
		Swapped: p.swapped, LastGood: o.LastGood, Stands: o.Stands,
	})
	p.snapshots.Builder.Compiling, p.snapshots.Builder.Masking = o.Compiling, o.Masking
	p.snapshots.Builder.EndpointChanged, p.snapshots.Builder.SourceChanged = p.endpointChanged, p.sourceChanged
	p.snapshots.Builder.EndpointHealth = snapshot.HealthTold{Changed: p.healthChanged, Panics: p.upstreamPanics, Withheld: p.metrics.Spared}
	p.metrics.WatchUpstreams(p.upstreamsNow)
	p.snapshots.Builder.Services = o.Services
	p.snapshots.Builder.Access.KeysTold = p.keysTold
	p.tellBans()
	if p.shared != nil {
		p.snapshots.Builder.Access.Share(p.shared.store)
	}
	p.snapshots.Builder.Feeds = snapshot.Feeds{Serving: true, Folder: o.Boot.LastGood.Dir, ListTold: p.listTold, PlacesTold: p.placesTold}
	p.metrics.WatchLists(p.listsNow)
	p.metrics.WatchRequests(p.serving.Load)
	p.metrics.WatchLimits(p.limitsStand)
	p.metrics.WatchQueue(p.bulkhead.queued)
	p.metrics.WatchTunnels(p.tunnels.Load)
	p.doors = newDoors(&p.boot, newGate(), p.hostTerms, p.metrics.TLS)
	p.listeners = p.newListeners()
	return p
}

// Load reads the certificates of listeners and builds the first snapshot, as [snapshot.Keeper.Load] does. What is
// wrong with a certificate is not cured by a configuration that was good once, and is final.
func (p *Proxy) Load(ctx context.Context) error {
	if err := p.doors.open(&p.boot, p.wrongDate); err != nil {
		return err
	}
	if err := p.shared.usable(); err != nil {
		return err
	}
	if err := p.snapshots.Load(ctx); err != nil {
		return err
	}
	p.shared.await(ctx)
	p.setMemory()
	p.warnUnshared(p.snapshots.InForce().Config)
	p.warnUnrecorded(p.snapshots.InForce().Config)
	return nil
}

// Loaded reports whether there is a configuration in force.
func (p *Proxy) Loaded() bool { return p.snapshots.InForce() != nil }

// What waits beyond the queue is better told to come again.
const (
	inspectionQueue = 64 // of each route
	inspectionWait  = 5 * time.Second
)

// inspections are the places in the bulkhead. Rules keep cores busy, so that more at once than
// there are cores only take longer each; one more is there for another route than the one that
// has all others.
func (p *Proxy) inspections() int {
	if configured := p.boot.Limits.Inspections; configured > 0 {
		return configured
	}
	return p.processors.count() + 1
}

// Reload reads the configuration now, as [snapshot.Keeper.Reload] does.
func (p *Proxy) Reload(ctx context.Context, trigger string) (snapshot.Reloaded, error) {
	p.refreshDoors()
	p.snapshots.RefreshLists()
	return p.snapshots.Reload(ctx, trigger)
}

// Run replaces the snapshot when the files change, or when Reload asks for it, until ctx ends.
func (p *Proxy) Run(ctx context.Context) {
	go p.watchDoors(ctx.Done())
	p.snapshots.Run(ctx)
}

// Effective returns what is in force, without secrets.
func (p *Proxy) Effective() snapshot.Effective { return p.snapshots.Effective(&p.boot) }

// DescribeRoutes returns the routes in force, in the order of the file.
func (p *Proxy) DescribeRoutes() []snapshot.RouteDescription { return p.snapshots.DescribeRoutes() }

// DescribeUpstreams returns the upstreams in force, in the order of the file.
func (p *Proxy) DescribeUpstreams() []snapshot.UpstreamState { return p.snapshots.DescribeUpstreams() }

// Ready reports nil while the tier should get traffic: a snapshot that was proved to
// protect is in force, and the process is not about to end.
func (p *Proxy) Ready() error {
	if p.draining.Load() {
		return errors.New("draining")
	}
	if !p.Loaded() {
		return errors.New(p.snapshots.Stage())
	}
	return nil
}

// Standing returns how what is in force relates to what the files say.
func (p *Proxy) Standing() snapshot.Standing { return p.snapshots.Standing() }

func (p *Proxy) reportPanic(r any, requestID string) {
	p.metrics.Panics.Inc()
	p.log.Error().Interface("panic", r).Str("request_id", requestID).Bytes("stack", debug.Stack()).Msg("request panicked")
}
