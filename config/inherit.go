package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/suggest"
)

// maxInherits bounds the policies between a policy and the built-in defaults.
const maxInherits = 8

// policySettings are the key paths that Policy.Sources knows.
func policySettings() []string { return inheritable[Policy]() }

// inheritable are the key paths of what has an id and can inherit: all but these two.
func inheritable[T any]() []string {
	return slices.DeleteFunc(leafPaths(reflect.TypeFor[T]()), func(path string) bool {
		return path == "id" || path == "inherits"
	})
}

// treesOf are the items of a list as they were written. The index has the place of the first one of each id.
func treesOf(list any, ids []string) (trees []map[string]any, index map[string]int) {
	trees, index = make([]map[string]any, len(ids)), map[string]int{}
	items, _ := list.([]any)
	for i, id := range ids {
		trees[i], _ = items[i].(map[string]any)
		if _, ok := index[id]; !ok && id != "" {
			index[id] = i
		}
	}
	return trees, index
}

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
	ids := make([]string, len(l.routes.Policies))
	for i := range ids {
		ids[i] = l.routes.Policies[i].ID
	}
	res := &resolver{loader: l, resolved: make([]*resolvedPolicy, len(ids))}
	res.trees, res.index = treesOf(tree["policies"], ids)
	effective := make([]Policy, len(res.trees))
	for i := range effective {
		effective[i] = res.effective(i, nil).clone()
	}
	_, defined := res.index[DefaultPolicyID]
	asked := slices.ContainsFunc(l.routes.Routes, func(r Route) bool { return r.Policy == DefaultPolicyID })
	if asked && !defined {
		effective = append(effective, DefaultPolicy())
	}
	l.routes.Policies = effective
}

// resolver computes each effective policy once.
type resolver struct {
	*loader
	index    map[string]int // id → place in the file
	trees    []map[string]any
	resolved []*resolvedPolicy
}

// resolvedPolicy is an effective policy and what its heirs must know.
type resolvedPolicy struct {
	Policy
	depth        int  // policies between it and the built-in defaults
	detectionSet bool // paranoia.detection is set somewhere, so it does not follow blocking
}

// effective returns the policy at place i: what it inherits, with its own settings
// written over it. The chain holds the places that led here.
func (r *resolver) effective(i int, chain []int) *resolvedPolicy {
	if r.resolved[i] != nil {
		return r.resolved[i]
	}
	path := indexPath("policies", i)
	inherited := r.inherited(i, path, append(chain, i))
	p := &resolvedPolicy{Policy: inherited.clone(), depth: inherited.depth + 1}
	if p.depth == maxInherits+2 { // reported where the chain becomes too long, not for each heir
		r.add(path+".inherits", "inherits %d policies deep: at most %d", maxInherits+1, maxInherits)
	}
	p.ID, p.Inherits = "", ""
	p.Exclusions, p.RulesBefore, p.RulesAfter = nil, nil, nil
	if err := decode(&p.Policy, r.trees[i]); err != nil {
		r.addAll(decodeProblems(err, path))
	}
	has := func(key string) bool { return r.doc.has(path + "." + key) }
	p.setSources(&inherited.Policy, has)
	p.detectionSet = inherited.detectionSet || has("paranoia.detection")
	if !p.detectionSet {
		p.Paranoia.Detection = p.Paranoia.Blocking
		p.Sources["paranoia.detection"] = p.Sources["paranoia.blocking"]
	}
	for j := range p.Exclusions {
		p.Exclusions[j].Source = indexPath(path+".exclusions", j)
	}
	r.readRules(path+".rules_before", p.RulesBefore)
	r.readRules(path+".rules_after", p.RulesAfter)
	r.readDescriptors(path+".grpc", &p.GRPC)
	r.checkOwnSettings(path, &p.Policy)

	p.Exclusions = slices.Concat(inherited.Exclusions, p.Exclusions)
	p.RulesBefore = slices.Concat(inherited.RulesBefore, p.RulesBefore)
	p.RulesAfter = slices.Concat(inherited.RulesAfter, p.RulesAfter)
	r.resolved[i] = p
	return p
}

// inherited returns what the policy at the end of the chain starts from. After a problem
// that is the built-in default, so that the rest can still be checked.
func (r *resolver) inherited(i int, path string, chain []int) *resolvedPolicy {
	builtIn := &resolvedPolicy{Policy: DefaultPolicy()}
	parent := r.routes.Policies[i].Inherits
	if parent == "" {
		return builtIn
	}
	j, ok := r.index[parent]
	switch {
	case !ok && parent == DefaultPolicyID:
		return builtIn
	case !ok:
		r.add(path+".inherits", "no policy %q%s", parent, suggest.DidYouMean(parent, r.policyIDs()))
		return builtIn
	}
	if at := slices.Index(chain, j); at >= 0 {
		var circle []string
		for _, k := range append(chain[at:], j) {
			circle = append(circle, r.routes.Policies[k].ID)
		}
		r.add(path+".inherits", "inherits in a circle: %s", strings.Join(circle, " → "))
		return builtIn
	}
	return r.effective(j, chain)
}

// policyIDs lists the ids that a policy or route may name.
func (r *resolver) policyIDs() []string {
	ids := slices.Collect(maps.Keys(r.index))
	if _, ok := r.index[DefaultPolicyID]; !ok {
		ids = append(ids, DefaultPolicyID)
	}
	slices.Sort(ids)
	return ids
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
