package health

import "time"

// Checked takes the result of an active check into account: what was wrong, or nil. The first check of an
// endpoint decides alone, all others as often in a row as the configuration says. An ejected endpoint whose
// time is over comes back with a check, as it would with a request.
func (s *State) Checked(err error) {
	s.set.update(func() (Change, bool) { return s.checkedNow(err) })
}

func (s *State) checkedNow(err error) (Change, bool) {
	passes := err == nil
	if s.checked && passes == s.passing {
		s.checks++
	} else {
		s.checks = 1
	}
	first := !s.checked
	s.checked, s.passing, s.checkErr = true, passes, ""
	if err != nil {
		s.checkErr = err.Error()
	}
	c := &s.set.config
	switch {
	case !passes && !s.down && (first || s.checks >= c.Unhealthy):
		s.down = true
		return s.turnInto(time.Now())
	case !passes || s.checks < c.Healthy && !first || !s.down && !s.ejected:
		return Change{}, false
	case s.ejected && s.over():
		s.down = false
		return s.readmit()
	case s.down:
		s.down = false
		return s.turnInto(time.Now())
	}
	return Change{}, false
}
