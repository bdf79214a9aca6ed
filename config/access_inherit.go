package config

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/suggest"
)

// accessSettings are the key paths that Access.Sources knows.
func accessSettings() []string { return inheritable[Access]() }

// Values lists all settings of an effective access policy in the order of the documentation.
func (a *Access) Values() []Value {
	var out []Value
	for _, path := range accessSettings() {
		out = append(out, Value{Path: path, Value: valueAt(reflect.ValueOf(*a), path).Interface(), Source: a.Sources[path]})
	}
	return out
}

// clone returns a copy that shares no list with a.
func (a Access) clone() Access {
	a.Rules = slices.Clone(a.Rules)
	a.Bots = slices.Clone(a.Bots)
	a.Challenge.Keys = slices.Clone(a.Challenge.Keys)
	a.Limits = slices.Clone(a.Limits)
	a.Bans = slices.Clone(a.Bans)
	a.Sources = maps.Clone(a.Sources)
	return a
}

// resolveAccess replaces the access policies, as decoded, by effective ones.
func (l *loader) resolveAccess(tree map[string]any) {
	ids := make([]string, len(l.routes.Access))
	for i := range ids {
		ids[i] = l.routes.Access[i].ID
	}
	res := &accessResolver{loader: l, resolved: make([]*Access, len(ids)), depth: make([]int, len(ids))}
	res.trees, res.index = treesOf(tree["access"], ids)
	for i := range l.routes.Lists {
		res.lists = append(res.lists, l.routes.Lists[i].ID)
	}
	slices.Sort(res.lists)
	effective := make([]Access, len(res.trees))
	for i := range effective {
		effective[i] = res.effective(i, nil).clone()
	}
	l.routes.Access = effective
}

// accessResolver computes each effective access policy once.
type accessResolver struct {
	*loader
	index    map[string]int // id → place in the file
	trees    []map[string]any
	resolved []*Access
	depth    []int    // policies between each and the built-in defaults
	lists    []string // ids of those that conditions may name, sorted
}

// effective returns the policy at place i: what it inherits, with its own settings written over it. The chain holds
// the places that led here.
func (r *accessResolver) effective(i int, chain []int) *Access {
	if r.resolved[i] != nil {
		return r.resolved[i]
	}
	path := indexPath("access", i)
	inherited, depth := r.inherited(i, path, append(chain, i))
	if r.depth[i] = depth + 1; r.depth[i] == maxInherits+2 { // reported where the chain becomes too long, not for each heir
		r.add(path+".inherits", "inherits %d policies deep: at most %d", maxInherits+1, maxInherits)
	}
	own := inherited.clone()
	own.ID, own.Inherits = "", ""
	own.dropLists()
	if err := decode(&own, r.trees[i]); err != nil {
		r.addAll(decodeProblems(err, path))
	}
	has := func(key string) bool { return r.doc.has(path + "." + key) }
	for _, key := range accessSettings() {
		if has(key) {
			own.Sources[key] = own.ID
		}
	}
	fillAccess(&own, path, has)
	r.readTokenFiles(path, &own)
	r.checkOwnAccess(path, &own, named{r.lists, botIDs(inherited.Bots, own.Bots), r.routes.Geo})
	own.inheritLists(&inherited)
	r.checkCarried(path, &own)
	r.resolved[i] = &own
	return &own
}

// inherited returns what the policy at the end of the chain starts from. After a problem that is the built-in default,
// so that the rest can still be checked.
func (r *accessResolver) inherited(i int, path string, chain []int) (Access, int) {
	parent := r.routes.Access[i].Inherits
	if parent == "" {
		return DefaultAccess(), 0
	}
	j, ok := r.index[parent]
	if !ok {
		known := slices.Sorted(maps.Keys(r.index))
		r.add(path+".inherits", "no access policy %q%s", parent, suggest.DidYouMean(parent, known))
		return DefaultAccess(), 0
	}
	if at := slices.Index(chain, j); at >= 0 {
		var circle []string
		for _, k := range append(chain[at:], j) {
			circle = append(circle, r.routes.Access[k].ID)
		}
		r.add(path+".inherits", "inherits in a circle: %s", strings.Join(circle, " → "))
		return DefaultAccess(), 0
	}
	return *r.effective(j, chain), r.depth[j]
}

// dropLists empties the lists that accumulate, so that they hold the policy's own items only.
func (a *Access) dropLists() {
	a.Rules, a.Bots, a.Limits, a.Bans = nil, nil, nil, nil
	a.Tokens, a.APIKeys, a.Login = nil, nil, nil // each is inherited whole, or not at all
}

// inheritLists puts what is inherited before the own items of the lists that accumulate. An own item with the id of an
// inherited one takes its place.
func (a *Access) inheritLists(from *Access) {
	a.Rules = inheritByID(a, "rules", from, from.Rules, a.Rules, func(r *AccessRule) string { return r.ID })
	a.Bots = inheritByID(a, "bots", from, from.Bots, a.Bots, func(b *Bot) string { return b.ID })
	a.Limits = inheritByID(a, "limits", from, from.Limits, a.Limits, func(l *AccessLimit) string { return l.ID })
	a.Bans = inheritByID(a, "bans", from, from.Bans, a.Bans, func(b *AccessBan) string { return b.ID })
	a.Tokens, a.APIKeys, a.Login = cmp.Or(a.Tokens, from.Tokens), cmp.Or(a.APIKeys, from.APIKeys), cmp.Or(a.Login, from.Login)
}

// inheritByID joins the inherited items of a list and the own ones, and says whose they are.
func inheritByID[T any](a *Access, key string, from *Access, inherited, own []T, id func(*T) string) []T {
	all := slices.Clone(inherited)
	for i := range own {
		at := slices.IndexFunc(all[:len(inherited)], func(t T) bool { return id(&t) == id(&own[i]) })
		if at < 0 {
			all = append(all, own[i])
		} else {
			all[at] = own[i]
		}
	}
	switch {
	case len(own) == 0:
		a.Sources[key] = from.Sources[key]
	case len(inherited) > 0:
		a.Sources[key] = from.Sources[key] + ", " + a.ID
	}
	return all
}

// fillAccess sets the defaults of the items of lists, and where they stand.
func fillAccess(a *Access, path string, has func(key string) bool) {
	for i := range a.Rules {
		fill(&a.Rules[i].Mode, Enforce, has(indexPath("rules", i)+".mode"))
		a.Rules[i].Source = indexPath(path+".rules", i)
	}
	for i := range a.Limits {
		fillLimit(&a.Limits[i], func(key string) bool { return has(indexPath("limits", i) + "." + key) })
		a.Limits[i].Source = indexPath(path+".limits", i)
	}
	for i := range a.Bans {
		fillBan(&a.Bans[i], func(key string) bool { return has(indexPath("bans", i) + "." + key) })
		a.Bans[i].Source = indexPath(path+".bans", i)
	}
	fillTokens(a, has)
	fillLogin(a, has)
}
