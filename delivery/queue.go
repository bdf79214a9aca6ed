package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Why an item was lost.
const (
	Full    = "full"     // there was no room for it in the queue
	Refused = "refused"  // the receiver will never take it
	TooLong = "too_long" // for the receiver, or the way to it
	Ended   = "ended"    // the queue was closed before it was taken
)

// Batch is what is carried at once.
type Batch[T any] struct {
	Items  []T
	Number uint64 // the same whenever these items are carried again, and no others' in this queue
}

// Carrier carries batches to a receiver. It belongs to one goroutine at a time.
type Carrier[T any] interface {
	// Carry returns nil when the receiver has taken the whole batch, a *Refusal if it never will take some of it,
	// ErrTooLarge if it may take it in parts, and any other error if the batch is to be carried again. It ends with ctx.
	Carry(ctx context.Context, batch Batch[T]) error
	Close()
}

// ErrTooLarge is returned for a batch that the receiver may take in parts.
var ErrTooLarge = errors.New("larger than the receiver takes at once")

// Refusal is returned for a batch of which the receiver never takes some items, and has taken the others.
type Refusal struct {
	Items int // 0: all
	Why   string
	Err   error
}

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// Later is an error of a receiver that has said when to come again.
type Later struct {
	After time.Duration
	Err   error
}

func (l *Later) Error() string { return l.Err.Error() }
func (l *Later) Unwrap() error { return l.Err }

// Reporter hears what becomes of items. It is called by one goroutine, but for Lost.
type Reporter interface {
	Sent(items int)
	Lost(items int, why string)
	Failed(err error) // after each attempt that failed
	Worked()          // after each that did not
}

// Options are the bounds of a queue.
type Options struct {
	Limit      int64         // bytes of items that are not yet taken, unless a single item is larger
	BatchBytes int64         // carried at once, unless a single item is larger
	BatchItems int           // likewise
	Every      time.Duration // how long items gather before they are carried
	Timeout    time.Duration // of an attempt
	// Pauses after failures, doubled from the first to the last, and cut by chance.
	FirstRetry, LastRetry time.Duration
}

// Queue holds items until a carrier has brought them to their receiver.
type Queue[T any] struct {
	o       Options
	carrier Carrier[T]
	report  Reporter
	retry   backoff

	wake     chan struct{} // capacity 1: something waits
	ready    chan struct{} // capacity 1: a whole batch waits
	closing  chan struct{} // closed by the first Close
	ended    context.Context
	end      context.CancelFunc // when Close stops waiting
	finished chan struct{}      // closed when run returns

	mu        sync.Mutex
	waiting   []sized[T] // accepted, not yet taken by run
	gathered  int64      // their bytes
	size      int64      // theirs, and those of what run carries
	carrying  int        // items that run has taken, and not yet reported
	batches   uint64
	closed    bool
	abandoned bool
}

type sized[T any] struct {
	item T
	size int64
}

// New starts a queue. Close ends its goroutine, and closes the carrier.
func New[T any](c Carrier[T], r Reporter, o Options) *Queue[T] {
	q := &Queue[T]{
		o: o, carrier: c, report: r, retry: backoff{first: o.FirstRetry, last: o.LastRetry},
		wake: make(chan struct{}, 1), ready: make(chan struct{}, 1), closing: make(chan struct{}), finished: make(chan struct{}),
	}
	q.ended, q.end = context.WithCancel(context.Background())
	go q.run()
	return q
}

// Add gives an item to the queue, which takes so much of its limit. It never waits.
func (q *Queue[T]) Add(item T, size int64) {
	q.add(size, func() T { return item })
}

// add makes an item, under the lock, if there is room for it.
func (q *Queue[T]) add(size int64, item func() T) {
	q.mu.Lock()
	if why := q.full(size); why != "" {
		q.mu.Unlock()
		q.report.Lost(1, why)
		return
	}
	first := len(q.waiting) == 0
	q.waiting = append(q.waiting, sized[T]{item(), size})
	q.gathered += size
	q.size += size
	whole := q.whole()
	q.mu.Unlock()
	if first {
		notify(q.wake)
	}
	if whole {
		notify(q.ready)
	}
}

// full says why there is no room for an item. The caller holds the lock.
func (q *Queue[T]) full(size int64) (why string) {
	switch {
	case q.closed:
		return Ended
	case q.size > 0 && q.size+size > q.o.Limit: // what is larger than all of it would never find room
		return Full
	}
	return ""
}

// Waiting is how much of the limit is taken, by items that wait and by those that are being carried.
func (q *Queue[T]) Waiting() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.size
}

// whole tells whether a batch waits that cannot become larger. The caller holds the lock.
func (q *Queue[T]) whole() bool {
	return q.gathered >= q.o.BatchBytes || len(q.waiting) >= q.o.BatchItems
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // the last signal has not been taken yet and says the same
	}
}

// Close refuses further items and waits until those that wait are taken, but not longer than timeout. Those that are
// not taken then are lost, and the error says how many. A further Close waits in the same way.
func (q *Queue[T]) Close(timeout time.Duration) error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.closing)
	}
	q.mu.Unlock()

	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-q.finished:
	case <-timer.C:
	}

	q.mu.Lock()
	n := len(q.waiting) + q.carrying
	q.waiting, q.carrying, q.abandoned = nil, 0, true
	q.mu.Unlock()
	q.end()
	if n == 0 {
		return nil
	}
	q.report.Lost(n, Ended)
	return fmt.Errorf("%d not delivered after %s", n, timeout)
}
