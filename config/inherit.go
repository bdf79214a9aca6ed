package config

import (
	"maps"
	"slices"
)

// policySettings are the key paths that Policy.Sources knows.
func policySettings() []string { return inheritable[Policy]() }

// clone returns a copy that shares nothing with p.
func (p Policy) clone() Policy {
	for _, list := range []*[]string{
		&p.CRS.AllowedMethods, &p.CRS.AllowedContentTypes, &p.CRS.AllowedCharsets,
		&p.CRS.AllowedHTTPVersions, &p.CRS.RestrictedExtensions, &p.CRS.RestrictedHeaders,
		&p.CRS.RestrictedHeadersExtended, &p.ResponseBody.MIMETypes,
	} {
		*list = slices.Clone(*list)
	}
	p.Exclusions = slices.Clone(p.Exclusions)
	p.RulesBefore = slices.Clone(p.RulesBefore)
	p.RulesAfter = slices.Clone(p.RulesAfter)
	p.Sources = maps.Clone(p.Sources)
	return p
}

// resolvePolicies replaces the routes' policies, as decoded, by effective ones, and adds
// the built-in default if a route asks for it and the file defines none.
func (l *loader) resolvePolicies(tree map[string]any) {
	h := &heirs[resolvedPolicy]{
		loader: l, list: "policies", one: "policy", many: "policies", own: l.ownPolicy,
		builtIn: func() *resolvedPolicy { return &resolvedPolicy{Policy: DefaultPolicy()} }, builtInID: DefaultPolicyID,
	}
	for i := range l.routes.Policies {
		h.items = append(h.items, heir[resolvedPolicy]{id: l.routes.Policies[i].ID, inherits: l.routes.Policies[i].Inherits})
	}
	effective := make([]Policy, 0, len(h.items))
	for _, p := range h.resolve(tree["policies"]) {
		effective = append(effective, p.clone())
	}
	_, defined := h.index[DefaultPolicyID]
	asked := slices.ContainsFunc(l.routes.Routes, func(r Route) bool { return r.Policy == DefaultPolicyID })
	if asked && !defined {
		effective = append(effective, DefaultPolicy())
	}
	l.routes.Policies = effective
}

// resolvedPolicy is an effective policy and what its heirs must know.
type resolvedPolicy struct {
	Policy
	detectionSet bool // paranoia.detection is set somewhere, so it does not follow blocking
}

// ownPolicy writes the settings of a policy over those that it inherits.
func (l *loader) ownPolicy(path string, tree map[string]any, inherited *resolvedPolicy) *resolvedPolicy {
	p := &resolvedPolicy{Policy: inherited.clone()}
	p.ID, p.Inherits = "", ""
	p.Exclusions, p.RulesBefore, p.RulesAfter = nil, nil, nil
	if err := decode(&p.Policy, tree); err != nil {
		l.addAll(decodeProblems(err, path))
	}
	has := func(key string) bool { return l.doc.has(path + "." + key) }
	p.setSources(&inherited.Policy, has)
	p.detectionSet = inherited.detectionSet || has("paranoia.detection")
	if !p.detectionSet {
		p.Paranoia.Detection = p.Paranoia.Blocking
		p.Sources["paranoia.detection"] = p.Sources["paranoia.blocking"]
	}
	for j := range p.Exclusions {
		p.Exclusions[j].Source = indexPath(path+".exclusions", j)
	}
	l.readRules(path+".rules_before", p.RulesBefore)
	l.readRules(path+".rules_after", p.RulesAfter)
	l.readDescriptors(path+".grpc", &p.GRPC)
	l.checkOwnSettings(path, &p.Policy)

	p.Exclusions = slices.Concat(inherited.Exclusions, p.Exclusions)
	p.RulesBefore = slices.Concat(inherited.RulesBefore, p.RulesBefore)
	p.RulesAfter = slices.Concat(inherited.RulesAfter, p.RulesAfter)
	return p
}

// setSources names p as the source of the settings that its part of the file holds. Its
// accumulating lists hold its own items only.
func (p *Policy) setSources(inherited *Policy, has func(key string) bool) {
	for _, key := range policySettings() {
		if has(key) {
			p.Sources[key] = p.ID
		}
	}
	accumulate := func(key string, before, own int) {
		switch {
		case own == 0:
			p.Sources[key] = inherited.Sources[key]
		case before > 0:
			p.Sources[key] = inherited.Sources[key] + ", " + p.ID
		}
	}
	accumulate("exclusions", len(inherited.Exclusions), len(p.Exclusions))
	accumulate("rules_before", len(inherited.RulesBefore), len(p.RulesBefore))
	accumulate("rules_after", len(inherited.RulesAfter), len(p.RulesAfter))
}
