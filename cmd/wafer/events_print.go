package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/audit"
)

// eventPrinter writes events for somebody. Nothing need be there before flush.
type eventPrinter interface {
	print(e *view.Event) error
	flush() error
}

// newFlushed gathers what is written until it is flushed.
func newFlushed(w io.Writer) *bufio.Writer { return bufio.NewWriterSize(w, 64<<10) }

// consolePrinter writes lines for people, as wafer serve does on a terminal.
type consolePrinter struct {
	out *bufio.Writer
	log *audit.Log
}

func newConsolePrinter(w io.Writer) *consolePrinter {
	p := &consolePrinter{out: newFlushed(w)}
	o := audit.Options{Console: true, Days: true, Color: colored(w)}
	if f, is := w.(descriptor); is && isTerminal(w) {
		o.Width = func() int { return terminalWidth(f) }
	}
	p.log = audit.New(p.out, o)
	return p
}

func (p *consolePrinter) print(e *view.Event) error {
	if e.Pod != "" {
		fmt.Fprintf(p.out, "%s ", printable(e.Pod))
	}
	if !p.log.Again(e.Event) {
		_, err := fmt.Fprintln(p.out, audit.Shown(string(e.Event), longestLine))
		return err
	}
	return nil
}

func (p *consolePrinter) flush() error { return p.out.Flush() }

// jsonPrinter writes events as they are, each in a line, with the pod if somebody has told it.
type jsonPrinter struct {
	out      *bufio.Writer
	terminal bool // nothing in a line may drive it
	line     bytes.Buffer
}

func newJSONPrinter(w io.Writer) *jsonPrinter {
	return &jsonPrinter{out: newFlushed(w), terminal: isTerminal(w)}
}

func (p *jsonPrinter) print(e *view.Event) error {
	p.line.Reset()
	line := bytes.TrimSpace(e.Event)
	if e.Pod != "" && !noEvent(*e) {
		pod, err := json.Marshal(printable(e.Pod))
		if err != nil {
			return err
		}
		fmt.Fprintf(&p.line, `{"pod":%s,`, pod)
		line = line[1:]
	}
	p.line.Write(line)
	if line = p.line.Bytes(); bytes.ContainsAny(line, "\r\n") { // between members: in a text they are escaped
		line = bytes.Map(func(r rune) rune {
			if r == '\r' || r == '\n' {
				return ' '
			}
			return r
		}, line)
	}
	if p.terminal {
		line = []byte(audit.Shown(string(line), len(line)))
	}
	_, _ = p.out.Write(line) // it fails again when the line is ended
	return p.out.WriteByte('\n')
}

func (p *jsonPrinter) flush() error { return p.out.Flush() }

// csvPrinter writes rows.
type csvPrinter struct{ csv *view.CSV }

func newCSVPrinter(w io.Writer) csvPrinter { return csvPrinter{view.NewCSV(w)} }

func (p csvPrinter) print(e *view.Event) error { return p.csv.Write(e) }

func (p csvPrinter) flush() error { return p.csv.Flush() }
