package k8s

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
	"github.com/wafer-waf/wafer/importer"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
)

// nginxPrefix is in front of the annotations of ingress-nginx.
const nginxPrefix = "nginx.ingress.kubernetes.io/"

// ImportOptions say how to read Ingress objects of ingress-nginx.
type ImportOptions struct {
	Class         string // Ingresses that name another class are left out
	Origin        bool   // lead to NAME-origin, for Services that protect has been or will be run on
	ClusterDomain string
}

// nginx is one run of ImportIngressNginx.
type nginx struct {
	ImportOptions
	in     *Objects
	out    importer.Outcome
	access importer.Notes   // about who may do what, which stand in front of the others
	places map[string][]int // host and path to the routes that stand for them
	regex  map[string]bool  // hosts on which ingress-nginx reads paths as expressions

	controller string            // the ConfigMap with the settings of ingress-nginx itself
	global     map[string]string // which are these
}

// ImportIngressNginx turns Ingress objects of ingress-nginx into routes and policies. What
// it does not carry is in Notes, by Ingress and annotation. It means the documentation of
// ingress-nginx 1.x and the files its image holds, among them modsecurity.conf with
// SecRuleEngine DetectionOnly.
func ImportIngressNginx(in *Objects, o ImportOptions) *importer.Outcome {
	im := &nginx{ImportOptions: o, in: in, places: map[string][]int{}, regex: map[string]bool{}}
	im.readController()
	var canaries []*annotated
	var found []*annotated
	for i := range in.Ingresses {
		a := annotationsOf(&in.Ingresses[i])
		if class := a.class(); class != "" && class != o.Class {
			im.note(Told, a, "has class %q and is left out", class)
			continue
		}
		if a.bool("canary") {
			canaries = append(canaries, a)
			continue
		}
		found = append(found, a)
		if a.has("use-regex") && a.bool("use-regex") || a.has("rewrite-target") {
			for _, rule := range a.Spec.Rules {
				im.regex[rule.Host] = true
			}
		}
	}
	for _, a := range found {
		im.ingress(a)
	}
	for _, a := range canaries {
		im.canary(a)
	}
	for _, a := range append(found, canaries...) {
		im.leftOver(a)
	}
	if len(found) > 0 {
		im.out.Notes.Add(importer.Decide, "all routes", "ingress-nginx passes WebSockets everywhere, the tier only on routes with websocket: allow: add it where they are used")
	}
	im.out.Notes = append(im.access, im.out.Notes...)
	return &im.out
}

// readController reads the settings of ingress-nginx itself, which hold where an Ingress
// says nothing.
func (im *nginx) readController() {
	for i := range im.in.ConfigMaps {
		m := &im.in.ConfigMaps[i]
		if m.Name == "ingress-nginx-controller" || m.Name == "nginx-configuration" || m.Data["enable-modsecurity"] != "" {
			im.global, im.controller = maps.Clone(m.Data), "ConfigMap "+m.Namespace+"/"+m.Name
		}
	}
	for _, key := range slices.Sorted(maps.Keys(im.global)) {
		switch key {
		case "enable-modsecurity", "enable-owasp-modsecurity-crs", "modsecurity-snippet", "proxy-body-size", "proxy-read-timeout", "proxy-connect-timeout":
		default:
			im.notCarried(im.controller, key, im.global[key])
		}
	}
}

func (im *nginx) note(level Level, a *annotated, format string, args ...any) {
	im.out.Notes.Add(importer.Level(level), "Ingress "+a.Namespace+"/"+a.Name, format, args...)
}

// annotated is an Ingress with its annotations of ingress-nginx, of which it remembers
// those that were looked at.
type annotated struct {
	*networking.Ingress
	values map[string]string
	seen   map[string]bool
}

func annotationsOf(in *networking.Ingress) *annotated {
	a := &annotated{Ingress: in, values: map[string]string{}, seen: map[string]bool{}}
	for k, v := range in.Annotations {
		if key, ok := strings.CutPrefix(k, nginxPrefix); ok {
			a.values[key] = v
		}
	}
	return a
}

func (a *annotated) has(key string) bool { _, ok := a.values[key]; return ok }

