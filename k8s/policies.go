package k8s

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// tellPolicies notes what existing NetworkPolicies mean for an insertion. NetworkPolicies
// only ever allow, and add up: one that lets somebody reach the pods is a way around the
// tier, whatever ours says.
func (p *planner) tellPolicies(s *core.Service, ports ports) {
	for i := range p.in.Policies {
		np := &p.in.Policies[i]
		if np.Labels[protectsLabel] != "" {
			continue // ours
		}
		if np.Namespace == s.Namespace {
			p.tellIngress(s, np, ports)
		}
		p.tellTier(s, np)
		p.tellEgress(s, np)
	}
}

// tellIngress notes rules that let others than the tier reach the protected ports.
func (p *planner) tellIngress(s *core.Service, np *networking.NetworkPolicy, ports ports) {
	if !slices.Contains(np.Spec.PolicyTypes, networking.PolicyTypeIngress) && len(np.Spec.PolicyTypes) > 0 {
		return
	}
	sure, may := selects(np.Spec.PodSelector, s.Spec.Selector)
	if !may || covers(np.Spec.PodSelector.MatchLabels, p.TierSelector) {
		return // not these pods, or the tier's
	}
	pods := p.in.podsOf(s.Namespace, s.Spec.Selector)
	if len(pods) > 0 {
		sure = slices.ContainsFunc(pods, func(t podTemplate) bool { ok, _ := selects(np.Spec.PodSelector, t.labels); return ok })
		if !sure {
			return // none of the pods has the labels
		}
	}
	for i, rule := range np.Spec.Ingress {
		open := reached(rule.Ports, ports.http, pods)
		if open == "" {
			continue
		}
		var from []string
		for _, peer := range rule.From {
			if !p.isTier(peer, np.Namespace, p.tierNamespace(s)) {
				from = append(from, peerText(peer))
			}
		}
		switch {
		case len(rule.From) == 0:
			from = []string{"everybody"}
		case len(from) == 0:
			continue
		}
		p.wayAround(s, "NetworkPolicy %s, ingress[%d], lets %s reach %s of %s: a way around the tier, because policies add up. Take the rule out, or those ports out of the rule, after phase switch. Callers that this policy keeps out get answers through the tier from phase switch on: what has to keep them out is a policy on the tier's pods, or a rule on the route",
			np.Name, i, strings.Join(from, ", "), open, doubt(sure, "these pods", "pods that may be these"))
	}
}

// tellTier notes policies that cut the tier itself off.
func (p *planner) tellTier(s *core.Service, np *networking.NetworkPolicy) {
	if np.Namespace != p.tierNamespace(s) || p.toldTier(np) {
		return
	}
	if sure, _ := selects(np.Spec.PodSelector, p.TierSelector); !sure {
		return
	}
	object := "NetworkPolicy " + np.Namespace + "/" + np.Name
	if len(np.Spec.Ingress) == 0 && (len(np.Spec.PolicyTypes) == 0 || slices.Contains(np.Spec.PolicyTypes, networking.PolicyTypeIngress)) {
		p.plan.Notes.add(Decide, object, "selects the tier's pods too and lets nobody in: see that another policy lets callers reach the tier on port %s, before phase switch", p.TierPort)
	}
	if len(np.Spec.Egress) == 0 && slices.Contains(np.Spec.PolicyTypes, networking.PolicyTypeEgress) {
		p.plan.Notes.add(Decide, object, "selects the tier's pods too and lets nothing out: see that another policy lets the tier reach DNS and the applications, before phase switch")
	}
}

// toldTier reports whether a policy was told of already, for another Service.
func (p *planner) toldTier(np *networking.NetworkPolicy) bool {
	object := "NetworkPolicy " + np.Namespace + "/" + np.Name
	return slices.ContainsFunc(p.plan.Notes, func(n Note) bool { return n.Object == object })
}

