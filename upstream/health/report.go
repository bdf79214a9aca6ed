package health

import "time"

// Report is the state of an endpoint, for who wants to know.
type Report struct {
	State    string     `json:"state"` // up, ejected, trying or down
	Since    time.Time  `json:"since"`
	Reason   string     `json:"reason,omitempty"`    // why it is not up: connect, tls, reset, timeout, 5xx or check
	Until    *time.Time `json:"until,omitempty"`     // when an ejection may end
	Times    int        `json:"ejections,omitempty"` // those that still count
	Faults   int        `json:"faults,omitempty"`    // in a row, up to now
	CheckErr string     `json:"check,omitempty"`     // what was wrong with the last check
}

// trying is the word for an ejected endpoint that an attempt is made at.
const trying = "trying"

// Report returns the state as it is now.
func (s *State) Report() Report {
	now := time.Now()
	s.set.mu.Lock()
	defer s.set.mu.Unlock()
	p := Phase(s.phase.Load())
	r := Report{State: p.String(), Since: s.since.UTC(), Faults: int(s.faults.Load()), CheckErr: s.checkErr}
	r.Reason, _ = s.reason(p)
	if s.ejected {
		until := s.until.get().UTC()
		r.Until, r.Times = &until, s.times
		if p == Ejected && !s.trying.past(now) {
			r.State = trying
		}
	}
	return r
}

// Phase returns whether the endpoint is asked.
func (s *State) Phase() Phase { return Phase(s.phase.Load()) }

// UpSince returns since when the endpoint is up; false if it is not.
func (s *State) UpSince() (time.Time, bool) {
	came := s.came.get()
	return came, !came.IsZero()
}
