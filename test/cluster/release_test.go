package cluster

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// released is where the chart is installed.
const released namespace = "wafer-e2e-chart"

// chartLives installs the chart in front of the quickstart's applications, changes it under load, and has
// "helm test" say whether anything leads around it.
func chartLives(t *testing.T) {
	kubectlIn(t, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"`+string(released)+`","labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`, "apply", "-f", "-")
	t.Cleanup(func() {
		if !t.Failed() {
			kubectl(t, "delete", "namespace", string(released), "--wait=false")
		}
	})
	for _, file := range []string{"backends", "services"} {
		text, err := os.ReadFile(filepath.Join(root, "manifests/overlays/quickstart", file+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		kubectlIn(t, strings.ReplaceAll(string(text), "image: wafer\n", "image: wafer:dev\n"), "apply", "-n", string(released), "-f", "-")
	}
	routes := func(change func(string) string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(root, "manifests/overlays/quickstart/routes.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "routes.yaml")
		if err := os.WriteFile(file, []byte(change(strings.NewReplacer("wafer-demo", string(released), "-origin:80", "-origin."+string(released)+".svc:80").Replace(string(text)))), 0o600); err != nil {
			t.Fatal(err)
		}
		return "routes.text=" + file
	}
	released.helm(t, "install", chart, "--set-file", routes(func(s string) string { return s }),
		"--set", "resources.requests.cpu=100m,networkPolicy.enabled=true,verify.unprotected={legacy},verify.args={--wait,1m}", "--wait", "--timeout", "3m")
	released.rollout(t, "backends")
	released.open(t)
	released.want(t, "http://shop/", "200")
	released.want(t, "http://shop/search"+injection, "403")
	released.want(t, "http://legacy/item"+injection, "200") // it only watches
	tested := released.helm(t, "test", "", "--logs")
	t.Logf("helm test:\n%s", tested)
	if n := strings.Count(tested, "  around  "); n < 6 {
		t.Errorf("helm test tried %d ways around: there are two Services and, behind each, two pods", n)
	}

	// Other routes are no rollout.
	before := released.pods(t, tier)
	stop := released.keepAsking(t, "-want", "200,405", "http://shop/api/products")
	released.helm(t, "upgrade", chart, "--reset-then-reuse-values",
		"--set-file", routes(func(s string) string { return strings.Replace(s, "mode: detect", "mode: block", 1) }))
	took := eventually(t, "the routes on all pods", func() bool {
		status, _ := released.get(t, "http://legacy/item"+injection)
		return status == "403" && all(released.metric(t, reloadGood), "1")
	})
	t.Logf("routes of an upgrade were there after %.0f s", took.Seconds())
	if after := released.pods(t, tier); !maps.Equal(before, after) {
		t.Errorf("other routes changed the pods: %v, %v", before, after)
	}
	// Other boot settings are one, without a request that fails.
	released.helm(t, "upgrade", chart, "--reset-then-reuse-values", "--set", "boot.log.access=off", "--wait", "--timeout", "3m")
	released.rollout(t, "wafer")
	for pod := range released.pods(t, tier) {
		if _, old := before[pod]; old {
			t.Errorf("%s still has the old boot settings", pod)
		}
	}
	stop().unharmed(t)
	t.Logf("helm test:\n%s", released.helm(t, "test", "", "--logs"))

	// A policy is gone, and the test notices.
	kubectl(t, "delete", "networkpolicy", "-n", string(released), "-l", "!app.kubernetes.io/managed-by")
	if out, err := helm(t, "test", "wafer", "-n", string(released), "--logs"); err == nil {
		t.Errorf("helm test did not notice the open origin:\n%s", out)
	}
	released.helm(t, "uninstall", "", "--wait")
}

// helm runs a command about the release "wafer", which has to succeed.
func (n namespace) helm(t *testing.T, verb, chart string, args ...string) string {
	t.Helper()
	all := []string{verb, "wafer"}
	if chart != "" {
		all = append(all, chart)
	}
	out, err := helm(t, append(append(all, "-n", string(n)), args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
