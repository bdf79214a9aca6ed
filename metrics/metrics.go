package metrics

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the process's instruments.
type Metrics struct {
	Registry prometheus.Registerer // that all are registered with

	Panics prometheus.Counter // that cost a request

	routeSeries
	stages *stages
	coraza *coraza // nil: nobody asks for it

	disagreements *prometheus.CounterVec // policy
	screens       *prometheus.GaugeVec   // policy
	upstreamError *prometheus.CounterVec // upstream, reason
	upstreamRetry *prometheus.CounterVec // upstream, reason
	retriedOver   *prometheus.CounterVec // upstream, result
	ejected       *prometheus.CounterVec // upstream, reason
	withheld      *prometheus.CounterVec // upstream

	refusals        *series[string]         // by reason
	accessDecided   *prometheus.CounterVec  // policy, rule, decision
	accessDecisions *series[accessDecision] // also in accessDecided
	challenged      *prometheus.CounterVec  // policy, token, got
	challenges      *series[challenged]     // also in challenged

	challengeAnswers *series[string]        // by what became of them
	accessCarries    *prometheus.CounterVec // policy, carried, reason
	accessCarried    *series[carried]       // also in accessCarries
	keyFetches       *series[keysFetched]
	ruleMatches      *series[ruleMatch]
	upstreamErrors   *series[upstreamFailure] // also in upstreamError
	upstreamTries    *series[upstreamFailure] // also in upstreamRetry
	upstreamOver     *series[upstreamFailure] // also in retriedOver, with the result for a reason
	ejections        *series[upstreamFailure] // also in ejected
	spared           *series[string]          // also in withheld
	acceptFailures   prometheus.Counter
	spoken           [3]prometheus.Counter // HTTP/1.0, HTTP/1.1, HTTP/2
	arrived          [2]prometheus.Counter // HTTP/1, HTTP/2

	reloads      *prometheus.CounterVec // result
	lastReloadOK prometheus.Gauge
	lastGood     prometheus.Gauge
	lastReload   prometheus.Gauge
	bootStale    prometheus.Gauge
	policies     []Policy             // that were published last
	configInfo   *prometheus.GaugeVec // digest
	generation   prometheus.Gauge
	engines      prometheus.Gauge
	policyRules  *prometheus.GaugeVec // policy
	nextUpdate   *prometheus.GaugeVec // route
	ownNotAfter  *prometheus.GaugeVec // upstream
}

// ruleMatch is a rule that has matched on a route; rule 0 stands for all that have no series of their own.
type ruleMatch struct {
	route string
	rule  int
}

func (r ruleMatch) id() string {
	if r.rule == 0 {
		return "other"
	}
	return strconv.Itoa(r.rule)
}

// ruleSeries bounds the series of rules, since who scans a thousand routes would make one for each rule of each.
const ruleSeries = 5000

// upstreamFailure is what an exchange with an upstream has failed with.
type upstreamFailure struct{ upstream, reason string }

