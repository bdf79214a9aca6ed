package config

import (
	"fmt"
	"slices"
	"strings"
)

const maxWeight = 1_000_000 // as in the Gateway API

// checkRoutes checks everything but policies.
func (c *checker) checkRoutes(r *Routes) {
	if len(r.Routes) == 0 {
		c.add("routes", "at least one route is required")
	}
	known := references{
		policies:  c.ids("policies", len(r.Policies), func(i int) string { return r.Policies[i].ID }),
		upstreams: c.ids("upstreams", len(r.Upstreams), func(i int) string { return r.Upstreams[i].ID }),
		access:    c.ids("access", len(r.Access), func(i int) string { return r.Access[i].ID }),
		records:   c.ids("records", len(r.Records), func(i int) string { return r.Records[i].ID }),
	}
	if i, ok := slices.BinarySearch(known.policies, DefaultPolicyID); !ok {
		known.policies = slices.Insert(known.policies, i, DefaultPolicyID) // built in
	}
	c.ids("routes", len(r.Routes), func(i int) string { return r.Routes[i].ID })
	for i := range r.Routes {
		c.checkRoute(indexPath("routes", i), &r.Routes[i], known)
	}
	c.checkReserved(r)
	c.ids("lists", len(r.Lists), func(i int) string { return r.Lists[i].ID })
	for i := range r.Lists {
		c.checkList(indexPath("lists", i), &r.Lists[i])
	}
	for i := range r.Upstreams {
		c.checkUpstream(indexPath("upstreams", i), &r.Upstreams[i])
	}
}

// references are the ids that a route may name, sorted.
type references struct{ policies, upstreams, access, records []string }

func (c *checker) checkRoute(path string, r *Route, known references) {
	c.each(path+".hosts", r.Hosts, checkHost)
	for i, p := range r.Paths {
		c.checkPathMatch(indexPath(path+".paths", i), p)
	}
	c.each(path+".methods", r.Methods, checkMethod)
	for i, h := range r.Headers {
		c.checkHeaderMatch(indexPath(path+".headers", i), h)
	}
	c.reference(path+".policy", "policy", r.Policy, "policies", known.policies)
	if r.Access != DefaultAccessID { // which there need not be
		c.reference(path+".access", "access policy", r.Access, "access", known.access)
	}
	if r.Record != DefaultRecordingID { // likewise
		c.reference(path+".record", "entry of records", r.Record, "records", known.records)
	}
	c.checkTarget(path, r, known.upstreams)
	c.checkHeaderEdit(path+".request_headers", r.RequestHeaders)
	c.checkHeaderEdit(path+".response_headers", r.ResponseHeaders)
	c.notNegative(path+".timeouts.request", r.Timeouts.Request)
	c.notNegative(path+".timeouts.idle", r.Timeouts.Idle)
	c.atLeast(path+".limits.in_flight", r.Limits.InFlight, 0)
	word(c, path+".websocket", r.WebSocket)
	word(c, path+".path_readings", r.PathReadings)
	c.checkSecurity(path, r)
	for i, kind := range r.AmbiguousPaths {
		oneOf(c, indexPath(path+".ambiguous_paths", i), kind, allowed[Route]("ambiguous_paths"))
	}
}

func (c *checker) checkPathMatch(path string, p PathMatch) {
	if !c.exactlyOne(path, "exact", p.Exact, "prefix", p.Prefix, "regex", p.Regex) {
		return
	}
	switch {
	case p.Exact != "":
		c.addErr(path+".exact", checkMatchPath(p.Exact))
	case p.Prefix != "":
		c.addErr(path+".prefix", checkMatchPath(p.Prefix))
	default:
		c.addErr(path+".regex", checkPathRegexp(p.Regex))
	}
}

func (c *checker) checkHeaderMatch(path string, h HeaderMatch) {
	c.addErr(path+".name", checkHeaderName(h.Name))
	present := ""
	if h.Present {
		present = "true"
	}
	if !c.exactlyOne(path, "exact", h.Exact, "regex", h.Regex, "present: true", present) {
		return
	}
	switch {
	case h.Exact != "":
		c.addErr(path+".exact", checkHeaderValue(h.Exact))
	case h.Regex != "":
		c.addErr(path+".regex", checkRegexp(h.Regex))
	}
}

// checkTarget checks where the requests of a route go.
func (c *checker) checkTarget(path string, r *Route, upstreams []string) {
	switch {
	case r.Redirect != nil && len(r.Upstreams) > 0:
		c.add(path, "upstreams and redirect exclude each other: keep one")
	case r.Redirect != nil && r.Rewrite != nil:
		c.add(path+".rewrite", "has no effect beside redirect: remove it")
	case r.Redirect == nil && len(r.Upstreams) == 0:
		if c.doc == nil || !c.doc.isBroken(path+".upstreams") && !c.doc.isBroken(path+".redirect") {
			c.add(path, "needs upstreams or redirect")
		}
	}
	c.checkWeights(path+".upstreams", r.Upstreams, upstreams)
	if r.Redirect != nil {
		c.checkRedirect(path+".redirect", r.Redirect)
	}
	if r.Rewrite != nil {
		c.checkRewrite(path+".rewrite", r)
	}
}

