package k8s

import (
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"text/tabwriter"

	core "k8s.io/api/core/v1"
)

// Status is how far one Service is behind the tier.
type Status struct {
	Service string // namespace/name
	Phase   string // none, prepared, switched, closed or broken
	Tier    string // how many ready pods serve its routes
	Around  []string
	Manager string   // who applies its manifest
	Wrong   []string // what callers suffer from
}

// Marked lists the Services that an insertion has left a trace of, as namespace/name.
func (o *Objects) Marked() []string {
	var out []string
	for i := range o.Services {
		s := &o.Services[i]
		there := o.service(s.Namespace, originName(s))
		if s.Labels[protectsLabel] == "" && (isFront(s) || there != nil && there.Labels[protectsLabel] == s.Name || o.policyFor(s.Namespace, s.Name) != nil) {
			out = append(out, s.Namespace+"/"+s.Name)
		}
	}
	return out
}

// Status says of each Service of the plan, and of those that the plan refuses, how it is, and what its tier serves.
func (o *Objects) Status(p *Plan, names []string, tiers map[string]*Tier, tier TierOptions) (out []Status) {
	for _, name := range names {
		ns, service, _ := strings.Cut(name, "/")
		s := o.service(ns, service)
		if s == nil {
			continue
		}
		st := Status{Service: name, Manager: manager(s), Tier: "-", Around: p.around[name]}
		st.Phase, st.Wrong = o.phase(s, tier.Selector)
		if t := tiers[p.tierOf[name]]; t != nil {
			serving, why := t.serving(p.portsOf[name], p.routesOf[name])
			st.Tier = fmt.Sprintf("%d/%d", serving, len(t.Ready()))
			if why != "" && leads(s, tier.Selector) {
				st.Wrong = append(st.Wrong, why+repair(why))
			}
		}
		out = append(out, st)
	}
	return out
}

// repair says what to do about a pod that does not serve what it should.
func repair(why string) string {
	if !strings.Contains(why, noRoute) {
		return ""
	}
	return ", so callers get 404 there. Apply phase prepare again, and put the entries where the ConfigMap comes from"
}

// phase names the phase that a Service is in, and what is wrong with it by itself.
func (o *Objects) phase(s *core.Service, tier map[string]string) (phase string, wrong []string) {
	there := o.service(s.Namespace, originName(s))
	made := there != nil && there.Labels[protectsLabel] == s.Name
	front, closed := leads(s, tier), o.policyFor(s.Namespace, s.Name) != nil
	switch {
	case front && s.Spec.Type != core.ServiceTypeExternalName && !maps.Equal(s.Spec.Selector, tier):
		return "broken", []string{"its selector holds labels of the tier and of the application, and selects no pod: apply phase switch again"}
	case front && !made:
		return "broken", []string{originName(s) + " is gone, and the tier finds the application by it: apply phase prepare again"}
	case front && closed:
		return "closed", nil
	case front:
		return "switched", nil
	case closed:
		return "broken", []string{"it selects the application again, and the policy lets only the tier in: every request runs into a time-out. Apply phase switch again, or delete the policy"}
	case isFront(s):
		return "broken", []string{"it was led to the tier and selects the application again: nothing is inspected. Apply phase switch again"}
	case made:
		return "prepared", nil
	}
	return "none", nil
}

// ways says how many ways lead around the tier. Before phase close every pod of the cluster has one.
func (s *Status) ways() string {
	if s.Phase == "none" || s.Phase == "prepared" || s.Phase == "switched" {
		return "open"
	}
	return strconv.Itoa(len(s.Around))
}

// WriteStatus prints a table, and below it what is wrong.
func WriteStatus(w io.Writer, list []Status) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SERVICE\tPHASE\tROUTES ON PODS\tWAYS AROUND\tMANIFEST OF")
	for _, s := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", s.Service, s.Phase, s.Tier, s.ways(), orDash(s.Manager))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	for _, s := range list {
		for _, why := range s.Wrong {
			fmt.Fprintf(&b, "%s: WRONG: %s\n", s.Service, why)
		}
		for _, way := range s.Around {
			fmt.Fprintf(&b, "%s: around: %s\n", s.Service, way)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
