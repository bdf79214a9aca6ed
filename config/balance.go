package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// Endpoint is where an upstream is asked.
type Endpoint struct {
	Address string `mapstructure:"address" plain:"yes"` // http://name:port or https://name:port
	Weight  int    `mapstructure:"weight"`              // its share beside others
	Zone    string `mapstructure:"zone"`                // where it runs
}

// HashBy says what of a request decides which endpoint is asked. One of the fields is set.
type HashBy struct {
	Value  HashValue `mapstructure:"value" plain:"yes"`
	Header string    `mapstructure:"header"`
	Cookie string    `mapstructure:"cookie"`
}

// HashValue is what every request has.
type HashValue string

// Which it can be.
const (
	HashClient HashValue = "client" // the address of the client, of IPv6 the network that is its own
	HashPath   HashValue = "path"
)

// Sticky says how a client comes back to the endpoint that has answered it.
type Sticky struct {
	Cookie   string        `mapstructure:"cookie"` // empty: one with the id of the upstream
	Secret   string        `mapstructure:"secret"` // all replicas have the same
	SameSite SameSite      `mapstructure:"same_site"`
	MaxAge   time.Duration `mapstructure:"max_age"` // 0: until the browser is closed
}

// Name is the name of the cookie, for an upstream with that id.
func (s *Sticky) Name(upstream string) string {
	if s.Cookie != "" {
		return s.Cookie
	}
	return "affinity-" + upstream
}

// SameSite says from which sites a cookie is sent.
type SameSite string

// From which it can be.
const (
	SameSiteLax    SameSite = "lax"
	SameSiteStrict SameSite = "strict"
	SameSiteNone   SameSite = "none"
)

// ZonePreference says which endpoints come first.
type ZonePreference struct {
	Prefer string  `mapstructure:"prefer" plain:"yes"` // those of this zone
	Spill  Percent `mapstructure:"spill"`              // of what zones have on average; with less, the others get requests too
}

// SlowStart says how an endpoint that is new gets its share.
type SlowStart struct {
	Window time.Duration `mapstructure:"window" plain:"yes"` // 0: at once
	Least  Percent       `mapstructure:"least"`              // of its share, what it begins with
}

// DefaultSpill is the part of an average zone that the own one has to have to get all requests, if a file does not say it.
const DefaultSpill Percent = 70

// fillBalance sets the defaults of the choice among endpoints.
func fillBalance(u *Upstream, has func(key string) bool) {
	d := DefaultUpstream()
	fill(&u.Balance, d.Balance, has("balance"))
	if u.Balance != Sticking { // who leaves an endpoint may leave a session behind
		fill(&u.BoundedLoad, d.BoundedLoad, has("bounded_load"))
	}
	fill(&u.SlowStart.Window, d.SlowStart.Window, has("slow_start.window"))
	fill(&u.SlowStart.Least, d.SlowStart.Least, has("slow_start.least"))
	for i := range u.Endpoints {
		fill(&u.Endpoints[i].Weight, DefaultWeight, has(indexPath("endpoints", i)+".weight"))
	}
	if u.Sticky != nil {
		fill(&u.Sticky.SameSite, SameSiteLax, has("sticky.same_site"))
	}
	if u.Zone != nil {
		fill(&u.Zone.Spill, DefaultSpill, has("zone.spill"))
	}
}

// mostWeight bounds the weight of an endpoint.
const mostWeight = 1000

// checkEndpoints checks each endpoint by itself and against the others.
func (c *checker) checkEndpoints(path string, all []Endpoint, check func(string) error) {
	var addresses []string
	for i, e := range all {
		at := indexPath(path, i)
		addresses = append(addresses, e.Address)
		c.addErr(at, check(e.Address))
		c.between(at+".weight", e.Weight, 1, mostWeight)
	}
	c.distinct(path, addresses)
}

// checkBalance checks the choice among endpoints, and that nothing is said of it that has no effect.
func (c *checker) checkBalance(path string, u *Upstream) {
	word(c, path+".balance", u.Balance)
	if !slices.Contains(sets[balanceType], string(u.Balance)) {
		return
	}
	byHash := u.Balance == ConsistentHash
	switch h := u.HashBy; {
	case h == nil && byHash:
		c.add(path+".hash_by", "required with balance: consistent_hash: write client, path, { header: NAME } or { cookie: NAME }")
	case h != nil && !byHash:
		c.noEffect(path+".hash_by", u)
	case h != nil:
		c.checkHashBy(path+".hash_by", h)
	}
	switch s := u.Sticky; {
	case s == nil && u.Balance == Sticking:
		c.add(path+".sticky", "required with balance: sticky: write { secret: … }, which all replicas share")
	case s != nil && u.Balance != Sticking:
		c.noEffect(path+".sticky", u)
	case s != nil:
		c.checkSticky(path+".sticky", s)
	}
	if !byHash && u.Balance != Sticking && c.says(path+".bounded_load") {
		c.noEffect(path+".bounded_load", u)
	}
	if u.BoundedLoad != 0 && (u.BoundedLoad < 101 || u.BoundedLoad > 1000) {
		c.add(path+".bounded_load", "%s is out of range: 101%% to 1000%%, or 0", u.BoundedLoad)
	}
	if z := u.Zone; z != nil {
		if z.Prefer == "" {
			c.add(path+".zone.prefer", "required")
		}
		c.between(path+".zone.spill", int(z.Spill), 1, 100)
		if byHash {
			c.add(path+".zone", "excludes balance: consistent_hash, whose keys lead to the same endpoint from every zone")
		}
	}
	c.notNegative(path+".slow_start.window", u.SlowStart.Window)
	c.between(path+".slow_start.least", int(u.SlowStart.Least), 1, 100)
	if u.SlowStart.Window != 0 && byHash {
		c.noEffect(path+".slow_start", u)
	}
}

func (c *checker) noEffect(path string, u *Upstream) {
	c.add(path, "has no effect with balance: %s", u.Balance)
}

func (c *checker) checkHashBy(path string, h *HashBy) {
	if !c.exactlyOne(path, "value", string(h.Value), "header", h.Header, "cookie", h.Cookie) {
		return
	}
	switch {
	case h.Value != "":
		word(c, path, h.Value)
	case h.Header != "":
		if !message.IsToken(h.Header) {
			c.add(path+".header", "%q is not the name of a field", h.Header)
		}
	default:
		c.addErr(path+".cookie", checkCookieName(h.Cookie))
	}
}

// shortestSecret is long enough that nobody tries all.
const shortestSecret = 16

func (c *checker) checkSticky(path string, s *Sticky) {
	if s.Cookie != "" {
		c.addErr(path+".cookie", checkCookieName(s.Cookie))
	}
	switch {
	case s.Secret == "":
		c.add(path+".secret", "required: at least %d characters that all replicas share, such as ${file:…}", shortestSecret)
	case len(s.Secret) < shortestSecret:
		c.add(path+".secret", "too short: at least %d characters", shortestSecret)
	}
	word(c, path+".same_site", s.SameSite)
	c.notNegative(path+".max_age", s.MaxAge)
	if s.MaxAge%time.Second != 0 {
		c.add(path+".max_age", "%s: cookies count whole seconds", s.MaxAge)
	}
}

// checkCookieName accepts a token (RFC 6265, 4.1.1).
func checkCookieName(name string) error {
	if !message.IsToken(name) {
		return fmt.Errorf("%q is not the name of a cookie", name)
	}
	if strings.HasPrefix(name, "__Secure-") || strings.HasPrefix(name, "__Host-") {
		return fmt.Errorf("%q: browsers take a cookie with this prefix by https only", name)
	}
	return nil
}
