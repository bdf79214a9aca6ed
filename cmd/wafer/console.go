package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/audit"
	"golang.org/x/term"
)

// Colors of a terminal.
const (
	bold   = "1"
	faint  = "2"
	red    = "31;1"
	green  = "32"
	yellow = "33"
)

// paintFor returns what paints text for an output: nothing does unless it is a terminal that people look
// at, and they have not asked for none (https://no-color.org).
func paintFor(w io.Writer) func(color, text string) string {
	if !colored(w) {
		return func(_, text string) string { return text }
	}
	return func(color, text string) string { return "\x1b[" + color + "m" + text + "\x1b[0m" }
}

func colored(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func isTerminal(stream any) bool {
	f, ok := stream.(descriptor)
	return ok && term.IsTerminal(int(f.Fd()))
}

// descriptor is what may be a terminal.
type descriptor interface{ Fd() uintptr }

// output is standard output. It keeps its first error: a command need not look at each line that it prints, and does not end well if one
// is lost.
type output struct {
	file *os.File
	err  error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

func (o *output) Fd() uintptr { return o.file.Fd() }

// terminalWidth is how many columns a terminal has; 0: it is none.
func terminalWidth(f descriptor) int {
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// consoleLog writes the operational log for people: without what only programs need, and with errors and
// stacks in lines of their own.
func consoleLog(w io.Writer, color bool) zerolog.ConsoleWriter {
	return zerolog.ConsoleWriter{
		Out: w, NoColor: !color, TimeFormat: time.TimeOnly,
		FieldsExclude: append([]string{"component"}, inLines()...),
		FormatPrepare: shortenFields,
		FormatExtra: func(fields map[string]any, b *bytes.Buffer) error {
			for _, name := range inLines() {
				if text, ok := fields[name].(string); ok {
					writeLines(b, name, text)
				}
			}
			return nil
		},
	}
}

// inLines are fields that may hold several lines.
func inLines() []string { return []string{"error", "stack"} }

// writeLines writes a field behind the others, or below them if it has several lines. Each line of it is
// text and nothing else, whoever wrote it.
func writeLines(b *bytes.Buffer, name, text string) {
	text = strings.TrimRight(text, "\n")
	if !strings.Contains(text, "\n") {
		fmt.Fprintf(b, " %s: %s", name, audit.Shown(text, longestLine))
		return
	}
	for line := range strings.Lines(text) {
		line = strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "  ")
		fmt.Fprintf(b, "\n    %s", audit.Shown(line, longestLine))
	}
}

// longestLine bounds a line of an error, in bytes.
const longestLine = 4 << 10

// shortenFields drops lists with nothing in them and cuts what is longer than people read.
func shortenFields(fields map[string]any) error {
	for name, value := range fields {
		switch v := value.(type) {
		case nil:
			delete(fields, name)
		case []any:
			if len(v) == 0 {
				delete(fields, name)
			}
		case json.Number:
			if text := withUnit(name, v); text != "" {
				fields[name] = text
			} else if f, err := v.Float64(); err == nil && strings.Contains(v.String(), ".") {
				fields[name] = json.Number(strconv.FormatFloat(f, 'f', 2, 64))
			}
		case string:
			if name == "digest" && len(v) > shownDigest {
				fields[name] = v[:shownDigest]
			}
		}
	}
	return nil
}

const shownDigest = 12

// withUnit writes a number of milliseconds or bytes as people do; empty: it is another number.
func withUnit(name string, n json.Number) string {
	v, err := n.Int64()
	switch {
	case err != nil:
	case name == "drain_delay" || name == "grace":
		return (time.Duration(v) * time.Millisecond).String()
	case name == "memory" || name == "limit" || name == "at_rest":
		return fmt.Sprintf("%dMiB", v>>20)
	}
	return ""
}

// verdictColor makes those stand out that kept a request from the application, or would have.
func verdictColor(verdict string) string {
	switch verdict {
	case "pass":
		return green
	case "would_block", "refused", "error_allow":
		return yellow
	}
	return red
}

// printable is a text in one line that cannot steer a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return '?'
		}
		return r
	}, text)
}

// progress tells on a terminal what takes seconds.
type progress struct{ w io.Writer }

func newProgress(w io.Writer) progress {
	if !isTerminal(w) {
		return progress{io.Discard}
	}
	return progress{w}
}

// compiling tells which of how many policies is being compiled. The line is written over by the next one.
func (p progress) compiling(policy string, i, n int) {
	if i == n {
		p.done()
		return
	}
	fmt.Fprintf(p.w, "\r\x1b[Kcompiling policy %s, %d of %d …", policy, i+1, n)
}

// done takes the line away.
func (p progress) done() { fmt.Fprint(p.w, "\r\x1b[K") }

// words defines a flag whose value is one of a few words, the first of which is the default.
func words(c *cobra.Command, name, short string, value *string, usage string, choices ...string) {
	*value = choices[0]
	c.Flags().VarP(&word{value, choices}, name, short, usage+" ("+strings.Join(choices, ", ")+")")
	complete(c, name, choices...)
}

// word is a flag of words.
type word struct {
	value   *string
	choices []string
}

func (w *word) String() string { return *w.value }
func (w *word) Type() string   { return "word" }
func (w *word) Set(text string) error {
	for _, choice := range w.choices {
		if text == choice {
			*w.value = text
			return nil
		}
	}
	return fmt.Errorf("write one of %s", strings.Join(w.choices, ", "))
}
