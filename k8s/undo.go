package k8s

import (
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
	"go.yaml.in/yaml/v3"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// undone is the Service as it was, for the way back. Who was an alias in the meantime asks
// for the address that it gave up.
func (p *planner) undone(s, given *core.Service) any {
	u := s.DeepCopy()
	u.TypeMeta = meta.TypeMeta{APIVersion: "v1", Kind: "Service"}
	for i := range u.Spec.Ports {
		u.Spec.Ports[i].TargetPort = targetOf(u.Spec.Ports[i])
	}
	out := &instead{Service: u, before: core.ServiceSpec{Selector: p.TierSelector}, serverSide: p.ServerSide}
	if given.Spec.Type == core.ServiceTypeExternalName && s.Spec.ClusterIP != "" {
		out.address = s.Spec.ClusterIP
		p.note(Told, s, "asks for its old address %s on the way back. If another Service has it by now, the API refuses that: take clusterIP out of what phase switch prints", out.address)
	}
	return out
}

// addMade adds to the entries what a route file has for the origins of these Services, whatever flags, ports
// and Ingresses it was made of. A route that leads elsewhere too stays, with its upstreams, and is told.
func (p *planner) addMade(entries *file.Entries, ns, object string, text []byte) error {
	var old file.Entries
	if err := yaml.Unmarshal(text, &old); err != nil {
		return err
	}
	made := map[string]bool{}
	for _, u := range old.Upstreams {
		at := u.Endpoints
		if namespace, name, ok := strings.Cut(u.Service, "/"); ok {
			name, _, _ = strings.Cut(name, ":")
			at = []string{"http://" + name + "." + namespace}
		}
		made[u.ID] = slices.ContainsFunc(at, func(e string) bool { return p.isOrigin(e, ns) })
	}
	ours := func(ref file.UpstreamRef) bool { return made[ref.ID] }
	for _, r := range old.Routes {
		if slices.ContainsFunc(r.Upstreams, ours) && slices.ContainsFunc(r.Upstreams, func(ref file.UpstreamRef) bool { return !ours(ref) }) {
			p.plan.Notes.add(Decide, object, "route %s leads to other upstreams too, so it stays: take what leads to the origin Services out of it yourself, before phase clean", r.ID)
			for _, ref := range r.Upstreams {
				delete(made, ref.ID)
				entries.Upstreams = slices.DeleteFunc(entries.Upstreams, func(u file.Upstream) bool { return u.ID == ref.ID })
			}
		}
	}
	for _, r := range old.Routes {
		if slices.ContainsFunc(r.Upstreams, ours) && !slices.ContainsFunc(entries.Routes, func(e file.Route) bool { return e.ID == r.ID }) {
			entries.Routes = append(entries.Routes, r)
		}
	}
	for _, u := range old.Upstreams {
		if made[u.ID] && !slices.ContainsFunc(entries.Upstreams, func(e file.Upstream) bool { return e.ID == u.ID }) {
			entries.Upstreams = append(entries.Upstreams, u)
		}
	}
	return nil
}

// isOrigin reports whether an endpoint is the origin of one of the plan's Services.
func (p *planner) isOrigin(endpoint, tier string) bool {
	_, hostport, _ := strings.Cut(endpoint, "://")
	host, _, _ := strings.Cut(hostport, ":")
	name, rest, _ := strings.Cut(host, ".")
	namespace, _, _ := strings.Cut(rest, ".")
	return slices.ContainsFunc(p.plan.Protected, func(full string) bool {
		ns, service, _ := strings.Cut(full, "/")
		s := core.Service{ObjectMeta: meta.ObjectMeta{Name: service}}
		return name == originName(&s) && (namespace == ns || namespace == "" && ns == tier)
	})
}
