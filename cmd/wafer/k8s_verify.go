package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/k8s"
	"github.com/wafer-waf/wafer/proxy"
)

// verifyFlags are those of "wafer k8s verify".
type verifyFlags struct {
	routes, tier         string
	through, direct      []string
	unprotected          []string
	pods, job            bool
	timeout, wait        time.Duration
	image, ns, configMap string
	schedule, push       string
}

func newVerify() *cobra.Command {
	var v verifyFlags
	c := &cobra.Command{
		Use:   "verify",
		Short: "Try, from inside the cluster, whether the tier is in the way and nothing leads around it",
		Long: `Try, from inside the cluster, whether the tier is in the way and nothing leads around it.

For each route: a clean request has to arrive, the built-in attacks have to be blocked,
and no connection to the application may succeed, neither to the endpoints that the route
file names nor, with --pods, to the pods behind them. What could not be tried counts as
failed. The result is a table; the exit code is 1 if a line of it failed.

A route's own Service is asked by the name among its hosts that ends in .svc.DOMAIN, on
the port of its endpoint; a route of an Ingress' host, by the name of the Service that it
leads to. Other routes are asked through --tier. Where the endpoint is https, so is what is
asked: the tier has to show a certificate for the name. Whether callers believe who made it
is not known here.

What a pod reaches depends on which pod it is: run it where a caller would be, not as the
tier. With --job, the manifests of a Job that does so are printed instead, with --schedule
of a CronJob. If applications are in other namespaces than the Job, give it the route file
with --routes too: it gets the right to find their pods there.

With --push, the result goes to a Prometheus Pushgateway: wafer_verify_checks by result.`,
		Example: `  wafer k8s verify --job --image registry.example.com/wafer:1.0 -n shop | kubectl apply -f -
  wafer k8s verify --routes routes.yaml --tier wafer.shop:8080
  wafer k8s verify --through http://orders.shop/ --direct orders-origin.shop:80`,
		Args: noArgs(""),
		RunE: func(c *cobra.Command, _ []string) error {
			if v.job {
				return v.writeJob(c)
			}
			return v.run(c)
		},
	}
	f := c.Flags()
	f.StringVar(&v.routes, "routes", "", "route file of the tier")
	f.StringVar(&v.tier, "tier", "", "host:port of the tier, for routes that no Service's name leads to")
	f.StringSliceVar(&v.through, "through", nil, "a further URL that has to lead through the tier")
	f.StringSliceVar(&v.direct, "direct", nil, "a further host:port that must not be reachable")
	f.StringSliceVar(&v.unprotected, "unprotected", nil, "id of a route whose policy does not block, and is not meant to")
	f.BoolVar(&v.pods, "pods", false, "also try the pods behind each endpoint that is a Service; asks the API")
	f.DurationVar(&v.timeout, "timeout", 2*time.Second, "for each connection, and for each answer")
	f.DurationVar(&v.wait, "wait", 0, "try again for so long until everything is right")
	f.BoolVar(&v.job, "job", false, "print the manifests of a Job that does this")
	f.StringVar(&v.schedule, "schedule", "", "make it a CronJob that runs at these times, such as \"*/15 * * * *\"")
	f.StringVar(&v.push, "push", "", "URL of a group of a Pushgateway, such as http://pushgateway.monitoring:9091/metrics/job/wafer-verify/namespace/shop")
	f.StringVar(&v.image, "image", "", "image of the Job")
	f.StringVarP(&v.ns, "namespace", "n", "", "namespace of the Job")
	f.StringVar(&v.configMap, "config-map", "wafer-routes", "ConfigMap with the route file, for the Job")
	return c
}

// writeJob prints the manifests of the Job.
func (v *verifyFlags) writeJob(c *cobra.Command) error {
	o := k8s.JobOptions{Namespace: cmp.Or(v.ns, "default"), Image: v.image, ConfigMap: v.configMap, Schedule: v.schedule, Args: v.jobArgs()}
	if v.routes != "" {
		routes, err := config.LoadRoutesElsewhere(v.routes)
		if err != nil {
			return err
		}
		for _, u := range routes.Upstreams {
			for _, a := range applications(u) {
				if namespace, name, ok := strings.Cut(a, "/"); ok {
					name, port, _ := strings.Cut(name, ":")
					a = name + "." + namespace + ".svc:" + port
				}
				o.Endpoints = append(o.Endpoints, a)
			}
		}
	}
	return k8s.WriteJob(c.OutOrStdout(), o)
}

