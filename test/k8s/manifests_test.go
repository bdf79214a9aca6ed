package k8s

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// elsewhere are the kinds that an API server alone does not have. Where their definitions are
// installed, "kubectl apply --dry-run=server" checks them too.
var elsewhere = []string{"ServiceMonitor", "PrometheusRule", "ScaledObject"}

// gatewayAPI installs the definitions of the Gateway API, which come with the module of its types.
func (c *cluster) gatewayAPI(t *testing.T) {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		t.Fatal(err)
	}
	c.must(t, "", "apply", "--server-side", "-f", filepath.Join(strings.TrimSpace(string(dir)), "config/crd/standard"))
	c.must(t, "", "wait", "--for=condition=Established", "--timeout=60s", "crd/httproutes.gateway.networking.k8s.io")
}

// north is the production overlay with both ways in from outside.
const north = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: wafer
resources: [tree/manifests/overlays/production]
components: [tree/manifests/components/ingress, tree/manifests/components/gateway]
`

// TestOverlaysOnAnAPIServer shows each overlay to an API server, which sees what types cannot:
// validation across fields, and the pod security standard that the namespace enforces.
func TestOverlaysOnAnAPIServer(t *testing.T) {
	c := startCluster(t)
	c.gatewayAPI(t)
	overlays, err := filepath.Glob("../../manifests/overlays/*")
	if err != nil || len(overlays) < 3 {
		t.Fatal(overlays, err)
	}
	tree, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "ingress-and-gateway")
	if err := errors.Join(os.Mkdir(outside, 0o755), os.Symlink(tree, filepath.Join(outside, "tree")),
		os.WriteFile(filepath.Join(outside, "kustomization.yaml"), []byte(north), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, o := range append(overlays, outside) {
		t.Run(filepath.Base(o), func(t *testing.T) {
			var known, namespaces []string
			for doc := range strings.SplitSeq(c.must(t, "", "kustomize", o), "\n---\n") {
				switch k := kind(doc); {
				case k == "Namespace":
					namespaces = append(namespaces, doc)
				case slices.Contains(elsewhere, k):
					t.Logf("NOT TESTED: this API server does not know the kind %s", k)
				default:
					known = append(known, doc)
				}
			}
			if len(namespaces) != 1 || len(known) < 3 {
				t.Fatalf("%d namespaces, %d objects", len(namespaces), len(known))
			}
			// A dry run creates no namespace, and without one the rest is refused.
			c.must(t, namespaces[0], "apply", "-f", "-")
			// A warning is as good as an error: the security standard has no other way to speak of a
			// Deployment, nor has a field on its way out.
			out := c.must(t, strings.Join(known, "\n---\n"), "apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-")
			if n := strings.Count(out, "(server dry run)"); n != len(known) {
				t.Errorf("%d of %d objects were taken:\n%s", n, len(known), out)
			}
		})
	}
}

func kind(doc string) string {
	for line := range strings.Lines(doc) {
		if k, ok := strings.CutPrefix(line, "kind: "); ok {
			return strings.TrimSpace(k)
		}
	}
	return ""
}
