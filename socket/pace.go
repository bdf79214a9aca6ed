package socket

import (
	"math"
	"time"
)

// Instant is a point in time on the clock of one connection.
type Instant time.Duration

// Never is the instant of what has no limit.
const Never = Instant(math.MaxInt64)

// After returns the instant d later; for no duration, Never.
func (i Instant) After(d time.Duration) Instant {
	if d == 0 {
		return Never
	}
	return i + Instant(d)
}

// alarm is one of the two deadlines of a socket. Moving a deadline costs more than most
// reads, so it is set only if it would ring too late. One that rings too early is set
// anew and the read tried again.
type alarm struct {
	at  Instant // 0: not set
	set func(time.Time) error
}

// ensure makes the alarm ring at due, or before.
func (a *alarm) ensure(now, due Instant, base time.Time) {
	switch {
	case due == Never:
		if a.at != 0 {
			a.at = 0
			_ = a.set(time.Time{})
		}
	case a.at == 0 || a.at > due || a.at <= now:
		a.at = due
		_ = a.set(base.Add(time.Duration(due))) // fails on a closed socket only; so does what follows
	}
}

// pace says how long may be waited for a peer. Every wait spends slack and every byte
// earns some, up to the longest silence that is allowed. So a transfer may take for ever
// as long as it is not slower than the rate, the time that our own side takes is not held
// against the peer, and a peer that was fast cannot stop for longer because of it.
type pace struct {
	silence time.Duration // 0: no limit
	slack   time.Duration
	rate    int // bytes per second; 0: any byte earns everything
}

func newPace(silence time.Duration, rate int) pace { return pace{silence, silence, rate} }

func (p *pace) due(now Instant) Instant {
	if p.silence == 0 {
		return Never
	}
	return now + Instant(p.slack)
}

// spend accounts for a wait in which n bytes moved.
func (p *pace) spend(wait time.Duration, n int) {
	if p.silence == 0 {
		return
	}
	if n > 0 && p.rate == 0 {
		p.slack = p.silence
		return
	}
	p.slack -= wait
	if n > 0 {
		p.slack = min(p.silence, p.slack+time.Duration(float64(n)/float64(p.rate)*float64(time.Second)))
	}
}

func (p *pace) out() bool  { return p.silence > 0 && p.slack <= 0 }
func (p *pace) full() bool { return p.slack == p.silence }
