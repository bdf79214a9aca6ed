package main

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/audit"
)

// Bounds of what others can have the log say.
const (
	toldAMinute = 10  // a receiver that takes every other batch would fill it otherwise
	toldBytes   = 500 // of why; a receiver may have said it
)

// seldom allows something a few times a minute.
type seldom struct {
	mu     sync.Mutex
	minute time.Time // that is counted in, since it began
	n      int
}

// may tells whether it may happen now. Whoever may not asks again when there is something again.
func (s *seldom) may() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.minute) >= time.Minute { // by a clock that nobody sets
		s.minute, s.n = now, 0
	}
	s.n++
	return s.n <= toldAMinute
}

// outages are those of all outputs. They are added while the process starts.
type outages struct{ all []*outage }

// now are those that there are, in sentences.
func (o *outages) now() (about []string) {
	for _, one := range o.all {
		if one.isDown.Load() {
			about = append(about, one.about)
		}
	}
	return about
}

// outage tells when an output does not take what it is given, and when it does again. All but lose is called by one
// goroutine.
type outage struct {
	log        zerolog.Logger
	about      string // in a sentence
	down, back string // messages of the log
	up         func(bool)

	isDown atomic.Bool
	told   bool
	often  seldom
	lost   atomic.Int64 // since an attempt has gone well
}

// add adds an output.
func (o *outages) add(log zerolog.Logger, about, down, back string, up func(bool)) *outage {
	one := &outage{log: log, about: about, down: down, back: back, up: up}
	o.all = append(o.all, one)
	return one
}

// lose counts what is lost.
func (o *outage) lose(n int) { o.lost.Add(int64(n)) }

// failed hears of an attempt that did.
func (o *outage) failed(err error) {
	if o.isDown.CompareAndSwap(false, true) {
		o.up(false)
	}
	if !o.told && o.often.may() {
		o.told = true
		o.log.Error().Str(zerolog.ErrorFieldName, audit.Shown(err.Error(), toldBytes)).Msg(o.down)
	}
}

// worked hears of an attempt that did.
func (o *outage) worked() {
	if o.isDown.Load() { // seldom, so that the usual case writes nothing
		o.isDown.Store(false)
		o.up(true)
	}
	lost := o.lost.Swap(0)
	if o.told {
		o.told = false
		o.log.Info().Int64("lost", lost).Msg(o.back)
	}
}
