package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/k8s"
)

// newProtect is long because it has many flags, and short otherwise.
func newProtect() *cobra.Command {
	var (
		from          source
		t             tierFlags
		phase, output string
		routes, into  string
		undo, offline bool
		quiet         time.Duration
	)
	c := &cobra.Command{
		Use:   "protect [SERVICE...]",
		Short: "Print what puts the tier in front of Services, or takes it out again",
		Long: `Print what puts the tier in front of Services: the Service of that name, which now leads
to the tier; SERVICE-origin, which leads to the application; routes for the tier; and a
NetworkPolicy that lets nobody but the tier reach the application.

It reads Services, Ingresses, HTTPRoutes, NetworkPolicies, StatefulSets and the ConfigMap
with the tier's routes, from files or from the cluster that KUBECONFIG names. Nothing is
changed. Without arguments it is about every Service that was read from files.

Apply it in phases, so that no request fails on the way:

  prepare  SERVICE-origin and the routes. Wait until all pods of the tier have the routes.
  switch   the Service leads to the tier. It is refused unless every ready pod of the tier
           serves the routes ("wafer k8s wait"), or with --offline. Connections that clients keep open stay with
           the application until they are closed.
  close    the NetworkPolicies. Open connections may break now, so wait for their end.

The way back, with --undo:

  open     for kubectl delete: the NetworkPolicies
  switch   the Service as it was
  forget   the tier's ConfigMap without the routes, once no request comes through them
  clean    for kubectl delete: SERVICE-origin`,
		Example: `  wafer k8s protect orders -n shop --phase prepare | kubectl apply -f -
  wafer k8s protect -f manifests/ --output routes
  wafer k8s protect orders -n shop --undo --phase open | kubectl delete -f -`,
		RunE: func(c *cobra.Command, args []string) error {
			o := &t.o
			if err := t.parse(); err != nil {
				return err
			}
			if len(from.files) == 0 && len(args) == 0 {
				return fmt.Errorf("name the Services, or give manifests with -f")
			}
			o.Services, o.Undo = args, undo
			if c.Flags().Changed("routes") {
				text, err := readNamed(routes, mostRoutes)
				if err != nil {
					return fmt.Errorf("--routes: %w", err)
				}
				s := string(text)
				o.Routes = &s
			}
			print, err := printer(undo, phase, output, into)
			if err != nil {
				return err
			}
			in, err := from.read(c, o.TierNamespace, o.ConfigMap)
			if err != nil {
				return err
			}
			plan, err := k8s.Protect(in, *o)
			if err != nil {
				return err
			}
			step := k8s.Step{Phase: phase, Undo: undo}
			if output == "manifests" {
				refused, err := t.gate(c, &from, in, plan, step, offline)
				if err != nil {
					return err
				}
				if len(refused) > 0 {
					return from.tell(c, append(plan.Notes, refused...))
				}
				if err := t.settle(c, &from, plan, step, offline, quiet); err != nil {
					return err
				}
			}
			if err := print(c.OutOrStdout(), plan); err != nil {
				return err
			}
			return from.tell(c, plan.Notes)
		},
	}
	from.flags(c)
	f := c.Flags()
	f.StringVar(&phase, "phase", "", "print one phase only")
	words(c, "output", "", &output, "manifests; routes: the route entries alone; merged-routes: the tier's whole route file; kustomize: a component, into a folder", "manifests", "routes", "merged-routes", "kustomize")
	f.StringVar(&into, "into", "", "folder that --output kustomize writes its files to")
	f.BoolVar(&undo, "undo", false, "print the way back")
	f.BoolVar(&offline, "offline", false, "ask no cluster whether the step would harm callers, and say what was not checked")
	f.DurationVar(&quiet, "quiet", 15*time.Second, "with --undo --phase forget: for how long no request has to come first")
	f.StringVar(&routes, "routes", "", "the tier's route file as it is; instead of its ConfigMap")
	t.flags(c)
	o := &t.o
	f.BoolVar(&o.ServerSide, "server-side", false, "print for kubectl apply --server-side --force-conflicts")
	f.StringVar(&o.Policy, "policy", "", "policy of the routes (default: the policy \"default\")")
	f.StringSliceVar(&o.UpstreamCA, "upstream-ca", nil, "a file of the tier with the authorities of applications that speak TLS (default: those of the system)")
	f.StringSliceVar(&o.KeepPorts, "keep-port", nil, "a port of the pods that stays open to everybody: 9090, metrics, udp/53")
	return c
}

// printer picks what of a plan is printed.
func printer(undo bool, phase, output, into string) (func(io.Writer, *k8s.Plan) error, error) {
	switch output {
	case "manifests":
	case "routes":
		return func(w io.Writer, p *k8s.Plan) error {
			if len(p.Tiers) > 1 {
				return fmt.Errorf("--output routes is for one tier, and these are of the tiers in %s: name the Services", strings.Join(p.Tiers, ", "))
			}
			text, err := p.Routes.YAML()
			if err == nil {
				_, err = w.Write(text)
			}
			return err
		}, nil
	case "merged-routes":
		return func(w io.Writer, p *k8s.Plan) error {
			text, err := p.MergedRoutes()
			if err == nil {
				_, err = w.Write(text)
			}
			return err
		}, nil
	case "kustomize":
		if into == "" || undo || phase != "" {
			return nil, fmt.Errorf("--output kustomize takes --into FOLDER, and is for all phases")
		}
		return func(_ io.Writer, p *k8s.Plan) error { return writeFolder(into, p) }, nil
	default:
		return nil, fmt.Errorf("--output %q: write manifests, routes, merged-routes or kustomize", output)
	}
	phases, write := (*k8s.Plan).Phases, (*k8s.Plan).Write
	if undo {
		phases, write = (*k8s.Plan).UndoPhases, (*k8s.Plan).WriteUndo
	}
	var names []string
	for _, ph := range phases(&k8s.Plan{}) {
		names = append(names, ph.Name)
	}
	switch {
	case phase != "" && !slices.Contains(names, phase):
		return nil, fmt.Errorf("--phase %q: write one of %s", phase, strings.Join(names, ", "))
	case phase == "" && undo:
		return func(w io.Writer, p *k8s.Plan) error { return p.WriteUndoPlan(w) }, nil
	}
	return func(w io.Writer, p *k8s.Plan) error { return write(p, w, phase) }, nil
}

// writeFolder writes the component of a plan.
func writeFolder(dir string, p *k8s.Plan) error {
	files, err := p.Kustomize()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
