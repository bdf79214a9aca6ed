package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/k8s"
)

// tierFlags say where the tier is and which of its ConfigMaps holds the routes. protect,
// wait and status take the same ones.
type tierFlags struct {
	o                   k8s.ProtectOptions
	selector, adminPort string
}

func (t *tierFlags) flags(c *cobra.Command) {
	f, o := c.Flags(), &t.o
	f.StringVar(&t.selector, "tier-selector", "app.kubernetes.io/name=wafer", "labels of the tier's pods")
	f.StringVar(&o.TierPort, "tier-port", "http", "name of the port on which they take traffic")
	f.StringVar(&o.TierTLSPort, "tier-tls-port", "https", "name of the port of their listener with TLS")
	f.StringVar(&t.adminPort, "admin-port", "admin", "port, by name or number, on which they say what they serve")
	f.StringVar(&o.TierNamespace, "tier-namespace", "", "namespace of the tier (default: that of each Service)")
	f.StringVar(&o.TierService, "tier-service", "wafer", "Service of a tier in another namespace")
	f.BoolVar(&o.ExternalName, "external-name", false, "reach a tier in another namespace by a DNS alias")
	f.StringVar(&o.ConfigMap, "config-map", "wafer-routes", "ConfigMap that holds the tier's routes.yaml")
	f.StringVar(&o.ClusterDomain, "cluster-domain", "cluster.local", "DNS domain of the cluster")
	f.StringSliceVar(&o.Hosts, "host", nil, "a further host that leads to the Service")
	f.StringSliceVar(&o.HTTPPorts, "http-port", nil, "a port, by name or number, that speaks HTTP/1")
	f.StringSliceVar(&o.HTTPSPorts, "https-port", nil, "a port that speaks HTTP over TLS, for whose callers the tier has a certificate")
	f.BoolVar(&o.EndpointSlices, "endpoint-slices", false, "the tier watches the pods behind SERVICE-origin (component endpoint-slices)")
	f.StringSliceVar(&o.LeavePorts, "leave-port", nil, "a port whose callers are going to use SERVICE-origin")
}

// parse reads the selector.
func (t *tierFlags) parse() (err error) {
	if t.o.TierSelector, err = k8s.ParseSelector(t.selector); err != nil {
		return fmt.Errorf("--tier-selector: %w", err)
	}
	return nil
}

func (t *tierFlags) tier() k8s.TierOptions {
	return k8s.TierOptions{Selector: t.o.TierSelector, AdminPort: t.adminPort}
}

// gate asks the cluster whether a step would harm callers, and returns what refuses it. It
// says what it could not ask.
func (t *tierFlags) gate(c *cobra.Command, from *source, in *k8s.Objects, plan *k8s.Plan, step k8s.Step, offline bool) (k8s.Notes, error) {
	unchecked := step.Unchecked()
	switch {
	case unchecked == "" || len(plan.Protected) == 0:
		return nil, nil
	case offline || from.cluster == nil && (step.Phase == "" || step.Undo):
		fmt.Fprintln(c.ErrOrStderr(), "not checked: "+unchecked)
		return nil, nil
	}
	cluster := from.cluster
	if cluster == nil {
		var err error
		if cluster, err = k8s.Connect(); err != nil {
			return nil, fmt.Errorf("no cluster to ask %s: %w. Say --offline to print it all the same", unchecked, err)
		}
		ns := from.namespace
		if ns == "" {
			ns = cluster.Namespace
		}
		if in, err = cluster.Read(c.Context(), ns); err != nil {
			return nil, fmt.Errorf("to ask %s: %w. Say --offline to print it all the same", unchecked, err)
		}
	}
	return cluster.Preflight(c.Context(), in, plan, step, t.tier())
}

// quietTimeout bounds how long phase forget waits.
const quietTimeout = 10 * time.Minute

// settle waits, before the routes go, until no request comes through them.
func (t *tierFlags) settle(c *cobra.Command, from *source, plan *k8s.Plan, step k8s.Step, offline bool, quiet time.Duration) error {
	if !step.Undo || step.Phase != "forget" || offline || from.cluster == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.Context(), quietTimeout)
	defer cancel()
	err := from.cluster.WaitQuiet(ctx, plan, t.tier(), quiet, func(why string) { fmt.Fprintln(c.ErrOrStderr(), "waiting: "+why) })
	if err != nil {
		return fmt.Errorf("%w. Say --offline to print it all the same", err)
	}
	return nil
}

