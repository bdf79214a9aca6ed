package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/waf"
)

// metricsLooker takes pictures of a pod from its metrics: of the time between one scrape and the next.
type metricsLooker struct {
	ask    *adminClient
	client *http.Client
	before scrape
	at     time.Time

	messages map[string]string // of rules that were looked for
}

// Bounds of an answer: a tier of 1,000 routes has some MB.
const (
	mostScrape = 256 << 20
	mostSeries = 64 << 20 // bytes of series that are kept
)

func (l *metricsLooker) look(ctx context.Context) (*topFrame, error) {
	r, err := l.ask.request(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "text/plain;version=0.0.4")
	resp, err := l.ask.ask(r, l.client)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	now, err := readScrape(io.LimitReader(resp.Body, mostScrape), mostSeries)
	if err != nil {
		return nil, fmt.Errorf("read metrics of %s (--admin): %w", r.URL.Host, err)
	}
	if len(now["wafer_build_info"]) == 0 {
		return nil, fmt.Errorf("%s has no metrics of a tier: is it an admin listener (--admin)?", r.URL.Host)
	}
	before, at := l.before, l.at
	l.before, l.at = now, time.Now()
	if before == nil {
		return nil, nil //nolint:nilnil // rates need two looks
	}
	f := (&between{before, now, l.at.Sub(at).Seconds()}).frame()
	f.Tier, f.Time = r.URL.Host, l.at
	for i := range f.Rules[:min(len(f.Rules), mostTold)] {
		f.Rules[i].Message = l.message(f.Rules[i].ID)
	}
	return f, nil
}

// mostTold is how many rules a picture has room for.
const mostTold = 10

var ruleMessage = regexp.MustCompile(`msg:'((?:[^'\\]|\\.)*)'`)

// message is what a rule of the Core Rule Set says; empty: it is another one.
func (l *metricsLooker) message(id string) string {
	if told, known := l.messages[id]; known {
		return told
	}
	if l.messages == nil {
		l.messages = map[string]string{}
	}
	number, _ := strconv.Atoi(id) // 0 is none
	rule, _ := waf.FindCRSRule(number)
	if found := ruleMessage.FindStringSubmatch(rule.Text); found != nil {
		l.messages[id] = found[1]
	} else {
		l.messages[id] = ""
	}
	return l.messages[id]
}

// between is what happened from one scrape to the next.
type between struct {
	before, now scrape
	seconds     float64
}

// rates are how much counters grew per second, by the value of a label. Where a process has begun anew, all of it is growth.
func (b *between) rates(name, label string, of func(*series) bool) map[string]float64 {
	old := map[string]float64{}
	for i := range b.before[name] {
		s := &b.before[name][i]
		old[s.key()] = s.value
	}
	out := map[string]float64{}
	for i := range b.now[name] {
		s := &b.now[name][i]
		if of != nil && !of(s) {
			continue
		}
		grown := s.value - old[s.key()]
		if grown < 0 {
			grown = s.value
		}
		if b.seconds > 0 && grown > 0 {
			out[s.get(label)] += grown / b.seconds
		}
	}
	return out
}

// gauge is the sum of a gauge's series.
func (b *between) gauge(name string) (sum float64) {
	for i := range b.now[name] {
		sum += b.now[name][i].value
	}
	return sum
}

// quantiles are the median and the 99th percentile of a histogram, in milliseconds, by a label's value and of all.
func (b *between) quantiles(name, label string) (of map[string][2]float64, all [2]float64) {
	type buckets map[float64]float64
	by, sum := map[string]buckets{}, buckets{}
	old := map[string]float64{}
	for i := range b.before[name+"_bucket"] {
		s := &b.before[name+"_bucket"][i]
		old[s.key()] = s.value
	}
	for i := range b.now[name+"_bucket"] {
		s := &b.now[name+"_bucket"][i]
		bound, err := strconv.ParseFloat(s.get("le"), 64)
		if err != nil {
			continue
		}
		grown := s.value - old[s.key()]
		if grown < 0 {
			grown = s.value
		}
		id := s.get(label)
		if by[id] == nil {
			by[id] = buckets{}
		}
		by[id][bound] += grown
		sum[bound] += grown
	}
	both := func(b buckets) [2]float64 { return [2]float64{quantile(b, 0.5) * 1000, quantile(b, 0.99) * 1000} }
	of = map[string][2]float64{}
	for id, b := range by {
		of[id] = both(b)
	}
	return of, both(sum)
}

