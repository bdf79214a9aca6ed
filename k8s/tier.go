package k8s

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/wafer-waf/wafer/config/file"
)

// Tier is the tier of one namespace as the cluster knows it.
type Tier struct {
	Namespace string
	Pods      []TierPod
}

// TierPod is one pod of a tier and what it serves, by its own account.
type TierPod struct {
	Name   string
	Ready  bool
	Ports  []string // names
	Routes []ServedRoute
	Err    error // why the routes are not known
	Standing

	address string // of its admin listener, as the API names it: pod:port
}

// ServedRoute is a route that a pod has in force.
type ServedRoute struct {
	ID       string   `json:"id"`
	Hosts    []string `json:"hosts"`
	InFlight int64    `json:"in_flight"`
}

// TierOptions say which pods are the tier's, and where they tell what they serve.
type TierOptions struct {
	Selector  map[string]string
	AdminPort string // name or number
}

// Tier asks the pods of a tier what they serve, through the API server: whoever runs this
// needs no way to the pods, only the right to get "pods/proxy".
func (c *Cluster) Tier(ctx context.Context, namespace string, o TierOptions) (*Tier, error) {
	var list core.PodList
	query := url.Values{"labelSelector": {labels.Set(o.Selector).String()}}
	if err := c.decode(ctx, &list, query, "api/v1/namespaces", namespace, "pods"); err != nil {
		return nil, err
	}
	t := &Tier{Namespace: namespace}
	for i := range list.Items {
		pod := &list.Items[i]
		if pod.DeletionTimestamp != nil || pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed {
			continue
		}
		p := TierPod{Name: pod.Name, Ready: podReady(pod), Ports: portNames(pod.Spec)}
		if p.Ready {
			p.Err = c.admin(ctx, pod, o.AdminPort, &p)
		}
		p.Standing = c.standing(ctx, pod, o.AdminPort)
		t.Pods = append(t.Pods, p)
	}
	return t, nil
}

// admin reads the routes from the admin listener of one pod.
func (c *Cluster) admin(ctx context.Context, pod *core.Pod, port string, into *TierPod) error {
	number, ok := podPort(pod.Spec, port)
	if !ok {
		return fmt.Errorf("it has no port %s, on which it would tell (--admin-port)", port)
	}
	into.address = adminAt(pod, number)
	err := c.decode(ctx, &into.Routes, nil, "api/v1/namespaces", pod.Namespace, "pods", into.address, "proxy/api/v1/routes")
	switch {
	case denied(err):
		return errors.New("the API refuses it: who asks needs the right to get pods/proxy")
	case err != nil:
		return fmt.Errorf("%w (a policy may keep the API server from port %d)", err, number)
	}
	return nil
}

func podReady(pod *core.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c core.PodCondition) bool {
		return c.Type == core.PodReady && c.Status == core.ConditionTrue
	})
}

// Ready returns the pods that get requests.
func (t *Tier) Ready() []TierPod {
	return slices.DeleteFunc(slices.Clone(t.Pods), func(p TierPod) bool { return !p.Ready })
}

// noRoute begins what is said of a pod without a route.
const noRoute = "has no route "

// lacks returns why a pod would not serve the callers of routes; empty: it would.
func (p *TierPod) lacks(ports []string, routes []file.Route) string {
	for _, port := range ports {
		if !slices.Contains(p.Ports, port) {
			return fmt.Sprintf("has no port named %s (--tier-port, --tier-tls-port)", port)
		}
	}
	if p.Err != nil {
		return "does not say which routes it serves: " + p.Err.Error()
	}
	for _, want := range routes {
		i := slices.IndexFunc(p.Routes, func(r ServedRoute) bool { return r.ID == want.ID })
		if i < 0 {
			return noRoute + want.ID
		}
		for _, h := range want.Hosts {
			if !slices.ContainsFunc(p.Routes[i].Hosts, func(has string) bool { return strings.EqualFold(has, h) }) && len(p.Routes[i].Hosts) > 0 {
				return fmt.Sprintf("has route %s without host %s", want.ID, h)
			}
		}
	}
	return ""
}

// empty says that a tier has no pod that would be asked; empty: it has.
func (t *Tier) empty() string {
	if len(t.Ready()) > 0 {
		return ""
	}
	return fmt.Sprintf("no pod of a tier is ready in namespace %s, so every connection would be refused", t.Namespace)
}

// Lacks returns why a tier would not serve the callers of routes; empty: every ready pod
// does, and there is one.
func (t *Tier) Lacks(ports []string, routes []file.Route) string {
	if why := t.empty(); why != "" {
		return why
	}
	ready := t.Ready()
	for i := range ready {
		if why := ready[i].lacks(ports, routes); why != "" {
			return fmt.Sprintf("pod %s of the tier %s", ready[i].Name, why)
		}
	}
	return ""
}

// serving counts the ready pods that serve routes, and says why the others, or all, do not.
func (t *Tier) serving(ports []string, routes []file.Route) (n int, why string) {
	ready := t.Ready()
	for i := range ready {
		if ready[i].lacks(ports, routes) == "" {
			n++
		}
	}
	return n, t.Lacks(ports, routes)
}

// inFlight counts the requests that are on their way through routes.
func (t *Tier) inFlight(routes []file.Route) int64 {
	n := int64(0)
	for _, p := range t.Pods {
		for _, r := range p.Routes {
			if slices.ContainsFunc(routes, func(want file.Route) bool { return want.ID == r.ID }) {
				n += r.InFlight
			}
		}
	}
	return n
}

// askAgain is how long Wait lets pass between two questions.
const askAgain = 2 * time.Second

// Wait asks until every ready pod of the plan's tiers serves its routes. Progress hears why
// not, when that changes.
func (c *Cluster) Wait(ctx context.Context, p *Plan, o TierOptions, progress func(string)) error {
	return c.poll(ctx, progress, func() (string, error) { return c.lacking(ctx, p, o) })
}

// lacking returns what the first tier lacks that lacks something.
func (c *Cluster) lacking(ctx context.Context, p *Plan, o TierOptions) (string, error) {
	for _, ns := range p.Tiers {
		t, err := c.Tier(ctx, ns, o)
		if err != nil {
			return "", err
		}
		if why := t.Lacks(p.portsIn(ns), p.needs[ns].Routes); why != "" {
			return why, nil
		}
	}
	return "", nil
}

// poll asks until there is nothing left to wait for.
func (c *Cluster) poll(ctx context.Context, progress func(string), ask func() (string, error)) error {
	last := ""
	for {
		why, err := ask()
		if err != nil || why == "" {
			return err
		}
		if why != last {
			progress(why)
			last = why
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain: %s", why)
		case <-time.After(c.pause):
		}
	}
}
