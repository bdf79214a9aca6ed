package snapshot

import (
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/upstream/balance"
)

// choices of an endpoint, as files call them.
var balances = map[config.Balance]balance.Policy{
	config.LeastRequest: balance.LeastRequest, config.LeastLoaded: balance.LeastRequest, config.RoundRobin: balance.RoundRobin,
	config.ConsistentHash: balance.ConsistentHash, config.Sticking: balance.Sticky,
}

// choice says how an upstream chooses among its endpoints.
func choice(u *config.Upstream) balance.Options {
	o := balance.Options{
		Policy: balances[u.Balance], Bound: int(u.BoundedLoad),
		SlowStart: u.SlowStart.Window, Least: int(u.SlowStart.Least),
	}
	if u.Zone != nil {
		o.Zone, o.Spill = u.Zone.Prefer, int(u.Zone.Spill)
	}
	if u.Sticky != nil {
		o.Secret = []byte(u.Sticky.Secret)
	}
	return o
}

// places are the endpoints as configured, and what they are beside each other.
func places(u *config.Upstream) (addresses []string, shares []upstream.Share) {
	for _, e := range u.Endpoints {
		addresses = append(addresses, e.Address)
		shares = append(shares, upstream.Share{Weight: e.Weight, Zone: e.Zone})
	}
	return addresses, shares
}

// affinity says what of a request an upstream chooses by.
func affinity(u *config.Upstream) upstream.Affinity {
	var a upstream.Affinity
	switch h := u.HashBy; {
	case h == nil:
	case h.Header != "":
		a = upstream.Affinity{By: upstream.ByHeader, Name: h.Header}
	case h.Cookie != "":
		a = upstream.Affinity{By: upstream.ByCookie, Name: h.Cookie}
	case h.Value == config.HashPath:
		a.By = upstream.ByPath
	default:
		a.By = upstream.ByClient
	}
	if s := u.Sticky; s != nil {
		a = upstream.Affinity{By: upstream.ByToken, Name: s.Name(u.ID), SameSite: sameSites[s.SameSite], MaxAge: s.MaxAge}
	}
	return a
}

// sameSites are the words of RFC 6265bis.
var sameSites = map[config.SameSite]string{config.SameSiteLax: "Lax", config.SameSiteStrict: "Strict", config.SameSiteNone: "None"}
