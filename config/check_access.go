package config

import (
	"net/netip"
	"strings"
)

// named is what conditions may name: ids, sorted, and databases.
type named struct {
	lists, bots []string
	geo         *Geo // nil: there is none
}

// checkOwnAccess checks an effective access policy whose accumulating lists hold its own items only, and keeps what the
// policy itself is to blame for.
func (c *checker) checkOwnAccess(path string, a *Access, known named) {
	all := checker{doc: c.doc}
	all.checkAccess(path, a)
	for i := range a.Rules {
		all.checkNamed(indexPath(path+".rules", i)+".when", a.Rules[i].When, a, known)
	}
	for i := range a.Limits {
		at := indexPath(path+".limits", i)
		all.checkNamed(at+".when", a.Limits[i].When, a, known)
		all.checkKeyPlaces(at+".key", a.Limits[i].Key, known.geo)
	}
	for _, problem := range all.problems {
		rest := strings.TrimPrefix(problem.Path, path)
		if i := strings.IndexByte(rest, '['); i >= 0 {
			rest = rest[:i] // the list is set or it is not
		}
		if c.doc.has(path + rest) {
			c.problems = append(c.problems, problem)
		}
	}
}

// checkNamed checks that what conditions name is there.
func (c *checker) checkNamed(when string, w *AccessWhen, a *Access, known named) {
	c.checkLists(when, w, known.lists)
	c.checkBotsNamed(when, w, a, known.bots)
	c.checkPlaces(when, w, known.geo)
}

// checkAccess checks everything but ids, inheritance and references.
func (c *checker) checkAccess(path string, a *Access) {
	word(c, path+".mode", a.Mode)
	word(c, path+".default", a.Default)
	c.between(path+".status", a.Status, 400, 599)
	c.ids(path+".rules", len(a.Rules), func(i int) string { return a.Rules[i].ID })
	for i := range a.Rules {
		at := indexPath(path+".rules", i)
		if c.checkAccessRule(at, &a.Rules[i]); a.Rules[i].Then == ThenChallenge && a.Rules[i].Mode != Disregard {
			c.needsChallenge(at+".then", &a.Challenge)
		}
	}
	c.checkChallenge(path+".challenge", &a.Challenge)
	c.checkBots(path, a)
	c.checkLimits(path+".limits", a)
	c.checkBans(path+".bans", a)
	if a.Tokens != nil {
		c.checkTokens(path+".tokens", a.Tokens)
	}
	if a.APIKeys != nil {
		c.checkAPIKeys(path+".api_keys", a.APIKeys)
	}
	if a.Login != nil {
		if c.checkLogin(path+".login", a.Login); a.Login.Then == LoginChallenge {
			c.needsChallenge(path+".login.then", &a.Challenge)
			if a.Challenge.Otherwise == Allow {
				c.add(path+".login.then", "challenge stops nobody with challenge.otherwise: allow, since a form that is sent cannot be asked: write deny there, or block here")
			}
		}
	}
}

func (c *checker) checkAccessRule(path string, r *AccessRule) {
	if reservedRules[r.ID] {
		c.add(path+".id", "%q is what metrics and events call something else: choose another one", r.ID)
	}
	word(c, path+".mode", r.Mode)
	if r.Then == "" {
		if c.doc == nil || !c.doc.isBroken(path+".then") {
			c.add(path+".then", "required: always_allow, allow, deny or challenge")
		}
	} else {
		word(c, path+".then", r.Then)
	}
	if c.says(path + ".status") {
		if r.Then == ThenDeny {
			c.between(path+".status", r.Status, 400, 599)
		} else {
			c.add(path+".status", "has no effect without then: deny: remove it")
		}
	}
	if r.When != nil {
		c.checkWhen(path+".when", r.When)
	}
}

// reservedRules are ids that stand for what is no rule.
var reservedRules = map[string]bool{DefaultAccessID: true, "tokens": true, "api_keys": true, "login": true}

// checkWhen checks conditions, but for the lists that they name.
func (c *checker) checkWhen(path string, w *AccessWhen) {
	c.distinct(path+".addresses", w.Addresses)
	for i, a := range w.Addresses {
		c.addErr(indexPath(path+".addresses", i), checkAddresses(a))
	}
	c.each(path+".countries", w.Countries, checkCountry)
	c.each(path+".asns", w.ASNs, checkASN)
	c.each(path+".methods", w.Methods, checkMethod)
	c.each(path+".hosts", w.Hosts, checkHost)
	for i, p := range w.Paths {
		c.checkPathMatch(indexPath(path+".paths", i), p)
	}
	for i, h := range w.Headers {
		c.checkHeaderMatch(indexPath(path+".headers", i), h)
	}
	c.each(path+".user_agents", w.UserAgents, checkRegexp)
	if w.Identity != nil {
		checkIdentities(c, path+".identity", w.Identity)
	}
	c.checkClaims(path, w)
	if w.Not == nil {
		return
	}
	if w.Not.Not != nil {
		c.add(path+".not.not", "not within not: write these conditions beside the outer not")
	}
	c.checkWhen(path+".not", w.Not)
}

// checkAddresses accepts the id of a list, a network or an address.
func checkAddresses(text string) error {
	if !looksLikeAddress(text) {
		return checkID(text)
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return nil
	}
	_, err := parseNetwork(text)
	return err
}

// looksLikeAddress tells an address or a network from the id of a list, which has letters beyond those of hex and no
// colon or slash; 10.0.0.0 is no id.
func looksLikeAddress(text string) bool {
	return strings.ContainsAny(text, ":/") || strings.Trim(text, "0123456789.") == ""
}

// Networks are the networks and addresses among the addresses of a condition, and the ids of lists.
func (w *AccessWhen) Networks() (networks []netip.Prefix, lists []string) {
	for _, text := range w.Addresses {
		if !looksLikeAddress(text) {
			lists = append(lists, text)
		} else if addr, err := netip.ParseAddr(text); err == nil {
			networks = append(networks, netip.PrefixFrom(addr, addr.BitLen()))
		} else if network, err := netip.ParsePrefix(text); err == nil {
			networks = append(networks, network)
		}
	}
	return networks, lists
}

// checkLists checks that lists which conditions name are there.
func (c *checker) checkLists(path string, w *AccessWhen, known []string) {
	if w == nil {
		return
	}
	for i, text := range w.Addresses {
		if !looksLikeAddress(text) && checkID(text) == nil {
			c.reference(indexPath(path+".addresses", i), "list", text, "lists", known)
		}
	}
	c.checkLists(path+".not", w.Not, known)
}
