package proxy

import (
	"slices"
	"testing"

	"github.com/wafer-waf/wafer/recent"
)

// TestFilterWords compares the words that filters of events know with those that events have.
func TestFilterWords(t *testing.T) {
	w := trafficWords()
	if !slices.Equal(slices.Sorted(slices.Values(w.Verdicts)), slices.Sorted(slices.Values(recent.Verdicts()))) {
		t.Errorf("verdicts: %q, filters know %q", w.Verdicts, recent.Verdicts())
	}
	if !slices.Equal(slices.Sorted(slices.Values(w.Coverage)), slices.Sorted(slices.Values(recent.Coverages()))) {
		t.Errorf("coverage: %q, filters know %q", w.Coverage, recent.Coverages())
	}
}