// jobArgs are the flags that the Job gets too.
func (v *verifyFlags) jobArgs() []string {
	var args []string
	add := func(name string, values ...string) {
		for _, value := range values {
			if value != "" {
				args = append(args, "--"+name, value)
			}
		}
	}
	add("tier", v.tier)
	add("through", v.through...)
	add("direct", v.direct...)
	add("unprotected", v.unprotected...)
	add("push", v.push)
	add("timeout", v.timeout.String())
	if v.wait > 0 {
		add("wait", v.wait.String())
	}
	return args
}

func (v *verifyFlags) run(c *cobra.Command) error {
	targets, err := v.targets()
	if err != nil {
		return err
	}
	o := k8s.VerifyOptions{Timeout: v.timeout}
	for _, a := range proxy.Attacks() {
		o.Attacks = append(o.Attacks, k8s.Attack(a))
	}
	if v.pods {
		cluster, err := k8s.Connect()
		if err != nil {
			return fmt.Errorf("--pods: no cluster: %w", err)
		}
		o.Pods = cluster.Pods
	}
	checks := v.verify(c.Context(), targets, o)
	if err := k8s.WriteTable(c.OutOrStdout(), checks); err != nil {
		return err
	}
	if v.push != "" {
		if err := k8s.Push(c.Context(), v.push, checks); err != nil {
			return fmt.Errorf("--push: %w", err)
		}
	}
	failed := k8s.Failed(checks)
	fmt.Fprintf(c.ErrOrStderr(), "%d of %d checks failed\n", failed, len(checks))
	if failed > 0 {
		return saidError{error: errors.New("checks failed")}
	}
	return nil
}

// again is how long verify waits between two rounds.
const again = 2 * time.Second

// verify asks until everything is right or --wait is over.
func (v *verifyFlags) verify(ctx context.Context, targets []k8s.Target, o k8s.VerifyOptions) []k8s.Check {
	until := time.Now().Add(v.wait)
	for {
		checks := k8s.Verify(ctx, targets, o)
		if k8s.Failed(checks) == 0 || time.Now().Add(again).After(until) {
			return checks
		}
		select {
		case <-ctx.Done():
			return checks
		case <-time.After(again):
		}
	}
}

// targets are what the route file and the flags name.
func (v *verifyFlags) targets() ([]k8s.Target, error) {
	var out []k8s.Target
	if v.routes != "" {
		routes, err := config.LoadRoutesElsewhere(v.routes)
		if err != nil {
			return nil, err
		}
		for i := range routes.Routes {
			if r := &routes.Routes[i]; r.Redirect == nil { // a redirect leads to no application
				out = append(out, v.target(routes, r))
			}
		}
		for _, id := range v.unprotected {
			if !slices.ContainsFunc(routes.Routes, func(r config.Route) bool { return r.ID == id }) {
				return nil, fmt.Errorf("--unprotected: no route %q", id)
			}
		}
	}
	flags := k8s.Target{Route: "-", Direct: v.direct, BlockStatus: http.StatusForbidden}
	for _, t := range v.through {
		u, err := url.Parse(t)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("--through %q is neither http://host/path nor https://host/path", t)
		}
		request := k8s.Request{Address: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), usualPort(u.Scheme))), Host: u.Host, Path: cmp.Or(u.Path, "/")}
		if u.Scheme == "https" {
			request.TLS = u.Hostname()
		}
		flags.Through = append(flags.Through, request)
	}
	if len(flags.Through)+len(flags.Direct) > 0 {
		out = append(out, flags)
	}
	if len(out) == 0 {
		return nil, errors.New("nothing to verify: give --routes, --through or --direct")
	}
	return out, nil
}