func (a *annotated) get(key string) string {
	a.seen[key] = true
	return strings.TrimSpace(a.values[key])
}

// setting is what an Ingress says, or the controller where it says nothing.
func (im *nginx) setting(a *annotated, key string) string {
	return cmp.Or(a.get(key), strings.TrimSpace(im.global[key]))
}

func (a *annotated) bool(key string) bool {
	b, err := strconv.ParseBool(a.get(key))
	return err == nil && b
}

func (a *annotated) class() string {
	return cmp.Or(deref(a.Spec.IngressClassName), a.Annotations["kubernetes.io/ingress.class"])
}

// hosts are those of a rule, with the aliases of the Ingress. No host means any.
func (im *nginx) hosts(a *annotated, host string) []string {
	var hosts []string
	if host != "" {
		hosts = []string{host}
	}
	for _, alias := range strings.FieldsFunc(a.get("server-alias"), func(r rune) bool { return r == ',' || r == ' ' }) {
		if strings.HasPrefix(alias, "~") {
			im.note(Decide, a, "server-alias %q is an expression: list its hosts", alias)
			continue
		}
		if host != "" {
			hosts = append(hosts, alias)
		}
	}
	return unique(hosts)
}

// template is what all routes of an Ingress have in common, and the timeouts of its
// upstreams.
func (im *nginx) template(a *annotated) (r file.Route, up *file.Timeouts) {
	r.Policy = im.policy(a)
	r.Timeouts, up = im.timeouts(a)
	if size := im.setting(a, "proxy-body-size"); size != "" {
		bytes, err := nginxSize(size)
		switch {
		case err != nil:
			im.note(Decide, a, "proxy-body-size %q is no size", size)
		case bytes > 0:
			r.Limits = &file.Limits{RequestBody: file.Size(bytes)}
		}
	}
	if vhost := a.get("upstream-vhost"); vhost != "" && !strings.Contains(vhost, "$") {
		r.Rewrite = &file.Rewrite{Host: vhost}
	} else if vhost != "" {
		im.note(Decide, a, "upstream-vhost %q holds a variable", vhost)
	}
	if len(a.Spec.TLS) > 0 {
		im.note(Told, a, "ends TLS, which from now on something in front of the tier has to do, or a listener of the tier with the certificate (listeners of the boot file)")
	}
	return r, up
}

// ingress adds the routes of one Ingress.
func (im *nginx) ingress(a *annotated) {
	speaks, ok := im.speaks(a)
	if !ok {
		for key := range a.values {
			a.seen[key] = true
		}
		return
	}
	base, t := im.template(a)
	up := &speaks
	up.Timeouts = t
	redirect := im.redirect(a)
	var all []string // hosts
	for _, rule := range a.Spec.Rules {
		hosts := im.hosts(a, rule.Host)
		all = append(all, hosts...)
		im.hostRoutes(a, hosts, redirect)
		if rule.HTTP == nil {
			continue
		}
		for _, path := range rule.HTTP.Paths {
			r := base
			r.Hosts = hosts
			if err := im.path(a, rule.Host, path, &r); err != nil {
				im.note(Decide, a, "path %s of %s is left out: %v", path.Path, cmp.Or(rule.Host, "any host"), err)
				continue
			}
			if redirect != nil {
				r.Redirect, r.Rewrite, r.Timeouts, r.Limits, r.Policy = redirect, nil, nil, nil, ""
			} else if err := im.lead(a, &r, &path.Backend, up); err != nil {
				im.note(Decide, a, "path %s of %s is left out: %v", path.Path, cmp.Or(rule.Host, "any host"), err)
				continue
			}
			im.add(a, r, place(rule.Host, path.Path))
		}
	}
	if b := a.Spec.DefaultBackend; b != nil {
		r := base
		r.Hosts = unique(all)
		if err := im.lead(a, &r, b, up); err != nil {
			im.note(Decide, a, "its default backend is left out: %v", err)
			return
		}
		im.add(a, r, place("", "default "+a.Namespace+"/"+a.Name))
	}
}

func place(host, path string) string { return host + " " + cmp.Or(path, "/") }

