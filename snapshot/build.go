package snapshot

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/access/feed"
	"github.com/wafer-waf/wafer/access/geo"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/mask"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/waf"
)

// resources are the engines and pools of all snapshots that are alive, by digest of what
// they are made from, so that equal policies share an engine and a reload builds only
// what changed.
type resources struct {
	mu       sync.Mutex
	compiler *waf.Compiler
	engines  map[string]*shared[*waf.Engine]
	pools    map[string]*shared[*upstream.Pool]
	lists    map[string]*shared[*feed.List]
	places   map[string]*shared[*geo.Places]

	disagreed func(*waf.Engine, waf.Disagreement) // nil: nobody asks

	// EndpointChanged is told what upstreams notice of their endpoints ([upstream.Config.Changed]); nil: nobody asks.
	EndpointChanged func(upstream, endpoint string, err error)
	// SourceChanged is told of names and Services that do not say where endpoints are ([upstream.Config.SourceChanged]).
	SourceChanged func(upstream, source string, err error)
	// EndpointHealth is told what becomes of them.
	EndpointHealth HealthTold

	// Feeds is what lists and databases need.
	Feeds Feeds

	// Services finds the pods of Services; nil: they are not looked for.
	Services Services
}

// own returns the resource of that digest, made if there is none yet, with one more owner.
func own[T any](mu *sync.Mutex, all map[string]*shared[T], digest string, build func() (T, error)) (*shared[T], error) {
	mu.Lock()
	s := all[digest]
	if s != nil {
		s.owners++
	}
	mu.Unlock()
	if s != nil {
		return s, nil
	}
	value, err := build() // slow; only one goroutine builds
	if err != nil {
		return nil, err
	}
	s = &shared[T]{value: value, owners: 1}
	mu.Lock()
	all[digest] = s
	mu.Unlock()
	return s, nil
}

// disown returns the resources that nobody owns any more.
func disown[T any](mu *sync.Mutex, all, owned map[string]*shared[T]) []T {
	mu.Lock()
	defer mu.Unlock()
	var orphans []T
	for digest, s := range owned {
		if s.owners--; s.owners == 0 {
			delete(all, digest)
			orphans = append(orphans, s.value)
		}
	}
	return orphans
}

// freeSources is free for lists and databases.
func (r *resources) freeSources(lists map[string]*shared[*feed.List], places map[string]*shared[*geo.Places]) {
	for _, l := range disown(&r.mu, r.lists, lists) {
		l.Close()
	}
	for _, p := range disown(&r.mu, r.places, places) {
		p.Close()
	}
}

// free gives back what only one snapshot used.
func (r *resources) free(engines map[string]*shared[*waf.Engine], pools map[string]*shared[*upstream.Pool]) error {
	var errs []error
	for _, e := range disown(&r.mu, r.engines, engines) {
		errs = append(errs, e.Close())
	}
	for _, p := range disown(&r.mu, r.pools, pools) {
		p.Close()
	}
	return errors.Join(errs...)
}

// Builder makes snapshots.
type Builder[R any] struct {
	// Access is what is remembered about clients, over all snapshots.
	Access *access.State

	// Masking is what is secret in configurations and in what they are tried with.
	Masking *mask.Policy

	// Compiling is told which policy of how many comes next, and n of n when all are through; nil: nobody asks.
	Compiling func(policy string, i, n int)

	resources
	bind  func(*Route) R
	prove func(*inspect.Policy) ([]Stopped, error)
}

// NewBuilder returns a builder whose engines come from a compiler. bind makes of a route what the
// table leads to. prove sends attacks through what serves requests, and reports those that a policy in
// block mode lets pass.
func NewBuilder[R any](compiler *waf.Compiler, bind func(*Route) R, prove func(*inspect.Policy) ([]Stopped, error)) *Builder[R] {
	return &Builder[R]{Access: access.NewState(), bind: bind, prove: prove, resources: resources{
		compiler: compiler, engines: map[string]*shared[*waf.Engine]{}, pools: map[string]*shared[*upstream.Pool]{},
		lists: map[string]*shared[*feed.List]{}, places: map[string]*shared[*geo.Places]{},
	}}
}

// Cut ends all exchanges with upstreams at once.
func (b *Builder[R]) Cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.pools {
		p.value.Cut()
	}
}

// Free gives back what only s used. It follows Build if s is not kept.
func (b *Builder[R]) Free(s *Snapshot[R]) error {
	b.freeSources(s.lists, s.databases)
	return b.free(s.engines, s.pools)
}

