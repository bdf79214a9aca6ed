package audit

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
)

// Defaults of WriterOptions.
const (
	defaultBufferBytes   = 4 << 20
	defaultFlushInterval = 100 * time.Millisecond
)

// Pauses after failed writes, doubled from the first to the last: a full disk stays full
// for long, but lines should come out soon after there is room again.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// keepBytes bounds the buffer that is kept for quieter times: one burst should not hold
// memory for the life of the process.
const keepBytes = 1 << 20

var newlineByte = []byte{'\n'}

// WriterOptions set the bounds of a Writer. The zero value is ready for use.
type WriterOptions struct {
	BufferBytes   int           // bytes accepted and not yet written, at most, unless a single call has more; 0: 4 MiB
	FlushInterval time.Duration // shortest time between two writes; 0: 100 ms, negative: none
	Dropped       func(n int)   // called with the number of lines lost; nil: nobody counts
	Written       func(n int)   // called with the number of lines written; nil: nobody counts
	Failed        func(error)   // called after each write that failed; nil: nobody counts
}

// Writer stands between those who log and a destination that may be slow, blocked or
// full. Write never waits for the destination: it copies whole lines into a bounded buffer
// from which one goroutine writes, and drops and counts lines that find no room. Lines are
// written in order, and a line that a failed write left half written is resumed.
//
// The first line after a pause is written at once. Those that follow within
// FlushInterval go out together, in one call: at 20,000 lines a second that is 10 calls
// a second instead of thousands.
type Writer struct {
	w       io.Writer
	limit   int
	every   time.Duration
	dropped func(int)
	written func(int)
	failed  func(error)

	wake     chan struct{} // capacity 1: pending is no longer empty
	half     chan struct{} // capacity 1: half of the limit is pending
	closing  chan struct{} // closed by the first Close
	abandon  chan struct{} // closed when Close stops waiting
	finished chan struct{} // closed when run returns

	mu        sync.Mutex
	pending   []byte // whole lines, accepted, not yet taken by run
	unwritten []byte // what run has taken and not yet written; starts within a line after a partial write
	closed    bool
	abandoned bool
}

// NewWriter starts a Writer to w. Close ends its goroutine.
func NewWriter(w io.Writer, o WriterOptions) *Writer {
	lw := &Writer{
		w:        w,
		limit:    o.BufferBytes,
		every:    o.FlushInterval,
		dropped:  o.Dropped,
		written:  o.Written,
		failed:   o.Failed,
		wake:     make(chan struct{}, 1),
		half:     make(chan struct{}, 1),
		closing:  make(chan struct{}),
		abandon:  make(chan struct{}),
		finished: make(chan struct{}),
	}
	if lw.limit <= 0 {
		lw.limit = defaultBufferBytes
	}
	if lw.every == 0 {
		lw.every = defaultFlushInterval
	}
	if lw.dropped == nil {
		lw.dropped = func(int) {}
	}
	if lw.written == nil {
		lw.written = func(int) {}
	}
	if lw.failed == nil {
		lw.failed = func(error) {}
	}
	go lw.run()
	return lw
}

// Write accepts one or more whole lines, all or none of them; a missing newline at the end
// is added. It never blocks on the destination, keeps nothing of line, and always reports
// success: whoever logs a request has no use for an error. Lines without room, or after
// Close, are dropped and counted.
func (lw *Writer) Write(line []byte) (int, error) {
	if len(line) > 0 {
		lw.add(line, line[len(line)-1] != '\n')
	}
	return len(line), nil
}

// WritePart appends text that is no whole line, such as what a terminal writes over, and adds no newline. Otherwise it
// is as Write.
func (lw *Writer) WritePart(text []byte) { lw.add(text, false) }

func (lw *Writer) add(line []byte, newline bool) {
	size := len(line)
	lines := bytes.Count(line, newlineByte)
	if newline {
		size++
		lines++
	}
	lw.mu.Lock()
	before := len(lw.pending)
	waiting := before + len(lw.unwritten)
	if lw.closed || waiting > 0 && waiting+size > lw.limit { // what is larger than all of it would never find room
		lw.mu.Unlock()
		lw.dropped(lines)
		return
	}
	lw.pending = append(lw.pending, line...)
	if newline {
		lw.pending = append(lw.pending, '\n')
	}
	lw.mu.Unlock()
	if before == 0 {
		notify(lw.wake)
	}
	if half := lw.limit / 2; before < half && before+size >= half {
		notify(lw.half)
	}
}

// Waiting is how many bytes are accepted and not yet written.
func (lw *Writer) Waiting() int {
	lw.mu.Lock()
	defer lw.mu.Unlock()
	return len(lw.pending) + len(lw.unwritten)
}

// Close refuses further lines and waits until all accepted ones are written, retrying
// failed writes, but not longer than timeout. Lines that are still unwritten then are
// dropped and counted, and the error says how many. A further Close waits in the same way.
func (lw *Writer) Close(timeout time.Duration) error {
	lw.mu.Lock()
	if !lw.closed {
		lw.closed = true
		close(lw.closing)
	}
	lw.mu.Unlock()

	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-lw.finished:
	case <-timer.C:
	}

	lw.mu.Lock()
	n := bytes.Count(lw.unwritten, newlineByte) + bytes.Count(lw.pending, newlineByte)
	lw.unwritten, lw.pending = nil, nil
	if n > 0 {
		lw.abandoned = true
		close(lw.abandon)
	}
	lw.mu.Unlock()
	if n == 0 {
		return nil
	}
	lw.dropped(n)
	return fmt.Errorf("close event writer: %d lines unwritten after %s", n, timeout)
}

// run writes what is pending until Close, then what is left.
func (lw *Writer) run() {
	defer close(lw.finished)
	var spare []byte
	for {
		select {
		case <-lw.wake:
		case <-lw.closing:
		}
		batch, closed := lw.take(spare)
		if len(batch) == 0 {
			if closed {
				return
			}
			continue
		}
		if !lw.write(batch) {
			return
		}
		spare = batch[:0]
		if cap(batch) > keepBytes && len(batch) < cap(batch)/4 {
			spare = nil
		}
		if lw.every > 0 {
			lw.pause()
		}
	}
}

// take swaps the pending lines for the empty buffer spare.
func (lw *Writer) take(spare []byte) (batch []byte, closed bool) {
	lw.mu.Lock()
	defer lw.mu.Unlock()
	batch, lw.pending = lw.pending, spare
	lw.unwritten = batch
	return batch, lw.closed
}

// write writes all of batch, however often it fails. It returns false if Close gave up.
func (lw *Writer) write(batch []byte) bool {
	delay := firstRetry
	for len(batch) > 0 {
		n, err := lw.w.Write(batch)
		done := batch[:min(max(n, 0), len(batch))]
		batch = batch[len(done):]
		lw.mu.Lock()
		abandoned := lw.abandoned
		if !abandoned {
			lw.unwritten = batch
		}
		lw.mu.Unlock()
		if !abandoned { // else they are counted as dropped already
			lw.written(bytes.Count(done, newlineByte))
		}
		if err == nil && len(batch) > 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			lw.failed(err)
		}
		if abandoned {
			return false
		}
		if err == nil || len(batch) == 0 {
			continue
		}
		select {
		case <-time.After(delay):
			delay = min(2*delay, lastRetry)
		case <-lw.abandon:
			return false
		}
	}
	return true
}

// pause lets lines gather, unless they become many or the last ones are due.
func (lw *Writer) pause() {
	timer := time.NewTimer(lw.every)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-lw.half:
	case <-lw.closing:
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // the last signal has not been taken yet and says the same
	}
}
