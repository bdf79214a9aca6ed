package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/audit/file"
	"github.com/wafer-waf/wafer/recent"
	"github.com/wafer-waf/wafer/record"
)

// lookEvery is how often a file that is followed is looked at.
const lookEvery = 250 * time.Millisecond

// unasked is how many events stand before those that are followed.
const unaskedBefore = 10

// eventLines finds events among lines, and prints them, or the last ones of them.
type eventLines struct {
	matcher *recent.Matcher
	printer eventPrinter
	last    int // keep so many until release; 0: print each at once
	most    int // and so many bytes of them
	kept    []view.Event
	held    int // bytes of kept

	found, looked, others, records int

	cut func(shown int) // is told if those kept are fewer than were wanted
	few bool            // they are
}

// take looks at a line, before whose JSON there may be what names a pod.
func (l *eventLines) take(line []byte) error {
	at := bytes.IndexByte(line, '{')
	if at < 0 {
		if len(bytes.TrimSpace(line)) > 0 {
			l.others++
		}
		return nil
	}
	line = bytes.TrimSpace(line[at:])
	if isRecord(line) {
		l.records++
		return nil
	}
	if !isEvent(line) {
		l.others++
		return nil
	}
	l.looked++
	if !l.matcher.Match(line) {
		return nil
	}
	l.found++
	if l.last == 0 {
		return l.printer.print(&view.Event{Event: line})
	}
	one := view.Event{Event: bytes.Clone(line)}
	l.held += heldBytes(&one)
	l.kept = append(l.kept, one)
	if len(l.kept) == 2*l.last || l.held > l.most { // seldom, so that many lines cost little
		l.forget()
	}
	return nil
}

// forget lets go of the oldest of those that are kept: of what is not wanted, and of half of it if that is still too much.
func (l *eventLines) forget() {
	drop := func(n int) {
		for i := range l.kept[:n] {
			l.held -= heldBytes(&l.kept[i])
		}
		l.kept = slices.Delete(l.kept, 0, n)
	}
	drop(max(0, len(l.kept)-l.last))
	if l.held <= l.most {
		return
	}
	l.few = true
	for l.held > l.most/2 && len(l.kept) > 1 {
		drop(len(l.kept) / 2)
	}
}

// release prints what is kept, and from now on each event at once.
func (l *eventLines) release() error {
	latest := l.kept[max(0, len(l.kept)-l.last):]
	for i := range latest {
		if err := l.printer.print(&latest[i]); err != nil {
			return err
		}
	}
	if l.few {
		l.cut(len(latest))
	}
	l.kept, l.held, l.last, l.few = nil, 0, 0, false
	return l.printer.flush()
}

// isEvent tells events from other lines of JSON, such as those of the log: the first ones have a member "event".
func isEvent(line []byte) bool {
	return line[len(line)-1] == '}' && bytes.Contains(line, []byte(`"event":"`)) && bytes.Contains(line, []byte(`"request_id":`))
}

// isRecord tells records from events, beside which they may stand: their member "event" comes first.
func isRecord(line []byte) bool {
	return bytes.Contains(line[:min(len(line), 128)], []byte(`"event":"record"`))
}

// files shows the events of files.
func (e *eventsCommand) files(ctx context.Context, names []string, p eventPrinter) error {
	lines := &eventLines{matcher: e.filter.Matcher(), printer: p, last: e.limit, most: e.most, cut: e.sayCut}
	switch {
	case e.follow && names[0] == "-":
		lines.last = 0 // a pipe has no latest ones, as long as more may come
	case e.follow:
		lines.last = e.limitOr(unaskedBefore)
	}
	for i, name := range names {
		if e.follow && i == len(names)-1 && name != "-" {
			return e.followFile(ctx, name, lines)
		}
		if err := e.file(name, lines); err != nil {
			return errors.Join(lines.release(), err) // what was read of it is shown
		}
	}
	if err := lines.release(); err != nil {
		return err
	}
	if lines.records > 0 {
		e.say("%d lines are records: wafer records list shows them", lines.records)
	}
	if lines.looked == 0 {
		return fmt.Errorf("no event in %s: %d other lines (events are read in the format native)", strings.Join(names, ", "), lines.others)
	}
	if lines.others > 0 {
		e.say("%d lines are no events", lines.others)
	}
	return nil
}

