package proxy

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/waf"
	"github.com/wafer-waf/wafer/waf/screen"
)

func parse(t testing.TB, yaml string) *config.Routes {
	t.Helper()
	c, err := config.ParseRoutes("routes.yaml", []byte(yaml), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What config takes for valid has to build, or its checks lack something.
func TestValidFilesBuild(t *testing.T) {
	files, err := filepath.Glob("../config/testdata/valid/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no valid files", err)
	}
	for _, file := range append(files, "../examples/routes.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			c, err := config.LoadRoutes(file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Check(c); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBuildProblems(t *testing.T) {
	const upstream = "\nupstreams: [{id: u, endpoints: ['http://127.0.0.1:1']}]\n"
	for _, tt := range []struct{ name, yaml, want string }{
		{"own rule", `routes: [{id: r, upstreams: [{id: u}]}]
policies:
  - id: default
    rules_after:
      - inline: |
          SecAction "id:1,phase:1,pass"
          SecRule ARGS "@nosuch x" "id:2,phase:1,pass"
`, `routes.yaml:7: policies[0].rules_after[0]: there is no operator @nosuch`},
		{"probe", `routes: [{id: r, upstreams: [{id: u}]}]
policies:
  - id: default
    exclusions: [{tag: attack-sqli, reason: the database is safe}]
`, `routes.yaml:3: policies[0]: policy "default": built-in probe attack-sqli: no rule tagged attack-sqli matched`},
		{"an own rule that lets everything pass", `routes: [{id: r, upstreams: [{id: u}]}]
policies: [{id: default, rules_before: [{inline: 'SecAction "id:100001,phase:1,allow"'}]}]
`, `built-in probe attack-rce: no rule tagged attack-rce matched`},
		{"own rules deny, and those of CRS do not", `routes: [{id: r, upstreams: [{id: u}]}]
policies: [{id: default, thresholds: {inbound: 1000}, rules_before: [{inline: 'SecAction "id:100001,phase:1,deny"'}]}]
`, `built-in probe attack-rce: `},
		{"own rules deny behind those of CRS", `routes: [{id: r, upstreams: [{id: u}]}]
policies: [{id: default, thresholds: {inbound: 1000}, rules_after: [{inline: 'SecAction "id:100001,phase:2,deny"'}]}]
`, `not blocked`},
		{"probe of a body", `routes: [{id: r, upstreams: [{id: u}]}]
policies:
  - id: default
    rules_before: [{inline: 'SecRule REQUEST_HEADERS:Content-Type "@contains json" "id:100001,phase:1,pass,nolog,ctl:ruleRemoveByTag=attack-xss"'}]
`, `built-in probe attack-xss: JSON: no rule tagged attack-xss matched`},
		{"threshold", `routes: [{id: r, upstreams: [{id: u}]}]
policies: [{id: default, thresholds: {inbound: 1000}}]
`, `built-in probe attack-rce: not blocked`},
		{"exclusion of what sums up", `routes: [{id: r, upstreams: [{id: u}]}]
policies: [{id: default, exclusions: [{rule: 949110, reason: an event named it}]}]
`, "\n  rule 949110 is the one that blocks, by the score of all others: exclude those that an event lists in \"rules\", not this one (policies[0].exclusions[0])"},
		{"exclusion of nothing", `routes: [{id: r, upstreams: [{id: u}]}]
policies: [{id: default, exclusions: [{rule: 942999, reason: x}]}]
`, `routes.yaml:2: policies[0].exclusions[0].rule: there is no rule 942999`},
		{"messages that no rule would see", `routes: [{id: r, websocket: inspect, upstreams: [{id: u}]}]
policies: [{id: default, request_body: {inspect: false}}]
`, `routes.yaml:1: routes[0].websocket: policy "default" does not inspect request bodies`},
		{"route that never matches", `routes:
  - {id: a, hosts: [x.example], upstreams: [{id: u}]}
  - {id: b, hosts: [X.Example], upstreams: [{id: u}]}
`, `routes.yaml:3: routes[1]: route "b" can never match: route "a" before it has the same hosts`},
		{"route that others hide", `routes:
  - {id: a, hosts: [x.example, y.example], upstreams: [{id: u}]}
  - {id: b, hosts: [x.example], paths: [{prefix: /}], upstreams: [{id: u}]}
`, `routes.yaml:3: routes[1]: route "b" can never match: route "a" comes before it for each of its requests`},
		{"path that is not decoded", `routes:
  - {id: a, paths: [{prefix: /}, {exact: /a%20b}], upstreams: [{id: u}]}
`, `routes.yaml:2: routes[0].paths[1]: exact "/a%20b" is compared with paths that are decoded, resolved and without query: write "/a b"`},
		{"mistakes of all policies", `routes: [{id: r, upstreams: [{id: u}]}]
policies:
  - id: default
    rules_before:
      - inline: |
          # comment
          SecRule ARGZ "a" "id:100001,phase:2,deny"

          SecRule ARGS "@containss a" \
              "id:100002,phase:2,deny"
      - inline: SecDebugLogLevel 9
    exclusions:
      - rule: 942999
        reason: x
      - tag: atack-sqli
        reason: x
      - rule: 942100
        target: ARGZ
        reason: x
  - {id: other, inherits: default, rules_after: [{inline: "SecRule ARGS \"(\" \"id:100003,phase:2,deny\""}]}
`, `routes.yaml:7: policies[0].rules_before[0]: there is no variable ARGZ: did you mean "ARGS"?
routes.yaml:9: policies[0].rules_before[0]: there is no operator @containss: did you mean "contains"?
routes.yaml:11: policies[0].rules_before[1]: SecDebugLogLevel would write requests down unmasked: events go to standard output, with secrets masked
routes.yaml:13: policies[0].exclusions[0].rule: there is no rule 942999
routes.yaml:15: policies[0].exclusions[1].tag: no rule has tag "atack-sqli": did you mean "attack-sqli"?
routes.yaml:18: policies[0].exclusions[2].target: there is no collection ARGZ: did you mean "ARGS"?
routes.yaml:20: policies[1].rules_after[0]: "(" is not a regular expression: missing closing )`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Check(parse(t, tt.yaml+upstream))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error\n%v\nwant\n%s", err, tt.want)
			}
		})
	}
}

