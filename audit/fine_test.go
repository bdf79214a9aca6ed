package audit

import (
	"fmt"
	"strings"
	"testing"
)

// TestFine wants what is remembered to be shown as what is not.
func TestFine(t *testing.T) {
	f := newFine()
	texts := []string{"", "shop.example", "Mozilla/5.0", "curl token=abcdef", "a\u202eb", "\xff", strings.Repeat("x", 300), "Bearer abcdefghijklmnop", "4111 1111 1111 1111"}
	for range 4 {
		for _, s := range texts {
			for range 3 {
				if got, want := f.prepared(nil, s, 256), text(nil, s, 256); got != want {
					t.Errorf("%q is shown as %q, want %q", s, got, want)
				}
			}
		}
	}
	kept := 0
	for i := range f.slots {
		if known := f.slots[i].text.Load(); known != nil {
			kept++
			if text(nil, *known, 256) != *known {
				t.Errorf("%q is kept", *known)
			}
		}
	}
	if kept == 0 {
		t.Error("nothing is kept")
	}
	before := kept
	for i := range 10_000 { // each once
		f.prepared(nil, fmt.Sprint("made-up ", i), 256)
	}
	kept = 0
	for i := range f.slots {
		if f.slots[i].text.Load() != nil {
			kept++
		}
	}
	if kept != before {
		t.Errorf("%d texts that came once are kept", kept-before)
	}
}
