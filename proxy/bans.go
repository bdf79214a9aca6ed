package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/access/ban"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
)

// tellBans has bans spare the trusted proxies, and be told.
func (p *Proxy) tellBans() {
	state := p.snapshots.Builder.Access
	counted := p.metrics.Bans(func() int { return state.Banned().Len() }, func() int64 { return state.Banned().Refused() })
	tell := func(b *ban.Ban, request, action string) {
		p.events.Ban(&audit.Ban{
			RequestID: request, Action: action, Who: b.Who.String(), Scope: b.Scope.String(), Where: b.Where,
			Rule: ruleOf(b), Reason: b.Reason, Observed: b.Observe, Times: b.Times, Lasts: b.Until.Sub(b.Begun), Until: b.Until,
		})
	}
	state.BansWith = ban.Options{
		Spared: p.spared,
		Begun: func(b *ban.Ban, request string) {
			counted.Begun(ruleOf(b), b.Observe)
			tell(b, request, "begun")
		},
		Ended: func(b *ban.Ban, how ban.How) {
			counted.Ended(string(how))
			tell(b, "", string(how))
		},
	}
}

// spared reports whether somebody is a trusted proxy, or shares a network with one: a ban would be one of all clients.
func (p *Proxy) spared(w ban.Who) bool {
	network := w.Network()
	if !network.IsValid() {
		return false
	}
	for _, trusted := range p.boot.TrustedProxies {
		if trusted.Overlaps(network) {
			return true
		}
	}
	return false
}

func ruleOf(b *ban.Ban) string {
	if b.Hand() {
		return access.ByHand
	}
	return b.Rule
}

// Ban is a ban, for people and programs.
type Ban struct {
	Who     string    `json:"who"`
	Scope   string    `json:"scope"`
	Where   string    `json:"where,omitempty"`
	Rule    string    `json:"rule"`
	Reason  string    `json:"reason,omitempty"`
	Observe bool      `json:"observe,omitempty"`
	Begun   time.Time `json:"begun"`
	Until   time.Time `json:"until"`
	Times   int64     `json:"times"`
	Warning string    `json:"warning,omitempty"` // of one that was made just now, and may keep nobody away
}

// Bans is a page of bans.
type Bans struct {
	Bans   []Ban  `json:"bans"`
	Total  int    `json:"total"`          // in force
	Next   string `json:"next,omitempty"` // cursor of the next page; none: this is the last one
	Shared string `json:"shared"`         // up, down (this process knows only its own), or none
}

func shown(b *ban.Ban) Ban {
	return Ban{b.Who.String(), b.Scope.String(), b.Where, ruleOf(b), b.Reason, b.Observe, b.Begun.UTC(), b.Until.UTC(), b.Times, ""}
}

// BanOrder says who is to be banned by a person, or no longer.
type BanOrder struct {
	Who, Scope, Where string // without a scope: everywhere; to clear, wherever it is
	For               time.Duration
	Reason            string
	All               bool // to clear: everybody
}

// mostPage is how many bans a page has at most.
const mostPage = 1000

// ListBans returns a page of bans, of one or, if who is empty, of everybody.
func (p *Proxy) ListBans(who, cursor string, most int) (Bans, error) {
	table := p.snapshots.Builder.Access.Banned()
	var of *ban.Who
	if who != "" {
		w, err := ban.ParseWho(who)
		if err != nil {
			return Bans{}, err
		}
		of = &w
	}
	after := uint64(0)
	if cursor != "" {
		var err error
		if after, err = strconv.ParseUint(cursor, 10, 64); err != nil {
			return Bans{}, errors.New("cursor: not one that a page has named")
		}
	}
	if most < 1 || most > mostPage {
		most = mostPage
	}
	page, next := table.List(time.Now(), of, after, most)
	out := Bans{Bans: []Ban{}, Total: table.Len(), Shared: "none"}
	if has, up := table.Shares(); up {
		out.Shared = "up"
	} else if has {
		out.Shared = "down"
	}
	for _, b := range page {
		out.Bans = append(out.Bans, shown(b))
	}
	if next > 0 {
		out.Next = strconv.FormatUint(next, 10)
	}
	return out, nil
}

// longestBan is how long a person may ban somebody.
const longestBan = 366 * 24 * time.Hour

