package upstream

import (
	"sync/atomic"
	"time"
)

// habit is after how long an endpoint closes connections that nobody uses. A request that meets its end on the way may be lost
// if it cannot be sent twice, so such requests use only connections of which one knows that they are not about to be closed.
type habit struct {
	closes atomic.Int64 // the shortest time after which one was found closed, in nanoseconds; 0: none was
	seen   atomic.Int64 // when, in Unix seconds

	lasts atomic.Int64 // the longest after which one was found open, since the endpoint is known
	looks atomic.Int32 // how many were, as far as that matters
}

const (
	// forgotten is how long it is remembered that a connection was closed, in seconds.
	forgotten = 600
	// acquainted is how many connections have to be found open until an endpoint is known.
	acquainted = 32
	// restless is an endpoint that closes connections sooner than that: there is no time after which one can be used safely.
	restless = int64(100 * time.Millisecond)
)

// closed takes note of a connection that was closed within that time.
func (h *habit) closed(idle time.Duration) {
	now := time.Now().Unix()
	if was := h.closes.Load(); was == 0 || int64(idle) < was || now-h.seen.Load() > forgotten {
		h.closes.Store(max(int64(idle), 1))
		h.seen.Store(now)
	}
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
	if closes := h.closes.Load(); closes != 0 && time.Now().Unix()-h.seen.Load() <= forgotten {
		return closes >= restless && int64(idle) < closes/2
	}
	return h.looks.Load() >= acquainted && int64(idle) <= h.lasts.Load()/2
}