// frame makes a picture of it.
func (b *between) frame() *topFrame {
	f := &topFrame{
		Seconds: b.seconds, Verdicts: b.rates("wafer_requests_total", "verdict", nil), Coverage: b.rates("wafer_coverage_total", "coverage", nil),
		Refused: b.rates("wafer_refused_total", "reason", nil), Generation: int(b.gauge("wafer_config_generation")),
		InFlight: int(b.gauge("wafer_requests_in_flight")), Queue: int(b.gauge("wafer_inspection_queue")),
		Memory: b.gauge("process_resident_memory_bytes"), CPU: b.rates("process_cpu_seconds_total", "", nil)[""],
		Routes: b.routes(), Rules: b.rules(), Missed: b.missed(), Upstreams: b.upstreams(), Trouble: b.trouble(),
	}
	for _, r := range f.Verdicts {
		f.Rate += r
	}
	screened := b.rates("wafer_screened_total", "result", nil)
	f.Clean = share(screened["clean"], screened)
	_, all := b.quantiles(durations, "route")
	f.P50, f.P99 = all[0], all[1]
	if info := b.now["wafer_build_info"]; len(info) > 0 {
		f.Version = info[0].get("version")
	}
	return f
}

// share is a part of the sum; 0: there is nothing.
func share(part float64, of map[string]float64) *float64 {
	sum := 0.0
	for _, n := range of {
		sum += n
	}
	if sum == 0 {
		return nil
	}
	part /= sum
	return &part
}

func (b *between) routes() []topRoute {
	all := map[string]*topRoute{}
	at := func(id string) *topRoute {
		if all[id] == nil {
			all[id] = &topRoute{ID: id}
		}
		return all[id]
	}
	add := func(name string, of func(*series) bool, into func(*topRoute) *float64) {
		for id, rate := range b.rates(name, "route", of) {
			*into(at(id)) += rate
		}
	}
	is := func(label string, values ...string) func(*series) bool {
		return func(s *series) bool { return slices.Contains(values, s.get(label)) }
	}
	for i := range b.now["wafer_requests_total"] {
		at(b.now["wafer_requests_total"][i].get("route"))
	}
	add("wafer_requests_total", nil, func(r *topRoute) *float64 { return &r.Rate })
	add("wafer_requests_total", is("verdict", "block", "redirect", "drop"), func(r *topRoute) *float64 { return &r.Block })
	add("wafer_requests_total", is("verdict", "would_block"), func(r *topRoute) *float64 { return &r.Would })
	add("wafer_requests_total", is("verdict", "refused", "error_deny", "error_allow"), func(r *topRoute) *float64 { return &r.Refused })
	add("wafer_responses_total", is("code", "5xx"), func(r *topRoute) *float64 { return &r.Errors })
	clean, screened := b.rates("wafer_screened_total", "route", is("result", "clean")), b.rates("wafer_screened_total", "route", nil)
	times, _ := b.quantiles(durations, "route")
	var out []topRoute
	for id, r := range all {
		r.P50, r.P99 = times[id][0], times[id][1]
		if screened[id] > 0 {
			share := clean[id] / screened[id]
			r.Clean = &share
		}
		out = append(out, *r)
	}
	slices.SortFunc(out, func(x, y topRoute) int { return cmp.Or(cmp.Compare(y.Rate, x.Rate), cmp.Compare(x.ID, y.ID)) })
	return out
}

func (b *between) rules() []topRule {
	total := map[string]float64{}
	for i := range b.now["wafer_rule_matches_total"] {
		s := &b.now["wafer_rule_matches_total"][i]
		total[s.get("rule_id")] += s.value
	}
	rates := b.rates("wafer_rule_matches_total", "rule_id", nil)
	var out []topRule
	for id, n := range total {
		if n > 0 && !strings.HasPrefix(id, "949") && !strings.HasPrefix(id, "959") && !strings.HasPrefix(id, "980") { // they add up others
			out = append(out, topRule{ID: id, Rate: rates[id], Total: n})
		}
	}
	slices.SortFunc(out, func(x, y topRule) int {
		return cmp.Or(cmp.Compare(y.Rate, x.Rate), cmp.Compare(y.Total, x.Total), cmp.Compare(x.ID, y.ID))
	})
	return out
}

