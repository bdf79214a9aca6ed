package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// build makes a static program for a platform: this very command.
func build(t *testing.T, arch string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "wafer")
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, ".")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// unpack lays an archive out in a folder.
func unpack(t *testing.T, archive string) layout.Path {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	folder := t.TempDir()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return layout.Path(folder)
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestImage(t *testing.T) {
	binary := build(t, "amd64")
	write := func() (archive, sbom string) {
		dir := t.TempDir()
		archive, sbom = filepath.Join(dir, "wafer.tar"), filepath.Join(dir, "wafer.cdx.json")
		if err := run(archive, sbom, "wafer:test", "1.2.3+x", []string{binary}); err != nil {
			t.Fatal(err)
		}
		return archive, sbom
	}
	archive, sbom := write()
	again, sbomAgain := write()
	for _, pair := range [][2]string{{archive, again}, {sbom, sbomAgain}} {
		a, _ := os.ReadFile(pair[0])
		b, _ := os.ReadFile(pair[1])
		if len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s is not the same twice", filepath.Base(pair[0]))
		}
	}

	index, err := unpack(t, archive).ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatal(manifest, err)
	}
	if name := manifest.Manifests[0].Annotations["io.containerd.image.name"]; name != "docker.io/library/wafer:test" {
		t.Errorf("named %q", name)
	}
	img, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Config; c.User != nobody || len(c.Entrypoint) != 1 || c.Entrypoint[0] != "/wafer" {
		t.Errorf("runs %v as %q", c.Entrypoint, c.User)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatal(layers, err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	r := tar.NewReader(content)
	h, err := r.Next()
	if err != nil || h.Name != "wafer" || h.Mode != 0o755 {
		t.Fatalf("holds %+v, %v", h, err)
	}
	held, err := io.ReadAll(r)
	if want, _ := os.ReadFile(binary); err != nil || !bytes.Equal(held, want) {
		t.Errorf("the file is not the binary: %d bytes of %d, %v", len(held), len(want), err)
	}
	if h, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("holds %v too", h)
	}
}

func TestSBOM(t *testing.T) {
	dir := t.TempDir()
	sbom := filepath.Join(dir, "x.json")
	if err := run(filepath.Join(dir, "x.tar"), sbom, "wafer:test", "1.2.3+x", []string{build(t, "amd64")}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(sbom)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(f, cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if got := bom.Metadata.Component.PackageURL; got != "pkg:golang/github.com/wafer-waf/wafer/image@1.2.3%2Bx" {
		t.Errorf("describes %s", got)
	}
	found := map[string]string{}
	for _, c := range *bom.Components {
		found[c.Name] = c.Version
	}
	for _, name := range []string{"std", "github.com/google/go-containerregistry", "github.com/CycloneDX/cyclonedx-go"} {
		if found[name] == "" {
			t.Errorf("lacks %s; has %v", name, found)
		}
	}
}

func TestSeveralPlatforms(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "wafer.tar")
	if err := run(archive, "", "wafer:test", "1", []string{build(t, "amd64"), build(t, "arm64")}); err != nil {
		t.Fatal(err)
	}
	top, err := unpack(t, archive).ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(top); err != nil {
		t.Error(err)
	}
	manifest, err := top.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatal(manifest, err)
	}
	index, err := top.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err = index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
	}
	if got := strings.Join(platforms, " "); got != "linux/amd64 linux/arm64" {
		t.Errorf("platforms %q", got)
	}
}

// Only what starts in an empty file system may become an image.
func TestRefused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.tar")
	if err := run(out, "", "wafer:test", "1", []string{"main.go"}); err == nil {
		t.Error("a file that is no binary was taken")
	}
	dynamic := filepath.Join(t.TempDir(), "wafer")
	c := exec.Command("go", "build", "-buildvcs=false", "-o", dynamic, ".")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=darwin", "GOARCH=arm64")
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := run(out, "", "wafer:test", "1", []string{dynamic}); err == nil || !strings.Contains(err.Error(), "want linux") {
		t.Errorf("a program for another system: %v", err)
	}
}

func TestFullName(t *testing.T) {
	for name, want := range map[string]string{
		"wafer:dev":                    "docker.io/library/wafer:dev",
		"team/wafer:dev":               "docker.io/team/wafer:dev",
		"registry.example.com/wafer:1": "registry.example.com/wafer:1",
		"registry:5000/team/wafer:1":   "registry:5000/team/wafer:1",
		"localhost/wafer:1":            "localhost/wafer:1",
	} {
		if got := fullName(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