// add appends a route under an id made of the Ingress's name.
func (im *nginx) add(a *annotated, r file.Route, at string) {
	r.ID = id(a.Name, a.Namespace)
	for n := 2; slices.ContainsFunc(im.out.Routes, func(x file.Route) bool { return x.ID == r.ID }); n++ {
		r.ID = id(a.Name, a.Namespace, strconv.Itoa(n))
	}
	im.out.Routes = append(im.out.Routes, r)
	im.places[at] = append(im.places[at], len(im.out.Routes)-1)
}

// lead makes a backend an upstream and the route lead to it.
func (im *nginx) lead(a *annotated, r *file.Route, b *networking.IngressBackend, like *file.Upstream) error {
	ref, err := im.upstream(a, b, like)
	if err == nil {
		r.Upstreams = []file.UpstreamRef{{ID: ref}}
	}
	return err
}

// upstream returns the id of the upstream for a backend, which is otherwise like another one.
func (im *nginx) upstream(a *annotated, b *networking.IngressBackend, like *file.Upstream) (string, error) {
	if b.Service == nil {
		return "", fmt.Errorf("its backend is not a Service")
	}
	port := b.Service.Port.Number
	if name := b.Service.Port.Name; name != "" {
		s := im.in.service(a.Namespace, b.Service.Name)
		if s == nil {
			return "", fmt.Errorf("port %q has no number here: Service %s is not among what was read", name, b.Service.Name)
		}
		i := slices.IndexFunc(s.Spec.Ports, func(p core.ServicePort) bool { return p.Name == name })
		if i < 0 {
			return "", fmt.Errorf("service %s has no port %q", b.Service.Name, name)
		}
		port = s.Spec.Ports[i].Port
	}
	service := b.Service.Name
	if im.Origin {
		service += originSuffix
	}
	host := net.JoinHostPort(fmt.Sprintf("%s.%s.svc.%s", service, a.Namespace, im.ClusterDomain), strconv.Itoa(int(port)))
	u := *like
	u.Endpoints = []string{scheme(like) + host}
	parts := []string{b.Service.Name, a.Namespace, strconv.Itoa(int(port))}
	for _, u.ID = range []string{id(parts...), id(append(parts, a.Name)...)} {
		i := slices.IndexFunc(im.out.Upstreams, func(x file.Upstream) bool { return x.ID == u.ID })
		switch {
		case i < 0:
			im.out.Upstreams = append(im.out.Upstreams, u)
			return u.ID, nil
		case reflect.DeepEqual(im.out.Upstreams[i], u):
			return u.ID, nil
		}
	}
	return "", fmt.Errorf("service %s is led to with different timeouts, or by different protocols", b.Service.Name)
}

// redirect reads the annotations that answer without a backend.
func (im *nginx) redirect(a *annotated) *file.Redirect {
	for _, kind := range []struct {
		key    string
		status int
	}{{"permanent-redirect", 301}, {"temporal-redirect", 302}} {
		to := a.get(kind.key)
		if to == "" {
			continue
		}
		status := kind.status
		if code, err := strconv.Atoi(a.get(kind.key + "-code")); err == nil {
			status = code
		}
		u, err := url.Parse(to)
		if err != nil || u.Host == "" || strings.Contains(to, "$") || u.RawQuery != "" || !slices.Contains([]int{301, 302, 303, 307, 308}, status) {
			im.note(Decide, a, "%s %q (%d) cannot be written as a redirect of a route", kind.key, to, status)
			continue
		}
		return &file.Redirect{Status: status, Scheme: u.Scheme, Host: u.Host, Path: cmp.Or(u.Path, "/")}
	}
	return nil
}

// hostRoutes adds what annotations say about hosts as a whole.
func (im *nginx) hostRoutes(a *annotated, hosts []string, redirect *file.Redirect) {
	if root := a.get("app-root"); root != "" && redirect == nil && len(hosts) > 0 {
		im.add(a, file.Route{Hosts: hosts, Paths: []file.PathMatch{{Exact: "/"}}, Redirect: &file.Redirect{Status: 302, Path: root}}, place(hosts[0], "app-root"))
	}
	if !a.bool("from-to-www-redirect") {
		return
	}
	for _, host := range hosts {
		from, isWWW := strings.CutPrefix(host, "www.")
		if !isWWW {
			from = "www." + host
		}
		if strings.HasPrefix(host, "*") || len(im.places[place(from, "www")]) > 0 {
			continue
		}
		im.add(a, file.Route{Hosts: []string{from}, Redirect: &file.Redirect{Status: 308, Host: host}}, place(from, "www"))
	}
}

