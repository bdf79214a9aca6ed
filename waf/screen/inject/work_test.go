package inject

import (
	"strings"
	"testing"
)

// TestLongNames is about names that no end is near to: only as much of them is read as a name
// on the list is long, or "<a<a<a…" would be read once for each of its tags.
func TestLongNames(t *testing.T) {
	for name := range blackTags {
		if len(name) > longestName {
			t.Errorf("%q is longer than any name that is looked up", name)
		}
	}
	if long := strings.Repeat("a", longestName+1); suspiciousTag(long) || !suspiciousTag("svg"+long) {
		t.Error("a long name is on the list, or what begins like one of SVG is not")
	}
}

// TestColonAtTheEnd is about a colon that nothing follows, which the library takes for an operator.
func TestColonAtTheEnd(t *testing.T) {
	for _, s := range []string{"user */ and */ @@ set :", "1 set :", ":", "a :", "1:", "1 or 1 set:", "' or 1 :"} {
		checkSQLi(t, s)
	}
}
