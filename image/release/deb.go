package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the format that is asked for by name
)

// packages makes a Debian package for each architecture of Linux that has a binary.
func (r *release) packages() error {
	for _, arch := range []string{"amd64", "arm64"} {
		binary := filepath.Join(r.binaries, "linux-"+arch, "wafer")
		if _, err := os.Stat(binary); err != nil {
			continue // not built
		}
		if err := r.deb(arch, binary); err != nil {
			return fmt.Errorf("package for %s: %w", arch, err)
		}
	}
	return nil
}

func (r *release) deb(arch, binary string) error {
	text, err := os.ReadFile(filepath.Join(r.tree, "image/release/package/nfpm.yaml"))
	if err != nil {
		return err
	}
	given := map[string]string{"TREE": r.tree, "BINARY": binary, "ARCH": arch, "VERSION": debVersion(r.version)}
	// Nfpm fills variables into some of its fields only.
	filled := os.Expand(string(text), func(name string) string { return given[name] })
	c, err := nfpm.Parse(strings.NewReader(filled))
	if err != nil {
		return err
	}
	info, err := c.Get("deb")
	if err != nil {
		return err
	}
	info.MTime = r.time
	for _, content := range info.Contents {
		content.FileInfo.MTime = r.time
	}
	if err := nfpm.PrepareForPackager(nfpm.WithDefaults(info), "deb"); err != nil {
		return err
	}
	packager, err := nfpm.Get("deb")
	if err != nil {
		return err
	}
	var deb bytes.Buffer
	if err := packager.Package(info, &deb); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "wafer_"+given["VERSION"]+"_"+arch+".deb"), deb.Bytes(), 0o644)
}

// debVersion is a version as Debian writes and sorts it: 1.2.3, and 1.2.3~rc.1 before it. What has no tag
// sorts before everything.
func debVersion(version string) string {
	if !tag.MatchString(version) {
		return "0~" + strings.ReplaceAll(strings.TrimPrefix(version, "v"), "-", ".")
	}
	return strings.Replace(version[1:], "-", "~", 1)
}
