package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// archives packs each binary with what its user wants to read.
func (r *release) archives() error {
	platforms, err := filepath.Glob(filepath.Join(r.binaries, "*", "wafer"))
	if err != nil {
		return err
	}
	for _, binary := range platforms {
		platform := filepath.Base(filepath.Dir(binary))
		base := "wafer-" + r.version + "-" + platform
		a := newArchive(r, base)
		a.add(binary, "wafer", 0o755)
		for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
			a.add(filepath.Join(r.tree, name), name, 0o644)
		}
		a.folder(filepath.Join(r.tree, "examples"), "examples", nil)
		a.folder(filepath.Join(r.tree, "schema"), "schema", nil)
		if strings.HasPrefix(platform, "linux-") {
			a.add(filepath.Join(r.tree, "image/release/package/wafer.service"), "wafer.service", 0o644)
		}
		if err := a.write(); err != nil {
			return err
		}
	}
	return nil
}

// manifests packs what kubectl applies, with the image of this version.
func (r *release) manifests() error {
	a := newArchive(r, "wafer-"+r.version+"-manifests")
	a.folder(filepath.Join(r.tree, "manifests"), "manifests", func(content []byte) []byte {
		return bytes.ReplaceAll(content, []byte("newTag: dev"), []byte("newTag: "+r.version))
	})
	return a.write()
}

// archive is a tar file that says nothing about who made it, when and where. The first error stays.
type archive struct {
	r    *release
	base string // its name, and the folder that everything is in
	to   bytes.Buffer
	gzip *gzip.Writer
	tar  *tar.Writer
	err  error
}

func newArchive(r *release, base string) *archive {
	a := &archive{r: r, base: base}
	a.gzip = gzip.NewWriter(&a.to)
	a.tar = tar.NewWriter(a.gzip)
	return a
}

func (a *archive) add(file, name string, mode int64) {
	if a.err != nil {
		return
	}
	var content []byte
	if content, a.err = os.ReadFile(file); a.err == nil {
		a.content(content, name, mode)
	}
}

func (a *archive) content(content []byte, name string, mode int64) {
	if a.err != nil {
		return
	}
	a.err = a.tar.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: path.Join(a.base, name), Mode: mode, Size: int64(len(content)), ModTime: a.r.time,
	})
	if a.err == nil {
		_, a.err = a.tar.Write(content)
	}
}

// folder adds the files below a folder, in the order of their names, changed by edit if it is not nil.
func (a *archive) folder(dir, name string, edit func([]byte) []byte) {
	if a.err != nil {
		return
	}
	a.err = fs.WalkDir(os.DirFS(dir), ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		if edit != nil {
			content = edit(content)
		}
		a.content(content, path.Join(name, file), 0o644)
		return a.err
	})
}

func (a *archive) write() error {
	packed, err := a.bytes()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(a.r.out, a.base+".tar.gz"), packed, 0o644)
}

// bytes ends the archive.
func (a *archive) bytes() ([]byte, error) {
	for _, end := range []func() error{a.tar.Close, a.gzip.Close} {
		if a.err == nil {
			a.err = end()
		}
	}
	return a.to.Bytes(), a.err
}
