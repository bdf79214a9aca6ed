package cluster

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// far is where an application is whose tier is in the namespace demo.
const far namespace = "wafer-e2e-far"

// severalNamespaces has verify look behind endpoints in two namespaces, which the route file gives short names, and tell
// a Pushgateway what it found.
func severalNamespaces(t *testing.T) {
	kubectl(t, "apply", "-f", "test/cluster/testdata/far.yaml")
	t.Cleanup(func() {
		kubectl(t, "delete", "service", "-n", string(demo), "far", "--ignore-not-found")
		kubectl(t, "delete", "namespace", string(far), "--wait=false", "--ignore-not-found")
	})
	far.rollout(t, "far")
	with := func(s string) string {
		s = strings.Replace(s, "\nupstreams:\n", "\n  - { id: far, hosts: [far, far.wafer-demo.svc.cluster.local], upstreams: [{ id: far }] }\nupstreams:\n", 1)
		return strings.Replace(s, "\nupstreams:\n", "\nupstreams:\n  - { id: far, endpoints: [\"http://far-origin.wafer-e2e-far:80\"] }\n", 1)
	}
	kubectlIn(t, routes(t, with), "apply", "-f", "-")
	eventually(t, "the route to the other namespace", func() bool {
		out, err := demo.try("http://far/")
		return err == nil && strings.HasPrefix(out, "200") && all(demo.metric(t, reloadGood), "1")
	})
	demo.want(t, "http://far/"+injection, "403")

	ip := kubectl(t, "get", "pod", "-n", string(demo), "client", "-o", "jsonpath={.status.podIP}")
	group := "http://" + ip + ":8080/metrics/job/wafer-verify/namespace/" + string(demo)
	text, err := os.ReadFile(filepath.Join(root, "manifests/overlays/quickstart/routes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(file, []byte(with(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	verify := func() (string, error) {
		job := wafer(t, "k8s", "verify", "--job", "--image", "wafer:dev", "-n", string(demo), "--routes", file, "--unprotected", "legacy", "--wait", "20s", "--push", group)
		kubectlIn(t, job, "apply", "-f", "-")
		return demo.ended(t)
	}
	pushed := func(pattern string) {
		t.Helper()
		if _, body := demo.get(t, group); !regexp.MustCompile(`(?m)^` + pattern + `$`).MatchString(body) {
			t.Errorf("pushed was not %s but\n%s", pattern, body)
		}
	}
	out, err := verify()
	t.Logf("verify in two namespaces:\n%s", out)
	if err != nil {
		t.Error(err)
	}
	for _, n := range []struct {
		endpoint, label string
		namespace
	}{{"far-origin.wafer-e2e-far:80", "app=far", far}, {"shop-origin:80", "app.kubernetes.io/name=backends", demo}} {
		for _, ip := range n.pods(t, n.label) {
			if !strings.Contains(out, n.endpoint+" at "+ip+":") {
				t.Errorf("the pod %s behind %s was not tried", ip, n.endpoint)
			}
		}
	}
	pushed(`wafer_verify_checks\{result="ok"\} [1-9]\d*`)
	pushed(`wafer_verify_checks\{result="failed"\} 0`)

	kubectl(t, "delete", "networkpolicy", "-n", string(far), "far")
	if out, err = verify(); err == nil {
		t.Errorf("verify did not notice the open origin in the other namespace:\n%s", out)
	}
	pushed(`wafer_verify_checks\{result="failed"\} 3`) // the Service's address, and two pods
	kubectl(t, "apply", "-k", "manifests/overlays/quickstart")
	eventually(t, "the quickstart's routes again", func() bool {
		status, _ := demo.get(t, "http://far/")
		return status == "404"
	})
}
