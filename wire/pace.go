package wire

import (
	"math"
	"time"
)

// instant is a point in time, since the listener was made.
type instant = time.Duration

const never = instant(math.MaxInt64)

// after returns the instant d later; for no duration, never.
func after(now instant, d time.Duration) instant {
	if d == 0 {
		return never
	}
	return now + d
}

// alarm is one of the two deadlines of a socket. Moving a deadline costs more than most
// reads, so it is set only if it would ring too late. One that rings too early is set
// anew and the read tried again.
type alarm struct {
	at  instant // 0: not set
	set func(time.Time) error
}

// ensure makes the alarm ring at due, or before.
func (a *alarm) ensure(now, due instant, base time.Time) {
	switch {
	case due == never:
		if a.at != 0 {
			a.at = 0
			_ = a.set(time.Time{})
		}
	case a.at == 0 || a.at > due || a.at <= now:
		a.at = due
		_ = a.set(base.Add(due)) // fails on a closed socket only; so does what follows
	}
}

// pace says how long may be waited for a peer. Every wait spends slack and every byte
// earns some, up to the longest silence that is allowed. So a transfer may take for ever
// as long as it is not slower than the rate, the time that our own side takes is not held
// against the peer, and a peer that was fast cannot stop for longer because of it.
type pace struct {
	silence time.Duration // 0: no limit
	slack   time.Duration
}

func newPace(silence time.Duration) pace { return pace{silence, silence} }

func (p *pace) due(now instant) instant {
	if p.silence == 0 {
		return never
	}
	return now + p.slack
}

// spend accounts for a wait in which n bytes moved; rate is in bytes per second.
func (p *pace) spend(wait time.Duration, n, rate int) {
	if p.silence == 0 {
		return
	}
	if n > 0 && rate == 0 {
		p.slack = p.silence
		return
	}
	p.slack -= wait
	if n > 0 {
		p.slack = min(p.silence, p.slack+time.Duration(float64(n)/float64(rate)*float64(time.Second)))
	}
}

func (p *pace) out() bool  { return p.silence > 0 && p.slack <= 0 }
func (p *pace) full() bool { return p.slack == p.silence }
