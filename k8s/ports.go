package k8s

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ports are those of one Service, by what becomes of them.
type ports struct {
	http []core.ServicePort // go through the tier; the one that requests without a port mean comes first
	tls  []core.ServicePort // those of http on which callers and application speak TLS
	left []core.ServicePort // callers reach them at the origin Service
	ws   bool               // one of http speaks WebSocket, as its appProtocol says
}

// secure reports whether TLS is spoken on a port.
func (p *ports) secure(port core.ServicePort) bool {
	return slices.ContainsFunc(p.tls, func(t core.ServicePort) bool { return samePort(t, port) })
}

// usual reports whether callers leave the number of a port out of their Host field.
func (p *ports) usual(port core.ServicePort) bool {
	return port.Port == 443 && p.secure(port) || port.Port == 80 && !p.secure(port)
}

// routed are the ports that have routes. What comes for 80 cannot be told from what comes for 443 with TLS, so
// both go to the latter.
func (p *ports) routed() []core.ServicePort {
	out := slices.Clone(p.http)
	if len(out) > 1 && p.usual(out[0]) && p.usual(out[1]) {
		out = slices.Delete(out, 1, 2)
	}
	return out
}

// sortPorts says for each port whether the tier can take it. A Service has one selector
// for all its ports, so one port that the tier cannot take stops the whole Service until
// somebody says what becomes of it.
func (p *planner) sortPorts(s *core.Service) (ports, error) {
	var out ports
	var problems, foreign []string
	for _, port := range s.Spec.Ports {
		kind, why := p.portKind(s, port)
		switch {
		case named(port, p.LeavePorts) || p.leftAlready(s, port):
			out.left = append(out.left, port)
		case p.Undo && kind != overTLS: // some flag has said what it speaks
			out.http = append(out.http, port)
		case kind == overTLS && !p.consents(s, port):
			text := fmt.Sprintf("port %s %s, and the tier can only show a certificate of its own", portName(port), why)
			foreign = append(foreign, text+fmt.Sprintf(" (--https-port %s)", portFlag(port)))
			problems = append(problems, fmt.Sprintf("%s: say --https-port %s if its listener with TLS has one that callers believe, or move callers to %s and say --leave-port %[2]s", text, portFlag(port), originName(s)))
		case kind == notHTTP:
			foreign = append(foreign, fmt.Sprintf("port %s %s", portName(port), why))
			problems = append(problems, fmt.Sprintf("port %s %s: the tier does not forward it. Move its callers to %s, then say --leave-port %s", portName(port), why, originName(s), portFlag(port)))
		case kind == unknown:
			problems = append(problems, fmt.Sprintf("port %s %s: say --http-port %s if it speaks HTTP/1, --leave-port %[3]s if its callers are to use %[4]s", portName(port), why, portFlag(port), originName(s)))
		default:
			out.http = append(out.http, port)
			out.ws = out.ws || strings.HasPrefix(deref(port.AppProtocol), "kubernetes.io/ws") // or wss
			if kind == overTLS {
				out.tls = append(out.tls, port)
			}
		}
	}
	switch {
	case len(foreign) == len(s.Spec.Ports):
		return out, foreignError(strings.Join(foreign, "; "))
	case len(problems) > 0:
		return out, fmt.Errorf("%s", strings.Join(problems, "; "))
	case len(out.http) == 0:
		return out, fmt.Errorf("no port speaks HTTP")
	}
	// Requests to ports 80 and 443 carry no port in their Host field.
	rank := func(port core.ServicePort) int { return 2*btoi(out.usual(port)) + btoi(out.secure(port)) }
	slices.SortStableFunc(out.http, func(a, b core.ServicePort) int { return cmp.Compare(rank(b), rank(a)) })
	return out, nil
}

// foreignError is of a Service that has nothing for the tier: its ports, and what they speak.
type foreignError string

func (e foreignError) Error() string {
	return "stays as it is, because the tier forwards none of its ports: " + string(e)
}

type kind int

const (
	unknown kind = iota
	plainHTTP
	overTLS // HTTP
	notHTTP
)

