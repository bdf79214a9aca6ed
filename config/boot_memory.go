package config

// spanBytes is about what a span takes while it waits for the collector, by what was measured.
const spanBytes = 2 * KiB

// Fills is how much memory the settings let fill as time goes, whatever is requested: with events that are kept, and with what
// waits while its receivers are away.
func (b *Boot) Fills() Size {
	all := b.Recent.Memory
	for i := range b.Events.Sinks {
		all += b.Events.Sinks[i].Queue
	}
	if b.Records.On() {
		all += b.Records.Memory
	}
	if b.Traces.On() {
		all += Size(b.Traces.Queue) * spanBytes
	}
	return all
}
