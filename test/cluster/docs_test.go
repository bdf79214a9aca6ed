package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"

	"github.com/wafer-waf/wafer/test/docs"
)

// TestDocumentedKustomization renders the kustomizations that documents show, with the tree where they say
// that it is.
func TestDocumentedKustomization(t *testing.T) {
	files, err := docs.Files(root)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	routes, err := os.ReadFile(filepath.Join(root, "manifests/overlays/production/routes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		blocks, err := docs.Blocks(root, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			if !strings.Contains(b.Text, "kind: Kustomization") {
				continue
			}
			found++
			dir := t.TempDir()
			for name, text := range map[string]string{"kustomization.yaml": b.Text, "routes.yaml": string(routes)} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(tree, filepath.Join(dir, "wafer")); err != nil {
				t.Fatal(err)
			}
			r := render(t, dir)
			d := as[apps.Deployment](t, r, "Deployment", "wafer")
			if d == nil {
				t.Fatalf("%s:%d renders no Deployment", file, b.Line)
			}
			if image := d.Spec.Template.Spec.Containers[0].Image; strings.HasSuffix(image, ":dev") {
				t.Errorf("%s:%d leaves the image %s", file, b.Line, image)
			}
		}
	}
	if found == 0 {
		t.Error("no document shows a kustomization")
	}
}