// tellEgress notes callers that may reach the application, but not the tier.
func (p *planner) tellEgress(s *core.Service, np *networking.NetworkPolicy) {
	for i, rule := range np.Spec.Egress {
		leads := slices.ContainsFunc(rule.To, func(peer networking.NetworkPolicyPeer) bool {
			if peer.PodSelector == nil || peer.NamespaceSelector == nil && np.Namespace != s.Namespace {
				return false
			}
			sure, _ := selects(*peer.PodSelector, s.Spec.Selector)
			return sure && len(peer.PodSelector.MatchLabels)+len(peer.PodSelector.MatchExpressions) > 0
		})
		toTier := slices.ContainsFunc(rule.To, func(peer networking.NetworkPolicyPeer) bool {
			return p.isTier(peer, np.Namespace, p.tierNamespace(s))
		})
		if leads && !toTier {
			p.note(Decide, s, "NetworkPolicy %s/%s, egress[%d], lets its pods reach these pods, but not the tier: before phase switch, let them reach pods with %s on port %s. The tier forwards to all it protects, so that is more than the rule gives now",
				np.Namespace, np.Name, i, labelText(p.TierSelector), p.TierPort)
		}
	}
}

// isTier reports whether a peer is nobody but the tier.
func (p *planner) isTier(peer networking.NetworkPolicyPeer, policyNamespace, tierNamespace string) bool {
	if peer.PodSelector == nil || !covers(peer.PodSelector.MatchLabels, p.TierSelector) {
		return false
	}
	if peer.NamespaceSelector == nil {
		return policyNamespace == tierNamespace
	}
	return peer.NamespaceSelector.MatchLabels[core.LabelMetadataName] == tierNamespace
}

// selects reports whether a selector surely, and whether it possibly, selects pods of
// which only some labels are known.
func selects(sel meta.LabelSelector, labels map[string]string) (sure, may bool) {
	sure, may = true, true
	for k, v := range sel.MatchLabels {
		have, known := labels[k]
		sure = sure && known && have == v
		may = may && (!known || have == v)
	}
	for _, e := range sel.MatchExpressions {
		have, known := labels[e.Key]
		holds := false
		switch e.Operator {
		case meta.LabelSelectorOpIn:
			holds = slices.Contains(e.Values, have)
		case meta.LabelSelectorOpNotIn:
			holds = !slices.Contains(e.Values, have)
		case meta.LabelSelectorOpExists:
			holds = true
		}
		sure = sure && known && holds
		may = may && (!known || holds)
	}
	return sure, may
}

// reached names those of the pods' ports that a rule opens; none in the rule means all.
// A name and a number may be the same port, and count as such unless pods that were read
// say otherwise.
func reached(rule []networking.NetworkPolicyPort, list []core.ServicePort, pods []podTemplate) string {
	var open []string
	for _, port := range list {
		target := targetOf(port)
		hit := len(rule) == 0 || slices.ContainsFunc(rule, func(r networking.NetworkPolicyPort) bool {
			switch {
			case r.Protocol != nil && *r.Protocol != cmp.Or(port.Protocol, core.ProtocolTCP):
				return false
			case r.Port == nil:
				return true
			case len(pods) > 0 && r.EndPort == nil:
				return same(*r.Port, target, pods)
			case r.Port.Type != target.Type:
				return true
			case r.EndPort != nil && target.Type == intstr.Int:
				return target.IntVal >= r.Port.IntVal && target.IntVal <= *r.EndPort
			}
			return *r.Port == target
		})
		if hit {
			open = append(open, target.String())
		}
	}
	if len(open) == 0 {
		return ""
	}
	return "port " + strings.Join(unique(open), ", ")
}

func peerText(peer networking.NetworkPolicyPeer) string {
	if peer.IPBlock != nil {
		return "addresses in " + peer.IPBlock.CIDR
	}
	text := "all pods"
	if peer.PodSelector != nil {
		if sel := meta.FormatLabelSelector(peer.PodSelector); sel != "<none>" {
			text = "pods with " + sel
		}
	}
	if peer.NamespaceSelector != nil {
		if sel := meta.FormatLabelSelector(peer.NamespaceSelector); sel != "<none>" {
			return text + " in namespaces with " + sel
		}
		return text + " in all namespaces"
	}
	return text
}

func labelText(labels map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, fmt.Sprintf("%s=%s", k, labels[k]))
	}
	return strings.Join(out, ",")
}

func doubt(sure bool, yes, perhaps string) string {
	if sure {
		return yes
	}
	return perhaps
}
