package config

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
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
	var lists []string
	for i := range l.routes.Lists {
		lists = append(lists, l.routes.Lists[i].ID)
	}
	slices.Sort(lists)
	h := &heirs[Access]{
		loader: l, list: "access", one: "access policy", many: "policies",
		builtIn: func() *Access { return new(DefaultAccess()) },
		own: func(path string, tree map[string]any, inherited *Access) *Access {
			return l.ownAccess(path, tree, inherited, lists)
		},
	}
	for i := range l.routes.Access {
		h.items = append(h.items, heir[Access]{id: l.routes.Access[i].ID, inherits: l.routes.Access[i].Inherits})
	}
	effective := make([]Access, 0, len(h.items))
	for _, a := range h.resolve(tree["access"]) {
		effective = append(effective, a.clone())
	}
	l.routes.Access = effective
}

// ownAccess writes the settings of an access policy over those that it inherits. Its conditions may name lists.
func (l *loader) ownAccess(path string, tree map[string]any, inherited *Access, lists []string) *Access {
	own := inherited.clone()
	own.ID, own.Inherits = "", ""
	own.dropLists()
	if err := decode(&own, tree); err != nil {
		l.addAll(decodeProblems(err, path))
	}
	has := func(key string) bool { return l.doc.has(path + "." + key) }
	for _, key := range accessSettings() {
		if has(key) {
			own.Sources[key] = own.ID
		}
	}
	fillAccess(&own, path, has)
	l.readTokenFiles(path, &own)
	l.checkOwnAccess(path, &own, named{lists, botIDs(inherited.Bots, own.Bots), l.routes.Geo})
	own.inheritLists(inherited)
	l.checkCarried(path, &own)
	return &own
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
