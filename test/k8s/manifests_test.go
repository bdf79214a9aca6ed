package k8s

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// elsewhere are the kinds that an API server alone does not have. Where their definitions are
// installed, "kubectl apply --dry-run=server" checks them too.
var elsewhere = []string{"ServiceMonitor", "PrometheusRule", "HTTPRoute", "ScaledObject"}

// TestOverlaysOnAnAPIServer shows each overlay to an API server, which sees what types cannot:
// validation across fields, and the pod security standard that the namespace enforces.
func TestOverlaysOnAnAPIServer(t *testing.T) {
	c := startCluster(t)
	overlays, err := filepath.Glob("../../manifests/overlays/*")
	if err != nil || len(overlays) < 3 {
		t.Fatal(overlays, err)
	}
	for _, o := range overlays {
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
