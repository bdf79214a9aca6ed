package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// repository is a folder with the manifests of the application, the tier, and between the two what
// "wafer k8s protect --output kustomize" has written.
type repository struct {
	dir       string
	component map[string]any // kustomization.yaml as it was written
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{dir: t.TempDir()}
	tree, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(tree, filepath.Join(r.dir, "wafer")); err != nil {
		t.Fatal(err)
	}
	application, err := os.ReadFile(filepath.Join(root, "test/cluster/testdata/three.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r.write(t, "application.yaml", application)
	wafer(t, append([]string{"k8s", "protect", "-n", string(three), "--output", "kustomize", "--into", filepath.Join(r.dir, "waf")}, services...)...)
	text, err := os.ReadFile(filepath.Join(r.dir, "waf/kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &r.component); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *repository) write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r *repository) writeYAML(t *testing.T, name string, value any) {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	r.write(t, name, text)
}

// commit is a state of the repository: with the component or without, and in the component what has
// its turn. It is applied as Argo CD and Flux do, on the server's side and again and again: the second
// time has to change nothing.
func (r *repository) commit(t *testing.T, component bool, parts ...string) {
	t.Helper()
	top := map[string]any{
		"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
		"resources": []string{"application.yaml", "wafer/test/cluster/testdata/three-tier"},
	}
	if component {
		top["components"] = []string{"waf"}
	}
	r.writeYAML(t, "kustomization.yaml", top)
	own := map[string]any{}
	for key, value := range r.component {
		if key != "patches" || slices.Contains(parts, key) {
			own[key] = value
		}
	}
	resources := []string{"origins.yaml"}
	if slices.Contains(parts, "policies.yaml") {
		resources = append(resources, "policies.yaml")
	}
	own["resources"] = resources
	r.writeYAML(t, "waf/kustomization.yaml", own)

	manifests := kubectl(t, "kustomize", r.dir)
	versions := func() string {
		return kubectl(t, "get", "services,networkpolicies,configmaps", "-n", string(three), "-o", "jsonpath={.items[*].metadata.resourceVersion}")
	}
	apply := func() {
		kubectlIn(t, manifests, "apply", "--server-side", "--force-conflicts", "--field-manager", "kustomize-controller", "-f", "-")
	}
	apply()
	first := versions()
	apply()
	if second := versions(); second != first {
		t.Errorf("what is applied a second time changes something: %s and then %s", first, second)
	}
}

// fromRepository goes in and back by commits alone, while a client keeps asking.
func fromRepository(t *testing.T, was map[string]string) {
	r := newRepository(t)
	stop := three.keepAsking(t, "http://www/")
	r.commit(t, false)
	r.commit(t, true)
	three.wait(t)
	r.commit(t, true, "patches")
	for _, s := range services {
		three.want(t, "http://"+s+"/"+injection, "403")
	}
	t.Log("a client kept asking while a repository put the tier in front:")
	stop().unharmed(t)

	kubectl(t, "rollout", "restart", "-n", string(three), "deployment/www") // ends its connections
	three.rollout(t, "www")
	three.want(t, "http://www/", "200")
	stop = three.keepAsking(t, "http://www/")
	r.commit(t, true, "patches", "policies.yaml")
	three.status(t, "closed", "")
	if out := wafer(t, "k8s", "status", "-n", string(three)); !strings.Contains(out, "Flux") {
		t.Errorf("status does not say who applies the manifests:\n%s", out)
	}
	r.commit(t, true, "patches")
	kubectl(t, "delete", "networkpolicies", "-n", string(three), "-l", "wafer-waf.github.io/protects") // as pruning does
	r.commit(t, true)
	three.want(t, "http://www/"+injection, "200")
	kubectl(t, "rollout", "restart", "-n", string(three), "deployment/wafer") // its clients come back elsewhere
	three.rollout(t, "wafer")
	three.wait(t, "--for", "quiet")
	r.commit(t, false)
	kubectl(t, "delete", "services", "-n", string(three), "-l", "wafer-waf.github.io/protects")
	t.Log("a client kept asking while it closed the way around, and took the tier away:")
	stop().unharmed(t)
	three.unchanged(t, was)
}
