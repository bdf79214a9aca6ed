package k8s

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const managedByLabel = "app.kubernetes.io/managed-by"

// tell notes what a protected Service does differently, beyond what its manifest says.
func (p *planner) tell(s *core.Service, ports ports) {
	switch who := manager(s); {
	case who == kubectlApply:
		p.note(Decide, s, "was applied by kubectl: whoever applies its manifest again puts the old selector back, and after phase close every request then runs into a time-out. Put what phase switch prints in the place of the manifest; \"wafer k8s status\" tells when it has happened")
	case who != "":
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
	if routed := ports.routed(); len(routed) > 1 {
		p.note(Told, s, "has several HTTP ports, which the tier tells apart by the Host field, as clients write it: with :%d and its kin for the others, %d without. Who may reach one port may reach them all", routed[1].Port, routed[0].Port)
	}
	if p.ExternalName {
		p.note(Decide, s, "becomes a DNS alias for %s.%s. Its address is freed: callers that keep it in a cache, a connection or an environment variable fail until they ask again. The tier's Service must listen on %s. Many Ingress controllers refuse an alias as backend", p.TierService, p.TierNamespace, numbers(ports.http))
	}
	p.tellOthers(s, ports)
}

// tellOthers notes further Services that lead to the same pods.
func (p *planner) tellOthers(s *core.Service, ports ports) {
	pods := p.in.podsOf(s.Namespace, s.Spec.Selector)
	for i := range p.in.Services {
		o := &p.in.Services[i]
		if o.Namespace != s.Namespace || o.Name == s.Name || o.Name == originName(s) || o.Labels[protectsLabel] != "" || isFront(o) || p.asked(o) && p.refuse(o) == nil {
			continue
		}
		var protected, others []string
		for _, port := range o.Spec.Ports {
			target := targetOf(port)
			text := target.String()
			if slices.ContainsFunc(ports.http, func(h core.ServicePort) bool { return same(targetOf(h), target, pods) }) {
				protected = append(protected, text)
			} else {
				others = append(others, text)
			}
		}
		protected, others = unique(protected), unique(others)
		seems := doubt(len(pods) > 0, "selects", "seems to select")
		switch {
		case len(pods) > 0 && !slices.ContainsFunc(pods, func(t podTemplate) bool { return len(o.Spec.Selector) > 0 && covers(t.labels, o.Spec.Selector) }),
			len(pods) == 0 && !overlap(o.Spec.Selector, s.Spec.Selector):
			continue
		case len(protected) == 0 || p.in.policyFor(s.Namespace, s.Name) != nil: // closed already
		case p.refuse(o) != nil:
			p.wayAround(s, "Service %s %s the same pods, and leads to port %s, which the tier protects: a way around it until phase close, and cut off by it%s. Service %s itself %v. Whoever else has to reach the pods by it needs a NetworkPolicy that names these callers",
				o.Name, seems, strings.Join(protected, ", "), doubt(p.in.peers(s) != nil, " but for the pods among themselves", ""), o.Name, p.refuse(o))
		default:
			p.wayAround(s, "Service %s %s the same pods, and leads to port %s, which the tier protects: a way around it until phase close, and cut off by it. Protect it too", o.Name, seems, strings.Join(protected, ", "))
		}
		if len(others) > 0 && !p.keeps(others, pods) {
			level := Decide
			if p.in.peers(s) != nil {
				level = Told // the pods among themselves still reach all ports
			}
			p.note(level, s, "Service %s %s the same pods, and phase close cuts its other callers off on port %s: say --keep-port %s if everybody may reach that, or write a NetworkPolicy that names its callers", o.Name, seems, strings.Join(others, ", "), strings.Join(others, " --keep-port "))
		}
	}
}

// keeps reports whether all of these ports stay open.
func (p *planner) keeps(list []string, pods []podTemplate) bool {
	for _, port := range list {
		if !slices.ContainsFunc(keepPorts(p.KeepPorts), func(k networking.NetworkPolicyPort) bool { return same(*k.Port, intstr.Parse(port), pods) }) {
			return false
		}
	}
	return true
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
	return fieldManager(o)
}

// fieldManager names who has applied an object, as the API remembers it: the field managers
// of Helm, Flux and Argo CD, and kubectl apply, whose next run puts back what a file says.
// What this project has applied itself does not count.
func fieldManager(o meta.Object) string {
	by := ""
	for _, f := range o.GetManagedFields() {
		switch {
		case f.Manager == "helm":
			return "Helm"
		case f.Manager == "kustomize-controller", f.Manager == "helm-controller":
			return "Flux"
		case strings.HasPrefix(f.Manager, "argocd"):
			return "Argo CD"
		case f.Manager == "kubectl" && f.Operation == meta.ManagedFieldsOperationApply && (f.FieldsV1 == nil || !strings.Contains(f.FieldsV1.String(), originAnnotation)):
			by = kubectlApply
		}
	}
	last := o.GetAnnotations()[lastApplied]
	if last != "" && !strings.Contains(last, originAnnotation) {
		return kubectlApply
	}
	return by
}

const (
	kubectlApply = "kubectl apply"
	lastApplied  = "kubectl.kubernetes.io/last-applied-configuration"
)

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

func numbers(list []core.ServicePort) string {
	var out []string
	for _, port := range list {
		out = append(out, fmt.Sprint(port.Port))
	}
	return "port " + strings.Join(out, " and ")
}