// Build makes a snapshot and proves that it protects. It touches no live state but for
// sharing live engines and pools; after an error nothing of it is left.
func (b *Builder[R]) Build(c *config.Routes, m *metrics.Metrics) (*Snapshot[R], error) {
	s := &Snapshot[R]{
		Config: c, digest: c.Digest(), built: time.Now(), engines: map[string]*shared[*waf.Engine]{},
		pools: map[string]*shared[*upstream.Pool]{}, byPolicy: map[string]*waf.Engine{},
	}
	var problems config.Problems
	report := func(path string, err error) {
		problems = append(problems, problemsOf(c, path, err)...)
	}
	by := authoritiesOf(c.Routes, report)
	pools := b.makeAll(s, report)
	policies, carried := accessPolicies(s.Config, b.Access, b.openSources(s, report), b.Masking, m, report)
	s.accesses = policies
	if len(problems) == 0 {
		b.bindAll(s, m, pools, carried, report)
	}
	if len(problems) == 0 {
		bindClients(s, by, report)
	}
	if len(problems) == 0 {
		b.proveAll(s, report)
	}
	if len(problems) > 0 {
		problems = unique(problems)
		problems.Sort()
		return nil, errors.Join(problems, b.Free(s))
	}
	return s, nil
}

// makeAll makes the engines and the pools, which it returns by the ids of their upstreams.
func (b *Builder[R]) makeAll(s *Snapshot[R], report func(path string, err error)) map[string]*upstream.Pool {
	inspects := map[string]bool{} // messages, by policy
	for i, p := range s.Config.Policies {
		b.tell(p.ID, i, len(s.Config.Policies))
		if inspects[p.ID] = p.Mode == config.ModeOff || p.RequestBody.Inspect; p.Mode == config.ModeOff {
			continue
		}
		e, err := b.engine(s.engines, p)
		if err != nil {
			report(fmt.Sprintf("policies[%d]", i), err)
			continue
		}
		s.byPolicy[p.ID] = e
	}
	b.tell("", len(s.Config.Policies), len(s.Config.Policies))
	pools := map[string]*upstream.Pool{}
	for i, u := range s.Config.Upstreams {
		pool, err := b.pool(s.pools, u)
		if err != nil {
			at := fmt.Sprintf("upstreams[%d]", i)
			if about := new(serviceError); errors.As(err, &about) {
				at, err = at+".service", about.err
			}
			reportSettings(at, err, report)
			continue
		}
		pools[u.ID] = pool
	}
	for i, r := range s.Config.Routes {
		if r.WebSocket == config.WebSocketInspect && !inspects[r.Policy] {
			report(fmt.Sprintf("routes[%d].websocket", i), fmt.Errorf("policy %q does not inspect request bodies, which messages are taken for", r.Policy))
		}
	}
	return pools
}

// reportSettings reports what is wrong with an upstream, and all that is wrong with its files of TLS.
func reportSettings(at string, err error, report func(path string, err error)) {
	all := []error{err}
	if several := interface{ Unwrap() []error }(nil); errors.As(err, &several) {
		all = several.Unwrap()
	}
	for _, e := range all {
		if about := new(upstream.SettingError); errors.As(e, &about) {
			report(at+".tls."+about.Key, about.Err)
			continue
		}
		report(at, e)
	}
}

func (b *Builder[R]) tell(policy string, i, n int) {
	if b.Compiling != nil {
		b.Compiling(policy, i, n)
	}
}

// bindAll binds the routes and makes the table that leads to them.
func (b *Builder[R]) bindAll(s *Snapshot[R], m *metrics.Metrics, pools map[string]*upstream.Pool, carried map[string]*access.Forwarding, report func(path string, err error)) {
	policies := map[string]config.Policy{}
	for _, p := range s.Config.Policies {
		policies[p.ID] = p
	}
	s.Access, s.Answers = s.accesses[config.DefaultAccessID], answers(s.Config, b.Access)
	recorded := recordings(s.Config, report)
	var entries []routing.Entry[R]
	for _, c := range s.Config.Routes {
		p := policies[c.Policy]
		r := &Route{
			Config: c, Policy: p, Inspect: inspectPolicy(&p, s.byPolicy[p.ID]), Access: s.accesses[c.Access], Forwarding: carried[c.Access],
			Records: recorded[c.Record], Metrics: m.Route(c.ID, p.ID),
		}
		if c.Redirect == nil {
			var parts []upstream.Part
			for _, w := range c.Upstreams {
				parts = append(parts, upstream.Part{Pool: pools[w.ID], Weight: w.Weight})
			}
			r.Split = upstream.NewSplit(parts)
		}
		s.routes = append(s.routes, r)
		entries = append(entries, entry(c, b.bind(r)))
	}
	var err error
	if s.Table, err = routing.New(entries); err != nil {
		for _, e := range unjoin(err) {
			reportEntry(e, report)
		}
		return
	}
	for _, p := range s.Table.Hidden() {
		reportEntry(p, report)
	}
}

// reportEntry reports an error of the table at the route that it is about.
func reportEntry(err error, report func(path string, err error)) {
	var p *routing.Problem
	switch {
	case !errors.As(err, &p):
		report("routes", err)
	case p.Key == "":
		report(fmt.Sprintf("routes[%d]", p.Entry), p)
	default:
		report(fmt.Sprintf("routes[%d].%s", p.Entry, p.Key), errors.New(p.What))
	}
}

