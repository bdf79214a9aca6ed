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

// combined are further kustomizations: production with both ways in from outside, and KEDA in the autoscaler's place.
var combined = map[string]string{
	"ingress-and-gateway": `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: wafer
resources: [tree/manifests/overlays/production]
components: [tree/manifests/components/ingress, tree/manifests/components/gateway]
`,
	"keda": `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: wafer
resources: [namespace.yaml, tree/manifests/base]
components: [tree/manifests/components/monitoring, tree/manifests/components/keda, tree/manifests/components/tls, tree/manifests/components/events]
`,
}

// restricted is a namespace that enforces the strictest pod security standard.
const restricted = `apiVersion: v1
kind: Namespace
metadata:
  name: wafer
  labels: { pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/warn: restricted }
`

// TestOverlaysOnAnAPIServer shows each overlay to an API server, which sees what types cannot:
// validation across fields, and the pod security standard that the namespace enforces.
func TestOverlaysOnAnAPIServer(t *testing.T) {
	c := startCluster(t)
	c.gatewayAPI(t)
	lacks := c.extend(t)
	overlays, err := filepath.Glob("../../manifests/overlays/*")
	if err != nil || len(overlays) < 3 {
		t.Fatal(overlays, err)
	}
	tree, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range combined {
		dir := filepath.Join(t.TempDir(), name)
		if err := errors.Join(os.Mkdir(dir, 0o755), os.Symlink(tree, filepath.Join(dir, "tree")),
			os.WriteFile(filepath.Join(dir, "namespace.yaml"), []byte(restricted), 0o600),
			os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		overlays = append(overlays, dir)
	}
	for _, o := range overlays {
		t.Run(filepath.Base(o), func(t *testing.T) {
			docs := known(c.must(t, "", "kustomize", o), lacks)
			var namespaces []string
			docs = slices.DeleteFunc(docs, func(doc string) bool {
				is := kind(doc) == "Namespace"
				if is {
					namespaces = append(namespaces, doc)
				}
				return is
			})
			if len(namespaces) != 1 || len(docs) < 3 {
				t.Fatalf("%d namespaces, %d objects", len(namespaces), len(docs))
			}
			// A dry run creates no namespace, and without one the rest is refused.
			c.must(t, namespaces[0], "apply", "-f", "-")
			// A warning is as good as an error: the security standard has no other way to speak of a
			// Deployment, nor has a field on its way out.
			out := c.must(t, strings.Join(docs, "\n---\n"), "apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-")
			if n := strings.Count(out, "(server dry run)"); n != len(docs) {
				t.Errorf("%d of %d objects were taken:\n%s", n, len(docs), out)
			}
		})
	}
}
