package metrics

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/waf"
)

// coraza are the metrics that the Coraza Kubernetes Operator asks of everybody who runs its engines, so that dashboards and alerts that were
// made for it show this tier, too. An engine is a policy. They are made only if somebody asks for them.
type coraza struct {
	requests  *prometheus.CounterVec   // outcome
	hits      *prometheus.CounterVec   // rule_id, severity, outcome
	score     *prometheus.HistogramVec //
	overrides *prometheus.GaugeVec     // rule_id, type
	loads     *prometheus.CounterVec   // status
	rules     *prometheus.GaugeVec     //
	blocked   *prometheus.CounterVec   // category, severity

	hit *series[corazaHit] // also in hits

	mu    sync.Mutex
	named map[string]map[int]bool // rules with series of their own, by policy
}

// corazaHit is a rule that has matched under a policy; rule 0 stands for all that have no series of their own.
type corazaHit struct {
	policy            string
	rule              int
	severity, outcome string
}

// corazaRules is how many rules of a policy have series of their own, each of them at most five severities and three outcomes.
const corazaRules = 200

// corazaDriver is what runs the rules.
const corazaDriver = "wafer"

func newCoraza(reg prometheus.Registerer) *coraza {
	labels := func(more []string) []string { return append([]string{"engine", "driver_type"}, more...) }
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels(more))
		reg.MustRegister(c)
		return c
	}
	gauge := func(name, help string, more ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels(more))
		reg.MustRegister(g)
		return g
	}
	c := &coraza{
		named:     map[string]map[int]bool{},
		requests:  counter("coraza_waf_requests_total", "Requests that rules have decided about, by outcome.", "outcome"),
		hits:      counter("coraza_waf_rule_hits_total", "Matches of rules.", "rule_id", "severity", "outcome"),
		overrides: gauge("coraza_waf_rule_overrides", "Rules that a policy leaves out.", "rule_id", "type"),
		loads:     counter("coraza_waf_plugin_loads_total", "Times that a policy was compiled, or was not.", "status"),
		rules:     gauge("coraza_waf_plugin_rule_count", "Rules of a policy that are in force."),
		blocked:   counter("coraza_waf_blocked_requests_total", "Blocked requests by kind of attack.", "category", "severity"),
		score: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "coraza_waf_request_anomaly_score", Help: "Anomaly scores of requests.", Buckets: scoreBuckets,
		}, labels(nil)),
	}
	reg.MustRegister(c.score)
	c.hit = newSeries(func(h corazaHit) prometheus.Counter {
		return c.hits.WithLabelValues(h.policy, corazaDriver, ruleMatch{rule: h.rule}.id(), h.severity, h.outcome)
	})
	return c
}

// corazaRoute is what a route counts there, for its policy.
type corazaRoute struct {
	all      *coraza
	policy   string
	outcomes [inspect.Verdicts]slot
	score    prometheus.Observer
}

// of binds a route to its policy; nil: nobody asks for these metrics.
func (c *coraza) of(policy string) *corazaRoute {
	if c == nil {
		return nil
	}
	return &corazaRoute{all: c, policy: policy, score: c.score.WithLabelValues(policy, corazaDriver)}
}

// corazaOutcomes are the operator's words for verdicts; without one it is not the rules that have decided.
var corazaOutcomes = [inspect.Verdicts]string{
	inspect.Pass: "pass", inspect.Block: "block", inspect.Drop: "block", inspect.Redirect: "redirect", inspect.WouldBlock: "detect",
	inspect.ErrorDeny: "error", inspect.ErrorAllow: "error",
}

// done counts a request that was inspected.
func (r *corazaRoute) done(o *inspect.Outcome) {
	outcome := corazaOutcomes[o.Verdict]
	if r == nil || outcome == "" || o.Coverage.Label == inspect.None && outcome != "error" {
		return
	}
	r.outcomes[o.Verdict].inc(func() prometheus.Counter { return r.all.requests.WithLabelValues(r.policy, corazaDriver, outcome) })
}

