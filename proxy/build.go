package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/routing/upstream"
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

	disagreed func(*waf.Engine, waf.Disagreement) // nil: nobody asks
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

// free gives back what only s used.
func (r *resources) free(s *snapshot) error {
	var errs []error
	for _, e := range disown(&r.mu, r.engines, s.engines) {
		errs = append(errs, e.Close())
	}
	for _, p := range disown(&r.mu, r.pools, s.pools) {
		p.Close()
	}
	return errors.Join(errs...)
}

// build makes a snapshot and proves that it protects. It touches no live state but for
// sharing live engines and pools; after an error nothing of it is left.
func (r *resources) build(c *config.Routes, m *metrics.Metrics) (_ *snapshot, err error) {
	s := &snapshot{
		config: c, digest: c.Digest(), built: time.Now(),
		engines: map[string]*shared[*waf.Engine]{}, pools: map[string]*shared[*upstream.Pool]{},
		byPolicy: map[string]*waf.Engine{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.free(s))
		}
	}()
	var problems config.Problems
	report := func(path string, err error) {
		problems = append(problems, config.Problem{File: c.Name(), Line: c.Line(path), Path: path, What: err.Error()})
	}

	engines := s.byPolicy
	for i, p := range c.Policies {
		if p.Mode == config.ModeOff {
			continue
		}
		e, err := r.engine(s, p)
		if err != nil {
			report(fmt.Sprintf("policies[%d]", i), err)
			continue
		}
		engines[p.ID] = e
	}
	pools := map[string]*upstream.Pool{} // by upstream id
	for i, u := range c.Upstreams {
		pool, err := r.pool(s, u)
		if err != nil {
			report(fmt.Sprintf("upstreams[%d]", i), err)
			continue
		}
		pools[u.ID] = pool
	}
	policies := map[string]config.Policy{}
	for _, p := range c.Policies {
		policies[p.ID] = p
	}
	for i, rc := range c.Routes {
		if p := policies[rc.Policy]; rc.WebSocket == config.WebSocketInspect && p.Mode != config.ModeOff && !p.RequestBody.Inspect {
			report(fmt.Sprintf("routes[%d].websocket", i), fmt.Errorf("policy %q does not inspect request bodies, which messages are taken for", p.ID))
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	var entries []routing.Entry[*route]
	for _, rc := range c.Routes {
		p := policies[rc.Policy]
		rt := &route{
			config: rc, policy: p, inspect: inspectPolicy(&p, engines[p.ID]), metrics: m.Route(rc.ID),
			inspectsMessages: rc.WebSocket == config.WebSocketInspect && p.Mode != config.ModeOff,
			lenient:          kindsOf(rc.AmbiguousPaths),
			strictPaths:      rc.PathReadings == config.ReadingsOne,
			block:            pages{html: p.Block.HTML, json: p.Block.JSON},
		}
		if rc.Redirect == nil {
			var parts []upstream.Part
			for _, w := range rc.Upstreams {
				parts = append(parts, upstream.Part{Pool: pools[w.ID], Weight: w.Weight})
			}
			rt.split = upstream.NewSplit(parts)
		}
		s.routes = append(s.routes, rt)
		entries = append(entries, entry(rc, rt))
	}
	if s.table, err = routing.New(entries); err != nil {
		for _, e := range unjoin(err) {
			report("routes", e)
		}
		return nil, problems
	}
	for i, p := range c.Policies {
		e := engines[p.ID]
		if e == nil || p.Mode != config.ModeBlock || s.engines[e.Digest()].proved {
			continue
		}
		policy := inspectPolicy(&p, e)
		if err := probe(&inspect.Inspector{Decoder: coding.New()}, &policy); err != nil {
			report(fmt.Sprintf("policies[%d]", i), fmt.Errorf("policy %q: %w", p.ID, err))
			continue
		}
		s.engines[e.Digest()].proved = true
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return s, nil
}

func unjoin(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}
	return []error{err}
}

func (r *resources) engine(s *snapshot, p config.Policy) (*waf.Engine, error) {
	wp := wafPolicy(p)
	digest := wp.Digest()
	if e := s.engines[digest]; e != nil {
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
	s.engines[digest] = e
	return e.value, nil
}

func (r *resources) pool(s *snapshot, u config.Upstream) (*upstream.Pool, error) {
	text, err := json.Marshal(u)
	if err != nil {
		return nil, fmt.Errorf("digest upstream %q: %w", u.ID, err)
	}
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:])
	p, err := own(&r.mu, r.pools, digest, func() (*upstream.Pool, error) {
		balance := upstream.RoundRobin
		if u.Balance == config.LeastLoaded {
			balance = upstream.LeastLoaded
		}
		discovery := upstream.DiscoveryOff
		if u.Discovery == config.DiscoveryDNS {
			discovery = upstream.DiscoveryDNS
		}
		return upstream.New(upstream.Config{
			ID: u.ID, Endpoints: u.Endpoints, Discovery: discovery, Balance: balance, Connections: u.Connections,
			Connect: u.Timeouts.Connect, Response: u.Timeouts.Response, Idle: u.Timeouts.Idle,
		})
	})
	if err != nil {
		return nil, err
	}
	s.pools[digest] = p
	return p.value, nil
}