func (c *checker) checkWeights(path string, list []WeightedUpstream, known []string) {
	sum := 0
	ids := make([]string, len(list))
	for i, u := range list {
		at := indexPath(path, i)
		c.reference(at+".id", "upstream", u.ID, "upstreams", known)
		if first := slices.Index(ids, u.ID); first >= 0 && u.ID != "" {
			c.add(at+".id", "%q is given twice, first by %s", u.ID, c.name(indexPath(path, first), at))
		}
		ids[i] = u.ID
		c.between(at+".weight", u.Weight, 0, maxWeight)
		sum += max(0, u.Weight)
		if c.doc != nil && c.doc.reported(at+".weight") {
			sum++ // unknown, and reported
		}
	}
	if len(list) > 0 && sum == 0 {
		c.add(path, "all weights are 0: no upstream would get a request")
	}
}

func (c *checker) checkRedirect(path string, r *Redirect) {
	if !slices.Contains([]int{301, 302, 303, 307, 308}, r.Status) {
		c.add(path+".status", "%d does not redirect: 301, 302, 303, 307 or 308", r.Status)
	}
	if r.Scheme == "" && r.Host == "" && r.Path == "" {
		if c.doc == nil || !c.doc.isBroken(path+".scheme") && !c.doc.isBroken(path+".host") && !c.doc.isBroken(path+".path") {
			c.add(path, "needs scheme, host or path: the client would be sent back to where it came from")
		}
	}
	if r.Scheme != "" {
		oneOf(c, path+".scheme", r.Scheme, allowed[Redirect]("scheme"))
	}
	if r.Host != "" {
		c.addErr(path+".host", checkHostField(r.Host))
	}
	if r.Path != "" {
		c.addErr(path+".path", checkPath(r.Path))
	}
}

func (c *checker) checkRewrite(path string, route *Route) {
	r := route.Rewrite
	switch {
	case r.Prefix != "" && r.Path != "":
		c.add(path, "prefix and path exclude each other: keep one")
	case r.Prefix == "" && r.Path == "" && r.Host == "":
		if c.doc == nil || !c.doc.isBroken(path+".prefix") && !c.doc.isBroken(path+".path") && !c.doc.isBroken(path+".host") {
			c.add(path, "needs prefix, path or host")
		}
	}
	if r.Prefix != "" {
		c.addErr(path+".prefix", checkPath(r.Prefix))
		notPrefix := func(p PathMatch) bool { return p.Prefix == "" }
		if len(route.Paths) == 0 || slices.ContainsFunc(route.Paths, notPrefix) {
			c.add(path+".prefix", "every path of the route must be a prefix: there is nothing else to replace")
		}
	}
	if r.Path != "" {
		c.addErr(path+".path", checkPath(r.Path))
	}
	if r.Host != "" {
		c.addErr(path+".host", checkHostField(r.Host))
	}
}

// checkHostField accepts host or host:port, as a Host field holds it.
func checkHostField(h string) error {
	if i := strings.LastIndexByte(h, ':'); i >= 0 && !strings.HasSuffix(h, "]") && !strings.Contains(h, "://") {
		return checkAuthority(h)
	}
	if strings.Contains(h, "*") {
		return fmt.Errorf("%q has a wildcard: write one host", h)
	}
	return checkHost(h)
}

// untouchable are the fields that no route may edit: they frame messages or belong to
// one connection (RFC 9110, section 7.6.1), and the tier writes them itself.
var untouchable = []string{
	"content-length", "transfer-encoding", "connection", "proxy-connection", "keep-alive",
	"te", "trailer", "upgrade", "expect",
}

func (c *checker) checkHeaderEdit(path string, e HeaderEdit) {
	for i, f := range e.Add {
		c.checkHeaderField(indexPath(path+".add", i), f)
	}
	set := make([]string, len(e.Set))
	for i, f := range e.Set {
		at := indexPath(path+".set", i)
		c.checkHeaderField(at, f)
		set[i] = strings.ToLower(f.Name)
		if first := slices.Index(set[:i], set[i]); first >= 0 && set[i] != "" {
			c.add(at+".name", "%q is set twice: use add for a second value", f.Name)
		}
	}
	for i, name := range e.Remove {
		c.addErr(indexPath(path+".remove", i), checkEditableName(name))
	}
}

func (c *checker) checkHeaderField(path string, f HeaderField) {
	c.addErr(path+".name", checkEditableName(f.Name))
	c.addErr(path+".value", checkHeaderValue(f.Value))
}

func checkEditableName(name string) error {
	switch lower := strings.ToLower(name); {
	case lower == "host":
		return fmt.Errorf("%q cannot be edited here: use rewrite.host", name)
	case slices.Contains(untouchable, lower):
		return fmt.Errorf("%q cannot be edited: it belongs to the connection, not to the message", name)
	}
	return checkHeaderName(name)
}
