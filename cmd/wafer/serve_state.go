package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/admin/api"
	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/proxy"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/waf"
)

// stateOf is what the admin API tells of the tier's own state.
func stateOf(p *proxy.Proxy, keeps *lastGood, out *outages) api.State {
	return api.State{
		Ready:        p.Ready,
		Routes:       func() []view.RouteRow { return ifLoaded(p, routeRows) },
		Policies:     func() []view.PolicyState { return ifLoaded(p, policyStates) },
		Certificates: func() []view.Certificate { return certificates(p, time.Now()) },
		Generations:  func() *view.Generations { return generations(p, keeps) },
		Trouble:      func() []view.Trouble { return trouble(p, keeps, out, time.Now()) },
		InFlight:     p.Serving,
		Memory:       residentMemory,
		Listed: map[string]func() any{
			"routes":    inForce(p, func() any { return p.DescribeRoutes() }),
			"upstreams": inForce(p, func() any { return p.DescribeUpstreams() }),
		},
		Rule: func(policy string, id int) view.RuleText { return ruleText(p, policy, id) },
	}
}

// ifLoaded is nothing while there is no configuration.
func ifLoaded[T any](p *proxy.Proxy, of func(*proxy.Proxy) []T) []T {
	if !p.Loaded() {
		return nil
	}
	return of(p)
}

func routeRows(p *proxy.Proxy) []view.RouteRow {
	all := []view.RouteRow{}
	for _, r := range p.DescribeRoutes() {
		row := view.RouteRow{
			ID: r.ID, Hosts: r.Hosts, Paths: r.Paths, Policy: r.Policy, Mode: string(r.Mode), Access: r.Access, InFlight: r.InFlight,
		}
		for _, u := range r.Upstreams {
			row.Upstreams = append(row.Upstreams, u.ID)
			row.Endpoints += len(u.Endpoints)
			row.Up += endpointsUp(u.Endpoints)
		}
		row.Health = health(row.Up, row.Endpoints, len(r.Upstreams))
		all = append(all, row)
	}
	return all
}

// endpointsUp is how many endpoints get requests.
func endpointsUp(all []upstream.Endpoint) (n int) {
	for i := range all {
		if all[i].State == "up" && all[i].Failing == nil {
			n++
		}
	}
	return n
}

func health(up, endpoints, upstreams int) string {
	switch {
	case upstreams == 0:
		return "none"
	case up == 0:
		return "down"
	case up < endpoints:
		return "degraded"
	}
	return "up"
}

// longestSetting bounds the text of a value; pages that blocked clients get can be long.
const longestSetting = 400

func policyStates(p *proxy.Proxy) []view.PolicyState {
	all := []view.PolicyState{}
	for _, s := range p.DescribePolicies() {
		one := view.PolicyState{
			ID: s.ID, Mode: string(s.Mode), Rules: s.Rules, Routes: s.Routes, Engine: s.Engine, NoScreen: s.NoScreen,
			Settings: []view.Value{}, Exclusions: []view.PolicyExclusion{},
		}
		for _, v := range s.Config.Values() {
			one.Settings = append(one.Settings, view.Value{Path: v.Path, Value: settingOf(v.Value), Source: v.Source})
		}
		for _, x := range s.Config.Exclusions {
			one.Exclusions = append(one.Exclusions, view.PolicyExclusion{
				Rule: x.Rule, Rules: x.Rules, Tag: x.Tag, Target: x.Target, Path: x.Path, Reason: x.Reason, Source: x.Source,
			})
		}
		all = append(all, one)
	}
	return all
}

// settingOf is a value as JSON has it: texts, numbers and yes or no as such, others in words.
func settingOf(value any) any {
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.String:
		return shorten(v.String(), longestSetting)
	case reflect.Bool, reflect.Int:
		return value
	}
	return shorten(valueText(value), longestSetting)
}

// soon is how long before its end a certificate is told as ending.
const soon = 14 * 24 * time.Hour

func certificates(p *proxy.Proxy, now time.Time) []view.Certificate {
	all := []view.Certificate{}
	for _, c := range p.Certificates() {
		one := view.Certificate{For: "listener", Name: c.Listener, File: c.File, NotAfter: c.NotAfter.UTC(), RevokedUntil: c.RevokedUntil.UTC()}
		if c.Upstream != "" {
			one.For, one.Name = "upstream", c.Upstream
		}
		if c.RevokedUntil.IsZero() {
			one.RevokedUntil = time.Time{}
		}
		left := c.NotAfter.Sub(now)
		one.Days = float64(int(left.Hours()/24*10)) / 10
		one.State = "good"
		switch {
		case left <= 0:
			one.State = "ended"
		case left < soon:
			one.State = "ending"
		}
		if leaf := c.Leaf; leaf != nil {
			sum := sha256.Sum256(leaf.Raw)
			one.Subject, one.Issuer, one.NotBefore, one.SHA256 = leaf.Subject.String(), leaf.Issuer.String(), leaf.NotBefore.UTC(), hex.EncodeToString(sum[:])
			one.Names = append(one.Names, leaf.DNSNames...)
			for _, a := range leaf.IPAddresses {
				one.Names = append(one.Names, a.String())
			}
			for _, u := range leaf.URIs {
				one.Names = append(one.Names, u.String())
			}
			if now.Before(leaf.NotBefore) {
				one.State = "early"
			}
		}
		all = append(all, one)
	}
	return all
}

