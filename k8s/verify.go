package k8s

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// Attack is a request that a policy in block mode has to stop.
type Attack struct {
	Class string // such as attack-sqli
	Query string // of its target, without "?"
}

// Target is one route to verify.
type Target struct {
	Route       string
	Through     []Request // requests that lead to the tier, and by it to the application
	Direct      []string  // host:port of the application, or namespace/name:port of its Service, which must not be reachable
	BlockStatus int       // what a blocked request gets
	Unprotected string    // why nothing is blocked on this route, such as "mode detect"; empty: attacks are
	Accepted    bool      // somebody has said that this route is meant to be unprotected
	Unknown     string    // why there is no request to try; empty: there is
}

// Request is how a client would ask.
type Request struct {
	Address string // host:port to connect to
	Method  string // empty: GET
	Host    string // Host field
	Path    string
	Header  http.Header
	TLS     string // the name that the certificate has to be for; empty: in clear text
}

// VerifyOptions bound what Verify does.
type VerifyOptions struct {
	Timeout time.Duration // for each connection, and for each answer
	Attacks []Attack
	// Pods returns the host:port of all pods behind one port of a Service, to try them too;
	// nil: only the Service is tried.
	Pods func(ctx context.Context, namespace, service, port string) ([]string, error)
	// Resolver looks names up; nil: as every program here does.
	Resolver *net.Resolver
}

// Check is one thing that was tried.
type Check struct {
	Route, Way, Address, Want, Got string
	OK                             bool
}

// Verify tries all targets from where it runs: a clean request and the attacks through
// the tier, and connections to the application around it. That a connection fails proves
// something only if the application is up, so a target whose clean request does not
// arrive fails as a whole.
func Verify(ctx context.Context, targets []Target, o VerifyOptions) []Check {
	// Few at a time: this is a proof, not a load test.
	places := make(chan struct{}, 8)
	results := make([][]Check, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			results[i] = verifyTarget(ctx, t, o)
		})
	}
	wg.Wait()
	return slices.Concat(results...)
}

func verifyTarget(ctx context.Context, t Target, o VerifyOptions) []Check {
	var out []Check
	if t.Unknown != "" {
		out = append(out, Check{t.Route, "through", "", "a request to try", t.Unknown, false})
	}
	for _, r := range t.Through {
		out = append(out, through(ctx, t, r, o)...)
	}
	for _, address := range t.Direct {
		out = append(out, around(ctx, t, address, o)...)
	}
	return out
}

// through sends the clean request, and then the attacks.
func through(ctx context.Context, t Target, r Request, o VerifyOptions) []Check {
	where := r.Address
	if host, _, _ := net.SplitHostPort(r.Address); r.Address != r.Host && host != r.Host {
		where += " for " + r.Host
	}
	where += r.Path
	if r.TLS != "" {
		where = "https://" + where
	}
	status, err := ask(ctx, r, "", o.Timeout)
	clean := Check{t.Route, "through", where, "a clean request arrives", statusText(status, err), err == nil}
	switch {
	case err != nil:
	case status == t.BlockStatus:
		clean.Got, clean.OK = clean.Got+", as if it were an attack", false
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
		clean.Got, clean.OK = clean.Got+": the application does not answer, so nothing is proven", false
	}
	out := []Check{clean}
	if t.Accepted {
		return out
	}
	if t.Unprotected != "" {
		return append(out, Check{t.Route, "through", where, "attacks are blocked", t.Unprotected, false})
	}
	for _, a := range o.Attacks {
		status, err := ask(ctx, r, a.Query, o.Timeout)
		c := Check{t.Route, "through", where, a.Class + " is blocked", statusText(status, err), err == nil && status == t.BlockStatus}
		out = append(out, c)
	}
	return out
}

// noConnection is what is to come of trying to reach the application around the tier.
const noConnection = "no connection"

// around tries to reach the application at every address that a name or a Service stands
// for.
func around(ctx context.Context, t Target, hostport string, o VerifyOptions) []Check {
	var out []Check
	fail := func(got string) { out = append(out, Check{t.Route, "around", hostport, noConnection, got, false}) }
	if namespace, rest, ok := strings.Cut(hostport, "/"); ok {
		service, port, _ := strings.Cut(rest, ":")
		pods, err := []string(nil), errors.New("--pods is needed to know them")
		if o.Pods != nil {
			pods, err = o.Pods(ctx, namespace, service, port)
		}
		if err != nil {
			fail("its pods are not known: " + err.Error())
		}
		return append(out, aroundAll(ctx, t, hostport, pods, o)...)
	}
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		fail("not host:port")
		return out
	}
	lookup, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	ips, err := o.Resolver.LookupHost(lookup, host)
	if err != nil {
		fail("the name is unknown here, so nothing is proven: " + plainError(err))
	}
	addresses := make([]string, 0, len(ips))
	for _, ip := range ips {
		addresses = append(addresses, net.JoinHostPort(ip, port))
	}
	pods, err := o.podsBehind(lookup, host, port)
	if err != nil {
		fail("its pods are not known: " + err.Error())
	}
	return append(out, aroundAll(ctx, t, hostport, append(addresses, pods...), o)...)
}

// aroundAll tries addresses of the application.
func aroundAll(ctx context.Context, t Target, application string, addresses []string, o VerifyOptions) (out []Check) {
	for _, a := range addresses {
		label := a
		if a != application {
			label = application + " at " + a
		}
		got, open := connect(ctx, a, o.Timeout)
		out = append(out, Check{t.Route, "around", label, noConnection, got, !open})
	}
	return out
}

// podsBehind returns the pods behind a port of the Service that a host names; none if it names no Service.
func (o *VerifyOptions) podsBehind(ctx context.Context, host, port string) ([]string, error) {
	if o.Pods == nil || net.ParseIP(host) != nil {
		return nil, nil
	}
	service, namespace, ok := serviceName(host)
	if !ok {
		// A short name is completed by the search domains of this pod, and the answer has the whole one.
		full, err := o.Resolver.LookupCNAME(ctx, host)
		if err != nil {
			return nil, errors.New("no full name is known of it: " + plainError(err))
		}
		if service, namespace, ok = serviceName(full); !ok {
			return nil, nil
		}
	}
	return o.Pods(ctx, namespace, service, port)
}

// serviceName reads the name of a Service out of a host: name.namespace.svc and below.
func serviceName(host string) (service, namespace string, ok bool) {
	parts := strings.Split(host, ".")
	if len(parts) >= 3 && parts[2] == "svc" {
		return parts[0], parts[1], true
	}
	return "", "", false
}

// shortName reads a host as a pod's search domains complete it first: one label is a Service in the pod's own
// namespace, two are a Service and its namespace.
func shortName(host, own string) (service, namespace string, ok bool) {
	switch parts := strings.Split(host, "."); len(parts) {
	case 1:
		return host, own, true
	case 2:
		return parts[0], parts[1], true
	}
	return serviceName(host)
}

// Failed returns how many checks failed.
func Failed(checks []Check) int {
	n := 0
	for _, c := range checks {
		if !c.OK {
			n++
		}
	}
	return n
}

// WriteTable prints the checks, one per line.
func WriteTable(w io.Writer, checks []Check) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ROUTE\tWAY\tADDRESS\tWANT\tGOT\tRESULT")
	for _, c := range checks {
		result := "ok"
		if !c.OK {
			result = "FAIL"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Route, c.Way, c.Address, c.Want, c.Got, result)
	}
	return t.Flush()
}
