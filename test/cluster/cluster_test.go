package cluster

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	demo   namespace = "wafer-demo"    // the quickstart
	beside namespace = "wafer-sidecar" // the overlay of that name
)

var (
	injection = "?q=" + url.QueryEscape("1' OR '1'='1' -- ")
	script    = "?q=" + url.QueryEscape("<script>alert(1)</script>")
)

// TestCluster shows on a real cluster what the manifests promise. Its parts stand in the order
// in which somebody tries them.
func TestCluster(t *testing.T) {
	needCluster(t)
	t.Logf("%s", kubectl(t, "version"))
	t.Logf("%s", kubectl(t, "get", "nodes", "-o", "wide"))
	load(t)
	// What a run that failed has left would be of other images.
	kubectl(t, "delete", "namespace", "--ignore-not-found", string(demo), string(three), string(beside), string(released), string(far), string(secure))
	kubectl(t, "apply", "-k", "manifests/overlays/quickstart")
	t.Cleanup(func() {
		if !t.Failed() {
			kubectl(t, "delete", "namespace", string(demo), "--wait=false")
		}
	})
	demo.rollout(t, "backends")
	demo.rollout(t, "wafer")
	demo.open(t)
	inOrder(t, []part{
		{"quickstart blocks", quickstartBlocks},
		{"start to ready", startToReady},
		{"a changed ConfigMap reaches all pods", changeReachesAllPods},
		{"a broken ConfigMap changes nothing", brokenChangesNothing},
		{"last good configuration", lastGood},
		{"rolling restart under load", rollingRestart},
		{"eviction under load", eviction},
		{"one of two processes killed under load", killed},
		{"endpoint discovery", endpointDiscovery},
		{"endpoint slices", endpointSlices},
		{"verify in several namespaces", severalNamespaces},
		{"autoscaling", autoscaling},
		{"an Ingress controller", ingressController},
		{"sidecar", sidecar},
		{"ports with TLS", portsWithTLS},
		{"three services", threeServices},
		{"chart", chartLives},
	})
}

// part is one of several that stand in an order.
type part struct {
	name string
	test func(*testing.T)
}

// inOrder runs parts until one fails: what follows would fail for the same reason.
func inOrder(t *testing.T, parts []part) {
	t.Helper()
	for _, p := range parts {
		if !t.Run(strings.ReplaceAll(p.name, " ", "-"), p.test) {
			return
		}
	}
}

func quickstartBlocks(t *testing.T) {
	demo.want(t, "http://shop/", "200")
	demo.want(t, "http://shop/search"+injection, "403")
	demo.want(t, "http://shop.wafer-demo.svc.cluster.local/search"+script, "403")
	demo.want(t, "http://legacy/item"+injection, "200") // it only watches
	demo.want(t, "http://wafer/", "404")                // a name that no route has
}

// startToReady reads from the pods' status how long they took. Kubernetes tells it in whole
// seconds; test/e2e has the exact figure.
func startToReady(t *testing.T) {
	for pod := range demo.pods(t, tier) {
		out := kubectl(t, "get", "pod", "-n", string(demo), pod, "-o",
			`jsonpath={.status.containerStatuses[0].state.running.startedAt} {.status.conditions[?(@.type=="Ready")].lastTransitionTime}`)
		started, ready, _ := strings.Cut(out, " ")
		from, err := time.Parse(time.RFC3339, started)
		if err != nil {
			t.Fatal(err)
		}
		to, err := time.Parse(time.RFC3339, ready)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: ready %s after its container started", pod, to.Sub(from))
		if to.Sub(from) > 30*time.Second { // nodes of tests are shared: this is not the figure, but the alarm
			t.Errorf("%s: too slow to help an autoscaler", pod)
		}
	}
}

// routes is the ConfigMap with the demo's routes, changed.
func routes(t *testing.T, change func(string) string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "manifests/overlays/quickstart/routes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	changed := change(string(text))
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata: { name: wafer-routes, namespace: " + string(demo) + " }\ndata:\n  routes.yaml: |\n")
	for line := range strings.Lines(changed) {
		b.WriteString("    " + line)
	}
	return b.String()
}

const (
	digest     = "wafer_config_info{digest="
	reloadGood = "wafer_config_last_reload_successful "
)