// newWait is "wafer k8s wait".
func newWait() *cobra.Command {
	var (
		from           source
		t              tierFlags
		what           string
		timeout, quiet time.Duration
	)
	c := &cobra.Command{
		Use:   "wait SERVICE...",
		Short: "Wait until every pod of the tier serves the routes of Services, or no request any more",
		Long: `Wait until every ready pod of the tier serves the routes of Services, as it has to before
phase switch; or, with --for quiet, until no request has come through them for a while, as
on the way back before phase forget.

The pods are asked through the API server, which takes the right to get "pods/proxy". The
exit code is 1 if the time is over first, and the last reason is told.`,
		Example: `  wafer k8s wait orders -n shop
  wafer k8s wait orders -n shop --for quiet --quiet 1m`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			t.o.Undo = what == "quiet"
			plan, err := t.plan(c, &from, args)
			if err != nil {
				return err
			}
			if len(plan.Protected) < len(args) {
				return from.tell(c, plan.Notes)
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			tell := func(why string) { fmt.Fprintln(c.ErrOrStderr(), "waiting: "+why) }
			switch what {
			case "quiet":
				err = from.cluster.WaitQuiet(ctx, plan, t.tier(), quiet, tell)
			case "routes":
				err = from.cluster.Wait(ctx, plan, t.tier(), tell)
			default:
				err = fmt.Errorf("--for %q: routes or quiet", what)
			}
			return err
		},
	}
	c.Flags().StringVarP(&from.namespace, "namespace", "n", "", "namespace of the Services")
	t.flags(c)
	words(c, "for", "", &what, "routes: until all pods serve them, or quiet: until no request comes", "routes", "quiet")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "give up after so long")
	c.Flags().DurationVar(&quiet, "quiet", 15*time.Second, "for how long no request has to come")
	return c
}

// plan reads the cluster and plans for the Services, or for all that show a trace of the tier.
func (t *tierFlags) plan(c *cobra.Command, from *source, names []string) (*k8s.Plan, error) {
	if err := t.parse(); err != nil {
		return nil, err
	}
	in, err := from.read(c, t.o.TierNamespace, t.o.ConfigMap)
	if err != nil {
		return nil, err
	}
	from.objects = in
	t.o.Services = names
	if len(names) == 0 {
		if t.o.Services = in.Marked(); len(t.o.Services) == 0 {
			return nil, errNoTrace
		}
	}
	return k8s.Protect(in, t.o)
}

// errNoTrace says that there is nothing to plan for.
var errNoTrace = errors.New("no Service shows a trace of the tier")

// writeStatus prints how Services and tiers are, and is an error if something is wrong. Plan is nil if there
// are no Services.
func (t *tierFlags) writeStatus(c *cobra.Command, from *source, plan *k8s.Plan, tiers map[string]*k8s.Tier) error {
	wrong, out := false, c.OutOrStdout()
	if plan != nil {
		list := from.objects.Status(plan, from.full(t.o.Services), tiers, t.tier())
		if err := k8s.WriteStatus(out, list); err != nil {
			return err
		}
		wrong = slices.ContainsFunc(list, func(s k8s.Status) bool { return len(s.Wrong) > 0 })
		fmt.Fprintln(out)
	} else {
		fmt.Fprintln(c.ErrOrStderr(), errNoTrace)
	}
	if err := k8s.WriteTiers(out, tiers); err != nil {
		return err
	}
	for _, one := range tiers {
		wrong = wrong || len(one.Wrong()) > 0
	}
	if wrong {
		return saidError{error: errors.New("something is wrong")}
	}
	return nil
}

// newStatus is "wafer k8s status".
func newStatus() *cobra.Command {
	var (
		from source
		t    tierFlags
	)
	c := &cobra.Command{
		Use:   "status [SERVICE...]",
		Short: "Show how far Services are behind the tier, and what is wrong",
		Long: `Show for each Service that the tier is in front of, or was: the phase it is in, how many
of the tier's ready pods serve its routes, how many ways lead around, and who applies its
manifest; and for each pod of the tier which configuration it serves. What callers suffer
from, pods that refuse their configuration and pods that serve another one than most are
told below, and make the exit code 1.`,
		Example: `  wafer k8s status -n shop
  wafer k8s status orders -n shop`,
		RunE: func(c *cobra.Command, args []string) error {
			plan, err := t.plan(c, &from, args)
			var namespaces []string
			switch {
			case err == nil:
				namespaces = plan.Tiers
			case errors.Is(err, errNoTrace):
				namespaces = []string{from.tierNamespace(&t)}
			default:
				return err
			}
			tiers, err := from.cluster.Tiers(c.Context(), namespaces, t.tier())
			if err != nil {
				return err
			}
			return t.writeStatus(c, &from, plan, tiers)
		},
	}
	c.Flags().StringVarP(&from.namespace, "namespace", "n", "", "namespace of the Services")
	t.flags(c)
	return c
}
