package metrics

import (
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/waf"
)

// The metrics of the Coraza operator count what those of the tier count, in its words.
func TestCorazaAliases(t *testing.T) {
	registry := NewRegistry()
	m := New(registry, "", "", "")
	m.Aliases([]string{AliasCorazaOperator})
	policies := []Policy{{ID: "shop", Rules: 300, Without: []int{942100}}, {ID: "unread", Off: true}}
	m.InForce(&Configuration{Policies: policies})
	m.ReloadFailed()
	r := m.Route("orders", "shop")
	matches := []waf.Match{
		{RuleID: 942100, Severity: "critical", Tags: []string{"OWASP_CRS", "attack-sqli"}},
		{RuleID: 941100, Severity: "error", Tags: []string{"attack-xss"}},
		{RuleID: 949110, Summary: true, Tags: []string{"OWASP_CRS"}},
	}
	for verdict := range inspect.Verdicts {
		r.Inspected(&inspect.Report{Took: 1, Findings: waf.Findings{InboundScore: 8}})
		r.Found(&inspect.Outcome{Verdict: verdict}, matches[:1+2*int(verdict%2)], "")
		q := finished(&inspect.Report{})
		q.Outcome.Verdict = verdict
		r.Done(q)
	}
	r.Inspected(&inspect.Report{}) // what nobody has inspected
	q := finished(&inspect.Report{})
	q.Outcome.Coverage = inspect.Coverage{Label: inspect.None, Reason: inspect.ReasonOverload}
	r.Done(q)
	want := []string{
		`coraza_waf_blocked_requests_total{category="sqli",driver_type="wafer",engine="shop",severity="CRITICAL"} 2`,
		`coraza_waf_blocked_requests_total{category="xss",driver_type="wafer",engine="shop",severity="ERROR"} 2`,
		`coraza_waf_plugin_loads_total{driver_type="wafer",engine="shop",status="failure"} 1`,
		`coraza_waf_plugin_loads_total{driver_type="wafer",engine="shop",status="success"} 1`,
		`coraza_waf_plugin_rule_count{driver_type="wafer",engine="shop"} 300`,
		`coraza_waf_request_anomaly_score_bucket{driver_type="wafer",engine="shop",le="10"} 8`,
		`coraza_waf_requests_total{driver_type="wafer",engine="shop",outcome="block"} 2`,
		`coraza_waf_requests_total{driver_type="wafer",engine="shop",outcome="detect"} 1`,
		`coraza_waf_requests_total{driver_type="wafer",engine="shop",outcome="error"} 2`,
		`coraza_waf_requests_total{driver_type="wafer",engine="shop",outcome="pass"} 1`,
		`coraza_waf_requests_total{driver_type="wafer",engine="shop",outcome="redirect"} 1`,
		`coraza_waf_rule_hits_total{driver_type="wafer",engine="shop",outcome="block",rule_id="942100",severity="CRITICAL"} 2`,
		`coraza_waf_rule_overrides{driver_type="wafer",engine="shop",rule_id="942100",type="disabled"} 1`,
	}
	got := linesOf(scrape(t, registry, nil), "coraza_waf_")
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("no %s in\n%s", line, strings.Join(got, "\n"))
		}
	}
	m.InForce(&Configuration{})
	m.Forget(Gone{Policies: []string{"shop"}})
	if left := linesOf(scrape(t, registry, nil), "coraza_waf_"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// However many rules match, their series are bounded.
func TestCorazaRulesAreBounded(t *testing.T) {
	registry := NewRegistry()
	m := New(registry, "", "", "")
	m.Aliases([]string{AliasCorazaOperator})
	r := m.Route("orders", "shop")
	for range 2 {
		for rule := range 3 * corazaRules {
			r.Found(&inspect.Outcome{}, []waf.Match{{RuleID: 1 + rule}}, "")
		}
	}
	got := linesOf(scrape(t, registry, nil), "coraza_waf_rule_hits_total")
	if other := `rule_id="other",severity="INFO"} 800`; len(got) != corazaRules+1 || !strings.Contains(strings.Join(got, "\n"), other) {
		t.Errorf("%d series, want %d and %s", len(got), corazaRules+1, other)
	}
}

// Without being asked for, there are none of them.
func TestNoAliases(t *testing.T) {
	registry, _ := busyRoutes(1)
	if got := linesOf(scrape(t, registry, nil), "coraza"); len(got) > 0 {
		t.Errorf("%q", got)
	}
}