func changeReachesAllPods(t *testing.T) {
	before, pods := demo.metric(t, digest), demo.pods(t, tier)
	if len(before) < 2 {
		t.Fatalf("digests of %d pods", len(before))
	}
	demo.want(t, "http://legacy/item"+injection, "200")
	stop := demo.keepAsking(t, "-want", "200,405", "http://shop/api/products")
	kubectlIn(t, routes(t, func(s string) string { return strings.Replace(s, "mode: detect", "mode: block", 1) }), "apply", "-f", "-")
	var after map[string]string
	took := eventually(t, "all pods have the change", func() bool {
		after = demo.metric(t, digest)
		for pod := range pods {
			if after[pod] == before[pod] || after[pod] == "" {
				return false
			}
		}
		return true
	})
	t.Logf("all %d pods had the change after %.0f s, without a restart", len(pods), took.Seconds())
	first := ""
	for pod, d := range after {
		if _, old := pods[pod]; !old {
			t.Errorf("pod %s is new: the change was a rollout", pod)
		}
		if first == "" {
			first = d
		}
		if d != first {
			t.Errorf("pods disagree: %v", after)
		}
	}
	demo.want(t, "http://legacy/item"+injection, "403")
	stop().unharmed(t)
}

func brokenChangesNothing(t *testing.T) {
	before := demo.metric(t, digest)
	kubectlIn(t, routes(t, func(s string) string { return strings.Replace(s, "policy: shop", "policy: shopp", 1) }), "apply", "-f", "-")
	took := eventually(t, "the alert's metric on all pods", func() bool { return all(demo.metric(t, reloadGood), "0") })
	t.Logf("after %.0f s %s was 0 on all pods, which is what the alert WaferReloadFailed watches", took.Seconds(), strings.TrimSpace(reloadGood))
	if after := demo.metric(t, digest); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the configuration in force changed:\n%v\n%v", before, after)
	}
	demo.want(t, "http://shop/", "200")
	demo.want(t, "http://shop/search"+injection, "403")
	for pod := range demo.pods(t, tier) {
		if ready := kubectl(t, "get", "pod", "-n", string(demo), pod, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`); ready != "True" {
			t.Errorf("%s is not ready any more", pod)
		}
		log := kubectl(t, "logs", "-n", string(demo), pod, "--tail=200")
		if !strings.Contains(log, `no policy \"shopp\": did you mean \"shop\"?`) {
			t.Errorf("the log of %s does not say what is wrong", pod)
		}
	}
	kubectlIn(t, routes(t, func(s string) string { return s }), "apply", "-f", "-")
	eventually(t, "the repaired configuration on all pods", func() bool { return all(demo.metric(t, reloadGood), "1") })
}

func rollingRestart(t *testing.T) {
	before := demo.pods(t, tier)
	stop := demo.keepAsking(t, "-want", "200,405", "http://shop/api/products")
	kubectl(t, "rollout", "restart", "-n", string(demo), "deployment/wafer")
	demo.rollout(t, "wafer")
	eventually(t, "the old pods are gone", func() bool {
		left := kubectl(t, "get", "pods", "-n", string(demo), "-l", tier, "-o", `jsonpath={.items[*].metadata.name}`)
		for pod := range before {
			if strings.Contains(left, pod) {
				return false
			}
		}
		return true
	})
	stop().unharmed(t)
}

