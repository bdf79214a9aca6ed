//go:build !race

package routing

import "testing"

// The race detector allocates in places of its own.

func TestMatchAllocatesNothing(t *testing.T) {
	for _, c := range matchCases {
		table := mustNew(t, c.entries)
		if n := testing.AllocsPerRun(100, func() { table.Match(c.target) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func TestCanonicalPathAllocatesNothing(t *testing.T) {
	dst, path := make([]byte, 0, 64), "/a/%62/../c//d?e"
	if n := testing.AllocsPerRun(100, func() { dst = CanonicalPath(dst[:0], path) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