// target is what a route says about how to reach it and what lies behind it.
func (v *verifyFlags) target(routes *config.Routes, r *config.Route) k8s.Target {
	t := k8s.Target{Route: r.ID, BlockStatus: http.StatusForbidden}
	if i := slices.IndexFunc(routes.Policies, func(p config.Policy) bool { return p.ID == r.Policy }); i >= 0 {
		p := &routes.Policies[i]
		t.BlockStatus = p.Block.Status
		if p.Mode != config.ModeBlock {
			t.Unprotected = fmt.Sprintf("policy %s has mode %s", p.ID, p.Mode)
		}
	}
	scheme := "http"
	for _, ref := range r.Upstreams {
		i := slices.IndexFunc(routes.Upstreams, func(u config.Upstream) bool { return u.ID == ref.ID })
		u := routes.Upstreams[i]
		t.Direct = append(t.Direct, applications(u)...)
		if u.TLS != nil || slices.ContainsFunc(u.Endpoints, func(e config.Endpoint) bool { return strings.HasPrefix(e.Address, "https:") }) {
			scheme = "https"
		}
	}
	req, err := request(r)
	if err != nil {
		t.Unknown = err.Error()
		return t
	}
	_, port, err := net.SplitHostPort(t.Direct[0])
	if err != nil || strings.Contains(t.Direct[0], "/") {
		port = usualPort(scheme) // the endpoint's port is not that of the Service in front
	}
	own := serviceHost(r.Hosts)
	if name := cmp.Or(own, sibling(routes, r)); name != "" {
		asked := req
		asked.Address = net.JoinHostPort(name, port)
		if own != "" {
			asked.Host = name
			if port != usualPort(scheme) {
				asked.Host = asked.Address
			}
		}
		if scheme == "https" { // a Service whose application speaks TLS is asked as its callers ask
			asked.TLS = cmp.Or(own, asked.Host)
		}
		t.Through = append(t.Through, asked)
	}
	if v.tier != "" {
		asked := req
		asked.Address = v.tier
		if port != usualPort(scheme) && slices.ContainsFunc(r.Headers, func(h config.HeaderMatch) bool { return strings.EqualFold(h.Name, "Host") }) {
			asked.Host = net.JoinHostPort(asked.Host, port)
		}
		t.Through = append(t.Through, asked)
	}
	if len(t.Through) == 0 {
		t.Unknown = "neither it nor a route to the same application has the full name of a Service as host: say where the tier is with --tier"
	}
	if slices.Contains(v.unprotected, r.ID) {
		t.Unprotected, t.Accepted = "", true
	}
	return t
}

// applications are where an upstream's endpoints are: host:port, or namespace/name:port of a Service whose pods are
// found by other means than its address.
func applications(u config.Upstream) (all []string) {
	if u.Service != "" {
		return []string{u.Service}
	}
	for _, e := range u.Endpoints {
		_, at, _ := strings.Cut(e.Address, "://")
		if port, rest, ok := strings.Cut(at, "."); ok && u.Discovery == config.DiscoverySRV {
			_, host, _ := strings.Cut(rest, ".") // _port._tcp.name.namespace.svc
			if parts := strings.SplitN(host, ".", 4); len(parts) >= 3 && parts[2] == "svc" {
				at = parts[1] + "/" + parts[0] + ":" + strings.TrimPrefix(port, "_")
			}
		}
		all = append(all, at)
	}
	return all
}

// usualPort is what a URL leaves out.
func usualPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// sibling returns the name of a Service whose route leads to the same application: that
// Service leads to the tier, which tells routes apart by the Host field and not by the way.
func sibling(routes *config.Routes, r *config.Route) string {
	for i := range routes.Routes {
		other := &routes.Routes[i]
		if len(other.Upstreams) == 0 || len(r.Upstreams) == 0 || other.Upstreams[0].ID != r.Upstreams[0].ID {
			continue
		}
		if name := serviceHost(other.Hosts); name != "" {
			return name
		}
	}
	return ""
}

// serviceHost returns the longest name of a Service among hosts, name.namespace.svc.domain.
func serviceHost(hosts []string) string {
	best := ""
	for _, h := range hosts {
		if parts := strings.Split(h, "."); len(parts) >= 3 && parts[2] == "svc" && len(h) > len(best) {
			best = h
		}
	}
	return best
}

// request makes a request that a route takes.
func request(r *config.Route) (k8s.Request, error) {
	req := k8s.Request{Host: "wafer-verify.invalid", Path: "/", Header: http.Header{}}
	if len(r.Methods) > 0 && !slices.Contains(r.Methods, http.MethodGet) {
		req.Method = r.Methods[0]
	}
	if len(r.Hosts) > 0 {
		req.Host = strings.Replace(r.Hosts[0], "*", "wafer-verify", 1)
	}
	if len(r.Paths) > 0 {
		i := slices.IndexFunc(r.Paths, func(p config.PathMatch) bool { return p.Regex == "" })
		if i < 0 {
			return req, errors.New("no path that a regular expression takes is known: give one with --through")
		}
		req.Path = cmp.Or(r.Paths[i].Exact, r.Paths[i].Prefix)
	}
	for _, h := range r.Headers {
		switch {
		case strings.EqualFold(h.Name, "Host"): // said by the address
		case h.Regex != "":
			return req, fmt.Errorf("no value that the expression for %s takes is known: give a request with --through", h.Name)
		default:
			req.Header.Set(h.Name, cmp.Or(h.Exact, "wafer-verify"))
		}
	}
	return req, nil
}
