package main

import (
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/audit"
)

const (
	outagesAMinute = 10  // that the log tells of: a receiver that takes every other batch would fill it otherwise
	reasonBytes    = 500 // of why; a receiver may have said it
)

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
	minute time.Time    // that outages are counted in, since it began
	tells  int          // in this minute
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
	if !o.told && o.mayTell() {
		o.told = true
		o.log.Error().Str(zerolog.ErrorFieldName, audit.Shown(err.Error(), reasonBytes)).Msg(o.down)
	}
}

// mayTell counts what is told. Whoever may not tell is asked again by the next attempt.
func (o *outage) mayTell() bool {
	if now := time.Now(); now.Sub(o.minute) >= time.Minute { // by a clock that nobody sets
		o.minute, o.tells = now, 0
	}
	o.tells++
	return o.tells <= outagesAMinute
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