// portKind goes by what somebody said, in this order: flag, appProtocol, an Ingress or
// HTTPRoute that leads there, the name, the number that IANA gave to HTTP.
func (p *planner) portKind(s *core.Service, port core.ServicePort) (kind, string) {
	if port.Protocol != "" && port.Protocol != core.ProtocolTCP {
		return notHTTP, "is " + string(port.Protocol)
	}
	switch front := p.frontPort(s, port); {
	case named(port, p.HTTPSPorts):
		return overTLS, "is said to speak HTTP over TLS"
	case front != nil && front.TargetPort.String() == p.TierTLSPort:
		return overTLS, "leads to the tier's listener with TLS"
	case named(port, p.HTTPPorts) || front != nil:
		return plainHTTP, ""
	}
	switch app := strings.ToLower(deref(port.AppProtocol)); app {
	case "":
	case "http", "kubernetes.io/ws", "grpc", "grpc-web", "http2", "h2c", "kubernetes.io/h2c":
		return plainHTTP, ""
	case "https", "kubernetes.io/wss":
		return overTLS, fmt.Sprintf("has appProtocol %q", app)
	default:
		return notHTTP, fmt.Sprintf("has appProtocol %q", app)
	}
	switch leads := p.leadsTo(s, port); {
	case slices.ContainsFunc(leads, func(l lead) bool { return l.tls }):
		return overTLS, "is spoken to with TLS, by an Ingress with backend-protocol"
	case slices.ContainsFunc(leads, func(l lead) bool { return !l.notHTTP }):
		return plainHTTP, ""
	}
	switch namedFor(port) {
	case "http", "grpc", "http2", "h2c":
		return plainHTTP, ""
	case "https", "grpcs":
		return overTLS, fmt.Sprintf("is named %q", port.Name)
	case "tls", "tcp", "udp", "amqp", "exporter", "kafka", "memcached", "mongo", "mongodb", "mysql", "nats", "postgres", "postgresql", "rabbitmq", "redis", "metrics":
		return notHTTP, fmt.Sprintf("is named %q", port.Name)
	}
	switch port.Port {
	case 80, 8008, 8080: // http and http-alt of the IANA registry
		return plainHTTP, ""
	case 443: // https
		return overTLS, "has the number of HTTPS"
	case 3306, 5432, 5672, 6379, 9092, 11211, 27017: // MySQL, PostgreSQL, AMQP, Redis, Kafka, memcached, MongoDB
		return notHTTP, "has the number of a database or a queue"
	}
	return unknown, "has neither an appProtocol nor a name that says what it speaks"
}

// namedFor is what the name of a port says that it speaks: all of it, or what stands before the first hyphen.
func namedFor(port core.ServicePort) string {
	prefix, _, _ := strings.Cut(port.Name, "-")
	return prefix
}

// protocol is what the upstream of a port speaks, as a route file says it; empty: HTTP/1. Somebody has said so, by the same means
// and in the same order as for portKind.
func (p *planner) protocol(s *core.Service, port core.ServicePort, secure bool) string {
	const h2c = "h2c"
	switch app := strings.ToLower(deref(port.AppProtocol)); {
	case secure:
		return "auto" // its TLS says whether it speaks HTTP/2, as gRPC does
	case named(port, p.HTTPPorts):
		return ""
	case app == "grpc" || app == "http2" || app == h2c || app == "kubernetes.io/h2c":
		return h2c
	case app != "":
		return ""
	}
	if leads := p.leadsTo(s, port); slices.ContainsFunc(leads, func(l lead) bool { return !l.notHTTP }) {
		for _, l := range leads {
			if l.protocol != "" {
				return l.protocol
			}
		}
		return ""
	}
	switch name := namedFor(port); {
	case strings.HasPrefix(port.Name, "grpc-web"): // which is spoken by HTTP/1
	case name == "grpc" || name == "http2" || name == h2c:
		return h2c
	}
	return ""
}

// leftAlready reports whether an earlier run has left the port at the origin Service.
func (p *planner) leftAlready(s *core.Service, port core.ServicePort) bool {
	front := p.in.service(s.Namespace, s.Name)
	if front == nil || !leads(front, p.TierSelector) {
		return false
	}
	return !slices.ContainsFunc(front.Spec.Ports, func(f core.ServicePort) bool { return samePort(f, port) })
}

// frontPort is a port of a Service as an earlier run has put the tier in front of it, so that the way back and status
// need not be told again what it speaks; nil: none has.
func (p *planner) frontPort(s *core.Service, port core.ServicePort) *core.ServicePort {
	front := p.in.service(s.Namespace, s.Name)
	if front == nil || !leads(front, p.TierSelector) {
		return nil
	}
	if i := slices.IndexFunc(front.Spec.Ports, func(f core.ServicePort) bool { return samePort(f, port) }); i >= 0 {
		return &front.Spec.Ports[i]
	}
	return nil
}

// consents reports whether somebody has said that the tier has a certificate for the callers of a port.
func (p *planner) consents(s *core.Service, port core.ServicePort) bool {
	return p.Undo || named(port, p.HTTPSPorts) || p.frontPort(s, port) != nil
}

// named reports whether a list of names and numbers holds the port.
func named(p core.ServicePort, list []string) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		return s != "" && (s == p.Name || s == strconv.Itoa(int(p.Port)) || s == protocolPort(p))
	})
}

// portFlag is what names the port in a flag.
func portFlag(p core.ServicePort) string { return cmp.Or(p.Name, strconv.Itoa(int(p.Port))) }

// portName is how a port is called in notes: number, and name if it has one.
func portName(p core.ServicePort) string {
	if p.Name == "" {
		return strconv.Itoa(int(p.Port))
	}
	return fmt.Sprintf("%d (%s)", p.Port, p.Name)
}

func protocolPort(p core.ServicePort) string {
	return strings.ToLower(string(cmp.Or(p.Protocol, core.ProtocolTCP))) + "/" + strconv.Itoa(int(p.Port))
}

func samePort(a, b core.ServicePort) bool { return protocolPort(a) == protocolPort(b) }

// targetOf is where pods listen: targetPort, or the port itself.
func targetOf(p core.ServicePort) intstr.IntOrString {
	if p.TargetPort == (intstr.IntOrString{}) {
		return intstr.FromInt32(p.Port)
	}
	return p.TargetPort
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
