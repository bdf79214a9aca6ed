package k8s

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// tierPort names the port of the tier's pods to which a port of a Service leads.
func (p *planner) tierPort(ports *ports, port core.ServicePort) string {
	if ports.secure(port) {
		return p.TierTLSPort
	}
	return p.TierPort
}

// portsIn names the ports that pods of the tier in a namespace must have.
func (p *Plan) portsIn(namespace string) []string {
	var out []string
	for service, ports := range p.portsOf {
		if p.tierOf[service] == namespace {
			out = append(out, ports...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// upstream is the application behind a port. One that speaks TLS has to show a certificate for a name of the Service,
// as its callers have asked for one.
func (p *planner) upstream(s *core.Service, ports *ports, port core.ServicePort) file.Upstream {
	scheme := "http"
	up := file.Upstream{Protocol: p.protocol(s, port, ports.secure(port))}
	if ports.secure(port) {
		scheme = "https"
		names := p.dnsNames(s)
		for _, l := range p.leadsTo(s, port) {
			if l.host != "" && !strings.Contains(l.host, "*") {
				names = append(names, l.host)
			}
		}
		up.TLS = &file.TLS{CA: p.UpstreamCA, ServerName: s.Name + "." + s.Namespace + ".svc", Names: unique(append(names, p.Hosts...))}
	}
	if p.EndpointSlices {
		if up.Service = podsOfPort(s, port); up.Service != "" {
			p.note(Told, s, "the tier is going to watch the pods itself, for which it needs the right to: component endpoint-slices, or the chart's endpointSlices, for namespace %s (docs/kubernetes.md)", s.Namespace)
			return up
		}
		p.note(Decide, s, "port %d has no name by which the tier could watch its pods, so the tier asks %s: give the port a name", port.Port, originName(s))
	}
	up.Endpoints = []string{fmt.Sprintf("%s://%s.%s.svc.%s:%d", scheme, originName(s), s.Namespace, p.ClusterDomain, port.Port)}
	return up
}

// podsOfPort is how a route file names the pods behind a port: by the name of the port or, as EndpointSlices do not have
// its number, by the number that pods listen on. Empty: neither is known.
func podsOfPort(s *core.Service, port core.ServicePort) string {
	name := port.Name
	if to := targetOf(port); name == "" && to.Type == intstr.Int {
		name = to.String()
	}
	if name == "" {
		return ""
	}
	return s.Namespace + "/" + originName(s) + ":" + name
}

// listens refuses to lead callers that speak TLS to pods that have no listener for it, and tells what else has to be so.
func (p *planner) listens(s *core.Service, ports ports) error {
	if len(ports.tls) == 0 || p.Undo {
		return nil
	}
	var list []string
	for _, port := range ports.tls {
		list = append(list, portName(port))
	}
	text := "port " + strings.Join(list, " and ")
	tier := p.in.podsOf(p.tierNamespace(s), p.TierSelector)
	for _, pod := range tier {
		if _, ok := podPort(pod.spec, p.TierTLSPort); !ok {
			return fmt.Errorf("%s is to lead to port %s of the tier's pods, and they have none: give the tier a listener with TLS (component tls, docs/certificates.md), or name its port with --tier-tls-port", text, p.TierTLSPort)
		}
	}
	if len(tier) == 0 {
		p.note(Decide, s, "%s is going to lead to port %s of the tier's pods, which were not read: see that they have it (component tls)", text, p.TierTLSPort)
	}
	p.note(Decide, s, "on %s callers are going to see the tier's certificate: see that it is for the names that they ask for, among %s, and that they believe who made it. Certificates of callers do not reach the application any more", text, strings.Join(p.dnsNames(s), ", "))
	if len(p.UpstreamCA) == 0 {
		p.note(Decide, s, "on %s the tier is going to believe the authorities of the system, and no others, when the application shows its certificate: name the file of its authority with --upstream-ca, such as /etc/wafer/upstream/ca.crt of component upstream-secret", text)
	}
	if len(ports.routed()) < len(ports.http) {
		p.note(Decide, s, "requests to port 80 go to port 443 of the application, too, because the tier cannot tell them apart. If port 80 did nothing but send clients to the other, say \"https: redirect\" in the route")
	}
	return nil
}
