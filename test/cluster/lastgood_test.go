package cluster

import (
	"os"
	"strings"
	"testing"
)

// condition is what pods say about their configuration in "kubectl describe pod".
const condition = `jsonpath={.status.conditions[?(@.type=="wafer-waf.github.io/ConfigurationInForce")].reason}`

// says reports whether each pod of the tier has the condition for the reason, or one of several.
func (n namespace) says(t *testing.T, reasons ...string) bool {
	t.Helper()
	pods := n.pods(t, tier)
	for pod := range pods {
		is := kubectl(t, "get", "pod", "-n", string(n), pod, "-o", condition)
		if is == "" || !strings.Contains(strings.Join(reasons, " "), is) {
			return false
		}
	}
	return len(pods) > 0
}

// lastGood breaks the ConfigMap and then loses pods, one way after the other. Those that come after
// serve what was good before, are ready, and say so where kubectl shows it.
func lastGood(t *testing.T) {
	kubectl(t, "apply", "-k", "test/cluster/testdata/events")
	t.Cleanup(func() { kubectl(t, "apply", "-k", "manifests/overlays/quickstart") })
	demo.rollout(t, "wafer")
	eventually(t, "the pods say that their configuration is in force", func() bool { return demo.says(t, "ConfigurationInForce") })

	kubectlIn(t, routes(t, func(s string) string { return strings.Replace(s, "policy: shop", "policy: shopp", 1) }), "apply", "-f", "-")
	took := eventually(t, "the pods say that they refuse it", func() bool { return demo.says(t, "ConfigurationRefused") })
	t.Logf("after %.0f s both pods said so to Kubernetes", took.Seconds())
	event := kubectl(t, "get", "events", "-n", string(demo), "--field-selector", "reason=ConfigurationRefused", "-o", `jsonpath={.items[0].type} {.items[0].involvedObject.kind}: {.items[0].message}`)
	t.Logf("an event: %s", event)
	if !strings.Contains(event, `did you mean "shop"`) {
		t.Errorf("the event does not say what is wrong")
	}

	before := demo.pods(t, tier)
	stop := demo.keepAsking(t, "-want", "200,405", "http://shop/api/products")
	kubectl(t, "rollout", "restart", "-n", string(demo), "deployment/wafer")
	demo.rollout(t, "wafer")
	eventually(t, "no pod from before is left", func() bool {
		for pod := range demo.pods(t, tier) {
			if _, old := before[pod]; old {
				return false
			}
		}
		return true
	})
	t.Log("a client kept asking while all pods were replaced by pods that find a broken route file:")
	stop().unharmed(t)
	eventually(t, "the new pods say that they serve the last good configuration", func() bool { return demo.says(t, "LastGoodConfiguration") })
	demo.want(t, "http://shop/", "200")
	demo.want(t, "http://shop/search"+injection, "403")

	back := demo.back(t)
	for pod := range demo.pods(t, tier) {
		demo.kill(t, pod)
	}
	eventually(t, "both containers are back, with nobody to ask", back)
	demo.want(t, "http://shop/", "200")
	demo.want(t, "http://shop/search"+injection, "403")

	kubectlIn(t, routes(t, func(s string) string { return s }), "apply", "-f", "-")
	eventually(t, "the repaired configuration is in force", func() bool { return demo.says(t, "ConfigurationInForce") })
	demo.want(t, "http://shop/search"+injection, "403")
}

// back returns what reports whether a container has been started again since, and all are ready.
func (n namespace) back(t *testing.T) func() bool {
	t.Helper()
	restarts := func() string {
		return kubectl(t, "get", "pods", "-n", string(n), "-l", tier, "-o", "jsonpath={.items[*].status.containerStatuses[0].restartCount}")
	}
	before := restarts()
	return func() bool {
		return (os.Getenv("WAFER_TEST_KILL") == "" || restarts() != before) && replicas(t) == 2
	}
}

// kill ends a pod's container as the kernel would, with the command in WAFER_TEST_KILL and the container's
// id. Without one nothing is killed: no API of Kubernetes ends a process without asking it first.
func (n namespace) kill(t *testing.T, pod string) bool {
	t.Helper()
	command := strings.Fields(os.Getenv("WAFER_TEST_KILL"))
	if len(command) == 0 {
		t.Log("NOT TESTED: WAFER_TEST_KILL is not set, so no container was killed")
		return false
	}
	_, id, _ := strings.Cut(kubectl(t, "get", "pod", "-n", string(n), pod, "-o", "jsonpath={.status.containerStatuses[0].containerID}"), "://")
	if _, err := run("", command[0], append(command[1:], id)...); err != nil {
		t.Fatal(err)
	}
	return true
}

// killed counts what the end of one of two pods costs that nobody announced.
func killed(t *testing.T) {
	demo.rollout(t, "wafer")
	stop := demo.keepAsking(t, "-want", "200,405", "http://shop/api/products")
	eventually(t, "requests come", func() bool {
		for _, n := range demo.metric(t, `wafer_requests_total{`) {
			if n != "" {
				return true
			}
		}
		return false
	})
	back := demo.back(t)
	for pod := range demo.pods(t, tier) {
		if !demo.kill(t, pod) {
			stop()
			return
		}
		break
	}
	took := eventually(t, "two pods are ready again", back)
	r := stop()
	t.Logf("%s; the container was back after %.0f s", r, took.Seconds())
	for _, e := range r.Errors {
		t.Log(e)
	}
	// Each of the eight clients may have had a request on its way, or a connection that it kept. New connections
	// wait for the container that comes back.
	if r.Failed > 8 {
		t.Errorf("%d requests failed, more than were on their way", r.Failed)
	}
	demo.keepAsking(t, "-count", "50", "-want", "200,405", "http://shop/api/products")().unharmed(t)
}
