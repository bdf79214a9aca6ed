package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// TestChart has Helm judge and render the chart of a release, and bring it from a registry that it was
// copied to.
func TestChart(t *testing.T) {
	helm, err := filepath.Abs("../../bin/tools/helm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(helm); err != nil {
		t.Skip("NOT TESTED: there is no Helm. make bin/tools/helm builds it, and so does make test")
	}
	r := small(t)
	if err := r.files(); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		c := exec.Command(helm, args...)
		c.Dir = t.TempDir()
		c.Env = append(os.Environ(), "HOME="+c.Dir)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("helm %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	packed := r.name("chart.tgz")
	run("lint", "--strict", packed)
	if out := run("template", "wafer", packed); !strings.Contains(out, "image: wafer:v1.2.3-rc.1\n") || !strings.Contains(out, "helm.sh/chart: wafer-1.2.3-rc.1\n") {
		t.Errorf("image or chart have not the release's version:\n%s", out)
	}
	readme := run("show", "readme", packed)
	if strings.Contains(readme, "](../") || !strings.Contains(readme, "/blob/v1.2.3-rc.1/docs/") {
		t.Error("links of the README lead out of the chart")
	}

	server := httptest.NewServer(registry.New())
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	push(t, r.name("chart-oci.tar"), host+"/charts/wafer:1.2.3-rc.1")
	into := t.TempDir()
	run("pull", "oci://"+host+"/charts/wafer", "--version", "1.2.3-rc.1", "--plain-http", "--destination", into)
	pulled, err := os.ReadFile(filepath.Join(into, "wafer-1.2.3-rc.1.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile(packed); err != nil || !bytes.Equal(pulled, want) {
		t.Errorf("the registry's chart is another one: %v", err)
	}
}

// push copies the only image of an OCI archive to a registry, as skopeo does.
func push(t *testing.T, archive, to string) {
	t.Helper()
	content, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for r := tar.NewReader(bytes.NewReader(content)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("%+v, %v", manifest, err)
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
}

// TestChartVersion: Helm takes Semantic Versioning alone, and a commit without a tag has none.
func TestChartVersion(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3": "1.2.3", "v1.2.3-rc.1": "1.2.3-rc.1", "v1.2.3-12-gabcdef0": "0.0.0-dev-v1.2.3-12-gabcdef0", "0123456": "0.0.0-dev-0123456",
	} {
		if have := (&release{version: version}).chartVersion(); have != want {
			t.Errorf("%s is %s, want %s", version, have, want)
		}
	}
}
