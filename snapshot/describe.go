package snapshot

import (
	"time"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/upstream"
)

// Description is what the configuration in force amounts to.
type Description struct {
	Generation uint64              `json:"generation"`
	Digest     string              `json:"digest"`
	Built      time.Time           `json:"built"`
	Files      []string            `json:"files"`
	Routes     int                 `json:"routes"`
	Upstreams  int                 `json:"upstreams"`
	Engines    int                 `json:"engines"`
	Policies   []PolicyDescription `json:"policies"`
	Access     []AccessDescription `json:"access,omitempty"`
}

// PolicyDescription is one policy of the configuration in force.
type PolicyDescription struct {
	ID     string      `json:"id"`
	Mode   config.Mode `json:"mode"`
	Engine string      `json:"engine,omitempty"` // digest; policies with equal digests share an engine
	Rules  int         `json:"rules"`            // compiled; 0 with mode: off
	Routes int         `json:"routes"`           // that use it
	// NoScreen is why every request of the policy goes to the rules; empty: it has a screen, or
	// is off.
	NoScreen string `json:"no_screen,omitempty"`
	// Proof is what stopped the attacks that the policy had to stop before it came into force.
	Proof []Stopped `json:"proof,omitempty"`
}

// AccessDescription is one access policy of the configuration in force.
type AccessDescription struct {
	ID     string             `json:"id"`
	Mode   config.Enforcement `json:"mode"`
	Rules  int                `json:"rules"`
	Routes int                `json:"routes"` // that use it
	// Shared are the limits that replicas share, if there is a store.
	Shared []string `json:"shared,omitempty"`
}

// RouteDescription is one route of the configuration in force.
type RouteDescription struct {
	ID        string                `json:"id"`
	Hosts     []string              `json:"hosts,omitempty"`
	Paths     []string              `json:"paths,omitempty"`
	Methods   []string              `json:"methods,omitempty"`
	Policy    string                `json:"policy"`
	Access    string                `json:"access,omitempty"` // access policy
	Mode      config.Mode           `json:"mode"`
	Upstreams []UpstreamDescription `json:"upstreams,omitempty"`
	Redirect  bool                  `json:"redirect,omitempty"`
	InFlight  int64                 `json:"in_flight"`
}

// UpstreamDescription is an upstream of a route, with its endpoints as they are now.
type UpstreamDescription struct {
	ID        string              `json:"id"`
	Weight    int                 `json:"weight"`
	Endpoints []upstream.Endpoint `json:"endpoints"`
}

// UpstreamState is an upstream of the configuration in force, and how its endpoints do.
type UpstreamState struct {
	ID        string              `json:"id"`
	Panics    bool                `json:"panic"`   // so few endpoints are available that all are asked
	Waiting   int                 `json:"waiting"` // requests for which there is no place yet
	Sources   []upstream.Source   `json:"sources,omitempty"`
	Endpoints []upstream.Endpoint `json:"endpoints"`
}

// Effective is the configuration in force with all its defaults, in the spelling of the files and without
// secrets.
type Effective struct {
	Generation uint64    `json:"generation"`
	Digest     string    `json:"digest"`
	Built      time.Time `json:"built"`
	Files      []string  `json:"files"`
	Engines    int       `json:"engines"`
	Boot       any       `json:"boot,omitempty"`
	Routes     any       `json:"routes"`
	Upstreams  any       `json:"upstreams"`
	Policies   any       `json:"policies"`
	Access     any       `json:"access,omitempty"`
	Records    any       `json:"records,omitempty"`
	// LastGood and Problems are those of the keeper's [Standing].
	LastGood string   `json:"last_good,omitempty"`
	Problems []string `json:"problems,omitempty"`
	// Compiled is what has become of the policies.
	Compiled []PolicyDescription `json:"compiled"`
}

// Effective returns what is in force, and with which boot settings.
func (k *Keeper[R]) Effective(boot *config.Boot) Effective {
	s := k.Current()
	defer s.Release()
	d := s.Describe()
	standing := k.Standing()
	tree := k.tree(s.Config)
	return Effective{
		Generation: d.Generation, Digest: d.Digest, Built: d.Built, Files: d.Files, Engines: d.Engines,
		Boot:   config.Effective(boot, k.Builder.Masking.Value),
		Routes: tree["routes"], Upstreams: tree["upstreams"], Policies: tree["policies"], Access: tree["access"], Records: tree["records"],
		LastGood: standing.LastGood, Problems: standing.Problems,
		Compiled: d.Policies,
	}
}

