package snapshot

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/mask"
	"github.com/wafer-waf/wafer/metrics"
)

// accessPolicies makes the access policies, which it returns by their ids, and what becomes of what requests carry. A policy
// that is off is none.
func accessPolicies(c *config.Routes, state *access.State, from sources, secrets *mask.Policy, m *metrics.Metrics, report func(path string, err error)) (
	policies map[string]*access.Policy, carried map[string]*access.Forwarding,
) {
	reportLogins(c, report)
	policies, carried = map[string]*access.Policy{}, map[string]*access.Forwarding{}
	for i := range c.Access {
		a := &c.Access[i]
		wrong := func(key string, err error) { report(accessPath(fmt.Sprintf("access[%d]", i), a, key), err) }
		built := accessConfig(a, state, from, m)
		built.Tokens, built.APIKeys, built.Login = accessTokens(a.Tokens, state, secrets, wrong), accessAPIKeys(a.APIKeys, secrets, wrong), accessLogin(a.Login)
		made, problems := state.Compile(built)
		for _, p := range problems {
			wrong(p.Key, p.Err)
		}
		carried[a.ID] = access.NewForwarding(built.Tokens, built.APIKeys)
		if made != nil {
			policies[a.ID] = made
		}
	}
	return policies, carried
}

// AlwaysAllowing returns the rules that always allow whoever asks from an address, by policy: "shop/office".
func (s *Snapshot[R]) AlwaysAllowing(address netip.Addr, now time.Time) (rules []string) {
	for _, id := range slices.Sorted(maps.Keys(s.accesses)) {
		if rule := s.accesses[id].AlwaysAllowed(address, now); rule != "" {
			rules = append(rules, id+"/"+rule)
		}
	}
	return rules
}

// accessPath is where what is wrong with a part of a policy is written, which may be in one that it inherits.
func accessPath(path string, a *config.Access, key string) string {
	var n int
	list, rest, _ := strings.Cut(key, "[")
	index, rest, _ := strings.Cut(rest, "]")
	if _, err := fmt.Sscan(index, &n); err == nil {
		switch {
		case list == "rules" && n < len(a.Rules):
			return a.Rules[n].Source + rest
		case list == "bans" && n < len(a.Bans):
			return a.Bans[n].Source + rest
		case list == "limits" && n < len(a.Limits):
			return a.Limits[n].Source + rest
		}
	}
	return path + "." + key
}

// accessConfig says to package access what config.Access says.
func accessConfig(a *config.Access, state *access.State, from sources, m *metrics.Metrics) *access.Config {
	counted := m.Access(a.ID)
	c := &access.Config{
		ID: a.ID, Mode: accessModes[a.Mode], Deny: a.Default == config.Deny, Status: a.Status,
		Counted: func(rule string, v access.Verdict, would bool) {
			if v == access.Pass && rule == access.Default {
				counted.Passed(rule, v.String())
				return
			}
			counted.Decided(rule, v.String(), would)
		},
		Carried: counted.Carried,
	}
	c.Challenge, c.BotsPending = proof(&a.Challenge, counted), pendings[a.BotsPending]
	c.Places = from.places
	known := conditions{robots: robots{list: a.Bots, state: state}, sources: from}
	for _, r := range a.Rules {
		c.Rules = append(c.Rules, access.Rule{
			ID: r.ID, When: accessWhen(r.When, &known), Then: accessThens[r.Then], Status: r.Status, Mode: accessModes[r.Mode],
		})
	}
	for i := range a.Limits {
		c.Limits = append(c.Limits, limit(&a.Limits[i], &known))
	}
	for i := range a.Bans {
		c.Bans = append(c.Bans, banOf(&a.Bans[i]))
	}
	return c
}

var accessModes = map[config.Enforcement]access.Mode{
	config.Enforce: access.Enforce, config.Observe: access.Observe, config.Disregard: access.Off,
}

var accessThens = map[config.AccessThen]access.Then{
	config.ThenAllow: access.Allows, config.ThenAlwaysAllow: access.AlwaysAllows, config.ThenDeny: access.Denies, config.ThenChallenge: access.Challenges,
}

// accessWhen says to package access what config.AccessWhen says.
func accessWhen(w *config.AccessWhen, known *conditions) *access.When {
	if w == nil {
		return nil
	}
	out := &access.When{
		Methods: w.Methods, Hosts: w.Hosts, Paths: paths(w.Paths), Headers: headers(w.Headers), UserAgents: w.UserAgents,
		Robots: known.robots.named(w.Bots), Not: accessWhen(w.Not, known),
	}
	for _, c := range w.Claims {
		out.Claims = append(out.Claims, access.Claim{Name: c.Name, Values: c.Values, Regex: c.Regex})
	}
	out.APIKeys = w.APIKeys
	networks, lists := w.Networks()
	if len(networks) > 0 {
		out.Addresses = append(out.Addresses, access.Networks(networks))
	}
	for _, id := range lists {
		if list := known.lists[id]; list != nil { // or it could not be opened, which is reported
			out.Addresses = append(out.Addresses, list)
		}
	}
	known.where(w, out)
	if w.Identity != nil {
		out.Identity = allowed(w.Identity)
	}
	return out
}

// allowed says to package identity what config.Identities says.
func allowed(i *config.Identities) *identity.Allow {
	a := &identity.Allow{DNS: i.DNS, URI: i.URI, CN: i.CN}
	for _, key := range i.SPKI {
		if plain, err := identity.ReadSPKI(key); err == nil { // which config has checked
			a.SPKI = append(a.SPKI, plain)
		}
	}
	return a
}