// AddBan bans somebody. An error that is [ban.ErrHere] comes with the ban, which holds here.
func (p *Proxy) AddBan(ctx context.Context, o BanOrder) (Ban, error) {
	at, err := o.target()
	if err != nil {
		return Ban{}, err
	}
	if at.Scope == ban.OnRoute && !p.hasRoute(at.Where) {
		return Ban{}, fmt.Errorf("where: there is no route %q", at.Where)
	}
	if o.For < time.Second || o.For > longestBan {
		return Ban{}, errors.New("for: how long the ban lasts, 1s to 8784h")
	}
	made, err := p.snapshots.Builder.Access.Banned().Add(ctx, ban.Ban{Target: at, Reason: o.Reason}, o.For)
	if made == nil {
		return Ban{}, err
	}
	out := shown(made)
	out.Warning = p.idle(at)
	return out, err
}

// idle is why a ban may keep nobody away. It is empty if the ban does.
func (p *Proxy) idle(at ban.Target) string {
	s := p.snapshots.InForce()
	if s == nil {
		return ""
	}
	enforces := func(id string) bool {
		return slices.ContainsFunc(s.Config.Access, func(a config.Access) bool { return a.ID == id && a.Mode == config.Enforce })
	}
	somewhere := slices.ContainsFunc(s.Config.Routes, func(r config.Route) bool {
		return enforces(r.Access) && (at.Scope != ban.OnRoute || r.ID == at.Where)
	})
	switch {
	case somewhere, at.Scope != ban.OnRoute && enforces(config.DefaultAccessID):
		return p.alwaysLetIn(at.Who)
	case at.Scope == ban.OnRoute:
		return "it keeps nobody away: the route has no access policy that enforces bans"
	}
	return "it keeps nobody away: no route has an access policy that enforces bans"
}

// alwaysLetIn says which rules let somebody in before any ban is looked at; empty: none does.
func (p *Proxy) alwaysLetIn(who ban.Who) string {
	network := who.Network()
	if !network.IsValid() {
		return ""
	}
	rules := p.snapshots.InForce().AlwaysAllowing(network.Addr(), time.Now())
	if len(rules) == 0 {
		return ""
	}
	return "rules that always allow this address come first: " + strings.Join(rules, ", ")
}

// hasRoute reports whether the configuration in force has a route: a ban on one that is mistyped would stop nobody.
func (p *Proxy) hasRoute(id string) bool {
	s := p.snapshots.Current()
	return s == nil || slices.ContainsFunc(s.Config.Routes, func(r config.Route) bool { return r.ID == id })
}

func (o *BanOrder) target() (ban.Target, error) {
	who, err := ban.ParseWho(o.Who)
	if err != nil {
		return ban.Target{}, err
	}
	scope, known := ban.ScopeOf(o.Scope)
	at := ban.Target{Who: who, Scope: scope, Where: o.Where}
	switch {
	case o.Scope == "" && o.Where == "":
		return at, nil
	case !known:
		return at, errors.New("scope: all, host or route")
	case scope == ban.OnHost:
		at.Where = strings.ToLower(o.Where)
	}
	if (at.Where == "") != (scope == ban.Everywhere) || !at.Storable() {
		return at, errors.New("where: the host or the route for which the ban holds")
	}
	return at, nil
}

// ClearBans ends bans and returns how many. An error that is [ban.ErrHere] says that others hold them still.
func (p *Proxy) ClearBans(ctx context.Context, o BanOrder) (n int, err error) {
	table := p.snapshots.Builder.Access.Banned()
	var targets []ban.Target
	switch {
	case o.All:
		all, _ := table.List(time.Now(), nil, 0, 1<<30)
		for _, b := range all {
			targets = append(targets, b.Target)
		}
	case o.Scope != "":
		at, err := o.target()
		if err != nil {
			return 0, err
		}
		targets = append(targets, at)
	default:
		who, err := ban.ParseWho(o.Who)
		if err != nil {
			return 0, err
		}
		targets = append(targets, ban.Target{Who: who}) // forgets earlier ones, too
		all, _ := table.List(time.Now(), &who, 0, mostPage)
		for _, b := range all {
			if b.Scope != ban.Everywhere {
				targets = append(targets, b.Target)
			}
		}
	}
	for _, at := range targets {
		was, failed := table.Clear(ctx, at)
		if was {
			n++
		}
		if failed != nil {
			err = failed
		}
	}
	return n, err
}