func evict(pod string) error {
	_, err := run(fmt.Sprintf(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":%q,"namespace":%q}}`, pod, demo),
		"kubectl", "create", "--raw", "/api/v1/namespaces/"+string(demo)+"/pods/"+pod+"/eviction", "-f", "-")
	return err
}

func eviction(t *testing.T) {
	var names []string
	for pod := range demo.pods(t, tier) {
		names = append(names, pod)
	}
	stop := demo.keepAsking(t, "-want", "200,405", "http://shop/api/products")
	if err := evict(names[0]); err != nil {
		t.Error(err)
	}
	if err := evict(names[1]); err == nil {
		t.Error("the disruption budget let both pods go")
	}
	eventually(t, "the evicted pod is replaced", func() bool {
		left := kubectl(t, "get", "pods", "-n", string(demo), "-l", tier, "-o", `jsonpath={.items[*].metadata.name}`)
		return !strings.Contains(left, names[0]) && len(demo.pods(t, tier)) == 2
	})
	demo.rollout(t, "wafer")
	stop().unharmed(t)
}

func replicas(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(kubectl(t, "get", "deployment", "-n", string(demo), "wafer", "-o", "jsonpath={.status.readyReplicas}"))
	if err != nil {
		return 0 // none is ready
	}
	return n
}

func autoscaling(t *testing.T) {
	kubectl(t, "apply", "-k", "test/cluster/testdata/autoscale")
	demo.rollout(t, "wafer")
	eventually(t, "the autoscaler knows the CPU", func() bool {
		return kubectl(t, "get", "hpa", "-n", string(demo), "wafer", "-o", "jsonpath={.status.currentMetrics[0].resource.current.averageUtilization}") != ""
	})
	eventually(t, "two pods at rest", func() bool { return replicas(t) == 2 })
	stop := demo.keepAsking(t, "-clients", "16", "-pause", "5ms", "-want", "200,405", "http://shop/api/products?q=two+mugs&page=1")
	up := eventually(t, "the autoscaler adds pods", func() bool { return replicas(t) > 2 })
	t.Logf("%d pods were ready %.0f s after the load began", replicas(t), up.Seconds())
	r := stop()
	down := eventually(t, "the autoscaler takes them away again", func() bool { return replicas(t) == 2 })
	t.Logf("2 pods again %.0f s after it ended", down.Seconds())
	r.unharmed(t)
}

// endpointDiscovery has the tier look behind a headless Service, and adds a pod there.
func endpointDiscovery(t *testing.T) {
	kubectlIn(t, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"shop-pods","namespace":"wafer-demo"},"spec":{"clusterIP":"None",
"selector":{"app.kubernetes.io/name":"backends"},"ports":[{"name":"shop","port":8081,"targetPort":"shop"}]}}`, "apply", "-f", "-")
	before := demo.metric(t, digest)
	kubectlIn(t, routes(t, func(s string) string {
		return strings.Replace(s, `["http://shop-origin:80"]`, `["http://shop-pods:8081"]`+"\n    discovery: dns", 1)
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
	// asked are the endpoints that the tier has named in its latest access events.
	asked := func() map[string]bool {
		for range 10 {
			demo.want(t, "http://shop/about", "200")
		}
		found := map[string]bool{}
		for pod := range demo.pods(t, tier) {
			for line := range strings.Lines(kubectl(t, "logs", "-n", string(demo), pod, "--tail=20")) {
				if _, rest, ok := strings.Cut(line, `"endpoint":"`); ok {
					endpoint, _, _ := strings.Cut(rest, `"`)
					found[endpoint] = true
				}
			}
		}
		return found
	}
	reached := func() bool {
		have := asked()
		for _, ip := range demo.pods(t, "app.kubernetes.io/name=backends") {
			if !have[ip+":8081"] {
				return false
			}
		}
		return true
	}
	eventually(t, "both applications are asked by their own address", reached)
	kubectl(t, "scale", "-n", string(demo), "deployment/backends", "--replicas=3")
	demo.rollout(t, "backends")
	took := eventually(t, "the third one is asked too", reached)
	t.Logf("a pod that was added got requests %.0f s after it was ready", took.Seconds())
	kubectl(t, "apply", "-k", "manifests/overlays/quickstart")
	demo.rollout(t, "backends")
}

// sidecar is the same binary beside the applicatiobeside.
func sidecar(t *testing.T) {
	kubectl(t, "apply", "-k", "manifests/overlays/sidecar")
	t.Cleanup(func() { kubectl(t, "delete", "namespace", string(beside), "--wait=false") })
	beside.rollout(t, "shop")
	beside.open(t)
	beside.want(t, "http://shop/", "200")
	beside.want(t, "http://shop/search"+injection, "403")
	stop := beside.keepAsking(t, "-want", "200,405", "http://shop/api/products")
	before := beside.pods(t, "app.kubernetes.io/name=shop")
	kubectl(t, "rollout", "restart", "-n", string(beside), "deployment/shop")
	beside.rollout(t, "shop")
	eventually(t, "the old pods are gone", func() bool {
		left := kubectl(t, "get", "pods", "-n", string(beside), "-o", `jsonpath={.items[*].metadata.name}`)
		for pod := range before {
			if strings.Contains(left, pod) {
				return false
			}
		}
		return true
	})
	stop().unharmed(t)
}
