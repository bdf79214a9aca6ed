package k8s

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
)

// lead is one way from outside to a Service: what an Ingress or an HTTPRoute says.
type lead struct {
	from      string // kind and namespace/name of what leads there
	namespace string // of the Service
	service   string
	portName  string // of the Service's port; or
	port      int32
	host      string           // empty: any
	paths     []file.PathMatch // as the client asks for them; none: any
	changed   string           // why the path that reaches the Service may be another; empty: it is the same
	notHTTP   bool             // the backend is spoken to otherwise
	tls       bool             // with TLS
	protocol  string           // of the upstream, as a route file says it; empty: HTTP/1
}

// leads lists all ways from outside that were read.
func (o *Objects) leads() []lead {
	var out []lead
	for i := range o.Ingresses {
		out = append(out, ingressLeads(&o.Ingresses[i])...)
	}
	for i := range o.HTTPRoutes {
		out = append(out, routeLeads(&o.HTTPRoutes[i])...)
	}
	return out
}

func ingressLeads(in *networking.Ingress) []lead {
	base := lead{from: "Ingress " + in.Namespace + "/" + in.Name, namespace: in.Namespace}
	for name, value := range in.Annotations {
		_, key, _ := strings.Cut(name, "/")
		switch key {
		case "rewrite-target", "app-root", "use-regex", "configuration-snippet", "server-snippet":
			base.changed = "its annotation " + name
		case "backend-protocol":
			switch strings.ToUpper(value) {
			case "HTTP":
			case "GRPC":
				base.protocol = "h2c"
			case "HTTPS", "GRPCS":
				base.tls = true
			default:
				base.notHTTP = true
			}
		}
	}
	to := func(b *networking.IngressBackend, host string, paths []file.PathMatch) (lead, bool) {
		if b == nil || b.Service == nil {
			return lead{}, false
		}
		l := base
		l.service, l.portName, l.port = b.Service.Name, b.Service.Port.Name, b.Service.Port.Number
		l.host, l.paths = host, paths
		return l, true
	}
	var out []lead
	if l, ok := to(in.Spec.DefaultBackend, "", nil); ok {
		out = append(out, l)
	}
	for _, rule := range in.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for _, path := range rule.HTTP.Paths {
			if l, ok := to(&path.Backend, rule.Host, ingressPath(path)); ok {
				out = append(out, l)
			}
		}
	}
	return out
}

// ingressPath reads a path of an Ingress. What ImplementationSpecific means is the
// controller's business; without regular expressions all known ones take a prefix.
func ingressPath(p networking.HTTPIngressPath) []file.PathMatch {
	switch {
	case p.Path == "" || p.Path == "/" && (p.PathType == nil || *p.PathType != networking.PathTypeExact):
		return nil
	case p.PathType != nil && *p.PathType == networking.PathTypeExact:
		return []file.PathMatch{{Exact: p.Path}}
	}
	return []file.PathMatch{{Prefix: p.Path}}
}

func routeLeads(r *gateway.HTTPRoute) []lead {
	hosts := []string{""}
	if len(r.Spec.Hostnames) > 0 {
		hosts = nil
		for _, h := range r.Spec.Hostnames {
			hosts = append(hosts, string(h))
		}
	}
	var out []lead
	for _, rule := range r.Spec.Rules {
		paths, changed := rulePaths(&rule)
		for _, b := range rule.BackendRefs {
			if b.Kind != nil && *b.Kind != "Service" {
				continue
			}
			l := lead{from: "HTTPRoute " + r.Namespace + "/" + r.Name, namespace: r.Namespace, service: string(b.Name), paths: paths, changed: changed}
			if b.Namespace != nil {
				l.namespace = string(*b.Namespace)
			}
			if b.Port != nil {
				l.port = *b.Port
			}
			for _, h := range hosts {
				l.host = h
				out = append(out, l)
			}
		}
	}
	return out
}

// rulePaths returns the paths that a rule takes, none for all, and whether what leaves
// the gateway may have another path or host.
func rulePaths(rule *gateway.HTTPRouteRule) (paths []file.PathMatch, changed string) {
	for _, f := range rule.Filters {
		if f.Type == gateway.HTTPRouteFilterURLRewrite {
			changed = "a URLRewrite filter"
		}
	}
	for _, m := range rule.Matches {
		if m.Path == nil || m.Path.Value == nil {
			return nil, changed
		}
		kind := gateway.PathMatchPathPrefix
		if m.Path.Type != nil {
			kind = *m.Path.Type
		}
		switch {
		case kind == gateway.PathMatchExact:
			paths = append(paths, file.PathMatch{Exact: *m.Path.Value})
		case kind == gateway.PathMatchRegularExpression:
			return nil, "a path given by regular expression"
		case *m.Path.Value == "/":
			return nil, changed
		default:
			paths = append(paths, file.PathMatch{Prefix: *m.Path.Value})
		}
	}
	return paths, changed
}