// New registers the instruments of a process, whose versions are those of the product and of what it
// embeds.
func New(reg prometheus.Registerer, version, coraza, crs string) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		reg.MustRegister(g)
		return g
	}
	m := &Metrics{
		Registry:      reg,
		routeSeries:   newRouteSeries(reg),
		disagreements: counter("wafer_screen_disagreements_total", "Checks of the screen that failed.", "policy"),
		screens:       gauge("wafer_policy_screen", "1 if the policy has a screen, 0 if all its requests go to the rules.", "policy"),
		upstreamError: counter("wafer_upstream_errors_total", "Exchanges with an upstream that failed.", "upstream", "reason"),
		upstreamRetry: counter("wafer_upstream_retries_total", "Attempts at an endpoint that failed and were followed by another one.", "upstream", "reason"),
		retriedOver:   counter("wafer_upstream_retried_requests_total", "Requests of which an attempt failed, by what came of it: answered, failed, or no_budget for another one.", "upstream", "result"),
		ejected:       counter("wafer_upstream_ejections_total", "Ejections of endpoints by what they failed with.", "upstream", "reason"),
		withheld:      counter("wafer_upstream_ejections_withheld_total", "Faults that would have ejected an endpoint, had others not been out or failing too.", "upstream"),
		stages:        newStages(reg),
		reloads:       counter("wafer_config_reloads_total", "Reloads by result.", "result"),
		lastReloadOK:  gauge("wafer_config_last_reload_successful", "1 if the last reload succeeded.").WithLabelValues(),
		lastGood:      gauge("wafer_config_last_good", "1 if the files were refused at the start, so that an older configuration is in force.").WithLabelValues(),
		lastReload:    gauge("wafer_config_last_reload_success_timestamp_seconds", "When the configuration in force was built.").WithLabelValues(),
		bootStale:     gauge("wafer_config_boot_file_changed", "1 if the boot file has changed since the process read it.").WithLabelValues(),
		configInfo:    gauge("wafer_config_info", "Digest of the configuration in force.", "digest"),
		generation:    gauge("wafer_config_generation", "Number of configurations this process has put in force.").WithLabelValues(),
		engines:       gauge("wafer_engines", "Compiled rule engines in use.").WithLabelValues(),
		ownNotAfter:   gauge("wafer_upstream_certificate_not_after_timestamp_seconds", "When the certificate ends that an upstream is shown.", "upstream"),
		nextUpdate:    gauge("wafer_config_crl_next_update_timestamp_seconds", "When the first list of revoked certificates of a route is to be replaced.", "route"),
		policyRules:   gauge("wafer_policy_rules", "Rules compiled for a policy.", "policy"),
	}
	spoken := counter("wafer_client_requests_total", "Requests of clients by version of HTTP.", "protocol")
	m.spoken = [...]prometheus.Counter{spoken.WithLabelValues("HTTP/1.0"), spoken.WithLabelValues("HTTP/1.1"), spoken.WithLabelValues("HTTP/2")}
	arrived := counter("wafer_client_connections_total", "Connections of clients by the version of HTTP that they begin with.", "protocol")
	m.arrived = [...]prometheus.Counter{arrived.WithLabelValues("HTTP/1"), arrived.WithLabelValues("HTTP/2")}
	m.Panics = counter("wafer_panics_total", "Panics that cost a request.").WithLabelValues()
	refused := counter("wafer_refused_total", "Requests answered before a route's policy was asked.", "reason")
	m.refusals = newSeries(func(reason string) prometheus.Counter { return refused.WithLabelValues(reason) })
	m.accessDecided = counter("wafer_access_decisions_total", "Requests by what their access policy decided, or would have.", "policy", "rule", "decision")
	m.accessDecisions = newSeries(func(d accessDecision) prometheus.Counter {
		return m.accessDecided.WithLabelValues(d.policy, d.rule, d.decision)
	})
	m.challenged = counter("wafer_challenges_total", "Requests that had to prove something and had no token, by what they got.", "policy", "token", "got")
	m.challenges = newSeries(func(c challenged) prometheus.Counter { return m.challenged.WithLabelValues(c.policy, c.token, c.got) })
	answered := counter("wafer_challenge_answers_total", "Answers to puzzles, by what became of them.", "outcome")
	m.challengeAnswers = newSeries(func(outcome string) prometheus.Counter { return answered.WithLabelValues(outcome) })
	m.accessCarries = counter("wafer_access_tokens_total", "Requests by how the token or API key stands that they carry.", "policy", "carried", "reason")
	m.accessCarried = newSeries(func(c carried) prometheus.Counter { return m.accessCarries.WithLabelValues(c.policy, c.of, c.reason) })
	fetched := counter("wafer_access_key_fetches_total", "Fetches of the keys that issuers sign tokens with.", "url", "result")
	m.keyFetches = newSeries(func(f keysFetched) prometheus.Counter { return fetched.WithLabelValues(f.url, f.result) })
	m.ruleMatches = newSeries(func(r ruleMatch) prometheus.Counter { return m.ruleMatched.WithLabelValues(r.route, r.id()) })
	m.upstreamErrors = newSeries(func(f upstreamFailure) prometheus.Counter {
		return m.upstreamError.WithLabelValues(f.upstream, f.reason)
	})
	m.upstreamTries = newSeries(func(f upstreamFailure) prometheus.Counter {
		return m.upstreamRetry.WithLabelValues(f.upstream, f.reason)
	})
	m.upstreamOver = newSeries(func(f upstreamFailure) prometheus.Counter {
		return m.retriedOver.WithLabelValues(f.upstream, f.reason)
	})
	m.ejections = newSeries(func(f upstreamFailure) prometheus.Counter {
		return m.ejected.WithLabelValues(f.upstream, f.reason)
	})
	m.spared = newSeries(func(upstream string) prometheus.Counter { return m.withheld.WithLabelValues(upstream) })
	m.acceptFailures = counter("wafer_accept_failures_total", "Connections that waited because the process had no descriptor or memory for them.").WithLabelValues()
	gauge("wafer_build_info", "Versions of the product and what it embeds.", "version", "coraza", "crs").
		WithLabelValues(version, coraza, crs).Set(1)
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// AliasCorazaOperator are the names of the Coraza operator.
const AliasCorazaOperator = "coraza_operator"

