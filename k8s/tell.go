package k8s

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const managedByLabel = "app.kubernetes.io/managed-by"

// tell notes what a protected Service does differently, beyond what its manifest says.
func (p *planner) tell(s *core.Service, ports ports) {
	if who := manager(s); who != "" {
		p.note(Decide, s, "is managed by %s, which will put the old selector back: make the change where %[1]s takes this Service from", who)
	}
	if s.Spec.SessionAffinity == core.ServiceAffinityClientIP {
		p.note(Decide, s, "has sessionAffinity ClientIP. Both Services keep it, so a client stays with one pod of the tier and that one with one pod of the application; only as many pods of the application as the tier has get requests")
	}
	switch s.Spec.Type {
	case core.ServiceTypeNodePort, core.ServiceTypeLoadBalancer:
		p.note(Told, s, "is of type %s: requests that name a node or a load balancer in their Host field need that name as a host of the route (--host)", s.Spec.Type)
		if s.Spec.ExternalTrafficPolicy == core.ServiceExternalTrafficPolicyLocal {
			p.note(Told, s, "has externalTrafficPolicy Local: only nodes with a pod of the tier answer from outside")
		}
	}
	if s.Spec.PublishNotReadyAddresses {
		p.note(Told, s, "publishes addresses that are not ready: %s still does, and %s no longer, because pods of the tier that are not ready cannot answer", originName(s), s.Name)
	}
	for _, port := range ports.left {
		p.note(Decide, s, "port %s is gone from it: its callers have to use %s. If it stays there, because something other than kubectl apply made it, it leads nowhere", portName(port), originName(s))
	}
	if len(ports.http) > 1 {
		p.note(Told, s, "has several HTTP ports, which the tier tells apart by the Host field, as clients write it: with :%d and its kin for the others, %d without. Who may reach one port may reach them all", ports.http[1].Port, ports.http[0].Port)
	}
	if p.ExternalName {
		p.note(Decide, s, "becomes a DNS alias for %s.%s. Its address is freed: callers that keep it in a cache, a connection or an environment variable fail until they ask again. The tier's Service must listen on %s. Many Ingress controllers refuse an alias as backend", p.TierService, p.TierNamespace, numbers(ports.http))
	}
	for i := range p.in.Services {
		o := &p.in.Services[i]
		if o.Namespace != s.Namespace || o.Name == s.Name || o.Name == originName(s) || o.Labels[protectsLabel] != "" || isFront(o) || !overlap(o.Spec.Selector, s.Spec.Selector) || p.asked(o) {
			continue
		}
		p.note(Decide, s, "Service %s seems to select the same pods: a way around the tier until phase close, and cut off by it on every port but those that stay open. Protect it too, or say --keep-port %s", o.Name, strings.Join(targets(o.Spec.Ports), " --keep-port "))
	}
}

// asked reports whether a Service is to be protected in this run too.
func (p *planner) asked(s *core.Service) bool {
	return len(p.Services) == 0 || slices.Contains(p.Services, s.Name) || slices.Contains(p.Services, s.Namespace+"/"+s.Name)
}

// manager names what would undo a change made beside it.
func manager(o meta.Object) string {
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	switch by := labels[managedByLabel]; {
	case labels["kustomize.toolkit.fluxcd.io/name"] != "", labels["helm.toolkit.fluxcd.io/name"] != "":
		return "Flux"
	case annotations["argocd.argoproj.io/tracking-id"] != "", labels["argocd.argoproj.io/instance"] != "":
		return "Argo CD"
	case by != "":
		return by
	case annotations["meta.helm.sh/release-name"] != "":
		return "Helm"
	case len(o.GetOwnerReferences()) > 0:
		return o.GetOwnerReferences()[0].Kind + " " + o.GetOwnerReferences()[0].Name
	}
	return ""
}

// overlap reports whether pods may carry the labels of both selectors, and the selectors
// have something in common. Which pods there are is not known here.
func overlap(a, b map[string]string) bool {
	common := 0
	for k, v := range a {
		if w, ok := b[k]; ok {
			if w != v {
				return false
			}
			common++
		}
	}
	return common > 0
}

func targets(list []core.ServicePort) []string {
	var out []string
	for _, port := range list {
		target := targetOf(port)
		out = append(out, target.String())
	}
	return unique(out)
}

func numbers(list []core.ServicePort) string {
	var out []string
	for _, port := range list {
		out = append(out, fmt.Sprint(port.Port))
	}
	return "port " + strings.Join(out, " and ")
}