// timeouts returns those of the routes and of the upstreams.
func (im *nginx) timeouts(a *annotated) (route, up *file.Timeouts) {
	seconds := func(key string) int {
		text := strings.TrimSuffix(im.setting(a, key), "s")
		n, err := strconv.Atoi(text)
		if text != "" && (err != nil || n <= 0) {
			im.note(Decide, a, "%s %q is no number of seconds", key, text)
			return 0
		}
		return n
	}
	if n := seconds("proxy-connect-timeout"); n > 0 {
		up = &file.Timeouts{Connect: fmt.Sprintf("%ds", n)}
	}
	if n := seconds("proxy-read-timeout"); n > 0 {
		if up == nil {
			up = &file.Timeouts{}
		}
		up.Response = fmt.Sprintf("%ds", n)
		route = &file.Timeouts{Idle: up.Response}
		if n >= 60 { // the tier's own limit, which would come first
			route.Request = fmt.Sprintf("%ds", n+1)
		}
	}
	return route, up
}

// canary adds an Ingress that takes a share of what another one takes.
func (im *nginx) canary(a *annotated) {
	weight, total := a.get("canary-weight"), cmp.Or(a.get("canary-weight-total"), "100")
	header, value, pattern := a.get("canary-by-header"), a.get("canary-by-header-value"), a.get("canary-by-header-pattern")
	cookie := a.get("canary-by-cookie")
	for _, rule := range a.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for _, path := range rule.HTTP.Paths {
			mains := im.places[place(rule.Host, path.Path)]
			if len(mains) == 0 {
				im.note(Decide, a, "is a canary of %s%s, which no other Ingress takes", rule.Host, path.Path)
				continue
			}
			main := im.out.Routes[mains[0]]
			up := &file.Upstream{}
			if i := slices.IndexFunc(im.out.Upstreams, func(u file.Upstream) bool { return len(main.Upstreams) > 0 && u.ID == main.Upstreams[0].ID }); i >= 0 {
				up = &im.out.Upstreams[i]
			}
			ref, err := im.upstream(a, &path.Backend, up)
			if err != nil || len(main.Upstreams) == 0 {
				im.note(Decide, a, "is a canary of %s%s and left out: %v", rule.Host, path.Path, err)
				continue
			}
			// What a canary does not say is that of the main Ingress.
			own := main
			own.Upstreams = []file.UpstreamRef{{ID: ref}}
			if header != "" {
				own.Headers = []file.HeaderMatch{{Name: header, Exact: cmp.Or(value, "always")}}
				if value == "" && pattern != "" {
					own.Headers[0] = file.HeaderMatch{Name: header, Regex: ".*(?:" + pattern + ").*"}
				}
				im.add(a, own, place(rule.Host, "canary"))
			}
			if cookie != "" {
				own.Headers = []file.HeaderMatch{{Name: "Cookie", Regex: "(?:.*; )?" + quoteMeta(cookie) + "=always(?:;.*)?"}}
				im.add(a, own, place(rule.Host, "canary"))
			}
			im.share(a, mains[0], ref, weight, total)
		}
	}
}

// share gives a canary its part of the requests of a route.
func (im *nginx) share(a *annotated, route int, ref, weight, total string) {
	if weight == "" {
		return
	}
	n, err := strconv.Atoi(weight)
	of, err2 := strconv.Atoi(total)
	if err != nil || err2 != nil || n < 0 || n > of || of < 1 {
		im.note(Decide, a, "canary-weight %q of %q makes no sense", weight, total)
		return
	}
	if n == 0 {
		return
	}
	rest := of - n
	im.out.Routes[route].Upstreams = []file.UpstreamRef{{ID: im.out.Routes[route].Upstreams[0].ID, Weight: &rest}, {ID: ref, Weight: &n}}
}