// Aliases adds metrics under names that dashboards of others know. It is called before there are routes.
func (m *Metrics) Aliases(names []string) {
	if slices.Contains(names, AliasCorazaOperator) {
		m.coraza = newCoraza(m.Registry)
	}
}

// Refused counts a request that was refused, by the word of a closed set.
func (m *Metrics) Refused(reason string) { m.refusals.inc(reason) }

// Spoken counts a request by its protocol.
func (m *Metrics) Spoken(protocol string) {
	switch protocol {
	case "HTTP/1.0":
		m.spoken[0].Inc()
	case "HTTP/1.1":
		m.spoken[1].Inc()
	case "HTTP/2.0":
		m.spoken[2].Inc()
	}
}

// Arrived counts a connection by the version of HTTP that it speaks.
func (m *Metrics) Arrived(version string) {
	if version == "HTTP/2" {
		m.arrived[1].Inc()
		return
	}
	m.arrived[0].Inc()
}

// UpstreamFailed counts an exchange with an upstream that failed, by the word of a closed set.
func (m *Metrics) UpstreamFailed(upstream, reason string) {
	m.upstreamErrors.inc(upstreamFailure{upstream, reason})
}

// UpstreamRetried counts an attempt at an endpoint that failed and was followed by another one.
func (m *Metrics) UpstreamRetried(upstream, reason string) {
	m.upstreamTries.inc(upstreamFailure{upstream, reason})
}

// UpstreamRetriedOver counts a request of which an attempt failed, by what came of it.
func (m *Metrics) UpstreamRetriedOver(upstream, result string) {
	m.upstreamOver.inc(upstreamFailure{upstream, result})
}

// NotAccepted counts that a connection could not be accepted for want of resources.
func (m *Metrics) NotAccepted() { m.acceptFailures.Inc() }

// Disagreed counts a check of a policy's screen that failed. The screen is off then.
func (m *Metrics) Disagreed(policy string) {
	m.disagreements.WithLabelValues(policy).Inc()
	m.screens.WithLabelValues(policy).Set(0)
}

// Unchanged counts a reload that found what is in force.
func (m *Metrics) Unchanged() {
	m.reloads.WithLabelValues("unchanged").Inc()
}

// ReloadFailed counts a reload that failed.
func (m *Metrics) ReloadFailed() {
	m.reloads.WithLabelValues("failure").Inc()
	m.coraza.failed(m.policies)
}

