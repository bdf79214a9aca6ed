package discover

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// heard keeps what a source tells.
type heard struct {
	mu    sync.Mutex
	found []Target
	well  []bool // how looks have ended, where that is another way than before
}

func (h *heard) tell(all []Target, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(all) > 0 {
		h.found = slices.Clone(all)
	}
	if n := len(h.well); n == 0 || h.well[n-1] != (err == nil) {
		h.well = append(h.well, err == nil)
	}
}

// now are the targets, as text.
func (h *heard) now() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return text(h.found)
}

func text(all []Target) string {
	var out []string
	for _, t := range all {
		s := t.Address
		if t.Weight > 0 {
			s += fmt.Sprint("*", t.Weight)
		}
		if t.Terminating {
			s += "?"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}
