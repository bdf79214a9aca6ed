package snapshot

import (
	"reflect"
	"slices"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/metrics"
)

// diff compares routes by id. A route is modified if it, its policy or one of its
// upstreams is.
func diff(before, after *config.Routes) (added, removed, modified []string) {
	was, is := index(before), index(after)
	for _, r := range after.Routes {
		if old, ok := was[r.ID]; !ok {
			added = append(added, r.ID)
		} else if !reflect.DeepEqual(old, is[r.ID]) {
			modified = append(modified, r.ID)
		}
	}
	for _, r := range before.Routes {
		if _, ok := is[r.ID]; !ok {
			removed = append(removed, r.ID)
		}
	}
	return added, removed, modified
}

// whole is a route with all it refers to.
type whole struct {
	route     config.Route
	policy    config.Policy
	upstreams []config.Upstream
	access    []config.Access    // none: it is a default that the file does not define
	records   []config.Recording // likewise
}

func index(c *config.Routes) map[string]whole {
	out := map[string]whole{}
	for _, r := range c.Routes {
		w := whole{route: r}
		if i := slices.IndexFunc(c.Policies, func(p config.Policy) bool { return p.ID == r.Policy }); i >= 0 {
			w.policy = c.Policies[i]
		}
		if i := slices.IndexFunc(c.Access, func(a config.Access) bool { return a.ID == r.Access }); i >= 0 {
			w.access = c.Access[i : i+1]
		}
		if i := slices.IndexFunc(c.Records, func(e config.Recording) bool { return e.ID == r.Record }); i >= 0 {
			w.records = c.Records[i : i+1]
		}
		for _, u := range r.Upstreams {
			if i := slices.IndexFunc(c.Upstreams, func(c config.Upstream) bool { return c.ID == u.ID }); i >= 0 {
				w.upstreams = append(w.upstreams, c.Upstreams[i])
			}
		}
		out[r.ID] = w
	}
	return out
}

// gone is what one configuration has and another one has not.
func gone(before, now *config.Routes) (g metrics.Gone) {
	for _, r := range before.Routes {
		if !slices.ContainsFunc(now.Routes, func(n config.Route) bool { return n.ID == r.ID }) {
			g.Routes = append(g.Routes, r.ID)
		}
	}
	for _, u := range before.Upstreams {
		if !slices.ContainsFunc(now.Upstreams, func(n config.Upstream) bool { return n.ID == u.ID }) {
			g.Upstreams = append(g.Upstreams, u.ID)
		}
	}
	for _, o := range before.Access {
		i := slices.IndexFunc(now.Access, func(n config.Access) bool { return n.ID == o.ID })
		if i < 0 {
			g.Access = append(g.Access, o.ID)
			continue
		}
		kept := namesOf(&now.Access[i])
		for _, id := range namesOf(&o) {
			if !slices.Contains(kept, id) {
				g.Rules = append(g.Rules, metrics.AccessRule{Policy: o.ID, ID: id})
			}
		}
	}
	for _, o := range before.Policies {
		if !slices.ContainsFunc(now.Policies, func(n config.Policy) bool { return n.ID == o.ID }) {
			g.Policies = append(g.Policies, o.ID)
		}
	}
	return g
}

// namesOf are the names that decisions of an access policy may have.
func namesOf(a *config.Access) (all []string) {
	for i := range a.Rules {
		all = append(all, a.Rules[i].ID)
	}
	for i := range a.Limits {
		all = append(all, a.Limits[i].ID)
	}
	for i := range a.Bans {
		all = append(all, a.Bans[i].ID)
	}
	return all
}