// proveAll has every policy in block mode stop attacks, once for each engine.
func (b *Builder[R]) proveAll(s *Snapshot[R], report func(path string, err error)) {
	for i, p := range s.Config.Policies {
		e := s.byPolicy[p.ID]
		if e == nil || p.Mode != config.ModeBlock || s.engines[e.Digest()].proof != nil {
			continue
		}
		policy := inspectPolicy(&p, e)
		proof, err := b.prove(&policy)
		if err != nil {
			what := strings.ReplaceAll(err.Error(), "\n", "\n  ")
			report(fmt.Sprintf("policies[%d]", i), fmt.Errorf("policy %q: %s%s", p.ID, what, whyNothingBlocks(p)))
			continue
		}
		s.engines[e.Digest()].proof = proof
	}
}

// whyNothingBlocks names the exclusion with which nothing is blocked: it is what most people try first, since events
// name this rule as the one that decided.
func whyNothingBlocks(p config.Policy) string {
	for _, x := range p.Exclusions {
		if x.Rule == sumsUp && x.Target == "" && x.Path == "" {
			return fmt.Sprintf("\n  rule %d is the one that blocks, by the score of all others: exclude those that an event lists in \"rules\", not this one (%s)", sumsUp, x.Source)
		}
	}
	return ""
}

// sumsUp is the rule of CRS that blocks requests, once the others have added up to the threshold.
const sumsUp = 949110

func unjoin(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}
	return []error{err}
}

func (r *resources) engine(owned map[string]*shared[*waf.Engine], p config.Policy) (*waf.Engine, error) {
	wp := wafPolicy(p)
	digest := wp.Digest()
	if e := owned[digest]; e != nil {
		return e.value, nil
	}
	e, err := own(&r.mu, r.engines, digest, func() (*waf.Engine, error) {
		e, err := r.compiler.NewEngine(wp)
		if err == nil && r.disagreed != nil {
			e.OnDisagreement(func(d waf.Disagreement) { r.disagreed(e, d) })
		}
		return e, err
	})
	if err != nil {
		return nil, err
	}
	owned[digest] = e
	return e.value, nil
}

var protocols = map[config.Protocol]upstream.Protocol{
	config.ProtocolH1: upstream.HTTP1, config.ProtocolH2: upstream.HTTP2, config.ProtocolH2C: upstream.HTTP2, config.ProtocolAuto: upstream.Auto,
}

// upstreamTLS is what a configuration says of TLS with endpoints; nil: nothing.
func upstreamTLS(c *config.UpstreamTLS) upstream.TLS {
	if c == nil {
		return upstream.TLS{}
	}
	t := upstream.TLS{
		ServerName: c.ServerName, Names: c.Names, Unverified: c.Verify == config.Off, Elsewhere: c.Elsewhere,
		CA: c.CAText, Certificate: c.CertText, Key: c.KeyText, MinVersion: tls.VersionTLS12,
	}
	if c.MinVersion == "tls1.3" {
		t.MinVersion = tls.VersionTLS13
	}
	return t
}

// toldOf is tell for one upstream.
func toldOf(upstream string, tell func(upstream, of string, err error)) func(of string, err error) {
	if tell == nil {
		return nil
	}
	return func(of string, err error) { tell(upstream, of, err) }
}

func (r *resources) pool(owned map[string]*shared[*upstream.Pool], u config.Upstream) (*upstream.Pool, error) {
	text, err := json.Marshal(u)
	if err != nil {
		return nil, fmt.Errorf("digest upstream %q: %w", u.ID, err)
	}
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:])
	p, err := own(&r.mu, r.pools, digest, func() (*upstream.Pool, error) {
		endpoints, shares := places(&u)
		sources, err := r.Services.sources(u.Service)
		if err != nil {
			return nil, err
		}
		return upstream.New(upstream.Config{
			ID: u.ID, Endpoints: endpoints, Shares: shares, Sources: sources, Encrypted: u.TLS != nil, Discovery: discoveries[u.Discovery], Every: u.Every,
			Balance: choice(&u), Affinity: affinity(&u), Connections: u.Connections,
			Protocol: protocols[u.Protocol], TLS: upstreamTLS(u.TLS), Connect: u.Timeouts.Connect, Handshake: u.Timeouts.TLS, Response: u.Timeouts.Response, Idle: u.Timeouts.Idle, Total: u.Timeouts.Total,
			Health: r.EndpointHealth.health(&u), Checks: checks(&u),
			Changed: toldOf(u.ID, r.EndpointChanged), SourceChanged: toldOf(u.ID, r.SourceChanged),
			Retries: retries(&u.Retries), Limits: limits(&u.Limits), Age: upstream.Age{Most: u.KeepAlive.Age, Jitter: int(u.KeepAlive.Jitter)},
		})
	})
	if err != nil {
		return nil, err
	}
	owned[digest] = p
	return p.value, nil
}
