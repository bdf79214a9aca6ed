package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"gopkg.in/yaml.v3"
)

// What Helm calls the parts of a chart in a registry: https://helm.sh/docs/topics/registries.
const (
	chartConfig  types.MediaType = "application/vnd.cncf.helm.config.v1+json"
	chartContent types.MediaType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// sources is where links of what is released lead, before the version.
const sources = "https://github.com/wafer-waf/wafer/blob/"

// chart packs the chart as "helm package" does, and as an archive from which it comes to a registry.
func (r *release) chart() error {
	a := newArchive(r, "wafer")
	a.folder(filepath.Join(r.tree, "charts/wafer"), "", r.chartFile)
	packed, err := a.bytes()
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.name("chart.tgz"), packed, 0o644); err != nil {
		return err
	}
	layout, err := r.chartLayout(packed)
	if err != nil {
		return fmt.Errorf("archive of the chart: %w", err)
	}
	return os.WriteFile(r.name("chart-oci.tar"), layout, 0o644)
}

// chartFile gives a file of the chart its versions, and links that lead somewhere without the tree.
func (r *release) chartFile(content []byte) []byte {
	for _, edit := range [][2]string{
		{"\nversion: 0.0.0-dev\nappVersion: dev\n", "\nversion: " + r.chartVersion() + "\nappVersion: \"" + r.version + "\"\n"},
		{"](../../", "](" + sources + r.version + "/"},
	} {
		content = bytes.ReplaceAll(content, []byte(edit[0]), []byte(edit[1]))
	}
	return content
}

// chartVersion is the version as Helm wants it, which is without "v". What is no version at all, because the commit has no
// tag, comes before all others.
func (r *release) chartVersion() string {
	if tag.MatchString(r.version) {
		return strings.TrimPrefix(r.version, "v")
	}
	return "0.0.0-dev-" + r.version
}

// chartLayout is an OCI image layout, as one tar file, whose only image is the chart.
func (r *release) chartLayout(packed []byte) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(r.tree, "charts/wafer/Chart.yaml"))
	if err != nil {
		return nil, err
	}
	var about map[string]any
	if err := yaml.Unmarshal(r.chartFile(text), &about); err != nil {
		return nil, err
	}
	config, err := json.Marshal(about)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}
	names := []string{"oci-layout", "index.json"}
	add := func(media types.MediaType, content []byte) (v1.Descriptor, error) {
		digest, size, err := v1.SHA256(bytes.NewReader(content))
		name := "blobs/sha256/" + digest.Hex
		files[name], names = content, append(names, name)
		return v1.Descriptor{MediaType: media, Digest: digest, Size: size}, err
	}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Annotations: map[string]string{
		"org.opencontainers.image.title":       "wafer",
		"org.opencontainers.image.version":     r.chartVersion(),
		"org.opencontainers.image.description": fmt.Sprint(about["description"]),
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.created":     r.time.Format(time.RFC3339),
	}}
	if manifest.Config, err = add(chartConfig, config); err != nil {
		return nil, err
	}
	layer, err := add(chartContent, packed)
	if err != nil {
		return nil, err
	}
	manifest.Layers = []v1.Descriptor{layer}
	encoded, err := json.Marshal(manifest)
	if err != nil {
		return nil, err
	}
	image, err := add(types.OCIManifestSchema1, encoded)
	if err != nil {
		return nil, err
	}
	image.Annotations = map[string]string{"org.opencontainers.image.ref.name": r.chartVersion()}
	files["index.json"], err = json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{image}})
	if err != nil {
		return nil, err
	}
	return r.tarOf(names, files)
}

// tarOf packs files in the order of names.
func (r *release) tarOf(names []string, files map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(files[name])), ModTime: r.time}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(files[name]); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), w.Close()
}
