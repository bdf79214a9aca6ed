package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestProtectKustomize writes the component of testdata/kustomize, which the tests of the manifests render.
func TestProtectKustomize(t *testing.T) {
	const dir = "testdata/kustomize"
	got := t.TempDir()
	_, errs, err := run(t, "", "k8s", "protect", "-f", dir+"/app.yaml", "-n", "shop", "--routes", dir+"/tier-routes.yaml", "--leave-port", "old",
		"--output", "kustomize", "--into", got)
	if err != nil {
		t.Fatal(err, errs)
	}
	files, err := filepath.Glob(got + "/*")
	if err != nil || len(files) != 5 {
		t.Fatalf("wrote %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, filepath.Join(dir, "component", filepath.Base(file)), string(text))
	}
	merged, _, err := run(t, "", "k8s", "protect", "-f", dir+"/app.yaml", "-n", "shop", "--routes", dir+"/tier-routes.yaml", "--leave-port", "old", "--output", "merged-routes")
	if err != nil {
		t.Fatal(err)
	}
	compare(t, dir+"/component/routes.yaml", merged)
	if _, _, err := run(t, "", "k8s", "protect", "-f", dir+"/app.yaml", "--leave-port", "old", "--output", "merged-routes"); err == nil {
		t.Error("merged with a route file that nobody gave")
	}
}
