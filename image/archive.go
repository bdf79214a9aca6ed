package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobody is the user and group that the image runs as: no name, no home, no rights.
const nobody = "65532:65532"

// writeArchive writes the OCI image layout as one tar file, and returns the image's digest and
// the archive's size in bytes.
func writeArchive(out, name, version string, programs []program) (v1.Hash, int64, error) {
	folder, err := os.MkdirTemp("", "wafer-image-")
	if err != nil {
		return v1.Hash{}, 0, err
	}
	defer os.RemoveAll(folder)
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return v1.Hash{}, 0, err
	}
	named := layout.WithAnnotations(map[string]string{
		"io.containerd.image.name":          fullName(name),
		"org.opencontainers.image.ref.name": name,
	})

	var digest v1.Hash
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range programs {
		img, err := image(p, version)
		if err != nil {
			return v1.Hash{}, 0, err
		}
		platform := v1.Platform{OS: p.os, Architecture: p.arch}
		if len(programs) == 1 {
			if digest, err = img.Digest(); err != nil {
				return v1.Hash{}, 0, err
			}
			if err := path.AppendImage(img, named, layout.WithPlatform(platform)); err != nil {
				return v1.Hash{}, 0, err
			}
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	if len(programs) > 1 {
		if digest, err = index.Digest(); err != nil {
			return v1.Hash{}, 0, err
		}
		if err := path.AppendIndex(index, named); err != nil {
			return v1.Hash{}, 0, err
		}
	}
	size, err := pack(out, folder)
	return digest, size, err
}

// fullName is what a runtime looks for when a manifest says name. containerd stores an archive's image under the
// name that the archive has, and the kubelet asks for the long form of a short one, so a short one in the
// archive would be found by nobody: BuildKit, Docker and kind write the long form, too. A name with a host stays.
func fullName(name string) string {
	const host, official = "docker.io/", "library/"
	first, _, parted := strings.Cut(name, "/")
	switch {
	case parted && (strings.ContainsAny(first, ".:") || first == "localhost"):
		return name
	case parted:
		return host + name
	}
	return host + official + name
}

// image is one platform's image: the binary, and how to run it.
func image(p program, version string) (v1.Image, error) {
	entry := "/" + filepath.Base(p.path)
	content, err := layerTar(p.path, entry)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, fmt.Errorf("layer of %s: %w", p.path, err)
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if img, err = mutate.AppendLayers(img, layer); err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = p.os, p.arch
	config.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	config.History = nil // it would say no more than that there is one layer
	config.Config = v1.Config{
		User: nobody, Entrypoint: []string{entry}, WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":    filepath.Base(p.path),
			"org.opencontainers.image.version":  version,
			"org.opencontainers.image.licenses": "Apache-2.0",
		},
	}
	return mutate.ConfigFile(img, config)
}

// layerTar is the image's file system: one file.
func layerTar(path, name string) ([]byte, error) {
	binary, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := writeTar(&b, func(w *tar.Writer) error { return file(w, name[1:], 0o755, binary) }); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// pack writes the files below folder, in the order of their names, and returns how many bytes.
func pack(out, folder string) (int64, error) {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return 0, err
	}
	f, err := os.Create(out)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	root := os.DirFS(folder)
	err = writeTar(f, func(w *tar.Writer) error {
		return fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := fs.ReadFile(root, name)
			if err != nil {
				return err
			}
			return file(w, name, 0o644, content)
		})
	})
	if err != nil {
		return 0, err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	return size, f.Close()
}

func writeTar(to io.Writer, fill func(*tar.Writer) error) error {
	w := tar.NewWriter(to)
	if err := fill(w); err != nil {
		return err
	}
	return w.Close()
}

// file adds a file that belongs to root and was made at no time in particular.
func file(w *tar.Writer, name string, mode int64, content []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: time.Unix(0, 0)}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
