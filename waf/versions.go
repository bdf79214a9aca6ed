package waf

import "runtime/debug"

// Versions are the versions of Coraza and of the Core Rule Set in this binary.
func Versions() (coraza, crs string) {
	return moduleVersion("github.com/corazawaf/coraza/v3"), moduleVersion("github.com/corazawaf/coraza-coreruleset/v4")
}

// moduleVersion is the version of a module this binary was built with.
func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == path {
				return d.Version
			}
		}
	}
	return "unknown"
}
