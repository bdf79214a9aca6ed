package delivery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// keepItems bounds the room that is kept for quieter times.
const keepItems = 1024

// run carries what waits until Close, then what is left.
func (q *Queue[T]) run() {
	defer close(q.finished)
	defer q.carrier.Close()
	for {
		select {
		case <-q.wake:
		case <-q.closing:
		}
		for q.gather() {
			if !q.carry(q.take()) {
				return
			}
		}
		select {
		case <-q.closing:
			return // nothing waits, and nothing more will
		default:
		}
	}
}

// gather waits until a batch is worth carrying. It returns false if nothing waits.
func (q *Queue[T]) gather() bool {
	q.mu.Lock()
	n, whole := len(q.waiting), q.whole()
	q.mu.Unlock()
	if n == 0 || whole {
		return n > 0
	}
	timer := time.NewTimer(q.o.Every)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case <-q.closing:
			return true
		case <-q.ready: // perhaps of a batch that is gone
			q.mu.Lock()
			whole = q.whole()
			q.mu.Unlock()
			if whole {
				return true
			}
		}
	}
}

// take takes the items that have waited longest.
func (q *Queue[T]) take() (Batch[T], []int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, bytes := 0, int64(0)
	for n < len(q.waiting) && n < q.o.BatchItems && (n == 0 || bytes+q.waiting[n].size <= q.o.BatchBytes) {
		bytes += q.waiting[n].size
		n++
	}
	items, sizes := make([]T, n), make([]int64, n)
	for i := range n {
		items[i], sizes[i] = q.waiting[i].item, q.waiting[i].size
	}
	clear(q.waiting[:n])
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 && n > keepItems {
		q.waiting = nil
	}
	q.gathered -= bytes
	q.carrying = n
	return q.number(items), sizes
}

// number makes a batch of items.
func (q *Queue[T]) number(items []T) Batch[T] {
	q.batches++
	return Batch[T]{items, q.batches}
}

// carry carries a batch until its receiver has taken or refused it. It returns false if Close has stopped waiting.
func (q *Queue[T]) carry(batch Batch[T], sizes []int64) bool {
	if len(batch.Items) == 0 { // Close has reported them meanwhile
		return false
	}
	for {
		err := q.attempt(batch)
		var refused *Refusal
		switch {
		case err == nil:
			q.retry.reset()
			if !q.done(len(batch.Items), 0, "", sizes) {
				return false
			}
			q.report.Worked()
			return true
		case errors.As(err, &refused):
			n := refused.Items
			if n <= 0 || n > len(batch.Items) {
				n = len(batch.Items)
			}
			if !q.done(len(batch.Items)-n, n, refused.Why, sizes) {
				return false
			}
			q.report.Failed(err)
			return true
		case errors.Is(err, ErrTooLarge):
			return q.carryParts(batch, sizes)
		}
		q.report.Failed(err)
		if !q.pause(q.retry.next(err)) {
			return false
		}
	}
}

// carryParts carries a batch that is too large in halves.
func (q *Queue[T]) carryParts(batch Batch[T], sizes []int64) bool {
	if len(batch.Items) == 1 {
		q.report.Failed(ErrTooLarge)
		return q.done(0, 1, TooLong, sizes)
	}
	half := len(batch.Items) / 2
	return q.carry(q.number(batch.Items[:half]), sizes[:half]) && q.carry(q.number(batch.Items[half:]), sizes[half:])
}

// attempt carries a batch once.
func (q *Queue[T]) attempt(batch Batch[T]) (err error) {
	ctx, cancel := context.WithTimeout(q.ended, q.o.Timeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil { // it must not end the process, which has requests to serve
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return q.carrier.Carry(ctx, batch)
}

// done reports items that nobody has to carry any more. It returns false if Close has reported them already.
func (q *Queue[T]) done(sent, lost int, why string, sizes []int64) bool {
	q.mu.Lock()
	if q.abandoned {
		q.mu.Unlock()
		return false
	}
	q.carrying -= sent + lost
	for _, size := range sizes {
		q.size -= size
	}
	q.mu.Unlock()
	if sent > 0 {
		q.report.Sent(sent)
	}
	if lost > 0 {
		q.report.Lost(lost, why)
	}
	return true
}

// pause waits before the next attempt. It returns false if Close has stopped waiting.
func (q *Queue[T]) pause(d time.Duration) bool {
	q.mu.Lock()
	closed := q.closed
	q.mu.Unlock()
	closing := q.closing
	if closed {
		d, closing = min(d, q.o.FirstRetry), nil // there is little time left
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-closing: // the last chance
	case <-q.ended.Done():
		return false
	}
	return true
}

// backoff is how long to wait after failures.
type backoff struct{ first, last, current time.Duration }

func (b *backoff) reset() { b.current = 0 }

// next is twice as long as the pause before. Chance cuts off up to half of it, so that a receiver that comes back does
// not get everybody's batches at once. What the receiver asks for is granted, up to the longest pause.
func (b *backoff) next(err error) time.Duration {
	b.current = min(max(2*b.current, b.first), b.last)
	d := b.current - rand.N(b.current/2+1)
	var later *Later
	if errors.As(err, &later) {
		d = max(d, min(later.After, b.last))
	}
	return d
}
