package k8s

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// podTemplate is what is known of pods: from the pods themselves, or from what makes them.
type podTemplate struct {
	namespace string
	labels    map[string]string
	spec      core.PodSpec
}

// templates lists all pods that were read, as they run or as they are to run.
func (o *Objects) templates() []podTemplate {
	var out []podTemplate
	add := func(namespace string, m meta.ObjectMeta, spec core.PodSpec) {
		out = append(out, podTemplate{namespace: namespace, labels: m.Labels, spec: spec})
	}
	for _, p := range o.Pods {
		add(p.Namespace, p.ObjectMeta, p.Spec)
	}
	for _, d := range o.Deployments {
		add(d.Namespace, d.Spec.Template.ObjectMeta, d.Spec.Template.Spec)
	}
	for _, s := range o.StatefulSets {
		add(s.Namespace, s.Spec.Template.ObjectMeta, s.Spec.Template.Spec)
	}
	for _, d := range o.DaemonSets {
		add(d.Namespace, d.Spec.Template.ObjectMeta, d.Spec.Template.Spec)
	}
	return out
}

// podsOf are the pods that a Service's selector takes.
func (o *Objects) podsOf(namespace string, selector map[string]string) []podTemplate {
	return slices.DeleteFunc(o.templates(), func(t podTemplate) bool {
		return t.namespace != namespace || !covers(t.labels, selector)
	})
}

// podPort returns the number of a pod's port that is named, or given as a number.
func podPort(spec core.PodSpec, port string) (int32, bool) {
	if n, err := strconv.ParseInt(port, 10, 32); err == nil {
		return int32(n), true
	}
	for _, c := range slices.Concat(spec.Containers, spec.InitContainers) {
		for _, p := range c.Ports {
			if p.Name == port {
				return p.ContainerPort, true
			}
		}
	}
	return 0, false
}

func portNames(spec core.PodSpec) []string {
	var out []string
	for _, c := range slices.Concat(spec.Containers, spec.InitContainers) {
		for _, p := range c.Ports {
			out = append(out, p.Name)
		}
	}
	return out
}

// resolve returns the numbers that a port of pods stands for, each once, and whether that
// is all that there can be: a name means in each pod what that pod says.
func resolve(port intstr.IntOrString, pods []podTemplate) (numbers []int32, sure bool) {
	if port.Type == intstr.Int {
		return []int32{port.IntVal}, true
	}
	sure = len(pods) > 0
	for _, t := range pods {
		n, ok := podPort(t.spec, port.StrVal)
		if !ok {
			continue // this pod has no such port, so nothing leads there
		}
		if !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	return numbers, sure && len(numbers) > 0
}

// keptOpen refuses to keep a port open to everybody that the tier is to protect. A name and
// a number may be the same port; pods that were read settle it.
func (p *planner) keptOpen(s *core.Service, ports ports) error {
	pods := p.in.podsOf(s.Namespace, s.Spec.Selector)
	for _, text := range p.KeepPorts {
		for _, open := range keepPorts([]string{text}) {
			if *open.Protocol != core.ProtocolTCP {
				continue
			}
			for _, port := range ports.http {
				target := targetOf(port)
				if len(pods) == 0 && open.Port.Type != target.Type {
					p.note(Decide, s, "--keep-port %s may be port %s of the pods, which the tier protects: no pod was read that would tell. Give the Deployment with -f too", text, target.String())
				}
				if same(*open.Port, target, pods) {
					return fmt.Errorf("--keep-port %s is port %s of the pods, which the tier protects: everybody would reach it around the tier. Pods that talk to each other there, or callers that may go around it, need a NetworkPolicy of their own that names them", text, target.String())
				}
			}
		}
	}
	return nil
}

// same reports whether two ports of pods are the same one, as far as the pods that were
// read say. Without pods, a name and a number are taken for different ports.
func same(a, b intstr.IntOrString, pods []podTemplate) bool {
	if a == b {
		return true
	}
	as, _ := resolve(a, pods)
	bs, _ := resolve(b, pods)
	return slices.ContainsFunc(as, func(n int32) bool { return slices.Contains(bs, n) })
}

// peers is the rule by which pods of a StatefulSet go on reaching each other, on all ports:
// replicas of one application are one application. Nil: no StatefulSet was read for it.
func (o *Objects) peers(s *core.Service) *networking.NetworkPolicyIngressRule {
	for _, set := range o.StatefulSets {
		if set.Namespace == s.Namespace && covers(set.Spec.Template.Labels, s.Spec.Selector) {
			return &networking.NetworkPolicyIngressRule{From: []networking.NetworkPolicyPeer{{
				PodSelector: &meta.LabelSelector{MatchLabels: maps.Clone(s.Spec.Selector)},
			}}}
		}
	}
	return nil
}
