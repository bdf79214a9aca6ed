package ban

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Rule says what leads to a ban, and to which.
type Rule struct {
	ID string

	// What is counted; a request counts once.
	Statuses []Statuses
	Blocked  bool // by the inspection
	Limited  bool // by a limit
	Score    int  // of the inspection, or more; 0: it is not looked at

	Count  int // so many
	Window time.Duration

	Scope   Scope
	First   time.Duration // how long the first ban lasts
	Growth  float64       // each further one lasts so much longer,
	Longest time.Duration // up to this,
	Forget  time.Duration // until so much time has passed after one ended

	Status  int  // of answers to who is banned
	Observe bool // it is told, and nobody is banned
}

// Statuses are those of responses from one to another.
type Statuses struct{ From, To int }

// Outcome is what has become of a request.
type Outcome struct {
	Status  int
	Blocked bool
	Limited bool
	Score   int
}

// Counts reports whether a rule counts a request, and why.
func (r *Rule) Counts(o *Outcome) (why string, counts bool) {
	switch {
	case r.Blocked && o.Blocked:
		return "blocked", true
	case r.Limited && o.Limited:
		return "limited", true
	case r.Score > 0 && o.Score >= r.Score:
		return "score", true
	}
	for _, s := range r.Statuses {
		if o.Status >= s.From && o.Status <= s.To {
			return "status", true
		}
	}
	return "", false
}

// counter is the key under which what a target does is counted: the same on all replicas, and for the same rule only.
func (r *Rule) counter(t Target) [16]byte {
	b := make([]byte, 0, 128)
	b = append(b, "wafer ban "...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.ID)))
	b = append(b, r.ID...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Window))
	b = append(b, t.String()...)
	digest := sha256.Sum256(b)
	return [16]byte(digest[:16])
}
