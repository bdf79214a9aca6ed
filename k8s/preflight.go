package k8s

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/config/file"
)

// Step is what is about to be printed: one phase of the insertion or of the way back; no
// phase means all of them.
type Step struct {
	Phase string
	Undo  bool
}

// Unchecked says what nobody has asked a cluster before a step, for whoever applies it.
func (s Step) Unchecked() string {
	switch {
	case s.Undo && s.Phase == "switch":
		return "whether phase open has been applied: a policy that is still there refuses callers"
	case s.Undo && s.Phase == "forget":
		return "whether the Services lead to the application again, and whether requests still come through the tier"
	case s.Undo && s.Phase == "clean":
		return "whether the Services lead to the application again"
	case s.Undo:
		return ""
	case s.Phase == "switch":
		return "whether pods of the tier are ready and serve the routes: without one every connection is refused, without the routes every request gets 404"
	case s.Phase == "close":
		return "whether the Services lead to the tier and its pods serve the routes: otherwise every request runs into a time-out"
	case s.Phase == "":
		return "whether pods of the tier are ready"
	}
	return ""
}

// Preflight says, as notes that refuse, why a step would harm callers now. In is what was
// read from the cluster for the plan.
func (c *Cluster) Preflight(ctx context.Context, in *Objects, p *Plan, s Step, o TierOptions) (Notes, error) {
	if s.Unchecked() == "" {
		return nil, nil
	}
	notes := p.inOrder(in, s, o.Selector)
	if s.Undo {
		return notes, nil
	}
	for _, ns := range p.Tiers {
		t, err := c.Tier(ctx, ns, o)
		if err != nil {
			return nil, err
		}
		why := t.Lacks(p.portsIn(ns), p.needs[ns].Routes)
		if s.Phase == "" { // the routes are printed in the same go
			why = t.empty()
		}
		if why != "" {
			notes.add(Refused, "Tier in namespace "+ns, "%s. %s", why, p.remedy(s))
		}
	}
	return notes, nil
}

func (p *Plan) remedy(s Step) string {
	if s.Phase == "" {
		return "Start a tier there first, or say --offline"
	}
	return "Apply phase prepare, then \"wafer k8s wait " + strings.Join(p.Protected, " ") + "\"; or say --offline"
}

// inOrder refuses a step whose earlier one has not been applied.
func (p *Plan) inOrder(in *Objects, s Step, tier map[string]string) Notes {
	var notes Notes
	for _, name := range p.Protected {
		ns, service, _ := strings.Cut(name, "/")
		is := in.service(ns, service)
		if is == nil {
			continue
		}
		front, closed := leads(is, tier), in.policyFor(ns, service) != nil
		switch {
		case !s.Undo && s.Phase == "close" && !front:
			notes.add(Refused, "Service "+name, "does not lead to the tier: with the policy nobody would reach the application. Apply phase switch first, or say --offline")
		case s.Undo && s.Phase == "switch" && closed:
			notes.add(Refused, "Service "+name, "leads to pods that a policy keeps for the tier: nobody would reach them. Delete what phase open prints first, or say --offline")
		case s.Undo && (s.Phase == "forget" || s.Phase == "clean") && front:
			notes.add(Refused, "Service "+name, "still leads to the tier: apply phase switch of the way back first, or say --offline")
		}
	}
	return notes
}

// WaitQuiet asks until no request has come through the plan's routes for so long as quiet
// says. It counts what the pods count.
func (c *Cluster) WaitQuiet(ctx context.Context, p *Plan, o TierOptions, quiet time.Duration, progress func(string)) error {
	before, since := "", time.Now()
	return c.poll(ctx, progress, func() (string, error) {
		count, busy, err := c.counted(ctx, p, o)
		if err != nil {
			return "", err
		}
		if count != before || busy {
			before, since = count, time.Now()
		} else if time.Since(since) >= quiet {
			return "", nil
		}
		return fmt.Sprintf("requests through the tier have to stay away for %s", quiet), nil
	})
}

// counted returns how many requests each pod has had on the plan's routes, as a text that
// changes with the next one, and whether one is on its way.
func (c *Cluster) counted(ctx context.Context, p *Plan, o TierOptions) (count string, busy bool, err error) {
	var b strings.Builder
	for _, ns := range p.Tiers {
		t, err := c.Tier(ctx, ns, o)
		if err != nil {
			return "", false, err
		}
		routes := p.needs[ns].Routes
		busy = busy || t.inFlight(routes) > 0
		for _, pod := range t.Ready() {
			if pod.Err != nil {
				return "", false, fmt.Errorf("pod %s: %w", pod.Name, pod.Err)
			}
			n, err := c.requests(ctx, ns, pod, routes)
			if err != nil {
				return "", false, fmt.Errorf("pod %s: %w", pod.Name, err)
			}
			fmt.Fprintf(&b, "%s %v\n", pod.Name, n)
		}
	}
	return b.String(), busy, nil
}

// requests sums wafer_requests_total of a pod over routes.
func (c *Cluster) requests(ctx context.Context, namespace string, pod TierPod, routes []file.Route) (float64, error) {
	text, err := c.text(ctx, "api/v1/namespaces", namespace, "pods", pod.address, "proxy/metrics")
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "wafer_requests_total{") {
			continue
		}
		for _, r := range routes {
			if !strings.Contains(line, "route="+strconv.Quote(r.ID)) {
				continue
			}
			n, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 64)
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return sum, nil
}