// Describe returns what the snapshot is made of.
func (s *Snapshot[R]) Describe() Description {
	d := Description{
		Generation: s.Generation, Digest: s.digest, Built: s.built.UTC(), Files: []string{},
		Routes: len(s.routes), Upstreams: len(s.Config.Upstreams), Engines: len(s.engines),
		Policies: s.describePolicies(), Access: s.describeAccess(),
	}
	for _, f := range s.Config.Files {
		d.Files = append(d.Files, f.Path)
	}
	return d
}

func (s *Snapshot[R]) describePolicies() []PolicyDescription {
	var out []PolicyDescription
	for _, p := range s.Config.Policies {
		d := PolicyDescription{ID: p.ID, Mode: p.Mode}
		if e := s.byPolicy[p.ID]; e != nil {
			d.Engine, d.Rules = e.Digest(), e.Rules()
			if p.Mode == config.ModeBlock {
				d.Proof = s.engines[e.Digest()].proof
			}
			switch err := e.NoScreen(); {
			case err != nil:
				d.NoScreen = err.Error()
			case !e.Screening():
				d.NoScreen = "disagreed with the rules"
			}
		}
		for _, r := range s.Config.Routes {
			if r.Policy == p.ID {
				d.Routes++
			}
		}
		out = append(out, d)
	}
	return out
}

func (s *Snapshot[R]) describeAccess() (out []AccessDescription) {
	for _, a := range s.Config.Access {
		d := AccessDescription{ID: a.ID, Mode: a.Mode, Rules: len(a.Rules), Shared: a.SharedLimits()}
		for _, r := range s.Config.Routes {
			if r.Access == a.ID {
				d.Routes++
			}
		}
		out = append(out, d)
	}
	return out
}

// DescribeUpstreams returns the upstreams in force, in the order of the file.
func (k *Keeper[R]) DescribeUpstreams() []UpstreamState {
	out := []UpstreamState{}
	k.EachUpstream(func(p *upstream.Pool) {
		waiting, _ := p.Waiting()
		out = append(out, UpstreamState{p.ID(), p.Panics(), waiting, p.Sources(), p.Endpoints()})
	})
	return out
}

// EachUpstream calls f with each upstream in force, in the order of the file.
func (k *Keeper[R]) EachUpstream(f func(*upstream.Pool)) {
	s := k.Current()
	defer s.Release()
	pools := s.poolsByID()
	for _, u := range s.Config.Upstreams {
		f(pools[u.ID])
	}
}

func (s *Snapshot[R]) poolsByID() map[string]*upstream.Pool {
	pools := map[string]*upstream.Pool{}
	for _, p := range s.pools {
		pools[p.value.ID()] = p.value
	}
	return pools
}

// DescribeRoutes returns the routes in force, in the order of the file.
func (k *Keeper[R]) DescribeRoutes() []RouteDescription {
	s := k.Current()
	defer s.Release()
	pools := s.poolsByID()
	out := []RouteDescription{}
	for _, r := range s.routes {
		d := RouteDescription{
			ID: r.Config.ID, Hosts: r.Config.Hosts, Methods: r.Config.Methods, Policy: r.Policy.ID, Mode: r.Policy.Mode,
			Redirect: r.Config.Redirect != nil, InFlight: r.InFlight.Load(),
		}
		if r.Access != nil {
			d.Access = r.Access.ID()
		}
		for _, u := range r.Config.Upstreams {
			d.Upstreams = append(d.Upstreams, UpstreamDescription{u.ID, u.Weight, pools[u.ID].Endpoints()})
		}
		for _, p := range r.Config.Paths {
			d.Paths = append(d.Paths, p.String())
		}
		out = append(out, d)
	}
	return out
}

// PolicyState is a policy of the configuration in force with its values.
type PolicyState struct {
	PolicyDescription
	Config config.Policy
	Routes []string // that use it
}

// DescribePolicies returns the policies in force, in the order of the file.
func (k *Keeper[R]) DescribePolicies() (all []PolicyState) {
	s := k.Current()
	defer s.Release()
	for i, d := range s.describePolicies() {
		one := PolicyState{PolicyDescription: d, Config: s.Config.Policies[i], Routes: []string{}}
		for _, r := range s.Config.Routes {
			if r.Policy == d.ID {
				one.Routes = append(one.Routes, r.ID)
			}
		}
		all = append(all, one)
	}
	return all
}
