package config

import (
	"time"
)

// Events says where events go.
type Events struct {
	Stdout EventsStdout `mapstructure:"stdout"`
	Sinks  []EventSink  `mapstructure:"sinks"` // beside standard output
}

// EventsStdout says what standard output gets.
type EventsStdout struct {
	Format EventFormat `mapstructure:"format"` // if it gets JSON, see Log.Format
}

// EventSink is one more place for events. It is of one kind: exactly one of the pointers is set.
type EventSink struct {
	ID     string        `mapstructure:"id"`
	Events []EventKind   `mapstructure:"events"` // none: all but those of requests that went well
	Format SinkFormat    `mapstructure:"format"`
	Queue  Size          `mapstructure:"queue"` // bytes of events that wait to be written or sent
	File   *RotatingFile `mapstructure:"file" one:"kind"`
	HTTPS  *HTTPSSink    `mapstructure:"https" one:"kind"`
	Syslog *SyslogSink   `mapstructure:"syslog" one:"kind"`
	OTLP   *OTLPSink     `mapstructure:"otlp" one:"kind"`
}

// RotatingFile is a file that is put aside and begun anew. It and those put aside are bounded.
type RotatingFile struct {
	Path     string        `mapstructure:"path"`
	MaxSize  Size          `mapstructure:"max_size"`  // put aside before it gets larger
	MaxAge   time.Duration `mapstructure:"max_age"`   // put aside when it gets older; 0: never
	Keep     int           `mapstructure:"keep"`      // files put aside
	MaxTotal Size          `mapstructure:"max_total"` // of all together; 0: as keep and max_size say
}

// Bounds of what a sink holds back.
const (
	minQueue = 64 * KiB
	maxQueue = 1 * GiB
)

// defaultEvents are for a sink that names none: one event for each request would be a flood that
// most of those who are told of attacks do not want.
var defaultEvents = []EventKind{EventSecurity, EventRefused, EventBans}

// DefaultEventSink returns what a sink is before the file says anything about it.
func DefaultEventSink() EventSink {
	return EventSink{Events: defaultEvents, Format: FormatNative, Queue: 4 * MiB}
}

// DefaultRotatingFile returns what a file is before anything is said about it.
func DefaultRotatingFile() RotatingFile {
	return RotatingFile{MaxSize: 100 * MiB, MaxAge: 24 * time.Hour, Keep: 10}
}

func (l *bootLoader) checkEvents() {
	e := &l.boot.Events
	ids := map[string]int{}
	for i := range e.Sinks {
		at, s := indexPath("events.sinks", i), &e.Sinks[i]
		l.fillSink(at, s)
		switch first, is := ids[s.ID]; {
		case s.ID == "":
			l.add(at+".id", "required: what logs and metrics call the sink")
		case s.ID == stdoutID:
			l.add(at+".id", "%q is standard output: choose another one", s.ID)
		case is:
			l.add(at+".id", "%q is the id of events.sinks[%d] too: give each its own", s.ID, first)
		default:
			l.addErr(at+".id", checkID(s.ID))
			ids[s.ID] = i
		}
		for k, kind := range s.Events {
			word(l, indexPath(at+".events", k), kind)
		}
		word(l, at+".format", s.Format)
		if s.Queue < minQueue || s.Queue > maxQueue {
			l.add(at+".queue", "%s is out of range: %s to %s", s.Queue, minQueue, maxQueue)
		}
		l.checkSinkKind(at, s)
	}
}

// stdoutID is what metrics call standard output.
const stdoutID = "stdout"

func (l *bootLoader) fillSink(at string, s *EventSink) {
	d := DefaultEventSink()
	if !l.given(at + ".events") {
		s.Events = d.Events
	}
	fill(&s.Format, d.Format, l.given(at+".format"))
	fill(&s.Queue, d.Queue, l.given(at+".queue"))
}

// checkSinkKind checks that a sink is of one kind, and what it says of it.
func (l *bootLoader) checkSinkKind(at string, s *EventSink) {
	kinds := 0
	if s.File != nil {
		kinds++
		l.checkRotatingFile(at+".file", s.File)
	}
	if s.HTTPS != nil {
		kinds++
		l.checkHTTPSSink(at+".https", s.HTTPS)
	}
	if s.Syslog != nil {
		kinds++
		l.checkSyslogSink(at+".syslog", s.Syslog)
	}
	if s.OTLP != nil {
		kinds++
		l.checkOTLPSink(at+".otlp", s.OTLP)
	}
	if kinds != 1 {
		l.addBy([]string{at + ".file", at + ".https", at + ".syslog", at + ".otlp"}, at, "a sink is of one kind: give it file, https, syslog or otlp")
	}
}

// checkRotatingFile fills and checks a file that is put aside and begun anew.
func (l *bootLoader) checkRotatingFile(at string, f *RotatingFile) {
	d := DefaultRotatingFile()
	fill(&f.MaxSize, d.MaxSize, l.given(at+".max_size"))
	fill(&f.MaxAge, d.MaxAge, l.given(at+".max_age"))
	fill(&f.Keep, d.Keep, l.given(at+".keep"))
	if f.Path == "" {
		l.add(at+".path", "required: where the file is")
	}
	if f.MaxSize < 1*MiB {
		l.add(at+".max_size", "%s is too small: at least %s", f.MaxSize, 1*MiB)
	}
	if f.MaxAge != 0 && f.MaxAge < time.Minute {
		l.add(at+".max_age", "%s is too short: at least 1m, or 0", f.MaxAge)
	}
	if f.Keep < 0 || f.Keep > 1000 {
		l.add(at+".keep", "%d is out of range: 0 to 1000", f.Keep)
	}
	if f.MaxTotal != 0 && f.MaxTotal < f.MaxSize {
		l.add(at+".max_total", "%s is less than max_size, %s, for one file: at least that", f.MaxTotal, f.MaxSize)
	}
}

// given tells whether a key path stands in the boot file, or is set by a flag or variable.
func (l *bootLoader) given(path string) bool {
	_, is := l.origin[path]
	return is
}
