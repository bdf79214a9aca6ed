package http2

import (
	"sync"
	"time"

	"github.com/wafer-waf/wafer/socket"
)

// pacer watches waits for a client: for more of a body, or until it takes more of a response. When it has
// made somebody wait for too long, late is called, in another goroutine, and ends the wait.
type pacer struct {
	late  func(silent bool)
	moved func() int64 // bytes so far, of what moves during a wait; nil: nothing does

	mu     sync.Mutex
	pace   socket.Pace
	timer  *time.Timer
	began  time.Time
	before int64 // what had moved then
	silent bool  // the client was on time, and nothing has moved since
	waits  bool
}

// set says what is too long, from the next wait on; 0: nothing is.
func (w *pacer) set(silence time.Duration, rate int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pace = socket.NewPace(silence, rate)
}

// begin begins a wait.
func (w *pacer) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := w.pace.Left()
	if left == 0 {
		return
	}
	w.waits, w.began, w.silent = true, time.Now(), w.pace.Full()
	if w.moved != nil {
		w.before = w.moved()
	}
	if w.timer == nil {
		w.timer = time.AfterFunc(left, w.rang)
	} else {
		w.timer.Reset(left)
	}
}

// end ends a wait in which n bytes have moved.
func (w *pacer) end(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.waits {
		return
	}
	w.waits = false
	w.timer.Stop()
	if w.moved != nil {
		n = int(w.moved() - w.before)
	}
	w.pace.Spend(time.Since(w.began), n)
}

// rang looks whether the client is late, or something has moved.
func (w *pacer) rang() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.waits {
		return
	}
	now, n := time.Now(), 0
	if w.moved != nil {
		all := w.moved()
		n, w.before = int(all-w.before), all
	}
	w.pace.Spend(now.Sub(w.began), n)
	w.began, w.silent = now, w.silent && n == 0
	left := w.pace.Left()
	switch {
	case left == 0: // there is no limit any more
		w.waits = false
	case w.pace.Out():
		w.waits = false
		w.late(w.silent)
	default:
		w.timer.Reset(left)
	}
}
