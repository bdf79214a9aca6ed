package k8s

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The names that the objects of an insertion carry.
const (
	originSuffix = "-origin"
	policySuffix = "-only-from-wafer"
	// originAnnotation stands on a Service that points at the tier and names the Service
	// that points at the application.
	originAnnotation = "wafer-waf.github.io/origin"
	// beforeAnnotation stands on a Service that points at the tier and keeps what it was like
	// before, so that the way back needs nothing else.
	beforeAnnotation = "wafer-waf.github.io/before"
	// protectsLabel stands on what was added, and names the Service it was added for.
	protectsLabel = "wafer-waf.github.io/protects"
	// routesKey is the key of the route file in its ConfigMap.
	routesKey = "routes.yaml"
)

// ProtectOptions say what to protect and where the tier is.
type ProtectOptions struct {
	Services       []string          // name or namespace/name; none: every Service that was read
	TierSelector   map[string]string // labels of the tier's pods
	TierPort       string            // name of the port on which the tier's pods take traffic
	TierTLSPort    string            // name of that of their listener with TLS
	TierNamespace  string            // empty: in the namespace of each Service
	TierService    string            // the tier's own Service; only with ExternalName
	ServerSide     bool              // print for kubectl apply --server-side
	ExternalName   bool              // reach a tier in another namespace by a DNS alias
	ConfigMap      string            // the ConfigMap with the tier's route file
	Routes         *string           // the tier's route file as it is; nil: from the ConfigMap
	Policy         string            // policy of the new routes; empty: the default one
	Hosts          []string          // further hosts that lead to the Service
	HTTPPorts      []string          // ports that speak HTTP/1, by name or number
	HTTPSPorts     []string          // ports that speak HTTP over TLS, for whose callers the tier has a certificate
	UpstreamCA     []string          // files of the tier with the authorities of applications that speak TLS
	EndpointSlices bool              // the tier watches the pods behind origin Services
	LeavePorts     []string          // ports that callers reach at the origin Service
	KeepPorts      []string          // ports of the pods that stay open to everybody
	ClusterDomain  string            // such as cluster.local
	Undo           bool              // it is about the way back, so what was decided on the way in is not asked again
}

// Plan is what puts the tier in front of Services, in the order in which it is to be
// applied, and what takes it out again.
type Plan struct {
	Prepare []any        // origin Services and the tier's routes; changes nothing for callers
	Switch  []any        // the Services, now leading to the tier
	Close   []any        // NetworkPolicies that close the way around
	Routes  file.Entries // the route entries alone

	Undo   []any // the Services as they were
	Forget []any // the tier's routes without the entries

	Protected []string // namespace/name of each Service in the plan
	Tiers     []string // namespaces of the tiers that get routes
	Notes     Notes

	configMap string
	merged    map[string][]byte // the whole route file of each tier, by its namespace

	needs    map[string]*file.Entries // what each tier has to serve, by its namespace
	routesOf map[string][]file.Route  // by namespace/name of the Service
	tierOf   map[string]string        // namespace of its tier, likewise
	portsOf  map[string][]string      // names of the ports of the tier's pods that it leads to, likewise
	around   map[string][]string      // ways around the tier, likewise
}

// planner is one run of Protect.
type planner struct {
	ProtectOptions
	in    *Objects
	plan  Plan
	files map[string]*file.Entries // by namespace of the tier
	order []string                 // its keys, in the order of their first Service
}

// Protect plans the insertion of the tier. A Service that cannot be protected is left out
// and told in Notes; the error is for options that make no sense.
func Protect(in *Objects, o ProtectOptions) (*Plan, error) {
	p := &planner{ProtectOptions: o, in: in, files: map[string]*file.Entries{}}
	p.plan.needs, p.plan.configMap, p.plan.merged = p.files, o.ConfigMap, map[string][]byte{}
	p.plan.routesOf, p.plan.tierOf, p.plan.around = map[string][]file.Route{}, map[string]string{}, map[string][]string{}
	p.plan.portsOf = map[string][]string{}
	services, err := p.chosen()
	if err != nil {
		return nil, err
	}
	if len(o.Hosts) > 0 && len(services) != 1 {
		return nil, fmt.Errorf("--host goes with one Service, and these are %d", len(services))
	}
	for _, s := range services {
		err := p.protect(s)
		var foreign foreignError
		switch {
		case errors.As(err, &foreign) && len(o.Services) == 0: // a database beside the rest, which nobody asked about
			p.note(Told, s, "%v", err)
		case err != nil:
			p.note(Refused, s, "%v", err)
		}
	}
	if err := p.routes(); err != nil {
		return nil, err
	}
	return &p.plan, nil
}

