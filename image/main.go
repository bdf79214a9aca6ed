// Command image packs static binaries into an OCI image archive, without a container engine,
// and writes the list of the modules in them.
//
//	image -o dist/wafer.tar -sbom dist/wafer.cdx.json -name wafer:dev -version 1.2.3 bin/linux-amd64/wafer [bin/linux-arm64/wafer]
//
// The image holds one file, the binary, and runs it as a user without rights. The same binaries
// give the same archive, byte for byte: nothing in it depends on when, where or by whom it was
// made. Several binaries, one for each platform, become one image for all of them. What platform
// a binary is for, and which modules are in it, is read from the binary itself.
package main

import (
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"os"
)

// sizeLimit is what an image may have to be pulled by each node before a pod starts.
const sizeLimit = 40 << 20

func main() {
	out := flag.String("o", "", "archive to write")
	sbom := flag.String("sbom", "", "bill of materials to write, CycloneDX JSON; empty: none")
	name := flag.String("name", "", "name and tag of the image")
	version := flag.String("version", "", "version of the product")
	flag.Parse()
	if err := run(*out, *sbom, *name, *version, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// program is one binary and what it says about itself.
type program struct {
	path     string
	os, arch string
	info     *buildinfo.BuildInfo
}

func run(out, sbom, name, version string, paths []string) error {
	if out == "" || name == "" || len(paths) == 0 {
		return errors.New("usage: image -o ARCHIVE -name NAME:TAG [-sbom FILE] [-version VERSION] BINARY…")
	}
	var programs []program
	for _, path := range paths {
		p, err := inspect(path)
		if err != nil {
			return err
		}
		programs = append(programs, p)
	}
	digest, size, err := writeArchive(out, name, version, programs)
	if err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	if limit := int64(sizeLimit * len(programs)); size > limit {
		return fmt.Errorf("%s has %d bytes, more than %d for each platform", out, size, sizeLimit)
	}
	fmt.Printf("%s %s %s %.1f MiB\n", out, name, digest, float64(size)/(1<<20))
	if sbom == "" {
		return nil
	}
	if err := writeSBOM(sbom, version, programs[0].info); err != nil {
		return fmt.Errorf("write %s: %w", sbom, err)
	}
	return nil
}

// inspect reads the build information of a Go binary. A binary that needs a C library would not
// start in an image without one, so it is refused.
func inspect(path string) (program, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return program{}, fmt.Errorf("read build information: %w", err)
	}
	p := program{path: path, info: info}
	for _, s := range info.Settings {
		switch {
		case s.Key == "GOOS":
			p.os = s.Value
		case s.Key == "GOARCH":
			p.arch = s.Value
		case s.Key == "CGO_ENABLED" && s.Value != "0":
			return program{}, fmt.Errorf("%s was built with CGO_ENABLED=%s: it is not static", path, s.Value)
		}
	}
	if p.os != "linux" || p.arch == "" {
		return program{}, fmt.Errorf("%s is for %q on %q: want linux", path, p.os, p.arch)
	}
	return p, nil
}
