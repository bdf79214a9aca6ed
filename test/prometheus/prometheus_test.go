package prometheus

import (
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/test/tier"
)

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }

// haste is by how much durations are divided: five minutes are three and three quarter seconds, which is three scrapes at least.
const haste = 80

// hourBefore is when an alert that compares with an hour before has something to compare with.
const hourBefore = time.Hour / haste

// routeFile is a tier where several things are wrong at once.
const routeFile = `
routes:
  - { id: shop, paths: [{ prefix: / }], upstreams: [{ id: app }] }
  - { id: unread, paths: [{ prefix: /unread }], policy: unread, upstreams: [{ id: app }] }
  - { id: dead, paths: [{ prefix: /dead }], upstreams: [{ id: dead }] }
  - { id: half, paths: [{ prefix: /half }], upstreams: [{ id: half }] }
upstreams:
  - { id: app, endpoints: ["%[1]s"] }
  - { id: dead, endpoints: ["http://127.0.0.1:1"] }
  - { id: half, endpoints: ["%[1]s", "http://127.0.0.1:1"], ejection: { faults: 0 } }
policies:
  - { id: default, exclusions: [{ rule: 942100, reason: tried elsewhere }] }
  - id: unread
    screen: off
    rules_before:
      - inline: |
          SecRule REQUEST_URI "@beginsWith /unread" "id:1001,phase:1,pass,nolog,ctl:ruleEngine=Off"
access:
  - id: default
    rules: [{ id: closed, when: { paths: [{ prefix: /closed }] }, then: deny }]
    limits: [{ id: many, key: [client], rate: 10000/s }]
`

// bootFile has a certificate that ends tomorrow, a store that is not there, and a sink that nobody serves.
const bootFile = `
listeners:
  - { name: http, address: "127.0.0.1:0" }
  - { name: https, address: "127.0.0.1:0", tls: { certificates: [{ cert: %[1]s/cert.pem, key: %[1]s/key.pem }] } }
routes: %[1]s/routes.yaml
store: { addresses: ["127.0.0.1:1"] }
events:
  sinks:
    - { id: nobody, https: { url: "http://127.0.0.1:1/" } }
metrics: { aliases: [coraza_operator] }
`