// chosen returns the Services to protect as they are without the tier.
func (p *planner) chosen() ([]*core.Service, error) {
	var out []*core.Service
	for i := range p.in.Services {
		s := &p.in.Services[i]
		name := s.Namespace + "/" + s.Name
		switch {
		case len(p.Services) > 0 && !slices.Contains(p.Services, s.Name) && !slices.Contains(p.Services, name):
			continue
		case s.Labels[protectsLabel] != "": // the origin of another
			continue
		case len(p.Services) == 0 && !isFront(s) && p.tierNamespace(s) == s.Namespace && s.Spec.Selector != nil && covers(s.Spec.Selector, p.TierSelector):
			continue // the tier's own
		}
		out = append(out, s)
	}
	for _, want := range p.Services {
		if !slices.ContainsFunc(out, func(s *core.Service) bool { return want == s.Name || want == s.Namespace+"/"+s.Name }) {
			return nil, fmt.Errorf("service %q is not among what was read", want)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no Service among what was read")
	}
	return out, nil
}

func (p *planner) note(level Level, s *core.Service, format string, args ...any) {
	p.plan.Notes.add(level, "Service "+s.Namespace+"/"+s.Name, format, args...)
}

// wayAround notes how others than the tier reach the application.
func (p *planner) wayAround(s *core.Service, format string, args ...any) {
	p.note(Decide, s, format, args...)
	name := s.Namespace + "/" + s.Name
	p.plan.around[name] = append(p.plan.around[name], fmt.Sprintf(format, args...))
}

func (p *planner) tierNamespace(s *core.Service) string {
	return cmp.Or(p.TierNamespace, s.Namespace)
}

// protect adds one Service to the plan. It adds nothing if it returns an error.
func (p *planner) protect(given *core.Service) error {
	s, err := p.original(given)
	if err != nil {
		return err
	}
	if err := p.refuse(s); err != nil {
		return err
	}
	ports, err := p.sortPorts(s)
	if err != nil {
		return err
	}
	if err := p.keptOpen(s, ports); err != nil {
		return err
	}
	if err := p.listens(s, ports); err != nil {
		return err
	}
	switch {
	case p.Undo: // nothing here is news
	case leads(given, p.TierSelector):
		p.note(Told, given, "leads to the tier already")
	case isFront(given) || p.in.policyFor(s.Namespace, s.Name) != nil:
		p.note(Told, given, "led to the tier, and somebody has put its old selector back: apply phase switch again")
	}
	if !p.Undo {
		p.tell(s, ports)
		p.tellPolicies(s, ports)
	}
	p.plan.Protected = append(p.plan.Protected, s.Namespace+"/"+s.Name)
	p.plan.Prepare = append(p.plan.Prepare, origin(s))
	p.plan.Switch = append(p.plan.Switch, p.front(s, ports))
	p.plan.Undo = append(p.plan.Undo, p.undone(s, given))
	p.plan.Close = append(p.plan.Close, p.policy(s, ports))
	p.addRoutes(s, ports)
	return nil
}

// isFront reports whether a Service says that it leads to the tier.
func isFront(s *core.Service) bool { return s.Annotations[originAnnotation] != "" }

// leads reports whether a Service leads to the tier in fact: whoever applied its manifest
// again has put the old selector back, and may have left the annotation.
func leads(s *core.Service, tier map[string]string) bool {
	return isFront(s) && (s.Spec.Type == core.ServiceTypeExternalName || covers(s.Spec.Selector, tier))
}

func originName(s *core.Service) string { return s.Name + originSuffix }

// original returns the Service as it was before the tier, from itself or, if the tier is
// in front already, with the help of its origin Service.
func (p *planner) original(given *core.Service) (*core.Service, error) {
	s := given.DeepCopy()
	there := p.in.service(s.Namespace, originName(s))
	if isFront(s) && !leads(s, p.TierSelector) {
		dropMarks(s) // it is as its own manifest says, newer than what is kept
	}
	if !isFront(s) {
		if there != nil && there.Labels[protectsLabel] != s.Name {
			return nil, fmt.Errorf("a Service %s is there already and was not made for this: rename it", originName(s))
		}
		return s, nil
	}
	switch kept, err := keptBefore(s); {
	case err != nil:
		return nil, err
	case kept != nil:
		kept.restore(s)
	case there == nil:
		return nil, fmt.Errorf("leads to the tier already, but carries no annotation %s, and %s is not among what was read: only these know where it led before", beforeAnnotation, originName(s))
	default:
		before{
			Selector: there.Spec.Selector, Ports: there.Spec.Ports,
			PublishNotReadyAddresses: there.Spec.PublishNotReadyAddresses,
		}.restore(s)
	}
	dropMarks(s)
	return s, nil
}

// dropMarks takes out what only a Service in front of the tier carries.
func dropMarks(s *core.Service) {
	delete(s.Annotations, originAnnotation)
	delete(s.Annotations, beforeAnnotation)
	if len(s.Annotations) == 0 {
		s.Annotations = nil
	}
}

// refuse returns why a Service cannot be put behind the tier.
func (p *planner) refuse(s *core.Service) error {
	governs := ""
	for _, set := range p.in.StatefulSets {
		if set.Namespace == s.Namespace && set.Spec.ServiceName == s.Name {
			governs = set.Name
		}
	}
	switch {
	case s.Spec.Type == core.ServiceTypeExternalName:
		return fmt.Errorf("is an alias (ExternalName) for %s and has no pods: name that in the route file", s.Spec.ExternalName)
	case governs != "":
		return fmt.Errorf("gives the pods of StatefulSet %s their names: with another selector %s-0.%s and its kin would be gone. Make a second Service for HTTP callers and protect that", governs, governs, s.Name)
	case s.Spec.ClusterIP == core.ClusterIPNone:
		return fmt.Errorf("is headless: callers connect to pods themselves, on the pods' own ports, so nothing can be put between. Make a Service with an address for HTTP callers and protect that")
	case len(s.Spec.Selector) == 0:
		return fmt.Errorf("has no selector: its EndpointSlices are somebody's own, and would serve on beside the tier. Make %s with these EndpointSlices by hand and name it in the route file", originName(s))
	case len(originName(s)) > 63:
		return fmt.Errorf("%s is longer than the 63 characters of a Service name", originName(s))
	case deref((*string)(s.Spec.InternalTrafficPolicy)) == string(core.ServiceInternalTrafficPolicyLocal):
		return fmt.Errorf("has internalTrafficPolicy Local: a path through the tier does not stay on one node")
	case p.tierNamespace(s) == s.Namespace && p.ExternalName:
		return fmt.Errorf("the tier is in the same namespace: --external-name is for a tier elsewhere")
	case p.tierNamespace(s) != s.Namespace && !p.ExternalName:
		return fmt.Errorf("the tier is in namespace %s, and a Service selects pods of its own namespace only. Run a tier in %s, which has no drawback, or say --external-name, which has some (see docs/insertion.md)", p.TierNamespace, s.Namespace)
	case p.ExternalName && s.Spec.Type != "" && s.Spec.Type != core.ServiceTypeClusterIP:
		return fmt.Errorf("is of type %s, and an ExternalName has neither node ports nor a load balancer. Run a tier in %s", s.Spec.Type, s.Namespace)
	case p.tierNamespace(s) == s.Namespace && covers(s.Spec.Selector, p.TierSelector):
		return fmt.Errorf("selects the tier itself")
	}
	return nil
}

// origin is the Service under which the tier finds the application: same selector, same
// ports, its labels too, so that a ServiceMonitor still finds the ports that are left
// there. What makes a Service reachable from outside is not copied.
func origin(s *core.Service) *core.Service {
	o := &core.Service{
		TypeMeta: meta.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: meta.ObjectMeta{
			Name: originName(s), Namespace: s.Namespace, Labels: maps.Clone(s.Labels),
		},
		Spec: core.ServiceSpec{
			Type:                     core.ServiceTypeClusterIP,
			Selector:                 maps.Clone(s.Spec.Selector),
			Ports:                    slices.Clone(s.Spec.Ports),
			SessionAffinity:          s.Spec.SessionAffinity,
			SessionAffinityConfig:    s.Spec.SessionAffinityConfig,
			PublishNotReadyAddresses: s.Spec.PublishNotReadyAddresses,
			IPFamilies:               s.Spec.IPFamilies,
			IPFamilyPolicy:           s.Spec.IPFamilyPolicy,
			TrafficDistribution:      s.Spec.TrafficDistribution,
		},
	}
	for i := range o.Spec.Ports {
		o.Spec.Ports[i].NodePort = 0
		o.Spec.Ports[i].TargetPort = targetOf(o.Spec.Ports[i])
	}
	if o.Labels == nil {
		o.Labels = map[string]string{}
	}
	o.Labels[protectsLabel] = s.Name
	delete(o.Labels, managedByLabel) // nobody manages it but who applies it
	return o
}

// front is the old Service, name, address and ports unchanged, leading to the tier.
func (p *planner) front(s *core.Service, ports ports) any {
	f := s.DeepCopy()
	f.TypeMeta = meta.TypeMeta{APIVersion: "v1", Kind: "Service"}
	if f.Annotations == nil {
		f.Annotations = map[string]string{}
	}
	f.Annotations[originAnnotation] = originName(s)
	f.Annotations[beforeAnnotation] = keptText(s)
	if is := p.in.service(s.Namespace, s.Name); leads(is, p.TierSelector) && is.Annotations[beforeAnnotation] != "" {
		f.Annotations[beforeAnnotation] = is.Annotations[beforeAnnotation]
	}
	f.Spec.PublishNotReadyAddresses = false // a tier that is not ready must not be asked
	f.Spec.Ports = slices.DeleteFunc(f.Spec.Ports, func(port core.ServicePort) bool {
		return slices.ContainsFunc(ports.left, func(l core.ServicePort) bool { return samePort(l, port) })
	})
	for i := range f.Spec.Ports {
		f.Spec.Ports[i].TargetPort = intstr.FromString(p.tierPort(&ports, f.Spec.Ports[i]))
	}
	if !p.ExternalName {
		f.Spec.Selector = maps.Clone(p.TierSelector)
		return &instead{Service: f, before: s.Spec, serverSide: p.ServerSide}
	}
	f.Spec = core.ServiceSpec{
		Type:         core.ServiceTypeExternalName,
		ExternalName: p.TierService + "." + p.TierNamespace + ".svc." + p.ClusterDomain,
		Ports:        f.Spec.Ports,
	}
	return f
}

// instead is a Service that takes the place of one with another spec.
type instead struct {
	*core.Service
	before     core.ServiceSpec
	serverSide bool
	address    string // that it asks for; empty: what it has, or any
}

// policy closes the pods to everybody but the tier, on the ports it uses. NetworkPolicies
// add up, so whatever else has to reach the pods can be allowed by one of its own.
func (p *planner) policy(s *core.Service, ports ports) *networking.NetworkPolicy {
	tier := networking.NetworkPolicyPeer{PodSelector: &meta.LabelSelector{MatchLabels: maps.Clone(p.TierSelector)}}
	if ns := p.tierNamespace(s); ns != s.Namespace {
		tier.NamespaceSelector = &meta.LabelSelector{MatchLabels: map[string]string{core.LabelMetadataName: ns}}
	}
	rules := []networking.NetworkPolicyIngressRule{{From: []networking.NetworkPolicyPeer{tier}, Ports: policyPorts(ports.http)}}
	if peers := p.in.peers(s); peers != nil {
		rules = append(rules, *peers)
	}
	if open := append(policyPorts(ports.left), keepPorts(p.KeepPorts)...); len(open) > 0 {
		rules = append(rules, networking.NetworkPolicyIngressRule{Ports: open})
	}
	return &networking.NetworkPolicy{
		TypeMeta: meta.TypeMeta{APIVersion: networking.SchemeGroupVersion.String(), Kind: "NetworkPolicy"},
		ObjectMeta: meta.ObjectMeta{
			Name: policyName(s), Namespace: s.Namespace, Labels: map[string]string{protectsLabel: s.Name},
		},
		Spec: networking.NetworkPolicySpec{
			PodSelector: meta.LabelSelector{MatchLabels: maps.Clone(s.Spec.Selector)},
			PolicyTypes: []networking.PolicyType{networking.PolicyTypeIngress},
			Ingress:     rules,
		},
	}
}

func policyName(s *core.Service) string { return s.Name + policySuffix }

// policyPorts are the pods' ports behind a Service's, each once.
func policyPorts(list []core.ServicePort) []networking.NetworkPolicyPort {
	var out []networking.NetworkPolicyPort
	for _, port := range list {
		protocol, target := cmp.Or(port.Protocol, core.ProtocolTCP), targetOf(port)
		if !slices.ContainsFunc(out, func(o networking.NetworkPolicyPort) bool { return *o.Protocol == protocol && *o.Port == target }) {
			out = append(out, networking.NetworkPolicyPort{Protocol: &protocol, Port: &target})
		}
	}
	return out
}

// keepPorts reads ports of pods: a name or number, with "udp/" or "sctp/" in front if it
// is not TCP.
func keepPorts(list []string) []networking.NetworkPolicyPort {
	var out []networking.NetworkPolicyPort
	for _, s := range list {
		protocol := core.ProtocolTCP
		if before, after, ok := strings.Cut(s, "/"); ok {
			protocol, s = core.Protocol(strings.ToUpper(before)), after
		}
		port := intstr.Parse(s)
		out = append(out, networking.NetworkPolicyPort{Protocol: &protocol, Port: &port})
	}
	return out
}

// covers reports whether labels hold all of want.
func covers(labels, want map[string]string) bool {
	for k, v := range want {
		if labels[k] != v {
			return false
		}
	}
	return len(want) > 0
}