// leadsTo lists the ways from outside to one port of a Service.
func (p *planner) leadsTo(s *core.Service, port core.ServicePort) []lead {
	return slices.DeleteFunc(p.in.leads(), func(l lead) bool {
		here := l.portName == "" && l.port == port.Port || l.portName != "" && l.portName == port.Name
		return l.namespace != s.Namespace || l.service != s.Name || !here
	})
}

// addRoutes adds the route entries of a Service: one for its own names, and those that
// only an Ingress or an HTTPRoute tells apart.
func (p *planner) addRoutes(s *core.Service, ports ports) {
	ns := p.tierNamespace(s)
	entries := p.files[ns]
	if entries == nil {
		entries = &file.Entries{}
		p.files[ns] = entries
		p.order = append(p.order, ns)
	}
	name := s.Namespace + "/" + s.Name
	for _, port := range ports.http {
		p.plan.portsOf[name] = unique(append(p.plan.portsOf[name], p.tierPort(&ports, port)))
	}
	for i, port := range ports.routed() {
		parts := []string{s.Name, s.Namespace}
		if i > 0 {
			parts = append(parts, fmt.Sprint(port.Port))
		}
		up := p.upstream(s, &ports, port)
		up.ID = id(parts...)
		r := file.Route{ID: up.ID, Hosts: p.ownHosts(s), Policy: p.Policy, Upstreams: []file.UpstreamRef{{ID: up.ID}}}
		if i > 0 {
			// Ports do not tell hosts apart; the Host field still says which one was meant.
			r.Headers = []file.HeaderMatch{{Name: "Host", Regex: fmt.Sprintf(".*:%d", port.Port)}}
		}
		if ports.ws {
			r.WebSocket = "allow"
		}
		outside := p.outside(s, port)
		if i == 0 && len(ports.routed()) < len(ports.http) {
			outside = append(outside, p.outside(s, ports.http[1])...)
		}
		more := make([]file.Route, 0, len(outside))
		for _, o := range outside {
			if len(o.paths) == 0 && i == 0 {
				r.Hosts = append(r.Hosts, o.host)
				continue
			}
			own := r
			own.ID = id(append(slices.Clone(parts), o.host)...)
			own.Hosts, own.Paths, own.Headers = []string{o.host}, o.paths, nil
			more = append(more, own)
		}
		r.Hosts = unique(r.Hosts)
		entries.Upstreams = append(entries.Upstreams, up)
		entries.Routes = append(append(entries.Routes, r), more...)
		p.plan.tierOf[name] = ns
		p.plan.routesOf[name] = append(append(p.plan.routesOf[name], r), more...)
	}
}

// dnsNames are those that the cluster gives a Service.
func (p *planner) dnsNames(s *core.Service) []string {
	full := s.Name + "." + s.Namespace + ".svc"
	return []string{s.Name, s.Name + "." + s.Namespace, full, full + "." + p.ClusterDomain}
}

// ownHosts are the names under which callers inside the cluster know a Service, its
// addresses if they were read, and what was given by flag.
func (p *planner) ownHosts(s *core.Service) []string {
	hosts := p.dnsNames(s)
	for _, ip := range append(slices.Clone(s.Spec.ClusterIPs), s.Spec.ExternalIPs...) {
		hosts = append(hosts, bracketed(ip))
	}
	if len(s.Spec.ClusterIPs) == 0 && s.Spec.ClusterIP != "" {
		hosts = append(hosts, bracketed(s.Spec.ClusterIP))
	}
	for _, lb := range s.Status.LoadBalancer.Ingress {
		if lb.IP != "" {
			hosts = append(hosts, bracketed(lb.IP))
		}
		if lb.Hostname != "" {
			hosts = append(hosts, lb.Hostname)
		}
	}
	return append(hosts, p.Hosts...)
}

// outside lists the hosts, and paths where these matter, that lead from outside to a port.
// A host all of whose ways lead to this port needs no paths, and takes none: what an
// Ingress rewrites, or a rule added later, then arrives as well.
func (p *planner) outside(s *core.Service, port core.ServicePort) []lead {
	var out []lead
	all := p.in.leads()
	for _, l := range p.leadsTo(s, port) {
		if l.host == "" {
			p.note(Decide, s, "%s leads here from any host. A route without hosts would take every request that no other route takes; add one if that is meant, or name the hosts with --host", l.from)
			continue
		}
		elsewhere := func(x lead) bool {
			return x.host == l.host && (x.namespace != s.Namespace || x.service != s.Name || x.port != l.port || x.portName != l.portName)
		}
		shared := slices.ContainsFunc(all, elsewhere)
		split := slices.ContainsFunc(all, func(x lead) bool { return elsewhere(x) && slices.Equal(x.paths, l.paths) })
		switch {
		case split:
			p.note(Decide, s, "%s leads here from %s%s, and another backend gets requests with the same host and path: the tier cannot tell which is meant. Split by weight in the tier's route instead, or protect what lies behind under names of its own", l.from, l.host, pathText(l.paths))
			continue
		case !shared:
			l.paths = nil
		case l.changed != "":
			p.note(Decide, s, "%s leads here from %s, which leads to other Services too, and the path that arrives may not be the one of the Ingress (%s): the tier cannot tell which is meant. Write this route by hand", l.from, l.host, l.changed)
			continue
		}
		same := func(x lead) bool { return x.host == l.host && slices.Equal(x.paths, l.paths) }
		if slices.ContainsFunc(out, same) {
			continue
		}
		if i := slices.IndexFunc(out, func(x lead) bool { return x.host == l.host }); i >= 0 && len(l.paths) > 0 && len(out[i].paths) > 0 {
			out[i].paths = append(out[i].paths, l.paths...)
			continue
		}
		out = append(out, l)
	}
	return out
}

