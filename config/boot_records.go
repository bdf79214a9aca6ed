package config

import (
	"slices"

	"github.com/wafer-waf/wafer/suggest"
)

// RecordsOutput says where records go. Which transactions are recorded stands in the route file.
type RecordsOutput struct {
	File   *RotatingFile `mapstructure:"file"`   // nil: none
	Sink   string        `mapstructure:"sink"`   // id of a sink of events, instead; empty: none
	Memory Size          `mapstructure:"memory"` // for all that is captured and waits to be written
}

// On tells whether they go anywhere.
func (r RecordsOutput) On() bool { return r.File != nil || r.Sink != "" }

// Bounds of the memory for records.
const (
	minRecordsMemory = 1 * MiB
	maxRecordsMemory = 4 * GiB
)

func (l *bootLoader) checkRecords() {
	r := &l.boot.Records
	if m := r.Memory; m < minRecordsMemory || m > maxRecordsMemory {
		l.add("records.memory", "%s is out of range: %s to %s", m, minRecordsMemory, maxRecordsMemory)
	}
	if r.Sink != "" {
		var ids, keys []string
		for i := range l.boot.Events.Sinks {
			ids, keys = append(ids, l.boot.Events.Sinks[i].ID), append(keys, indexPath("events.sinks", i)+".id")
		}
		if len(ids) == 0 {
			keys = append(keys, "events.sinks")
		}
		switch {
		case r.File != nil:
			l.add("records.sink", "records.file and records.sink exclude each other: keep one")
		case !slices.Contains(ids, r.Sink):
			l.addBy(keys, "records.sink", "no sink of events %q%s", r.Sink, suggest.DidYouMean(r.Sink, ids))
		}
	}
	if r.File == nil {
		return
	}
	l.checkRotatingFile("records.file", r.File)
}