// missed is what was not inspected whole, but for what went nowhere anyway.
func (b *between) missed() (out []topMissed) {
	old := map[string]float64{}
	for i := range b.before["wafer_coverage_total"] {
		s := &b.before["wafer_coverage_total"][i]
		old[s.key()] = s.value
	}
	all := map[[2]string]*topMissed{} // a reason may be that of several labels
	for i := range b.now["wafer_coverage_total"] {
		s := &b.now["wafer_coverage_total"][i]
		m := topMissed{Reason: s.get("reason"), Route: s.get("route")}
		if s.value == 0 || slices.Contains([]string{"", "blocked", "refused", "redirect", "no_route"}, m.Reason) {
			continue
		}
		at := [2]string{m.Reason, m.Route}
		if all[at] == nil {
			all[at] = &m
		}
		grown := s.value - old[s.key()]
		if grown < 0 {
			grown = s.value
		}
		all[at].Total += s.value
		if b.seconds > 0 {
			all[at].Rate += grown / b.seconds
		}
	}
	for _, m := range all {
		out = append(out, *m)
	}
	return sortedMissed(out)
}

func sortedMissed(all []topMissed) []topMissed {
	slices.SortFunc(all, func(x, y topMissed) int {
		return cmp.Or(cmp.Compare(y.Rate, x.Rate), cmp.Compare(y.Total, x.Total), cmp.Compare(x.Reason, y.Reason), cmp.Compare(x.Route, y.Route))
	})
	return all
}

func (b *between) upstreams() []topUpstream {
	all := map[string]*topUpstream{}
	at := func(id string) *topUpstream {
		if all[id] == nil {
			all[id] = &topUpstream{ID: id}
		}
		return all[id]
	}
	for i := range b.now["wafer_upstream_endpoints"] {
		s := &b.now["wafer_upstream_endpoints"][i]
		if u := at(s.get("upstream")); s.get("state") == "up" {
			u.Up += int(s.value)
		} else {
			u.Away += int(s.value)
		}
	}
	for i := range b.now["wafer_upstream_requests_in_flight"] {
		s := &b.now["wafer_upstream_requests_in_flight"][i]
		at(s.get("upstream")).InFlight += int(s.value)
	}
	for id, rate := range b.rates("wafer_upstream_errors_total", "upstream", nil) {
		at(id).Errors = rate
	}
	for id, rate := range b.rates("wafer_upstream_retries_total", "upstream", nil) {
		at(id).Retries = rate
	}
	var out []topUpstream
	for _, u := range all {
		out = append(out, *u)
	}
	slices.SortFunc(out, func(x, y topUpstream) int {
		return cmp.Or(y.Away-x.Away, cmp.Compare(y.Errors, x.Errors), y.InFlight-x.InFlight, cmp.Compare(x.ID, y.ID))
	})
	return out
}

// trouble are gauges and counters that say that somebody should look.
func (b *between) trouble() (all []string) {
	one := func(when bool, what string) {
		if when {
			all = append(all, what)
		}
	}
	has := func(name string) bool { return len(b.now[name]) > 0 }
	grown := func(name string) bool { return len(b.rates(name, "", nil)) > 0 }
	one(has("wafer_config_last_reload_successful") && b.gauge("wafer_config_last_reload_successful") == 0, "the files of the configuration are refused")
	one(b.gauge("wafer_config_last_good") > 0, "the last good configuration is in force")
	one(b.gauge("wafer_peers_differing") > 0, "pods serve different configurations")
	one(has("wafer_store_up") && b.gauge("wafer_store_up") == 0, "the store is down")
	for i := range b.now["wafer_policy_screen"] {
		s := &b.now["wafer_policy_screen"][i]
		one(s.value == 0, "policy "+s.get("policy")+" has no screen")
	}
	for i := range b.now["wafer_sink_up"] {
		s := &b.now["wafer_sink_up"][i]
		one(s.value == 0, "sink "+s.get("sink")+" does not take events")
	}
	one(has("wafer_records_up") && b.gauge("wafer_records_up") == 0, "records cannot be written")
	one(has("wafer_trace_up") && b.gauge("wafer_trace_up") == 0, "the collector does not take spans")
	for i := range b.now["wafer_upstream_panic"] {
		s := &b.now["wafer_upstream_panic"][i]
		one(s.value > 0, "upstream "+s.get("upstream")+" has so few endpoints up that all are asked")
	}
	one(grown("wafer_events_dropped_total"), "events are dropped")
	one(grown("wafer_panics_total"), "requests fail by a fault of Wafer")
	return all
}
