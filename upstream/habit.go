package upstream

import (
	"sync/atomic"
	"time"
)

// habit is after how long an endpoint closes connections that nobody uses. A request that meets its end on the way may be lost
// if it cannot be sent twice, so such requests use only connections of which one knows that they are not about to be closed.
type habit struct {
	closes atomic.Int64 // the shortest time after which one was found closed, in nanoseconds, of this period; 0: none was
	before atomic.Int64 // and of the one before
	since  atomic.Int64 // when this period began, in Unix seconds

	lasts atomic.Int64 // the longest after which one was found open, since the endpoint is known
	looks atomic.Int32 // how many were, as far as that matters
}

const (
	// period is how long it is remembered at least that a connection was closed, in seconds; twice as long at most.
	period = 600
	// acquainted is how many connections have to be found open until an endpoint is known.
	acquainted = 32
	// restless is an endpoint that closes connections sooner than that: there is no time after which one can be used safely.
	restless = int64(100 * time.Millisecond)
)

// closed takes note of a connection that was closed within that time.
func (h *habit) closed(idle time.Duration) {
	now := time.Now().Unix()
	if age := now - h.since.Load(); age > period {
		last := h.closes.Load()
		if age > 2*period {
			last = 0
		}
		h.before.Store(last)
		h.closes.Store(0)
		h.since.Store(now)
	}
	if was := h.closes.Load(); was == 0 || int64(idle) < was {
		h.closes.Store(max(int64(idle), 1))
	}
}

// shortest is the shortest time after which a connection was found closed lately; 0: none was.
func (h *habit) shortest() int64 {
	closes := h.closes.Load()
	if closes == 0 {
		return 0
	}
	switch age := time.Now().Unix() - h.since.Load(); {
	case age > 2*period:
		return 0
	case age > period:
		return closes
	}
	if before := h.before.Load(); before != 0 {
		return min(closes, before)
	}
	return closes
}

// lasted takes note of a connection that was open after that time.
func (h *habit) lasted(idle time.Duration) {
	if h.looks.Load() < acquainted {
		h.looks.Add(1)
	}
	if int64(idle) > h.lasts.Load() {
		h.lasts.Store(int64(idle))
	}
}

// safe reports whether a connection that was not used for that long will not be closed at once, as far as one knows.
func (h *habit) safe(idle time.Duration) bool {
	if closes := h.shortest(); closes != 0 {
		return closes >= restless && int64(idle) < closes/2
	}
	return h.looks.Load() >= acquainted && int64(idle) <= h.lasts.Load()/2
}