// Standing says whether the files are in force, and if not, whether what is in force is older than the process.
func (m *Metrics) Standing(files, lastGood bool) {
	m.lastReloadOK.Set(number(files))
	m.lastGood.Set(number(lastGood))
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// Configuration is what instruments say of a configuration.
type Configuration struct {
	Digest     string
	Built      time.Time
	Generation uint64
	Engines    int
	Policies   []Policy
	LastGood   bool                 // it is not from the files
	NextUpdate map[string]time.Time // of lists of revoked certificates, by route
	NotAfter   map[string]time.Time // of the tier's own certificates, by upstream
}

// Policy is what instruments say of one.
type Policy struct {
	ID      string
	Rules   int
	Off     bool  // it has no engine
	Screen  bool  // its engine has a screen
	Without []int // rules that it leaves out everywhere, by id
}

// InForce publishes what is in force now, and counts the reload that made it so.
func (m *Metrics) InForce(c *Configuration) {
	if !c.LastGood {
		m.reloads.WithLabelValues("success").Inc()
	}
	m.lastReload.Set(float64(c.Built.UnixNano()) / 1e9)
	m.configInfo.Reset()
	m.configInfo.WithLabelValues(c.Digest).Set(1)
	m.generation.Set(float64(c.Generation))
	m.engines.Set(float64(c.Engines))
	m.nextUpdate.Reset()
	for route, at := range c.NextUpdate {
		m.nextUpdate.WithLabelValues(route).Set(float64(at.Unix()))
	}
	m.ownNotAfter.Reset()
	for upstream, at := range c.NotAfter {
		m.ownNotAfter.WithLabelValues(upstream).Set(float64(at.Unix()))
	}
	m.policies = c.Policies
	m.coraza.inForce(c.Policies)
	m.policyRules.Reset()
	m.screens.Reset()
	for _, p := range c.Policies {
		m.policyRules.WithLabelValues(p.ID).Set(float64(p.Rules))
		if p.Off {
			continue
		}
		screens := 0.0
		if p.Screen {
			screens = 1
		}
		m.screens.WithLabelValues(p.ID).Set(screens)
		// A counter that begins with 1 has no increase, so no alert would see the first failure.
		m.disagreements.WithLabelValues(p.ID)
	}
}

// Gone are the ids of what a configuration had and the one in force does not have.
type Gone struct {
	Routes, Upstreams, Policies, Access []string
	Rules                               []AccessRule // of access policies that are still there
}

// AccessRule is a rule, a limit or a ban of an access policy.
type AccessRule struct{ Policy, ID string }

// Forget ends the series of what is gone. Nobody may count for it any more.
func (m *Metrics) Forget(gone Gone) {
	for _, id := range gone.Routes {
		m.ruleMatches.forget(func(r ruleMatch) bool { return r.route == id })
		m.routeSeries.forget(id)
	}
	for _, id := range gone.Upstreams {
		ofIt := func(f upstreamFailure) bool { return f.upstream == id }
		m.upstreamErrors.forget(ofIt)
		m.upstreamTries.forget(ofIt)
		m.upstreamOver.forget(ofIt)
		m.ejections.forget(ofIt)
		m.spared.forget(func(upstream string) bool { return upstream == id })
		for _, c := range []*prometheus.CounterVec{m.upstreamRetry, m.retriedOver, m.upstreamError, m.ejected, m.withheld} {
			c.DeletePartialMatch(prometheus.Labels{"upstream": id})
		}
	}
	for _, id := range gone.Access {
		m.accessDecisions.forget(func(d accessDecision) bool { return d.policy == id })
		m.accessDecided.DeletePartialMatch(prometheus.Labels{"policy": id})
		m.accessCarried.forget(func(c carried) bool { return c.policy == id })
		m.accessCarries.DeletePartialMatch(prometheus.Labels{"policy": id})
		m.challenges.forget(func(c challenged) bool { return c.policy == id })
		m.challenged.DeletePartialMatch(prometheus.Labels{"policy": id})
	}
	for _, r := range gone.Rules {
		m.accessDecisions.forget(func(d accessDecision) bool { return d.policy == r.Policy && d.rule == r.ID })
		m.accessDecided.DeletePartialMatch(prometheus.Labels{"policy": r.Policy, "rule": r.ID})
	}
	for _, id := range gone.Policies {
		m.disagreements.DeletePartialMatch(prometheus.Labels{"policy": id})
		m.coraza.forget(id)
	}
}

// WatchConnections reports the open connections of clients.
func (m *Metrics) WatchConnections(open func() int) {
	m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wafer_connections", Help: "Open connections of clients.",
	}, func() float64 { return float64(open()) }))
}

// WatchRequests reports the requests that are being served.
func (m *Metrics) WatchRequests(serving func() int64) {
	m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wafer_requests_in_flight", Help: "Requests being served.",
	}, func() float64 { return float64(serving()) }))
}

// WatchTunnels reports the WebSockets that are open.
func (m *Metrics) WatchTunnels(open func() int64) {
	m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wafer_tunnels", Help: "WebSocket connections that are open.",
	}, func() float64 { return float64(open()) }))
}

// WatchQueue reports the requests that wait for their inspection.
func (m *Metrics) WatchQueue(waiting func() int) {
	m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wafer_inspection_queue", Help: "Requests that wait for their inspection.",
	}, func() float64 { return float64(waiting()) }))
}

// Memory is a part of the memory for bodies.
type Memory struct {
	Name         string
	Whole, Taken func() int64
}

// WatchMemory reports the parts of the memory for bodies. It returns what has to be called when a body
// waits for room in one of them, and when an upload is let go.
func (m *Metrics) WatchMemory(parts ...Memory) (waits map[string]func(), letsGo func()) {
	waited := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wafer_memory_waits_total", Help: "Bodies that had to wait for room in the memory for bodies under inspection.",
	}, []string{"part"})
	letGo := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "wafer_memory_evictions_total", Help: "Slow uploads that were ended because others waited for room.",
	})
	m.Registry.MustRegister(waited, letGo)
	waits = map[string]func(){}
	for _, part := range parts {
		waits[part.Name] = waited.WithLabelValues(part.Name).Inc
		gauge := func(metric, help string, of func() int64) {
			m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: metric, Help: help, ConstLabels: prometheus.Labels{"part": part.Name},
			}, func() float64 { return float64(of()) }))
		}
		gauge("wafer_memory_budget_bytes", "What bodies under inspection may take together.", part.Whole)
		gauge("wafer_memory_used_bytes", "What bodies under inspection take.", part.Taken)
	}
	return waits, letGo.Inc
}

// BootStale says whether the boot file is another one than that which the process has read.
func (m *Metrics) BootStale(stale bool) {
	value := 0.0
	if stale {
		value = 1
	}
	m.bootStale.Set(value)
}
