package upstream

import (
	"sync/atomic"
	"time"
)

// habit is after how long an endpoint closes connections that nobody uses. A request that meets its end on the way may be lost
// if it cannot be sent twice, so such requests keep away from connections that the endpoint may be about to close.
type habit struct {
	closes atomic.Int64 // the shortest time after which one was found closed, in nanoseconds; 0: none was
	seen   atomic.Int64 // when, in Unix seconds
}

// forgotten is how long it is remembered, in seconds.
const forgotten = 600

// saw takes note of a connection that was closed within that time.
func (h *habit) saw(idle time.Duration) {
	now := time.Now().Unix()
	if was := h.closes.Load(); was == 0 || int64(idle) < was || now-h.seen.Load() > forgotten {
		h.closes.Store(max(int64(idle), 1))
		h.seen.Store(now)
	}
}

// safe reports whether a connection that was not used for that long will not be closed at once, as far as one knows.
func (h *habit) safe(idle time.Duration) bool {
	closes := h.closes.Load()
	return closes == 0 || int64(idle) < closes/2 || time.Now().Unix()-h.seen.Load() > forgotten
}
