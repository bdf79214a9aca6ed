package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// The admin listener tells what is in force in the words of the files, and no secret of it.
func TestEffectiveConfiguration(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - id: shop
    hosts: [shop.test]
    paths: [{ prefix: /a }]
    policy: shop
    request_headers: { set: [{ name: Authorization, value: Bearer hunter2 }, { name: X-Zone, value: a1 }] }
    upstreams: [{ id: a, weight: 3 }, { id: b }]
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
  - { id: b, endpoints: ["`+back.url()+`", "http://127.0.0.2:1"] }
policies:
  - id: shop
    mode: detect
    request_body: { limit: 2MiB }
    rules_before:
      - inline: SecRule REQUEST_HEADERS:X-Key "@streq hunter2" "id:100001,phase:1,pass,nolog"
`), "--limit-head", "32KiB")
	_, text := w.Get("/api/v1/config")
	var got struct {
		Boot   struct{ Limits map[string]any }
		Routes []struct {
			ID             string
			RequestHeaders struct{ Set []map[string]string } `json:"request_headers"`
			Timeouts       map[string]string
		}
		Upstreams []struct{ Endpoints []string }
		Policies  []struct {
			Mode        string
			RequestBody map[string]any    `json:"request_body"`
			RulesBefore []map[string]any  `json:"rules_before"`
			Sources     map[string]string `json:"sources"`
		}
		Compiled []struct{ Rules int }
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("a secret in %s", text)
	}
	if len(got.Routes) != 1 || len(got.Upstreams) != 2 || len(got.Policies) != 1 || len(got.Compiled) != 1 {
		t.Fatalf("%s", text)
	}
	for what, ok := range map[string]bool{
		"boot settings":         got.Boot.Limits["head"] == "32KiB",
		"an ordinary field":     got.Routes[0].RequestHeaders.Set[1]["value"] == "a1",
		"defaults of a route":   got.Routes[0].Timeouts["idle"] != "",
		"endpoints":             len(got.Upstreams[1].Endpoints) == 2,
		"settings of a policy":  got.Policies[0].Mode == "detect" && got.Policies[0].RequestBody["limit"] == "2MiB" && got.Policies[0].RequestBody["oversize"] == "reject",
		"where they come from":  got.Policies[0].Sources["request_body.limit"] == "shop" && got.Policies[0].Sources["request_body.oversize"] == "default",
		"that there are rules":  len(got.Policies[0].RulesBefore) == 1 && got.Policies[0].RulesBefore[0]["source"] != "",
		"what was compiled":     got.Compiled[0].Rules > 200,
		"keys in one spelling":  !strings.Contains(text, `"ID"`) && !strings.Contains(text, `"Weight"`),
		"no key without a name": !strings.Contains(text, `"":`),
	} {
		if !ok {
			t.Errorf("not there: %s, in %s", what, text)
		}
	}
	// The endpoint that refuses is passed over, and told once it was tried.
	tier.Eventually(t, "the routes tell what refuses", func() bool {
		get(t, w, "shop.test", "/a").wantStatus(t, 200)
		_, text = w.Get("/api/v1/routes")
		return strings.Contains(text, "failing")
	})
	var routes []struct {
		Upstreams []struct {
			ID        string
			Weight    int
			Endpoints []struct {
				Address  string
				InFlight *int `json:"in_flight"`
				Failing  *struct {
					Reason string
					Since  time.Time
					Times  int
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &routes); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if u := routes[0].Upstreams; len(u) != 2 || u[0].Weight != 3 || len(u[1].Endpoints) != 2 || u[1].Endpoints[1].Address != "127.0.0.2:1" || u[1].Endpoints[1].InFlight == nil {
		t.Fatalf("%s", text)
	}
	if e := routes[0].Upstreams[1].Endpoints; e[0].Failing != nil || e[1].Failing == nil || e[1].Failing.Reason != "connect" || e[1].Failing.Times < 1 || e[1].Failing.Since.IsZero() {
		t.Errorf("%s", text)
	}
}
