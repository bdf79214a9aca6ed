package cluster

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ingressController leads a host to the tier by the controller that WAFER_TEST_INGRESS names: its class, and where it answers.
func ingressController(t *testing.T) {
	class, address, ok := strings.Cut(os.Getenv("WAFER_TEST_INGRESS"), "=")
	if !ok {
		t.Skip("SKIPPED: no Ingress controller. make e2e E2E_INGRESS=class=host:port tries the one that the cluster has")
	}
	text, err := os.ReadFile(filepath.Join(root, "manifests/components/ingress/ingress.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	ingress := strings.NewReplacer("ingressClassName: nginx", "ingressClassName: "+class, "app.example.com", "shop.localhost").Replace(string(text))
	ingress = regexp.MustCompile(`(?s)\n  tls:.*\n  rules:`).ReplaceAllString(ingress, "\n  rules:") // it has no certificate
	kubectlIn(t, ingress, "apply", "-n", string(demo), "-f", "-")
	t.Cleanup(func() { kubectl(t, "delete", "ingress", "-n", string(demo), "wafer") })
	ask := func(want, path string, args ...string) (stop func() report) {
		t.Helper()
		return demo.keepAsking(t, append(args, "-host", "shop.localhost", "-want", want, "http://"+address+path)...)
	}
	eventually(t, "the controller leads to the tier", func() bool { return ask("200,405", "/api/products", "-count", "1")().Failed == 0 })
	ask("403", "/search"+injection, "-count", "30")().unharmed(t)
	ask("403", "/search"+script, "-count", "30")().unharmed(t)
	stop := ask("200,405", "/api/products")
	kubectl(t, "rollout", "restart", "-n", string(demo), "deployment/wafer")
	demo.rollout(t, "wafer")
	t.Log("a client kept asking through the controller while the tier was restarted:")
	stop().unharmed(t)
}
