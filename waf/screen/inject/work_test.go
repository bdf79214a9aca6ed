package inject

import (
	"strings"
	"testing"
)

// TestLongNames is about names that no end is near to: only as much of them is read as a name on the
// list is long, or "<a<a<a…" would be read once for each of its tags.
func TestLongNames(t *testing.T) {
	for _, name := range []string{"script", "svgscript", "svg" + strings.Repeat("a", longestName)} {
		if !suspiciousTag(name + "<") && strings.HasPrefix(name, "svg") {
			t.Errorf("<%s is no tag of the list", name)
		}
	}
	for name := range blackTags {
		if len(name) > longestName {
			t.Errorf("%q is longer than any name that is looked up", name)
		}
	}
	if suspiciousTag(strings.Repeat("a", longestName+1)) {
		t.Error("a long name is on the list")
	}
}
