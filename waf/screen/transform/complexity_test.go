package transform

import (
	"maps"
	"slices"
	"testing"

	"github.com/wafer-waf/wafer/test/complexity"
)

// TestComplexity is about each transformation by itself.
func TestComplexity(t *testing.T) {
	inputs := complexity.Inputs(complexity.Special)
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		t.Run(name, func(t *testing.T) {
			var b Buffer
			complexity.Check(t, inputs, 64<<10, func(text string) {
				b.Reset()
				byName[name].Apply(text, &b)
			})
		})
	}
}
