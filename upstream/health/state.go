package health

import (
	"sync/atomic"
	"time"
)

// Phase is whether an endpoint is asked.
type Phase uint8

// What it can be.
const (
	Up      Phase = iota
	Ejected       // by how requests ended, until its time is over and an attempt has succeeded
	Down          // by active checks
	Phases        // how many there are
)

var phaseWords = [Phases]string{Up: "up", Ejected: "ejected", Down: "down"}

// String returns the word for the phase.
func (p Phase) String() string { return phaseWords[p] }

// Words are those of all phases.
func Words() []string { return phaseWords[:] }

// patience is how long an attempt that decides about an endpoint may take until another one is let through.
const patience = time.Minute

// State is the health of one endpoint.
type State struct {
	set     *Set
	address string

	// What is read without the set's lock, and written with it.
	phase  atomic.Uint32 // Phase
	stay   atomic.Uint32 // of how many changes the present phase is the result
	faults atomic.Uint32 // in a row, of any kind
	until  moment        // when an ejection is over
	came   moment        // when it came up; none: it is not up
	trying moment        // until when an attempt that decides is waited for; none: there is none

	// Guarded by the set's lock.
	silent   int           // attempts in a row without an answer
	broken   int           // answers in a row that were 5xx
	ejected  bool          // whatever checks say
	down     bool          // whatever requests say
	times    int           // ejections, less those that are long ago
	last     time.Duration // how long the last one was to be
	since    time.Time     // of the phase
	why      Outcome       // of the ejection
	checks   int           // in a row with the same result
	checked  bool          // there was a check
	passing  bool          // the result of the last one
	checkErr string        // what was wrong with it
}

// Turn is the right to ask an endpoint once. How that ends is told to State.Note with it.
type Turn struct {
	stay  uint32
	tries bool // the endpoint is ejected, and this attempt decides
}

// Available reports whether the endpoint may be chosen now.
func (s *State) Available() bool {
	if Phase(s.phase.Load()) == Up {
		return true
	}
	return s.set.panicking.Load() || s.triable()
}

// triable reports whether an attempt may find out whether an ejected endpoint is well again.
func (s *State) triable() bool {
	if Phase(s.phase.Load()) != Ejected || s.set.config.Checks {
		return false
	}
	now := time.Now()
	return s.until.past(now) && s.trying.past(now)
}

// Take asks for a turn of an endpoint that was chosen. It is false if it is not available any more. Each
// turn that was given ends with Note.
func (s *State) Take() (Turn, bool) {
	t := Turn{stay: s.stay.Load()}
	if Phase(s.phase.Load()) == Up {
		return t, true
	}
	if s.triable() {
		if stay, ok := s.claim(); ok {
			return Turn{stay, true}, true
		}
	}
	return t, s.set.panicking.Load()
}

// claim makes the turn the one that decides about the phase, which it returns. Another one may have failed just now.
func (s *State) claim() (stay uint32, ok bool) {
	s.set.mu.Lock()
	defer s.set.mu.Unlock()
	if !s.triable() {
		return 0, false
	}
	s.trying.set(time.Now().Add(patience))
	return s.stay.Load(), true
}

// Note takes into account how a turn has ended. What began before the last change of phase says nothing about the present one.
func (s *State) Note(t Turn, o Outcome) {
	if !t.tries && (o == Nothing || o == OK && s.faults.Load() == 0) || t.stay != s.stay.Load() {
		return
	}
	s.set.update(func() (c Change, told bool) { return s.note(t, o) })
}

// note is Note with the lock. It returns the change of phase, if there is one.
func (s *State) note(t Turn, o Outcome) (Change, bool) {
	switch {
	case t.stay != s.stay.Load():
		return Change{}, false
	case t.tries:
		s.trying.clear()
		switch o {
		case Nothing:
			return Change{}, false
		case OK:
			return s.readmit()
		}
		return s.eject(o)
	case s.ejected || s.down: // of a panic, in which everybody is asked
		return Change{}, false
	}
	s.count(o)
	if !s.enough(o) {
		return Change{}, false
	}
	if !s.set.mayEject(s) {
		s.set.withheld(s)
		return Change{}, false
	}
	return s.eject(o)
}

// count counts an outcome. An answer, whatever it says, shows that the endpoint answers.
func (s *State) count(o Outcome) {
	switch {
	case o == OK:
		s.silent, s.broken = 0, 0
	case o == Answered5xx:
		s.silent = 0
		s.broken++
	case o.Fault():
		s.silent++
	}
	s.faults.Store(uint32(s.silent + s.broken)) //nolint:gosec // nobody lives to see so many
}

// enough reports whether there are as many faults in a row as lead to an ejection.
func (s *State) enough(o Outcome) bool {
	c := &s.set.config
	if o == Answered5xx {
		return c.Errors5xx > 0 && s.broken >= c.Errors5xx
	}
	return o.Fault() && c.Faults > 0 && s.silent >= c.Faults
}

// eject takes the endpoint out for a time, or for another one.
func (s *State) eject(o Outcome) (Change, bool) {
	now := time.Now()
	if !s.ejected && s.last > 0 { // an ejection counts until the endpoint was up for as long as that
		s.times = max(0, s.times-int(now.Sub(s.since)/s.last))
	}
	s.times++
	s.last = s.set.config.length(s.times)
	s.until.set(now.Add(s.last))
	s.ejected = true
	s.why = o
	s.forgive()
	return s.turnInto(now)
}

// readmit ends an ejection.
func (s *State) readmit() (Change, bool) {
	s.ejected = false
	s.forgive()
	return s.turnInto(time.Now())
}

// forgive begins to count anew.
func (s *State) forgive() {
	s.silent, s.broken = 0, 0
	s.faults.Store(0)
	s.trying.clear()
}

// turnInto makes the phase what is known, and returns the change.
func (s *State) turnInto(now time.Time) (Change, bool) {
	c := Change{Address: s.address, From: Phase(s.phase.Load()), Lasted: now.Sub(s.since)}
	if c.To = s.known(); c.To == Ejected {
		c.For, c.Times = s.until.get().Sub(now), s.times
	}
	c.Reason, c.Detail = s.reason(c.To)
	s.stay.Add(1)
	if c.To != c.From {
		s.enter(c.To, now)
	}
	return c, true
}

// known is the phase that follows from what is known.
func (s *State) known() Phase {
	switch {
	case s.down:
		return Down
	case s.ejected:
		return Ejected
	}
	return Up
}

// enter makes a phase the present one.
func (s *State) enter(p Phase, at time.Time) {
	s.phase.Store(uint32(p))
	s.since = at
	if p == Up {
		s.came.set(at)
	} else {
		s.came.clear()
	}
}

// reason is the word for why the endpoint is in a phase, and what there is to say beside it.
func (s *State) reason(p Phase) (word, detail string) {
	switch p {
	case Down:
		return CheckFailed, s.checkErr
	case Ejected:
		return reasons[s.why], ""
	}
	return "", ""
}

// over reports whether an ejection has lasted long enough.
func (s *State) over() bool { return s.until.past(time.Now()) }