// entry says to the table what config.Route says.
func entry(c config.Route, rt *route) routing.Entry[*route] {
	e := routing.Entry[*route]{ID: c.ID, Hosts: c.Hosts, Methods: c.Methods, Value: rt}
	for _, p := range c.Paths {
		switch {
		case p.Exact != "":
			e.Paths = append(e.Paths, routing.Path{Kind: routing.PathExact, Value: p.Exact})
		case p.Prefix != "":
			e.Paths = append(e.Paths, routing.Path{Kind: routing.PathPrefix, Value: p.Prefix})
		default:
			e.Paths = append(e.Paths, routing.Path{Kind: routing.PathRegex, Value: p.Regex})
		}
	}
	for _, h := range c.Headers {
		switch {
		case h.Present:
			e.Headers = append(e.Headers, routing.Header{Name: h.Name, Kind: routing.HeaderPresent})
		case h.Regex != "":
			e.Headers = append(e.Headers, routing.Header{Name: h.Name, Kind: routing.HeaderRegex, Value: h.Regex})
		default:
			e.Headers = append(e.Headers, routing.Header{Name: h.Name, Kind: routing.HeaderExact, Value: h.Exact})
		}
	}
	return e
}

// wafPolicy says to the engine what config.Policy says.
func wafPolicy(p config.Policy) waf.Policy {
	w := waf.Policy{
		ID:               p.ID,
		BlockingParanoia: p.Paranoia.Blocking, DetectionParanoia: p.Paranoia.Detection,
		InboundThreshold: p.Thresholds.Inbound, OutboundThreshold: p.Thresholds.Outbound,
		EarlyBlocking: p.EarlyBlocking, ReportingLevel: p.ReportingLevel,
		CRS:          crs(&p.CRS),
		RequestBody:  p.RequestBody.Inspect,
		Reading:      waf.Reading{XMLDoctype: p.RequestBody.XMLDoctype == config.DoctypeInternal, Files: files[p.RequestBody.Files]},
		ResponseBody: p.ResponseBody.Inspect, ResponseBodyBytes: int(p.ResponseBody.Limit),
		ResponseMIMETypes: p.ResponseBody.MIMETypes,
		Budget:            p.InspectionBudget,
		ScreenOff:         p.Screen == config.Off, ScreenVerify: p.ScreenVerify,
	}
	if p.Mode == config.ModeDetect {
		w.Mode = waf.ModeDetect
	}
	for _, r := range p.RulesBefore {
		w.RulesBefore = append(w.RulesBefore, waf.RuleText{Source: r.Source, Text: r.Inline})
	}
	for _, r := range p.RulesAfter {
		w.RulesAfter = append(w.RulesAfter, waf.RuleText{Source: r.Source, Text: r.Inline})
	}
	for _, x := range p.Exclusions {
		e := waf.Exclusion{Source: x.Source, RuleIDs: x.Rules, Tag: x.Tag, Target: x.Target, Path: x.Path}
		if x.Rule != 0 {
			e.RuleIDs = strconv.Itoa(x.Rule)
		}
		w.Exclusions = append(w.Exclusions, e)
	}
	return w
}

// inspectPolicy says to inspections what config.Policy says.
func inspectPolicy(p *config.Policy, engine *waf.Engine) inspect.Policy {
	return inspect.Policy{
		Engine: engine, Detect: p.Mode == config.ModeDetect,
		OnError: choices[p.OnError], OnOverload: choices[p.OnOverload], OnBudget: choices[p.OnBudget],
		RequestBodies: p.RequestBody.Inspect, RequestLimit: int(p.RequestBody.Limit),
		Oversize: treatments[p.RequestBody.Oversize], Undecodable: treatments[p.RequestBody.Undecodable],
		ResponseBodies: engine != nil && p.ResponseBody.Inspect, ResponseLimit: int(p.ResponseBody.Limit),
		ResponseTypes: p.ResponseBody.MIMETypes,
		BlockStatus:   p.Block.Status,
	}
}

// choices are what a policy may say of messages that could not be inspected.
var choices = map[config.Choice]inspect.Choice{config.Deny: inspect.Deny, config.Allow: inspect.Allow}

// treatments are what a policy may say of bodies that are too long or cannot be decoded.
var treatments = map[config.Treatment]inspect.Treatment{
	config.Reject: inspect.Reject, config.InspectPrefix: inspect.InspectPrefix, config.SkipInspection: inspect.SkipInspection,
}

// files are what a policy may say about the contents of uploaded files.
var files = map[config.FileMode]waf.FileMode{
	config.FilesActive: waf.FilesActive, config.FilesAll: waf.FilesAll, config.FilesSkip: waf.FilesSkip,
}

// crs says to the engine what config.CRS says, whose lists always hold. That of media types does if it has
// one: otherwise a body is read whatever it is.
func crs(c *config.CRS) waf.CRS {
	all := func(list []string) []string { return append([]string{}, list...) }
	return waf.CRS{
		AllowedMethods: all(c.AllowedMethods), AllowedContentTypes: append([]string(nil), c.AllowedContentTypes...),
		AllowedCharsets: all(c.AllowedCharsets), AllowedHTTPVersions: all(c.AllowedHTTPVersions), RestrictedExtensions: all(c.RestrictedExtensions),
		RestrictedHeaders: all(c.RestrictedHeaders), RestrictedHeadersExtended: all(c.RestrictedHeadersExtended),
		MaxNumArgs: c.MaxNumArgs, ArgNameLength: c.ArgNameLength, ArgLength: c.ArgLength, TotalArgLength: c.TotalArgLength,
		MaxFileSize: int64(c.MaxFileSize), CombinedFileSizes: int64(c.CombinedFileSizes),
		EnforceBodyprocURLEncoded: c.EnforceBodyprocURLEncoded, ValidateUTF8Encoding: c.ValidateUTF8Encoding, AllowMethodOverride: c.AllowMethodOverride,
		CriticalAnomalyScore: c.CriticalAnomalyScore, ErrorAnomalyScore: c.ErrorAnomalyScore,
		WarningAnomalyScore: c.WarningAnomalyScore, NoticeAnomalyScore: c.NoticeAnomalyScore,
	}
}
