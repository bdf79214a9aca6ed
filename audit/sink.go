package audit

import (
	"io"
	"math/bits"
)

// Format is how events are spelled.
type Format uint8

// The formats.
const (
	Native Format = iota // of docs/operations.md and schema/event.json
	OCSF                 // Open Cybersecurity Schema Framework
	ECS                  // Elastic Common Schema
	formatCount
)

// Kind is one kind of event.
type Kind uint8

// The kinds. An access event of a request that got what it was sent for is of another kind than
// that of one that did not, since who does not want the many may want the few.
const (
	AccessEvent   Kind = 1 << iota // of a request that went well, or was blocked by its policy
	FailedEvent                    // access event of a request that was refused, or failed
	SecurityEvent                  // what a policy found
	BanEvent                       // a ban began or ended
	kindCount     = iota
)

// RecordEvent is a record of a whole transaction. Log makes none, and no set of kinds has it: a sink gets records from
// who makes them.
const RecordEvent Kind = 1 << kindCount

// Kinds is a set of kinds.
type Kinds uint8

// AllKinds has every kind.
const AllKinds = Kinds(AccessEvent | FailedEvent | SecurityEvent | BanEvent)

// Has tells whether a kind is in the set.
func (s Kinds) Has(k Kind) bool { return s&Kinds(k) != 0 }

// KindOfAccess is the kind of the access event of a request that failed, or did not.
func KindOfAccess(failed bool) Kind {
	if failed {
		return FailedEvent
	}
	return AccessEvent
}

func (k Kind) index() int { return bits.TrailingZeros8(uint8(k)) }

// Sink takes events. Send never waits: what finds no room is dropped, and counted by the sink.
// Line is one JSON object and a newline, and valid during the call alone. Requests call it, many
// at once.
type Sink interface {
	Send(k Kind, line []byte)
}

// writerSink is standard output, or another writer that takes one line in each call.
type writerSink struct{ w io.Writer }

func (s writerSink) Send(_ Kind, line []byte) { _, _ = s.w.Write(line) } // it counts what it cannot write

// fan hands lines of one format and kind to all that want them. It is where zerolog writes to.
type fan struct {
	kind  Kind
	sinks []Sink
}

func (f *fan) Write(line []byte) (int, error) {
	for _, s := range f.sinks {
		s.Send(f.kind, line)
	}
	return len(line), nil
}