func (r *corazaRoute) scored(score int) {
	if r != nil {
		r.score.Observe(float64(score))
	}
}

// found counts the rules that have matched, and of a request that was blocked, what kinds of attack they see in it.
func (r *corazaRoute) found(o *inspect.Outcome, matches []waf.Match) {
	if r == nil {
		return
	}
	outcome := corazaOutcomes[o.Verdict]
	if outcome != "block" && outcome != "detect" {
		outcome = "pass"
	}
	kinds := map[string]string{} // of attacks, and the first severity of each
	for i := range matches {
		m := &matches[i]
		severity := corazaSeverity(m.Severity)
		r.all.hit.inc(corazaHit{r.policy, r.all.name(r.policy, m.RuleID), severity, outcome})
		if kind := corazaCategory(m.Tags); !m.Summary && kinds[kind] == "" {
			kinds[kind] = severity
		}
	}
	if outcome != "block" {
		return
	}
	if len(kinds) > 1 {
		delete(kinds, "other")
	}
	for kind, severity := range kinds {
		r.all.blocked.WithLabelValues(r.policy, corazaDriver, kind, severity).Inc()
	}
}

// name returns by which rule a match is counted: 0 for one that has no series of its own.
func (c *coraza) name(policy string, rule int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	named := c.named[policy]
	switch {
	case named[rule]:
		return rule
	case len(named) >= corazaRules:
		return 0
	case named == nil:
		named = map[int]bool{}
		c.named[policy] = named
	}
	named[rule] = true
	return rule
}

// corazaSeverity is one of the operator's five words.
func corazaSeverity(s string) string {
	switch s = strings.ToUpper(s); s {
	case "ERROR", "WARNING", "NOTICE":
		return s
	case "EMERGENCY", "ALERT", "CRITICAL":
		return "CRITICAL"
	}
	return "INFO"
}

// corazaCategories are the operator's words for tags of CRS.
var corazaCategories = map[string]string{
	"attack-sqli": "sqli", "attack-xss": "xss", "attack-rce": "rce", "attack-lfi": "lfi", "attack-rfi": "rfi",
	"attack-command-injection": "command_injection", "attack-protocol": "protocol_attack", "attack-session-fixation": "session_fixation", "attack-java": "java_attack",
}

func corazaCategory(tags []string) string {
	for _, tag := range tags {
		if kind := corazaCategories[tag]; kind != "" {
			return kind
		}
	}
	return "other"
}

// inForce says what was compiled.
func (c *coraza) inForce(policies []Policy) {
	if c == nil {
		return
	}
	c.rules.Reset()
	c.overrides.Reset()
	for _, p := range policies {
		if p.Off {
			continue
		}
		c.rules.WithLabelValues(p.ID, corazaDriver).Set(float64(p.Rules))
		c.loads.WithLabelValues(p.ID, corazaDriver, "success").Inc()
		c.loads.WithLabelValues(p.ID, corazaDriver, "failure")
		for _, rule := range p.Without {
			c.overrides.WithLabelValues(p.ID, corazaDriver, ruleMatch{rule: rule}.id(), "disabled").Set(1)
		}
	}
}

// failed says that nothing of what the files say was compiled: the policies in force are those that were before.
func (c *coraza) failed(policies []Policy) {
	if c == nil {
		return
	}
	for _, p := range policies {
		if !p.Off {
			c.loads.WithLabelValues(p.ID, corazaDriver, "failure").Inc()
		}
	}
}

func (c *coraza) forget(policy string) {
	if c == nil {
		return
	}
	l := prometheus.Labels{"engine": policy}
	c.hit.forget(func(h corazaHit) bool { return h.policy == policy })
	c.mu.Lock()
	delete(c.named, policy)
	c.mu.Unlock()
	c.score.DeletePartialMatch(l)
	for _, v := range []*prometheus.CounterVec{c.requests, c.hits, c.loads, c.blocked} {
		v.DeletePartialMatch(l)
	}
}
