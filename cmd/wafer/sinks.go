package main

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/audit/file"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/metrics"
)

// sinks are where events go beside standard output.
type sinks struct {
	list []sink
	byID map[string]sink
	log  zerolog.Logger
}

// sink takes events until it is closed.
type sink interface {
	audit.Sink
	outlet
	Waiting() int64 // bytes
}

// openSinks starts the sinks of the boot settings and attaches them to events. A sink whose
// destination is not there is no error: it may come, and requests do not wait for it. After an error those are there that were
// started before.
func openSinks(boot *config.Boot, events *audit.Log, registry prometheus.Registerer, all *outages, log zerolog.Logger) (*sinks, error) {
	s := &sinks{log: log.With().Str("component", "sinks").Logger()}
	if len(boot.Events.Sinks) == 0 {
		return s, nil
	}
	instruments := metrics.NewSinks(registry)
	s.byID = map[string]sink{}
	for i := range boot.Events.Sinks {
		c := &boot.Events.Sinks[i]
		counted := instruments.Sink(c.ID, int64(c.Queue))
		one, err := openSink(c, newReporter(c.ID, "events", counted, all, s.log))
		if err != nil {
			return s, err
		}
		counted.Waits(one.Waiting)
		s.list = append(s.list, one)
		s.byID[c.ID] = one
		events.Attach(one, formatOf(string(c.Format)), kindsOf(c.Events))
	}
	return s, nil
}

// openSink starts one sink, of the kind that its settings say.
func openSink(c *config.EventSink, r *reporter) (sink, error) {
	switch {
	case c.HTTPS != nil:
		return openHTTPS(c, r), nil
	case c.Syslog != nil:
		return openSyslog(c, r)
	case c.OTLP != nil:
		return openOTLP(c, r), nil
	}
	return file.Start(fileOptions(c.File), int(c.Queue), r), nil
}

func fileOptions(f *config.RotatingFile) file.Options {
	return file.Options{
		Path: f.Path, MaxSize: int64(f.MaxSize), MaxAge: f.MaxAge, Keep: f.Keep, MaxTotal: int64(f.MaxTotal),
	}
}

// endBy has them end with others, but for the one that records go to.
func (s *sinks) endBy(o *outlets, records string) {
	for id, one := range s.byID {
		if id != records {
			o.all = append(o.all, called{one, "sink " + id})
		}
	}
}

// formatOf is the format that a word of the settings stands for.
func formatOf(word string) audit.Format {
	switch word {
	case string(config.FormatOCSF):
		return audit.OCSF
	case string(config.FormatECS):
		return audit.ECS
	}
	return audit.Native
}

// kindsOf are the kinds of events that words of the settings stand for.
func kindsOf(words []config.EventKind) (kinds audit.Kinds) {
	add := func(word config.EventKind, of ...audit.Kind) {
		if slices.Contains(words, word) {
			for _, k := range of {
				kinds |= audit.Kinds(k)
			}
		}
	}
	add(config.EventAccess, audit.AccessEvent, audit.FailedEvent)
	add(config.EventRefused, audit.FailedEvent)
	add(config.EventSecurity, audit.SecurityEvent)
	add(config.EventBans, audit.BanEvent)
	return kinds
}

// reporter counts what becomes of what a sink is given, and tells of its outages.
type reporter struct {
	*metrics.Sink
	*outage
}

// newReporter makes the reporter of a sink of events, or of spans.
func newReporter(id, of string, m *metrics.Sink, all *outages, log zerolog.Logger) *reporter {
	log = log.With().Str("sink", id).Logger()
	return &reporter{m, all.add(log, "sink "+id+" does not take "+of, "sink of "+of+" does not take them", "sink of "+of+" takes them again", m.Up)}
}

// Lost counts what nobody will get.
func (r *reporter) Lost(n int, why string) {
	r.Sink.Lost(n, why)
	r.lose(n)
}

// Failed counts an attempt that failed.
func (r *reporter) Failed(err error) {
	r.Sink.Failed()
	r.failed(err)
}

// Worked hears of an attempt that did not.
func (r *reporter) Worked() { r.worked() }
