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
	left []core.ServicePort // callers reach them at the origin Service
	ws   bool               // one of http speaks WebSocket, as its appProtocol says
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
		case p.Undo: // some flag has said what it speaks
			out.http = append(out.http, port)
		case kind == notHTTP:
			foreign = append(foreign, fmt.Sprintf("port %s %s", portName(port), why))
			problems = append(problems, fmt.Sprintf("port %s %s: the tier does not forward it. Move its callers to %s, then say --leave-port %s", portName(port), why, originName(s), portFlag(port)))
		case kind == unknown:
			problems = append(problems, fmt.Sprintf("port %s %s: say --http-port %s if it speaks HTTP/1, --leave-port %[3]s if its callers are to use %[4]s", portName(port), why, portFlag(port), originName(s)))
		default:
			out.http = append(out.http, port)
			out.ws = out.ws || deref(port.AppProtocol) == "kubernetes.io/ws"
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
	// Requests to port 80 carry no port in their Host field.
	slices.SortStableFunc(out.http, func(a, b core.ServicePort) int {
		return cmp.Compare(btoi(b.Port == 80), btoi(a.Port == 80))
	})
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
	notHTTP
)

// portKind goes by what somebody said, in this order: flag, appProtocol, an Ingress or
// HTTPRoute that leads there, the name, the number that IANA gave to HTTP.
func (p *planner) portKind(s *core.Service, port core.ServicePort) (kind, string) {
	if port.Protocol != "" && port.Protocol != core.ProtocolTCP {
		return notHTTP, "is " + string(port.Protocol)
	}
	if named(port, p.HTTPPorts) || p.frontAlready(s, port) {
		return plainHTTP, ""
	}
	switch app := strings.ToLower(deref(port.AppProtocol)); app {
	case "":
	case "http", "kubernetes.io/ws", "grpc", "grpc-web", "http2", "h2c", "kubernetes.io/h2c":
		return plainHTTP, ""
	case "https", "tls", "kubernetes.io/wss":
		return notHTTP, fmt.Sprintf("has appProtocol %q, and what is encrypted cannot be inspected: the tier needs the certificate of its callers' listener", app)
	default:
		return notHTTP, fmt.Sprintf("has appProtocol %q", app)
	}
	if p.ledTo(s, port) {
		return plainHTTP, ""
	}
	switch namedFor(port) {
	case "http", "grpc", "http2", "h2c":
		return plainHTTP, ""
	case "https", "tls", "tcp", "udp", "amqp", "exporter", "kafka", "memcached", "mongo", "mongodb", "mysql", "nats", "postgres", "postgresql", "rabbitmq", "redis", "metrics":
		return notHTTP, fmt.Sprintf("is named %q", port.Name)
	}
	switch port.Port {
	case 80, 8008, 8080: // http and http-alt of the IANA registry
		return plainHTTP, ""
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
func (p *planner) protocol(s *core.Service, port core.ServicePort) string {
	const h2c = "h2c"
	switch app := strings.ToLower(deref(port.AppProtocol)); {
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

// frontAlready reports whether an earlier run has put the tier in front of the port, so that
// the way back and status need not be told again what it speaks.
func (p *planner) frontAlready(s *core.Service, port core.ServicePort) bool {
	front := p.in.service(s.Namespace, s.Name)
	return front != nil && leads(front, p.TierSelector) &&
		slices.ContainsFunc(front.Spec.Ports, func(f core.ServicePort) bool { return samePort(f, port) })
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
