package file

import (
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/audit"
)

// Reporter hears what becomes of lines that a Sink is given. Each is reported once, as sent or as lost,
// at the latest when the sink is closed.
type Reporter interface {
	Sent(lines int)
	Lost(lines int, why string)
	Failed(err error)    // after each attempt to write that failed
	Worked()             // after each that did not
	Waiting(bytes int64) // now and then
}

// Why a line was lost.
const (
	Full  = "full"  // there was no room for it in the queue
	Ended = "ended" // the sink was closed before it was written
)

// Sink is a file behind a queue.
type Sink struct {
	file   *File
	queue  *audit.Writer
	report Reporter
	ending atomic.Bool
}

// Start returns a sink whose queue takes so many bytes. Close ends it.
func Start(o Options, queue int, r Reporter) *Sink {
	s := &Sink{file: New(o), report: r}
	s.queue = audit.NewWriter(s, audit.WriterOptions{
		BufferBytes: queue,
		Written:     r.Sent,
		Dropped: func(lines int) {
			why := Full
			if s.ending.Load() {
				why = Ended
			}
			r.Lost(lines, why)
		},
	})
	return s
}

// Send gives a line to the queue. It never waits.
func (s *Sink) Send(_ audit.Kind, line []byte) { _, _ = s.queue.Write(line) } // what it cannot take, it counts

// Write is for the queue alone.
func (s *Sink) Write(lines []byte) (int, error) {
	n, err := s.file.Write(lines)
	if err != nil {
		s.report.Failed(err)
	} else {
		s.report.Worked()
	}
	s.report.Waiting(int64(s.queue.Waiting() - n))
	return n, err
}

// Close writes what waits, but not longer than timeout.
func (s *Sink) Close(timeout time.Duration) error {
	s.ending.Store(true)
	if err := s.queue.Close(timeout); err != nil {
		return err // the queue may be stuck in a write
	}
	return s.file.Close()
}
