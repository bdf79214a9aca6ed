package audit

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/wafer-waf/wafer/mask"
)

// fine remembers texts in which nothing had to be masked or cleaned. Clients send the same hosts and user agents
// over and over, and looking for secrets in them is a third of what an event costs. A text that hides something is
// never kept.
type fine struct {
	seed  maphash.Seed
	slots [256]fineSlot
}

type fineSlot struct {
	last atomic.Uint64 // hash of the text that came last and is not kept
	text atomic.Pointer[string]
}

func newFine() *fine { return &fine{seed: maphash.MakeSeed()} }

// prepared is text, sooner for what is known. A text is kept when it comes twice in a row, so that those
// that a client makes up cost no memory.
func (f *fine) prepared(p *mask.Policy, s string, limit int) string {
	if f == nil || len(s) > limit {
		return text(p, s, limit)
	}
	hash := maphash.String(f.seed, s)
	slot := &f.slots[hash%uint64(len(f.slots))]
	if known := slot.text.Load(); known != nil && *known == s {
		return s
	}
	shown := text(p, s, limit)
	if shown == s && slot.last.Swap(hash) == hash {
		kept := strings.Clone(s)
		slot.text.Store(&kept)
	}
	return shown
}
