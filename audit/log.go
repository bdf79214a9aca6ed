package audit

import (
	"io"
	"time"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/mask"
)

// Kinds of event, the values of the field "event".
const (
	eventAccess   = "access"
	eventSecurity = "security"
	eventBan      = "ban"
)

// Options choose what a Log writes to its writer, and how.
type Options struct {
	Console bool       // one readable line for people instead of one JSON object
	Color   bool       // of a console
	Width   func() int // of a console: columns that a line may take, asked for each; nil or 0: no limit
	Days    bool       // of a console: events of other days than today are to be expected
	Format  Format     // of JSON
	Kinds   Kinds      // 0: all

	Masking *mask.Policy // what is secret in events

	Version  string // of the product, for formats that tell it
	Instance string // name of this process, likewise; empty: none is told
}

// Log takes events, masks each once, encodes it once for each format in use, and hands the line
// to all that want it.
type Log struct {
	masking *mask.Policy
	console *console // nil: nobody reads one
	shown   Kinds    // by the console
	wanted  Kinds    // by anybody
	formats [formatCount]encoding

	known             *fine // texts of access events
	version, instance string
}

// encoding is one format, as far as it is in use.
type encoding struct {
	kinds   Kinds // that somebody wants in it
	loggers [kindCount]zerolog.Logger
	fans    [kindCount]*fan
}

// New returns a Log that writes to w, usually a *Writer: Log itself neither buffers nor
// limits. Nil is nobody. Events are written whatever the level of the operational log is.
func New(w io.Writer, o Options) *Log {
	l := &Log{masking: o.Masking, known: newFine(), version: o.Version, instance: o.Instance}
	if o.Kinds == 0 {
		o.Kinds = AllKinds
	}
	switch {
	case w == nil:
	case o.Console:
		l.console, l.shown, l.wanted = &console{w, o.Color, o.Width, o.Days}, o.Kinds, o.Kinds
	default:
		l.Attach(writerSink{w}, o.Format, o.Kinds)
	}
	return l
}

// Attach adds a sink of events of some kinds, before the first event comes.
func (l *Log) Attach(s Sink, f Format, kinds Kinds) {
	e := &l.formats[f]
	for i := range e.fans {
		k := Kind(1 << i)
		if !kinds.Has(k) {
			continue
		}
		if e.fans[i] == nil {
			e.fans[i] = &fan{kind: k}
			e.loggers[i] = zerolog.New(e.fans[i])
		}
		e.fans[i].sinks = append(e.fans[i].sinks, s)
	}
	e.kinds |= kinds
	l.wanted |= kinds
}

// Wants tells whether anybody takes events of a kind. Others need not be made.
func (l *Log) Wants(k Kind) bool { return l.wanted.Has(k) }

// Access takes an access event.
func (l *Log) Access(event *Access) {
	k := KindOfAccess(event.Failed)
	if !l.wanted.Has(k) {
		return
	}
	a := event.cleaned(l.masking, l.known)
	if l.console != nil && l.shown.Has(k) {
		l.console.access(&a)
	}
	if e := l.begin(Native, k); e != nil {
		nativeAccess(e, &a)
	}
	if e := l.begin(OCSF, k); e != nil {
		l.ocsfAccess(e, &a)
	}
	if e := l.begin(ECS, k); e != nil {
		l.ecsAccess(e, &a)
	}
}

// Security takes a security event.
func (l *Log) Security(event *Security) {
	if !l.wanted.Has(SecurityEvent) {
		return
	}
	s := event.cleaned(l.masking)
	if l.console != nil && l.shown.Has(SecurityEvent) {
		l.console.security(&s)
	}
	if e := l.begin(Native, SecurityEvent); e != nil {
		nativeSecurity(e, &s)
	}
	if e := l.begin(OCSF, SecurityEvent); e != nil {
		l.ocsfSecurity(e, &s)
	}
	if e := l.begin(ECS, SecurityEvent); e != nil {
		l.ecsSecurity(e, &s)
	}
}

// Ban takes an event about a ban.
func (l *Log) Ban(event *Ban) {
	if !l.wanted.Has(BanEvent) {
		return
	}
	b := event.cleaned(l.masking)
	if l.console != nil && l.shown.Has(BanEvent) {
		l.console.ban(&b)
	}
	if e := l.begin(Native, BanEvent); e != nil {
		nativeBan(e, &b)
	}
	if e := l.begin(OCSF, BanEvent); e != nil {
		l.ocsfBan(e, &b)
	}
	if e := l.begin(ECS, BanEvent); e != nil {
		l.ecsBan(e, &b)
	}
}

// begin starts a line for who wants events of a kind in a format; nil: nobody does. The event has
// no zerolog level, so that neither the level of the operational log nor zerolog's global level
// drops it; only zerolog switched off for the whole process does.
func (l *Log) begin(f Format, k Kind) *zerolog.Event {
	if e := &l.formats[f]; e.kinds.Has(k) {
		return e.loggers[k.index()].Log() //nolint:zerologlint // the caller sends it
	}
	return nil
}

// orNow is the time of an event.
func orNow(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now()
	}
	return t
}
