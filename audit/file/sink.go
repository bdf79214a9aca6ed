package file

import (
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/delivery"
)

// Sink is a file behind a queue.
type Sink struct {
	file   *File
	queue  *audit.Writer
	report delivery.Reporter
	ending atomic.Bool
}

// Start returns a sink whose queue takes so many bytes. What becomes of its lines it reports as a queue of package
// delivery does, whose lines go to receivers elsewhere. Close ends it.
func Start(o Options, queue int, r delivery.Reporter) *Sink {
	s := &Sink{file: New(o), report: r}
	if err := possible(o.Path); err != nil { // which is worth knowing before the first event, that may be late
		r.Failed(err)
	}
	s.queue = audit.NewWriter(s, audit.WriterOptions{
		BufferBytes: queue,
		Written:     r.Sent,
		Dropped: func(lines int) {
			why := delivery.Full
			if s.ending.Load() {
				why = delivery.Ended
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
	return n, err
}

// Waiting is how many bytes wait, those included that are being written.
func (s *Sink) Waiting() int64 { return int64(s.queue.Waiting()) }

// Close writes what waits, but not longer than timeout.
func (s *Sink) Close(timeout time.Duration) error {
	s.ending.Store(true)
	if err := s.queue.Close(timeout); err != nil {
		return err // the queue may be stuck in a write
	}
	return s.file.Close()
}
