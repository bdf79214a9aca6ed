package main

import (
	"os"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// writeSBOM lists the modules that the linker put into the binary, which are fewer than those in
// go.mod. It has no date and no serial number, so that equal binaries have equal lists.
func writeSBOM(path, version string, info *debug.BuildInfo) error {
	product := cdx.Component{
		BOMRef: purl(info.Main.Path, version), PackageURL: purl(info.Main.Path, version),
		Type: cdx.ComponentTypeApplication, Name: info.Main.Path, Version: version,
	}
	parts := []cdx.Component{library("std", strings.TrimPrefix(info.GoVersion, "go"), "")}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		parts = append(parts, library(m.Path, m.Version, m.Sum))
	}
	var refs []string
	for _, p := range parts {
		refs = append(refs, p.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &product}
	bom.Components = &parts
	bom.Dependencies = &[]cdx.Dependency{{Ref: product.BOMRef, Dependencies: &refs}}

	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := cdx.NewBOMEncoder(f, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return err
	}
	return f.Close()
}

// library is a module. Its sum is that of go.sum, which no hash algorithm of CycloneDX names.
func library(path, version, sum string) cdx.Component {
	c := cdx.Component{
		BOMRef: purl(path, version), PackageURL: purl(path, version),
		Type: cdx.ComponentTypeLibrary, Name: path, Version: version,
	}
	if sum != "" {
		c.Properties = &[]cdx.Property{{Name: "go:sum", Value: sum}}
	}
	return c
}

// purl is a package URL of type golang. Module paths and versions need no escaping but for the
// plus sign of a build suffix.
func purl(path, version string) string {
	return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
}