func (e *eventsCommand) sayCut(shown int) {
	e.say("the latest %d events are shown, which is about as much as is held at once: without --limit all are", shown)
}

// file shows what is in a file, after what was put aside for it.
func (e *eventsCommand) file(name string, lines *eventLines) error {
	if name == "-" {
		return readEvents(os.Stdin, "standard input", lines)
	}
	for _, old := range e.asideOf(name) {
		if err := readEventFile(old, lines); err != nil && !errors.Is(err, os.ErrNotExist) { // removed meanwhile
			return err
		}
	}
	return readEventFile(name, lines)
}

// asideOf are the files put aside that can have events in the time that was asked for.
func (e *eventsCommand) asideOf(name string) []string {
	aside, err := file.Aside(name)
	if err != nil {
		return nil // opening the file says what is wrong
	}
	return slices.DeleteFunc(aside, func(old string) bool {
		info, err := os.Stat(old)
		return err == nil && !e.filter.Since.IsZero() && info.ModTime().Before(e.filter.Since)
	})
}

func readEventFile(name string, lines *eventLines) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return readEvents(f, name, lines)
}

// readEvents reads lines to their end. Who waits for more of them has seen those that came.
func readEvents(r io.Reader, name string, lines *eventLines) error {
	in, err := record.Unpacked(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for {
		line, err := readLine(in, longestEvent)
		if len(line) > 0 {
			if err := lines.take(line); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: read events: %w", name, err)
		}
		if in.Buffered() == 0 {
			if err := lines.printer.flush(); err != nil {
				return err
			}
		}
	}
}

// followFile shows what is in a file, and what is appended to it until ctx ends. A file that is put aside meanwhile is
// read to its end before the new one is.
func (e *eventsCommand) followFile(ctx context.Context, name string, lines *eventLines) error {
	for _, old := range e.asideOf(name) {
		if err := readEventFile(old, lines); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	tail := newTail(f)
	defer func() { tail.close() }()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		moved := tail.moved(name) // asked before the last read: what came until then is read
		if err := tail.read(lines); err != nil {
			return err
		}
		if err := lines.release(); err != nil {
			return err
		}
		if moved {
			if next, err := os.Open(name); err == nil {
				tail.close()
				tail = newTail(next)
				continue
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// tail is a file that grows, and the half line at its end.
type tail struct {
	f    *os.File
	in   *bufio.Reader
	half []byte
}

func newTail(f *os.File) *tail { return &tail{f: f, in: bufio.NewReaderSize(f, 64<<10)} }

func (t *tail) close() { _ = t.f.Close() } // it was only read

// read takes all whole lines that are there.
func (t *tail) read(lines *eventLines) error {
	if info, err := t.f.Stat(); err == nil {
		if at, err := t.f.Seek(0, io.SeekCurrent); err == nil && info.Size() < at { // somebody has emptied it
			if _, err := t.f.Seek(0, io.SeekStart); err != nil {
				return err
			}
			t.in.Reset(t.f)
			t.half = nil
		}
	}
	for {
		line, err := readLine(t.in, longestEvent)
		if err != nil {
			if len(t.half)+len(line) <= longestEvent {
				t.half = append(t.half, line...)
			}
			if err == io.EOF {
				return nil
			}
			return fmt.Errorf("read events: %w", err)
		}
		line, t.half = append(t.half, line...), nil
		if err := lines.take(line); err != nil {
			return err
		}
	}
}

// moved tells whether another file has the name now.
func (t *tail) moved(name string) bool {
	named, err := os.Stat(name)
	if err != nil {
		return false // none has; one may come
	}
	opened, err := t.f.Stat()
	return err == nil && !os.SameFile(named, opened)
}
