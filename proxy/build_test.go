package proxy

import (
	"path/filepath"
	"reflect"
	"slices"
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
`, `routes.yaml:3: policies[0]: compile policy "default": policies[0].rules_after[0] line 2: "secrule": operator nosuch not found`},
		{"probe", `routes: [{id: r, upstreams: [{id: u}]}]
policies:
  - id: default
    exclusions: [{tag: attack-sqli, reason: the database is safe}]
`, `routes.yaml:3: policies[0]: policy "default": built-in probe attack-sqli: no rule tagged attack-sqli matched`},
		{"threshold", `routes: [{id: r, upstreams: [{id: u}]}]
policies: [{id: default, thresholds: {inbound: 1000}}]
`, `built-in probe attack-rce: not blocked`},
		{"exclusion of nothing", `routes: [{id: r, upstreams: [{id: u}]}]
policies: [{id: default, exclusions: [{rule: 942999, reason: x}]}]
`, `routes.yaml:2: policies[0]: compile policy "default": policies[0].exclusions[0]: no rule 942999`},
		{"messages that no rule would see", `routes: [{id: r, websocket: inspect, upstreams: [{id: u}]}]
policies: [{id: default, request_body: {inspect: false}}]
`, `routes.yaml:1: routes[0].websocket: policy "default" does not inspect request bodies`},
		{"route that never matches", `routes:
  - {id: a, hosts: [x.example], upstreams: [{id: u}]}
  - {id: b, hosts: [X.Example], upstreams: [{id: u}]}
`, `route "b" can never match`},
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
	r := newResources()
	r.compiler.Screens = liar{r.compiler.Screens}
	_, err := r.build(parse(t, `routes: [{id: r, upstreams: [{id: u}]}]
upstreams: [{id: u, endpoints: ['http://127.0.0.1:1']}]
policies: [{id: default}]
`), metrics.New(prometheus.NewRegistry(), "", "", ""))
	for _, class := range []string{"attack-sqli", "attack-xss", "attack-lfi", "attack-rce"} {
		if want := "built-in probe " + class + ": no rule tagged " + class + " matched"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	if len(r.engines) != 0 {
		t.Errorf("%d engines are left", len(r.engines))
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

const sharing = `
routes:
  - {id: a, hosts: [a.example], policy: one, upstreams: [{id: u}]}
  - {id: b, hosts: [b.example], policy: two, upstreams: [{id: u}]}
  - {id: c, hosts: [c.example], policy: none, upstreams: [{id: v}]}
upstreams:
  - {id: u, endpoints: ['http://127.0.0.1:1']}
  - {id: v, endpoints: ['http://127.0.0.1:2']}
policies:
  - {id: one}
  - {id: two, block: {status: 451}}
  - {id: none, mode: off}
`

// Policies that compile to the same text share an engine; snapshots share what they have
// in common, and it is closed with the last of them.
func TestSharing(t *testing.T) {
	r := newResources()
	m := metrics.New(prometheus.NewRegistry(), "", "", "")
	first, err := r.build(parse(t, sharing), m)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.engines) != 1 || len(r.engines) != 1 || len(r.pools) != 2 {
		t.Fatalf("%d engines, %d pools, want 1 and 2", len(r.engines), len(r.pools))
	}
	second, err := r.build(parse(t, strings.Replace(sharing, "127.0.0.1:2", "127.0.0.1:3", 1)), m)
	if err != nil {
		t.Fatal(err)
	}
	if first.routes[0].inspect.Engine != second.routes[0].inspect.Engine {
		t.Error("the engine was compiled again")
	}
	if len(r.engines) != 1 || len(r.pools) != 3 {
		t.Errorf("%d engines, %d pools, want 1 and 3", len(r.engines), len(r.pools))
	}
	if err := r.free(first); err != nil {
		t.Fatal(err)
	}
	if len(r.engines) != 1 || len(r.pools) != 2 {
		t.Errorf("after the first is gone: %d engines, %d pools, want 1 and 2", len(r.engines), len(r.pools))
	}
	if _, err := r.build(parse(t, strings.Replace(sharing, "{id: one}", "{id: one, thresholds: {inbound: 999}}", 1)), m); err == nil {
		t.Fatal("built, want an error")
	}
	if len(r.engines) != 1 || len(r.pools) != 2 {
		t.Errorf("after a failed build: %d engines, %d pools, want 1 and 2", len(r.engines), len(r.pools))
	}
	if err := r.free(second); err != nil {
		t.Fatal(err)
	}
	if len(r.engines)+len(r.pools) != 0 {
		t.Errorf("at the end: %d engines, %d pools, want none", len(r.engines), len(r.pools))
	}
}

// An engine that policies share has one screen, and all of them lose it.
func TestDisagreement(t *testing.T) {
	p, _ := benchProxy(t, parse(t, sharing))
	p.screenDisagreed(p.snapshot.Load().byPolicy["two"], waf.Disagreement{Panic: &waf.PanicError{}})
	counted := counters(t, p)
	if counted["screen_disagreements_total one"] != 1 || counted["screen_disagreements_total two"] != 1 || counted["screen_disagreements_total none"] != 0 {
		t.Errorf("counted %v", counted)
	}
}

func TestGone(t *testing.T) {
	before := parse(t, sharing)
	after := parse(t, strings.NewReplacer("{id: v,", "{id: w,", "[{id: v}]", "[{id: w}]", "policy: two,", "policy: one,", "{id: two,", "{id: three,", "id: a,", "id: z,").Replace(sharing))
	want := metrics.Gone{Routes: []string{"a"}, Upstreams: []string{"v"}, Policies: []string{"two"}}
	if got := gone(before, after); !reflect.DeepEqual(got, want) {
		t.Errorf("gone: %+v, want %+v", got, want)
	}
}

func TestDiff(t *testing.T) {
	before := parse(t, sharing)
	after := parse(t, strings.NewReplacer("127.0.0.1:2", "127.0.0.1:3", "id: a,", "id: z,").Replace(sharing))
	added, removed, modified := diff(before, after)
	if !slices.Equal(added, []string{"z"}) || !slices.Equal(removed, []string{"a"}) || !slices.Equal(modified, []string{"c"}) {
		t.Errorf("added %v, removed %v, modified %v", added, removed, modified)
	}
}
