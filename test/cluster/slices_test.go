package cluster

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// endpointSlices has the tier watch the pods behind a Service, and replaces all of them while clients ask.
func endpointSlices(t *testing.T) {
	kubectl(t, "apply", "-k", "test/cluster/testdata/slices")
	t.Cleanup(func() { kubectl(t, "apply", "-k", "manifests/overlays/quickstart") })
	demo.rollout(t, "wafer")
	before := demo.metric(t, digest)
	kubectlIn(t, routes(t, func(s string) string {
		return strings.Replace(s, `endpoints: ["http://shop-origin:80"]`, "service: wafer-demo/shop-origin:http", 1)
	}), "apply", "-f", "-")
	eventually(t, "all pods have the change", func() bool {
		after := demo.metric(t, digest)
		for pod := range before {
			if after[pod] == before[pod] {
				return false
			}
		}
		return len(after) > 0
	})
	took := eventually(t, "all pods know both applications", func() bool { return demo.knows(t, demo.applications(t)) })
	t.Logf("after %.1f s", took.Seconds())

	generation := demo.metric(t, "wafer_config_generation")
	stop := demo.keepAsking(t, "-want", "200,405", "http://shop/api/products")
	kubectl(t, "rollout", "restart", "-n", string(demo), "deployment/backends")
	demo.rollout(t, "backends")
	took = eventually(t, "all pods know the new applications and no others", func() bool { return demo.knows(t, demo.applications(t)) })
	t.Logf("%.1f s after the last one was ready", took.Seconds())
	stop().unharmed(t)
	for pod, is := range demo.metric(t, "wafer_config_generation") {
		if is != generation[pod] {
			t.Errorf("%s has reloaded: %s, was %s", pod, is, generation[pod])
		}
	}

	kubectl(t, "scale", "-n", string(demo), "deployment/backends", "--replicas=0")
	demo.want(t, "http://shop/", "503")
	kubectl(t, "scale", "-n", string(demo), "deployment/backends", "--replicas=2")
	demo.want(t, "http://shop/", "200")
	demo.rollout(t, "backends")
}

// applications are the addresses of the pods that take requests of the shop.
func (n namespace) applications(t *testing.T) (all []string) {
	t.Helper()
	for _, ip := range n.pods(t, "app.kubernetes.io/name=backends") {
		all = append(all, ip+":8081")
	}
	slices.Sort(all)
	return all
}

// knows reports whether all pods of the tier have these endpoints of the shop, all of them up.
func (n namespace) knows(t *testing.T, want []string) bool {
	t.Helper()
	for _, ip := range n.pods(t, tier) {
		_, text := n.get(t, "http://"+ip+":9090/api/v1/upstreams")
		var all []struct {
			ID        string
			Endpoints []struct{ Address, State string }
		}
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		for _, u := range all {
			var have []string
			for _, e := range u.Endpoints {
				if e.State == "up" {
					have = append(have, e.Address)
				}
			}
			if slices.Sort(have); u.ID == "shop" && !slices.Equal(have, want) {
				return false
			}
		}
	}
	return true
}
