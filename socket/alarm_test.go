package socket

import (
	"testing"
	"time"
)

func TestAlarm(t *testing.T) {
	start := time.Now()
	var moved []time.Duration // since start; -1: taken away
	a := alarm{set: func(due time.Time) error {
		d := time.Duration(-1)
		if !due.IsZero() {
			d = due.Sub(start)
		}
		moved = append(moved, d)
		return nil
	}}
	at := func(s int) Instant { return Instant(time.Duration(s) * time.Second) }
	f := func(now, due Instant, want ...time.Duration) {
		t.Helper()
		moved = nil
		a.ensure(now, due, start)
		if len(moved) != len(want) || len(want) == 1 && moved[0] != want[0] {
			t.Errorf("moved to %v, want %v", moved, want)
		}
	}
	f(at(0), Never) // never, as it is
	f(at(0), at(10), 10*time.Second)
	f(at(1), at(10))                 // as it is
	f(at(2), at(12))                 // it rings before
	f(at(3), at(5), 5*time.Second)   // it would ring too late
	f(at(5), at(15), 15*time.Second) // it has rung
	f(at(6), Never, -1)
	f(at(7), Never)
}
