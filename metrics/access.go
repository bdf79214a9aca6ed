package metrics

import "github.com/prometheus/client_golang/prometheus"

// Access are the instruments of an access policy.
type Access struct {
	all    *Metrics
	policy string
	passed slot // of requests about which nothing is to be said, which are nearly all
}

// accessDecision is what an access policy has decided: its words are of closed sets, and its rules those of the file.
type accessDecision struct{ policy, rule, decision string }

// Access returns the instruments of an access policy.
func (m *Metrics) Access(policy string) *Access { return &Access{all: m, policy: policy} }

// Passed counts a request that passes because no rule has decided about it, under the word for both.
func (a *Access) Passed(rule, decision string) {
	a.passed.inc(func() prometheus.Counter { return a.all.accessDecided.WithLabelValues(a.policy, rule, decision) })
}

// Decided counts a decision by what made it, or what would have been decided.
func (a *Access) Decided(rule, decision string, would bool) {
	if would {
		decision = "would_" + decision
	}
	a.all.accessDecisions.inc(accessDecision{a.policy, rule, decision})
}

// challenged is a request without a proof, by how its token stands and what it got instead.
type challenged struct{ policy, token, got string }

// Challenged counts a request without a proof.
func (a *Access) Challenged(token, got string) {
	a.all.challenges.inc(challenged{a.policy, token, got})
}

// Answered counts an answer to a puzzle by what became of it.
func (m *Metrics) Answered(outcome string) { m.challengeAnswers.inc(outcome) }

// carried is a token or an API key, by how it stands.
type carried struct{ policy, of, reason string }

// Carried counts a request by how the token, or the API key, stands that it carries.
func (a *Access) Carried(of, reason string) { a.all.accessCarried.inc(carried{a.policy, of, reason}) }

// keysFetched is a fetch of an issuer's keys.
type keysFetched struct{ url, result string }

// KeysFetched counts a fetch of the keys at a URL.
func (m *Metrics) KeysFetched(url string, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.keyFetches.inc(keysFetched{url, result})
}
