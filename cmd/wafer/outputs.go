package main

import (
	"io"
	stdlog "log"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/mask"
	"golang.org/x/term"
)

// Bounds of what the outputs hold and wait for.
const (
	logBytes     = 1 << 20         // lines of the log that nobody has read yet
	outputsFlush = 2 * time.Second // for what is unwritten at the end, of all outputs and receivers together
	sayFlush     = 500 * time.Millisecond
)

// outputs are standard output, for events, and standard error, for the log. Both may be pipes that
// nobody reads: whoever writes to them never waits, and what finds no room is dropped and counted.
type outputs struct {
	events, err *audit.Writer
	options     audit.Options // of events on standard output
	silent      bool          // none go there
	lost        atomic.Uint64 // events
	outages     outages       // of what else takes events, records and spans
	log         zerolog.Logger
}

// dropped is how many events standard output did not take.
func (o *outputs) dropped() uint64 { return o.lost.Load() }

func newOutputs(boot *config.Boot, secrets *mask.Policy, registry prometheus.Registerer) *outputs {
	o := boot.Log
	eventsDropped := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "wafer_events_dropped_total", Help: "Events dropped because the output did not take them.",
	})
	linesDropped := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "wafer_log_dropped_total", Help: "Lines of the operational log dropped because the output did not take them.",
	})
	registry.MustRegister(eventsDropped, linesDropped)

	out := &outputs{options: eventOptions(boot), silent: boot.Events.Stdout.Format == config.StdoutOff}
	out.options.Masking, out.options.Version = secrets, version
	out.options.Instance, _ = os.Hostname() // else formats that tell it do without
	out.err = audit.NewWriter(os.Stderr, audit.WriterOptions{
		BufferBytes: logBytes, FlushInterval: -1,
		Dropped: func(n int) { linesDropped.Add(float64(n)) },
	})
	out.log = newLogger(out.err, secrets, o.Level, out.options.Console)
	stdlog.SetFlags(0)
	stdlog.SetOutput(&libraryLog{log: out.log.With().Str("component", "library").Logger()})
	log := out.log
	out.events = audit.NewWriter(os.Stdout, audit.WriterOptions{
		Dropped: func(n int) {
			eventsDropped.Add(float64(n))
			out.lost.Add(uint64(n)) //nolint:gosec // a count
		},
		Failed: func(err error) { log.Error().Err(err).Msg("writing events") },
	})
	return out
}

// libraryLog is where libraries write to by package log: net/http does of receivers that say something unasked. It would
// stand in standard error as it is otherwise, as often as a receiver likes, and wait for who reads that.
type libraryLog struct {
	log   zerolog.Logger
	often seldom
}

func (l *libraryLog) Write(text []byte) (int, error) {
	if l.often.may() {
		l.log.Warn().Msg(audit.Shown(strings.TrimSpace(string(text)), toldBytes))
	}
	return len(text), nil
}

// eventOptions say which events standard output gets, and how they look.
func eventOptions(boot *config.Boot) audit.Options {
	kinds := audit.AllKinds
	if boot.Log.Access == config.AccessOff {
		kinds &^= audit.Kinds(audit.AccessEvent)
	}
	return audit.Options{
		Console: useConsole(boot.Log.Format), Color: colored(os.Stdout), Width: func() int { return terminalWidth(os.Stdout) },
		Format: formatOf(string(boot.Events.Stdout.Format)), Kinds: kinds,
	}
}

// eventLog returns where events begin, with standard output as its first reader.
func (o *outputs) eventLog() *audit.Log {
	if o.silent {
		return audit.New(nil, o.options)
	}
	return audit.New(o.events, o.options)
}

// starting tells people who look at the log what is being compiled until the first configuration is in force.
// Afterwards there are events, which would stand in the same line.
func (o *outputs) starting() func(policy string, i, n int) {
	if !o.options.Console || !isTerminal(os.Stderr) {
		return nil
	}
	var over atomic.Bool
	p := progress{parts{o.err}}
	return func(policy string, i, n int) {
		if !over.Load() {
			p.compiling(policy, i, n)
			over.Store(i == n)
		}
	}
}

// parts writes what is no whole line.
type parts struct{ w *audit.Writer }

func (p parts) Write(text []byte) (int, error) {
	p.w.WritePart(text)
	return len(text), nil
}

// say writes the last words of the process to standard error, if that takes them. Errors may hold what files and other servers say:
// none of it drives a terminal.
func say(err error) {
	out := audit.NewWriter(os.Stderr, audit.WriterOptions{FlushInterval: -1})
	_, _ = out.Write([]byte(shownError(err))) // never fails
	_ = out.Close(sayFlush)                   // there is nobody to tell
}

// shownError is an error for people, in lines that are text and nothing else.
func shownError(err error) string {
	var b strings.Builder
	for line := range strings.Lines(err.Error()) {
		text := strings.TrimSuffix(line, "\n")
		b.WriteString(audit.Shown(strings.ReplaceAll(text, "\t", "    "), longestLine))
		b.WriteString(line[len(text):])
	}
	return b.String()
}

// useConsole decides for people or for programs.
func useConsole(format string) bool {
	if format == "auto" {
		return term.IsTerminal(int(os.Stdout.Fd()))
	}
	return format == "console"
}

func newLogger(w io.Writer, secrets *mask.Policy, level string, console bool) zerolog.Logger {
	l, err := zerolog.ParseLevel(level)
	if err != nil {
		l = zerolog.InfoLevel // config has checked the word
	}
	log := zerolog.New(maskedLog{w, secrets})
	if console {
		log = zerolog.New(zerolog.SyncWriter(maskedLog{consoleLog(w, colored(os.Stderr)), secrets}))
	}
	return log.Level(l).With().Timestamp().Logger()
}
