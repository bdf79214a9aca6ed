package k8s

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	chart  = "../../charts/wafer"
	values = "../cluster/testdata/chart" // files of values
)

// helm runs the pinned Helm against the API server.
func (c *cluster) helm(ctx context.Context, args ...string) (string, error) {
	h := exec.CommandContext(ctx, "../../bin/tools/helm", args...)
	h.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig)
	out, err := h.CombinedOutput()
	return string(out), err
}

func (c *cluster) mustHelm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.helm(t.Context(), args...)
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// startWithHelm starts an API server, with namespaces that enforce the strictest pod security standard.
func startWithHelm(t *testing.T, namespaces ...string) *cluster {
	t.Helper()
	if _, err := os.Stat("../../bin/tools/helm"); err != nil {
		t.Skip("NOT TESTED: there is no Helm. make bin/tools/helm builds it, and so does make test")
	}
	c := startCluster(t)
	for _, ns := range namespaces {
		c.must(t, "", "create", "namespace", ns)
		c.must(t, "", "label", "namespace", ns, "pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted")
	}
	return c
}

// TestChartOnAnAPIServer shows what the chart makes of each file of values to an API server.
func TestChartOnAnAPIServer(t *testing.T) {
	c := startWithHelm(t, "wafer", "accounts")
	c.gatewayAPI(t)
	lacks := c.extend(t)
	var files []string
	for _, pattern := range []string{"components/*.yaml", "accepted/*.yaml", "production.yaml"} {
		found, err := filepath.Glob(filepath.Join(values, pattern))
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			args := []string{"template", "wafer", chart, "-n", "wafer", "-f", file}
			if strings.Contains(file, "autoscale-requests") {
				args = append(args, "--set", "autoscaling.enabled=true")
			}
			docs := known(c.mustHelm(t, args...), lacks)
			out := c.must(t, strings.Join(docs, "\n---\n"), "apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-")
			if n := strings.Count(out, "(server dry run)"); n != len(docs) || n < 6 {
				t.Errorf("%d of %d objects were taken:\n%s", n, len(docs), out)
			}
		})
	}
}

// TestChartLives installs, upgrades, rolls back and removes releases.
func TestChartLives(t *testing.T) {
	c := startWithHelm(t, "shop")
	// A tier that kustomize has made becomes a release. Its selector is the release's, or this would fail.
	c.must(t, c.must(t, "", "kustomize", "../../manifests/base"), "apply", "-n", "shop", "-f", "-")
	if out, err := c.helm(t.Context(), "install", "wafer", chart, "-n", "shop"); err == nil {
		t.Errorf("a release takes over objects without being asked to:\n%s", out)
	}
	for _, r := range []struct {
		name, objects     string
		install, rollback []string
	}{
		{"wafer", "wafer", []string{"--take-ownership", "--server-side=false"}, nil},
		// The number of pods that is gone back to is not the one that the autoscaler has set.
		{"edge", "edge-wafer", nil, []string{"--force-conflicts"}},
	} {
		t.Run(r.name, func(t *testing.T) { c.live(t, r.name, r.objects, r.install, r.rollback) })
	}
	c.mustHelm(t, "uninstall", "wafer", "-n", "shop")
	left := strings.Fields(c.must(t, "", "get", "deployment,service,configmap,serviceaccount,pdb,hpa,role,rolebinding", "-n", "shop", "-o", "name"))
	for _, name := range left {
		if strings.Contains(name, "/wafer") && !strings.Contains(name, "wafer-boot-") { // kustomize's own
			t.Errorf("%s is left", name)
		}
	}
	if !slices.Contains(left, "deployment.apps/edge-wafer") {
		t.Errorf("the other release is gone: %v", left)
	}
}

// live is what becomes of a release with the time.
func (c *cluster) live(t *testing.T, release, objects string, install, rollback []string) {
	get := func(path string) string {
		t.Helper()
		return c.must(t, "", "get", "deployment", "-n", "shop", objects, "-o", "jsonpath={"+path+"}")
	}
	upgrade := func(set string, args ...string) {
		t.Helper()
		c.mustHelm(t, append([]string{"upgrade", release, chart, "-n", "shop", "--reset-then-reuse-values", "--set", set}, args...)...)
	}
	replicas := func(want, when string) {
		t.Helper()
		if have := get(".spec.replicas"); have != want {
			t.Errorf("%s there are %s replicas, want %s", when, have, want)
		}
	}
	c.mustHelm(t, append([]string{"install", release, chart, "-n", "shop", "--set", "replicas=5"}, install...)...)
	replicas("5", "at first")
	template := get(".spec.template")
	upgrade("labels.team=security", "--set-file", "routes.text=../../manifests/overlays/quickstart/routes.yaml")
	if now := get(".spec.template"); now != template {
		t.Errorf("other labels and routes are a rollout:\n%s\n%s", template, now)
	}
	if !strings.Contains(c.must(t, "", "get", "configmap", "-n", "shop", objects+"-routes", "-o", "yaml"), "http://shop-origin:80") {
		t.Error("the routes are not there")
	}
	// What kubectl has applied since is not overwritten by chance.
	if len(install) == 0 {
		c.must(t, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"`+objects+`-routes","namespace":"shop"},"data":{"routes.yaml":"routes: []"}}`,
			"apply", "--server-side", "--force-conflicts", "-f", "-")
		if out, err := c.helm(t.Context(), "upgrade", release, chart, "-n", "shop", "--reset-then-reuse-values"); err == nil {
			t.Errorf("the upgrade overwrote routes of kubectl:\n%s", out)
		}
		upgrade("labels.team=security", "--force-conflicts")
	}
	upgrade("boot.log.level=debug,podLabels.team=security")
	if get(".spec.template") == template {
		t.Error("other boot settings are no rollout")
	}
	upgrade("autoscaling.enabled=true")
	replicas("5", "when an autoscaler is turned on")
	c.must(t, "", "scale", "-n", "shop", "deployment/"+objects, "--replicas=7") // as the autoscaler does it
	upgrade("boot.log.level=info")
	replicas("7", "after an upgrade with an autoscaler")
	c.mustHelm(t, append([]string{"rollback", release, "1", "-n", "shop"}, rollback...)...)
	if now := get(".spec.template"); now != template {
		t.Errorf("the way back leads to\n%s\nnot\n%s", now, template)
	}
}
