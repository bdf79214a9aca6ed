package config

// RecordsOutput says where records go. Which transactions are recorded stands in the route file.
type RecordsOutput struct {
	File   *RotatingFile `mapstructure:"file"`   // nil: nothing is recorded
	Memory Size          `mapstructure:"memory"` // for all that is captured and waits to be written
}

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
	if r.File == nil {
		return
	}
	l.checkRotatingFile("records.file", r.File)
	for i := range l.boot.Events.Sinks {
		if f := l.boot.Events.Sinks[i].File; f != nil && f.Path != "" && f.Path == r.File.Path {
			l.add("records.file.path", "%s is the file of events.sinks[%d] too: give each its own", f.Path, i)
		}
	}
}