func generations(p *proxy.Proxy, keeps *lastGood) *view.Generations {
	if !p.Loaded() {
		return nil
	}
	s := p.Standing()
	out := &view.Generations{
		Current: s.Generation, Digest: s.Digest, LastGood: s.LastGood, Problems: s.Problems, Generations: []view.Generation{},
	}
	for _, g := range p.History() {
		one := view.Generation{
			Generation: g.Generation, Digest: g.Digest, Since: g.Since.UTC(), Trigger: g.Trigger, Seconds: g.Seconds,
			Added: g.Added, Removed: g.Removed, Modified: g.Modified, More: g.More,
		}
		for _, c := range g.Changes {
			one.Changes = append(one.Changes, view.Change{Path: c.Path, Before: c.Before, After: c.After})
		}
		out.Generations = append(out.Generations, one)
	}
	if c := keeps.disagree.Load(); c != nil {
		out.Differ = *c
	}
	return out
}

// trouble is what somebody should look at.
func trouble(p *proxy.Proxy, keeps *lastGood, out *outages, now time.Time) (all []view.Trouble) {
	add := func(what, level, format string, args ...any) {
		all = append(all, view.Trouble{What: what, Level: level, About: fmt.Sprintf(format, args...)})
	}
	if text := p.Standing().String(); text != "" {
		add("configuration", "error", "%s", text)
	}
	if c := keeps.disagree.Load(); c != nil {
		add("disagree", "warning", "pods serve different configurations: %s", c)
	}
	for _, c := range certificates(p, now) {
		switch c.State {
		case "ended":
			add("certificate", "error", "the certificate of %s %s has ended on %s", c.For, c.Name, c.NotAfter.Format(time.DateOnly))
		case "ending":
			add("certificate", "warning", "the certificate of %s %s ends in %.0f days", c.For, c.Name, c.Days)
		case "early":
			add("certificate", "error", "the certificate of %s %s is not valid yet", c.For, c.Name)
		}
	}
	for _, about := range out.now() {
		add("sink", "error", "%s", about)
	}
	if !p.Loaded() {
		return all
	}
	for _, u := range p.DescribeUpstreams() {
		switch up := endpointsUp(u.Endpoints); {
		case up == 0:
			add("upstream", "error", "upstream %s has no endpoint that is up", u.ID)
		case up < len(u.Endpoints):
			add("upstream", "warning", "of upstream %s %d of %d endpoints are up", u.ID, up, len(u.Endpoints))
		}
	}
	for _, s := range p.DescribePolicies() {
		if s.NoScreen != "" {
			add("screen", "warning", "policy %s has no screen, all its requests go to the rules: %s", s.ID, s.NoScreen)
		}
	}
	if s, ok := p.DescribeStore().(proxy.StoreState); ok && !s.Up {
		add("store", "warning", "the store that replicas share is down: %s", s.Why)
	}
	return all
}

// ruleText is a rule as it is written: of CRS its text, of the policy's own rules where they stand.
func ruleText(p *proxy.Proxy, policy string, id int) (out view.RuleText) {
	if found, ok := waf.FindCRSRule(id); ok {
		return view.RuleText{File: found.File, Line: found.Line, Text: found.Text}
	}
	for _, s := range ifLoaded(p, func(p *proxy.Proxy) []snapshot.PolicyState { return p.DescribePolicies() }) {
		if s.ID != policy {
			continue
		}
		for _, r := range append(s.Config.RulesBefore[:len(s.Config.RulesBefore):len(s.Config.RulesBefore)], s.Config.RulesAfter...) {
			if strings.Contains(r.Inline, "id:"+strconv.Itoa(id)) {
				out.File = r.Source
			}
		}
	}
	return out
}

// residentMemory is the memory of the process as the kernel counts it; 0 where that is not Linux.
func residentMemory() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(fields[1], 10, 64) // as the kernel writes it
	return pages * uint64(os.Getpagesize())          //nolint:gosec // a size
}
