package health

import (
	"sync/atomic"
	"time"
)

// moment is a time that is read while it is set. It is one of the clock that nobody sets: an ejection would last until the other
// one has caught up, if that was set back. The zero moment is none.
type moment struct{ at atomic.Pointer[time.Time] }

func (m *moment) set(at time.Time) { m.at.Store(&at) }
func (m *moment) clear()           { m.at.Store(nil) }

// get returns the time; the zero time: there is none.
func (m *moment) get() time.Time {
	if at := m.at.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// past reports whether it is over, as it is if there is none.
func (m *moment) past(now time.Time) bool { return !now.Before(m.get()) }