// sick starts that tier, and returns the address of its listener with TLS as well.
func sick(t *testing.T) (v *tier.Tier, secure string) {
	t.Helper()
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "hello")
	}))
	t.Cleanup(application.Close)
	dir := t.TempDir()
	c := certs.Authority(t, "test").Issue(t, certs.Of{DNS: []string{"shop.example"}, Server: true, To: time.Now().Add(24 * time.Hour)})
	certs.Write(t, dir, map[string][]byte{
		"cert.pem": c.Cert(), "key.pem": c.PrivateKey(), "routes.yaml": fmt.Appendf(nil, routeFile, application.URL),
		"boot.yaml": fmt.Appendf(nil, bootFile, dir),
	})
	v = tier.Listeners(t, filepath.Join(dir, "boot.yaml"))
	v.Addr, secure, _ = strings.Cut(v.Addr, ", ")
	if err := os.WriteFile(filepath.Join(dir, "routes.yaml"), []byte("routes: nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	v.Reload()
	return v, secure
}

// visits is traffic of every kind, until the test is over.
func visits(t *testing.T, v *tier.Tier, secure string) {
	t.Helper()
	var over atomic.Bool
	done := make(chan struct{})
	targets := []string{"/", "/closed", "/?q=<script>alert(1)</script>", "/unread?q=1", "/dead", "/half", "/half?again", "/dead?again"}
	go func() {
		defer close(done)
		for i := 0; !over.Load(); i++ {
			for _, target := range targets {
				request, _ := http.NewRequest(http.MethodPost, "http://"+v.Addr, strings.NewReader("a=1"))
				request.URL.Opaque = target
				request.Host = "shop.example" // an address is odd to rules
				request.Header.Set("User-Agent", "Mozilla/5.0")
				request.Header.Set("Accept", "*/*")
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					continue // the tier has ended
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
			if conn, err := tls.Dial("tcp", secure, &tls.Config{InsecureSkipVerify: true}); err == nil { //nolint:gosec // only the handshake is wanted
				_ = conn.Close()
			}
			<-time.After(20 * time.Millisecond) // a pace, not a wait
		}
	}()
	t.Cleanup(func() {
		over.Store(true)
		<-done
	})
}

// later are alerts that the short form of the test leaves out, since they look back, or wait, for an hour.
var later = []string{"WaferBlocksJump", "WaferCertificateExpires", "WaferAdminCertificateExpires"}

// Every alert fires when what it is about happens, and says so in whole sentences; Prometheus takes the rules as they are; and what
// dashboards ask for can be asked, and has an answer.
func TestPrometheus(t *testing.T) {
	v, secure := sick(t)
	visits(t, v, secure)
	rules, dir := alerts(t), t.TempDir()
	rules.write(t, filepath.Join(dir, "rules.yml"))
	rules.hastened(t, haste).write(t, filepath.Join(dir, "hastened.yml"))
	s := start(t, []string{v.Admin, pod(t, hourBefore+3*time.Second)}, filepath.Join(dir, "rules.yml"), filepath.Join(dir, "hastened.yml"))

	want := slices.DeleteFunc(rules.names(), func(name string) bool {
		return name == "WaferPodMissing" || testing.Short() && slices.Contains(later, name)
	})
	seen, missing := map[string]firing{}, 0
	tier.EventuallyEvery(t, 200*time.Millisecond, "all alerts fire", func() bool {
		maps.Copy(seen, s.fires())
		left := slices.DeleteFunc(slices.Clone(want), func(name string) bool { return seen[name].State != "" })
		if len(left) != missing {
			missing = len(left)
			t.Logf("not yet: %v", left)
		}
		return len(left) == 0
	})
	for name, a := range seen {
		for key, text := range a.Annotations {
			if strings.Contains(text, "<error") || strings.Contains(text, "<no value>") || text == "" {
				t.Errorf("%s: %s is %q", name, key, text)
			}
		}
	}
	s.rulesAreHealthy()
	s.dashboardsAnswer()
	s.aliasesAnswer()
	s.exemplarsLead(v)

	v.Kill()
	tier.EventuallyEvery(t, 200*time.Millisecond, "WaferPodMissing fires", func() bool { return s.fires()["WaferPodMissing"].State != "" })
}

// rulesAreHealthy looks whether Prometheus evaluates all rules.
func (s *server) rulesAreHealthy() {
	var data struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	if err := s.ask("/api/v1/rules", nil, &data); err != nil {
		s.t.Fatal(err)
	}
	for _, g := range data.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" {
				s.t.Errorf("%s: health %q: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
}

// unanswered are panels, by words of their titles, of what does not happen here.
var unanswered = []string{"Messages", "Bans", "Tokens", "Challenges", "did not take", "remember", "want of something"}

// dashboardsAnswer asks what dashboards ask.
func (s *server) dashboardsAnswer() {
	asked := 0
	for file, d := range dashboards(s.t) {
		for _, p := range d.Panels {
			some := 0
			for _, target := range p.Targets {
				n, err := s.series(chosen(target.Expr))
				if err != nil {
					s.t.Errorf("%s, %s: %v in %s", file, p.Title, err, target.Expr)
				}
				some += n
				asked++
			}
			if some == 0 && len(p.Targets) > 0 && !slices.ContainsFunc(unanswered, func(word string) bool { return strings.Contains(p.Title, word) }) {
				s.t.Errorf("%s, %s: no answer to %v", file, p.Title, p.Targets)
			}
		}
	}
	if asked < 60 {
		s.t.Errorf("only %d expressions", asked)
	}
}

// aliasesAnswer asks what the dashboard of the Coraza Kubernetes Operator for its data plane asks: engines of a namespace, where
// the namespace is one that Prometheus has given to its targets, and each of its panels.
func (s *server) aliasesAnswer() {
	const of = `{namespace=~".*wafer.*", engine=~"default|unread"}`
	for _, expr := range []string{
		`group by (namespace) (coraza_waf_requests_total{namespace!=""})`,
		`group by (engine) (coraza_waf_requests_total{namespace=~".*"})`,
		`sum(rate(coraza_waf_requests_total` + of + `[1m]))`,
		`sum by (outcome) (rate(coraza_waf_requests_total{namespace=~".*", outcome="block"}[1m])) > 0`,
		`max(coraza_waf_plugin_rule_count` + of + `) > 100`,
		`sum by (category) (rate(coraza_waf_blocked_requests_total{category="xss", engine="default"}[1m])) > 0`,
		`sum by (severity) (rate(coraza_waf_blocked_requests_total` + of + `[1m])) > 0`,
		`topk(10, sum by (rule_id) (rate(coraza_waf_rule_hits_total` + of + `[1m]))) > 0`,
		`histogram_quantile(0.99, sum by (le) (rate(coraza_waf_request_anomaly_score_bucket` + of + `[1m]))) > 0`,
		`sum by (status) (coraza_waf_plugin_loads_total{namespace=~".*", status="failure"}) > 0`,
		`sum by (type) (coraza_waf_rule_overrides` + of + `)`,
	} {
		if n, err := s.series(expr); err != nil || n == 0 {
			s.t.Errorf("%s: %d series, %v", expr, n, err)
		}
	}
}

// exemplarsLead looks whether a blocked request that Prometheus names is one that the events have.
func (s *server) exemplarsLead(v *tier.Tier) {
	var data []struct {
		Exemplars []struct{ Labels map[string]string }
	}
	now := time.Now()
	err := s.ask("/api/v1/query_exemplars", url.Values{
		"query": {`wafer_requests_total{verdict="block"}`}, "start": {fmt.Sprint(now.Add(-time.Hour).Unix())}, "end": {fmt.Sprint(now.Add(time.Minute).Unix())},
	}, &data)
	if err != nil || len(data) == 0 || len(data[0].Exemplars) == 0 {
		s.t.Fatalf("no exemplar of a blocked request: %v, %v", data, err)
	}
	id := data[0].Exemplars[0].Labels["request_id"]
	if v.Security(id)["verdict"] != "block" {
		s.t.Errorf("request %q, which an exemplar names, was not blocked", id)
	}
}
