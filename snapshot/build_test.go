package snapshot

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/waf"
)

func parse(t testing.TB, yaml string) *config.Routes {
	t.Helper()
	c, err := config.ParseRoutes("routes.yaml", []byte(yaml), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newTestBuilder binds nothing to routes and proves nothing.
func newTestBuilder() *Builder[*Route] {
	return NewBuilder(waf.NewCompiler(), func(r *Route) *Route { return r }, func(*inspect.Policy) ([]Stopped, error) { return nil, nil })
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
	r := newTestBuilder()
	m := metrics.New(prometheus.NewRegistry(), "", "", "")
	first, err := r.Build(parse(t, sharing), m)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.engines) != 1 || len(r.engines) != 1 || len(r.pools) != 2 {
		t.Fatalf("%d engines, %d pools, want 1 and 2", len(r.engines), len(r.pools))
	}
	second, err := r.Build(parse(t, strings.Replace(sharing, "127.0.0.1:2", "127.0.0.1:3", 1)), m)
	if err != nil {
		t.Fatal(err)
	}
	if first.routes[0].Inspect.Engine != second.routes[0].Inspect.Engine {
		t.Error("the engine was compiled again")
	}
	if len(r.engines) != 1 || len(r.pools) != 3 {
		t.Errorf("%d engines, %d pools, want 1 and 3", len(r.engines), len(r.pools))
	}
	if err := r.Free(first); err != nil {
		t.Fatal(err)
	}
	if len(r.engines) != 1 || len(r.pools) != 2 {
		t.Errorf("after the first is gone: %d engines, %d pools, want 1 and 2", len(r.engines), len(r.pools))
	}
	r.prove = func(*inspect.Policy) ([]Stopped, error) { return nil, errors.New("not blocked") }
	if _, err := r.Build(parse(t, strings.Replace(sharing, "{id: one}", "{id: one, thresholds: {inbound: 999}}", 1)), m); err == nil {
		t.Fatal("built, want an error")
	}
	if len(r.engines) != 1 || len(r.pools) != 2 {
		t.Errorf("after a failed build: %d engines, %d pools, want 1 and 2", len(r.engines), len(r.pools))
	}
	if err := r.Free(second); err != nil {
		t.Fatal(err)
	}
	if len(r.engines)+len(r.pools) != 0 {
		t.Errorf("at the end: %d engines, %d pools, want none", len(r.engines), len(r.pools))
	}
}

// An engine that policies share has one screen, and all of them lose it.
func TestDisagreement(t *testing.T) {
	registry := prometheus.NewRegistry()
	var log bytes.Buffer
	k := NewKeeper(Options[*Route]{
		Source: config.FixedSource(parse(t, sharing)), Builder: newTestBuilder(), Metrics: metrics.New(registry, "", "", ""), Log: zerolog.New(&log),
	})
	if err := k.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.screenDisagreed(k.InForce().byPolicy["two"], waf.Disagreement{Panic: &waf.PanicError{}})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var policies []string
	for _, f := range families {
		if f.GetName() == "wafer_screen_disagreements_total" {
			for _, m := range f.GetMetric() {
				policies = append(policies, m.GetLabel()[0].GetValue())
			}
		}
	}
	if !slices.Equal(policies, []string{"one", "two"}) || !strings.Contains(log.String(), `"policy":"one, two"`) {
		t.Errorf("counted for %q, logged %s", policies, log.String())
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

func TestGoneRules(t *testing.T) {
	const policy = "access: [{id: shop, rules: [{id: no, then: deny}, {id: yes, then: allow}], limits: [{id: l, rate: 1/s}], bans: [{id: b, statuses: [404], count: 3}]}, {id: old}]\n"
	before := parse(t, sharing+policy)
	after := parse(t, sharing+strings.NewReplacer("{id: no,", "{id: none,", "{id: l,", "{id: m,", "{id: b,", "{id: yes-too,", ", {id: old}", "").Replace(policy))
	want := metrics.Gone{Access: []string{"old"}, Rules: []metrics.AccessRule{{Policy: "shop", ID: "no"}, {Policy: "shop", ID: "l"}, {Policy: "shop", ID: "b"}}}
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