// liar makes screens that do not look at targets and arguments, and say that all is clean there.
type liar struct{ waf.Screener }

func (l liar) Compile(texts []screen.Text, mediaTypes []string) (*screen.Screen, error) {
	lie := ""
	for _, target := range []string{"ARGS", "REQUEST_URI", "REQUEST_URI_RAW"} {
		lie += "SecRuleUpdateTargetByTag OWASP_CRS !" + target + "\n"
	}
	return l.Screener.Compile(append(texts, screen.Text{Source: "lie", Text: lie}), mediaTypes)
}

// A screen that is wrong about an attack does not get as far as traffic, like rules that are.
func TestProbesAskTheScreen(t *testing.T) {
	c := waf.NewCompiler()
	c.Screens = liar{c.Screens}
	for name, own := range map[string]string{
		"plain": "", "behind an own rule that denies": "rules_before: [{inline: 'SecRule REMOTE_ADDR \"!@ipMatch 203.0.113.0/24\" \"id:100001,phase:1,deny\"'}]",
	} {
		_, err := newBuilder(c, traffic{}).Build(parse(t, `routes: [{id: r, upstreams: [{id: u}]}]
upstreams: [{id: u, endpoints: ['http://127.0.0.1:1']}]
policies: [{id: default, `+own+`}]
`), metrics.New(prometheus.NewRegistry(), "", "", ""))
		for _, class := range []string{"attack-sqli", "attack-xss", "attack-lfi", "attack-rce"} {
			if want := "built-in probe " + class + ": GET, form, multipart, JSON: no rule tagged " + class + " matched"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error lacks %q: %v", name, want, err)
			}
		}
	}
}

// A detecting policy may let the probes pass: it says that it does not protect.
func TestProbesAreForBlocking(t *testing.T) {
	if _, err := Check(parse(t, `
routes: [{id: r, upstreams: [{id: u}]}]
upstreams: [{id: u, endpoints: ['http://127.0.0.1:1']}]
policies: [{id: default, mode: detect, thresholds: {inbound: 1000}}]
`)); err != nil {
		t.Error(err)
	}
}
