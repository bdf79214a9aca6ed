package snapshot

import (
	"time"

	"github.com/wafer-waf/wafer/config"
)

// Description is the configuration in force, for people and dashboards.
type Description struct {
	Generation uint64              `json:"generation"`
	Digest     string              `json:"digest"`
	Built      time.Time           `json:"built"`
	Files      []string            `json:"files"`
	Routes     int                 `json:"routes"`
	Upstreams  int                 `json:"upstreams"`
	Engines    int                 `json:"engines"`
	Policies   []PolicyDescription `json:"policies"`
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

// RouteDescription is one route of the configuration in force.
type RouteDescription struct {
	ID        string                    `json:"id"`
	Hosts     []string                  `json:"hosts,omitempty"`
	Paths     []string                  `json:"paths,omitempty"`
	Methods   []string                  `json:"methods,omitempty"`
	Policy    string                    `json:"policy"`
	Mode      config.Mode               `json:"mode"`
	Upstreams []config.WeightedUpstream `json:"upstreams,omitempty"`
	Redirect  bool                      `json:"redirect,omitempty"`
	InFlight  int64                     `json:"in_flight"`
}

// Describe returns what is in force.
func (k *Keeper[R]) Describe() Description {
	s := k.Current()
	defer s.Release()
	return s.Describe()
}

// Describe returns what the snapshot is made of.
func (s *Snapshot[R]) Describe() Description {
	d := Description{
		Generation: s.Generation, Digest: s.digest, Built: s.built.UTC(), Files: []string{},
		Routes: len(s.routes), Upstreams: len(s.Config.Upstreams), Engines: len(s.engines),
		Policies: s.describePolicies(),
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

// DescribeRoutes returns the routes in force, in the order of the file.
func (k *Keeper[R]) DescribeRoutes() []RouteDescription {
	s := k.Current()
	defer s.Release()
	out := []RouteDescription{}
	for _, r := range s.routes {
		d := RouteDescription{
			ID: r.Config.ID, Hosts: r.Config.Hosts, Methods: r.Config.Methods, Policy: r.Policy.ID, Mode: r.Policy.Mode,
			Upstreams: r.Config.Upstreams, Redirect: r.Config.Redirect != nil, InFlight: r.InFlight.Load(),
		}
		for _, p := range r.Config.Paths {
			d.Paths = append(d.Paths, p.String())
		}
		out = append(out, d)
	}
	return out
}