func pathText(paths []file.PathMatch) string {
	if len(paths) == 0 {
		return ""
	}
	return paths[0].Exact + paths[0].Prefix + paths[0].Regex
}

func bracketed(ip string) string {
	if strings.Contains(ip, ":") {
		return "[" + ip + "]"
	}
	return ip
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// routes makes the ConfigMaps of the route files, with what is there already.
func (p *planner) routes() error {
	for _, ns := range p.order {
		entries := p.files[ns]
		p.plan.Tiers = append(p.plan.Tiers, ns)
		p.plan.Routes.Routes = append(p.plan.Routes.Routes, entries.Routes...)
		p.plan.Routes.Upstreams = append(p.plan.Routes.Upstreams, entries.Upstreams...)
		object := "ConfigMap " + ns + "/" + p.ConfigMap
		present := p.in.configMap(ns, p.ConfigMap)
		var text string
		switch {
		case p.Routes != nil && len(p.order) > 1:
			return fmt.Errorf("--routes is one route file, and the Services are in %d namespaces with a tier each", len(p.order))
		case p.Routes != nil:
			text = *p.Routes
		case present != nil:
			text = present.Data[routesKey]
			switch who := manager(present); {
			case p.Undo: // they go
			case who == kubectlApply && allIn(entries, cmp.Or(present.Annotations[lastApplied], text)): // and stays
			case who == kubectlApply:
				p.plan.Notes.add(Decide, object, "was applied by kubectl: whoever applies its manifest or overlay again takes the entries out, and callers get 404. Add what --output routes prints to the file that it is made of")
			case who != "":
				p.plan.Notes.add(Decide, object, "is managed by %s, which will take the entries out again: add what --output routes prints where %[1]s takes it from", who)
			}
		default:
			p.plan.Notes.add(Decide, object, "is not among what was read, so it is not printed: it would replace the tier's other routes. Give it with -f, or the route file with --routes (an empty one to start with), or add what --output routes prints to it yourself")
			continue
		}
		if p.Undo {
			if err := p.addMade(entries, ns, object, []byte(text)); err != nil {
				return fmt.Errorf("%s: %w", object, err)
			}
		}
		taken, err := hostsElsewhere(entries, []byte(text))
		if err != nil {
			return fmt.Errorf("%s: %w", object, err)
		}
		if len(taken) > 0 && !p.Undo {
			p.plan.Notes.add(Decide, object, "other routes take these hosts already, and of two the first in the file wins: %s", strings.Join(taken, ", "))
		}
		merged, differ, err := merge(entries, []byte(text))
		if err != nil {
			return fmt.Errorf("%s: %w", object, err)
		}
		if len(differ) > 0 && !p.Undo {
			p.plan.Notes.add(Told, object, "holds these already, with other content, and they stay as they are: %s. Compare with what --output routes prints", strings.Join(differ, ", "))
		}
		p.plan.merged[ns] = merged
		rest, err := without(entries, []byte(text))
		if err != nil {
			return fmt.Errorf("%s: %w", object, err)
		}
		p.plan.Prepare = append(p.plan.Prepare, p.routesMap(ns, present, merged))
		if rest != nil {
			p.plan.Forget = append(p.plan.Forget, p.routesMap(ns, present, rest))
		}
	}
	return nil
}

func (p *planner) routesMap(ns string, present *core.ConfigMap, text []byte) *core.ConfigMap {
	m := &core.ConfigMap{}
	if present != nil {
		m = present.DeepCopy()
	}
	m.APIVersion, m.Kind, m.Name, m.Namespace = "v1", "ConfigMap", p.ConfigMap, ns
	if m.Data == nil {
		m.Data = map[string]string{}
	}
	m.Data[routesKey] = string(text)
	return m
}

// allIn reports whether a text names all routes: then who applies it again leaves them be. A server-side
// apply keeps no text, so what is there is taken for what was applied.
func allIn(entries *file.Entries, text string) bool {
	return text != "" && !slices.ContainsFunc(entries.Routes, func(r file.Route) bool { return !strings.Contains(text, "id: "+r.ID) })
}
