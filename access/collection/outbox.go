package collection

import (
	"context"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/waf/kept"
)

// mostWaiting bounds how many collections have changes that the store has not got. Beyond it they are
// this process's alone.
const mostWaiting = 10_000

// senders is how many round trips there are at once. They exist as long as there is something to send.
const senders = 4

// outbox has changes that the store has not got yet.
type outbox struct {
	mu    sync.Mutex
	sums  map[kept.Key]*waiting
	turn  []kept.Key
	busy  int // senders
	empty chan struct{}
}

// waiting is what waits for one collection: what is on its way, and what came since.
type waiting struct {
	sent *Sum // nil: nothing is on its way
	more *Sum // nil: nothing came since
}

func (o *outbox) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.sums)
}

// later has a change sent.
func (t *Table) later(c *kept.Change, now time.Time) {
	o := &t.sync
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.sums[c.Key]
	if w == nil {
		if len(o.sums) >= mostWaiting {
			t.dropped.Add(1)
			return
		}
		if o.sums == nil {
			o.sums = map[kept.Key]*waiting{}
		}
		w = &waiting{}
		o.sums[c.Key] = w
		o.turn = append(o.turn, c.Key)
	}
	if w.more == nil {
		w.more = &Sum{}
	}
	w.more.add(c, now)
	t.startSending()
}

// startSending begins to send, if the store is worth it. The caller has the lock.
func (t *Table) startSending() {
	o := &t.sync
	for o.busy < senders && o.busy < len(o.turn) && t.options.Store.Up() {
		o.busy++
		go t.send()
	}
}

// send sends what waits, until nothing does or the store fails.
func (t *Table) send() {
	o := &t.sync
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.turn) > 0 && t.options.Store.Up() {
		key := o.turn[0]
		o.turn = o.turn[1:]
		w := o.sums[key]
		w.sent, w.more = w.more, nil
		o.mu.Unlock()
		shared, err := t.options.Store.Change(context.Background(), key, *w.sent)
		if err == nil {
			t.got(key, &shared)
		} else {
			t.failed.Add(1)
			t.options.Failed(err)
		}
		o.mu.Lock()
		if err != nil {
			if w.more != nil {
				w.sent.join(*w.more)
			}
			w.more = w.sent
		}
		w.sent = nil
		switch {
		case w.more != nil:
			o.turn = append(o.turn, key)
		default:
			delete(o.sums, key)
		}
		if err != nil {
			break
		}
	}
	o.busy--
	if o.busy == 0 && o.empty != nil {
		close(o.empty)
		o.empty = nil
	}
}

// got makes the copy of a collection what the store has, and what it has not got yet.
func (t *Table) got(key kept.Key, shared *Shared) {
	now := t.options.Now()
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.use(key, now)
	if e == nil {
		e = s.add(key)
	}
	e.take(shared, now)
	e.asked = now
	t.sync.mu.Lock()
	if w := t.sync.sums[key]; w != nil && w.more != nil {
		e.apply(w.more, now, &t.refused)
	}
	t.sync.mu.Unlock()
	s.account(e)
	t.bound(s)
}

// ask asks the store for a collection.
func (t *Table) ask(key kept.Key) {
	if !t.options.Store.Up() {
		return
	}
	if t.sync.has(key) { // it will say what it has when it gets that
		t.sync.mu.Lock()
		t.startSending()
		t.sync.mu.Unlock()
		return
	}
	shared, err := t.options.Store.Load(context.Background(), key)
	if err != nil {
		t.failed.Add(1)
		t.options.Failed(err)
		return
	}
	if !t.sync.has(key) { // otherwise it may not have seen that
		t.got(key, &shared)
	}
}

func (o *outbox) has(key kept.Key) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sums[key] != nil
}

// Close sends what waits, as far as the context lets it.
func (t *Table) Close(ctx context.Context) {
	o := &t.sync
	o.mu.Lock()
	if t.options.Store != nil {
		t.startSending()
	}
	if o.busy == 0 {
		o.mu.Unlock()
		return
	}
	if o.empty == nil {
		o.empty = make(chan struct{})
	}
	done := o.empty
	o.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-done:
	}
}
