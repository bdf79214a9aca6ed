package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
)

// Site is a part of an application that one set of rules is for.
type Site struct {
	ID    string // of its route and its policy, made one that the route file takes
	Where string // for notes
	Hosts []string
	Paths []file.PathMatch
	To    []string // as endpoint returns them, all with one scheme; none: not known

	Verifies bool // the certificates of https endpoints

	Texts    []Text
	CRS      bool   // the Core Rule Set is loaded behind the texts, whatever they say
	Off      bool   // it is not inspected
	Body     int64  // bytes that a request may have; 0: any
	Response string // how long the application may take
}

// BuildOptions say how sites become routes.
type BuildOptions struct {
	To    string // where sites lead to that do not say it
	Files *Files // that texts name
}

// unknown is where sites lead to as long as nobody says it.
const unknown = "http://backend.invalid:80"

// Build makes routes and policies of sites.
func Build(sites []Site, notes Notes, o BuildOptions) *Outcome {
	out := &Outcome{Entries: file.Entries{Routes: []file.Route{}, Upstreams: []file.Upstream{}}, Notes: notes}
	for i := range sites {
		s := &sites[i]
		id := uniqueID(s.ID, func(id string) bool {
			return slices.ContainsFunc(out.Routes, func(r file.Route) bool { return r.ID == id })
		})
		r := file.Route{ID: id, Hosts: s.Hosts, Paths: s.Paths}
		if twin := slices.IndexFunc(out.Routes, func(x file.Route) bool { return slices.Equal(x.Hosts, r.Hosts) && slices.Equal(x.Paths, r.Paths) }); twin >= 0 {
			r.Hosts = []string{id + ".invalid"}
			out.Notes.Add(Decide, s.Where, "takes what route %s takes, as far as what was read says: put its hosts in the place of %s", out.Routes[twin].ID, r.Hosts[0])
		}
		if s.Off {
			out.Notes.Add(Decide, s.Where, "was not inspected, and stays so: change the mode of policy uninspected to detect to see what would be blocked")
			r.Policy = out.AddPolicy(file.Policy{ID: "uninspected", Mode: "off"}, nil)
		} else {
			d := Read(s.Texts, Options{ID: id, CRS: s.CRS, Open: o.Files.Open, Match: o.Files.Match})
			d.InForce(s.Where)
			r.Policy = out.AddPolicy(d.Policy(), d)
		}
		if s.Body > 0 {
			r.Limits = &file.Limits{RequestBody: file.Size(s.Body)}
		}
		r.Upstreams = []file.UpstreamRef{{ID: out.upstream(s, id, o.To)}}
		out.Routes = append(out.Routes, r)
	}
	return out
}

// upstream returns the id of the upstream that a site leads to.
func (o *Outcome) upstream(s *Site, id, to string) string {
	u := file.Upstream{ID: id}
	switch {
	case len(s.To) > 0:
		o.speak(s, &u)
	case to != "":
		u.Endpoints = []string{to}
	default:
		u.Endpoints = []string{unknown}
		o.Notes.Add(Decide, s.Where, "does not say where the application is: give --to, or write it in the place of %s", unknown)
	}
	if s.Response != "" {
		u.Timeouts = &file.Timeouts{Response: s.Response}
	}
	for _, have := range o.Upstreams {
		if slices.Equal(have.Endpoints, u.Endpoints) && have.Protocol == u.Protocol && (have.Timeouts == nil) == (u.Timeouts == nil) && (u.Timeouts == nil || *have.Timeouts == *u.Timeouts) {
			return have.ID
		}
	}
	o.Upstreams = append(o.Upstreams, u)
	return u.ID
}

// uniqueID makes an id of the route file that is not taken.
func uniqueID(name string, taken func(string) bool) string {
	id := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	if id = strings.Trim(id, "-."); id == "" {
		id = "site"
	}
	id = id[:min(len(id), 56)]
	out := id
	for n := 2; taken(out); n++ {
		out = fmt.Sprintf("%s-%d", id, n)
	}
	return out
}
