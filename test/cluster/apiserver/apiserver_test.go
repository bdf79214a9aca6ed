package apiserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// unknown are the kinds that the API server alone does not have. Where their definitions are
// installed, "kubectl apply --dry-run=server" checks them too.
var unknown = []string{"ServiceMonitor", "PrometheusRule", "HTTPRoute", "ScaledObject"}

// TestServerSideDryRun applies every overlay to an API server, without keeping anything but
// the namespaces.
func TestServerSideDryRun(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Skip("SKIPPED: no API server. KUBEBUILDER_ASSETS=FOLDER with kube-apiserver, etcd and kubectl runs this")
	}
	env := &envtest.Environment{}
	config, err := env.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := env.Stop(); err != nil {
			t.Error(err)
		}
	}()
	user, err := env.AddUser(envtest.User{Name: "tests", Groups: []string{"system:masters"}}, config)
	if err != nil {
		t.Fatal(err)
	}
	access, err := user.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, access, 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl := func(t *testing.T, stdin string, args ...string) string {
		t.Helper()
		c := exec.Command(filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), args...)
		c.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
		c.Stdin = strings.NewReader(stdin)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}

	overlays, err := filepath.Glob("../../../manifests/overlays/*")
	if err != nil || len(overlays) < 3 {
		t.Fatal(overlays, err)
	}
	for _, o := range overlays {
		t.Run(filepath.Base(o), func(t *testing.T) {
			var known, namespaces []string
			for doc := range strings.SplitSeq(kubectl(t, "", "kustomize", o), "\n---\n") {
				switch k := kind(doc); {
				case k == "Namespace":
					namespaces = append(namespaces, doc)
				case slices.Contains(unknown, k):
					t.Logf("%s: this API server does not know the kind", k)
				default:
					known = append(known, doc)
				}
			}
			if len(namespaces) != 1 || len(known) < 3 {
				t.Fatalf("%d namespaces, %d objects", len(namespaces), len(known))
			}
			// A dry run creates no namespace, and without one the rest is refused.
			kubectl(t, namespaces[0], "apply", "-f", "-")
			out := kubectl(t, strings.Join(known, "\n---\n"), "apply", "--dry-run=server", "--validate=strict", "-f", "-")
			if strings.Contains(out, "Warning") { // the standard that the namespace enforces, or a field on its way out
				t.Errorf("the API server warns:\n%s", out)
			}
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
