package record

import (
	"fmt"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/coding"
)

// Masker takes secrets out of what a record tells.
type Masker interface {
	URL(target string) string
	Header(name, value string) string
	Body(mediaType string, body []byte, cut bool) []byte
	Value(target, value string) string
	Found(target, value, around string) string
	Message(target, value, around, message string) string
}

// Loss is why a record is not written.
type Loss string

// The reasons.
const (
	LostMemory Loss = "memory" // there is no room among those that wait
	LostRate   Loss = "rate"   // too many bytes in this second
	LostEnded  Loss = "ended"  // the process has ended before
	LostBroken Loss = "broken" // it could not be made, which is a mistake of ours
)

// Losses are all reasons.
var Losses = [...]Loss{LostMemory, LostRate, LostEnded, LostBroken}

// Options are what a Recorder is made of.
type Options struct {
	Account *Account
	Masker  Masker
	// Out takes each line, during the call alone. It may wait: records wait behind it then.
	Out func(line []byte)
	// Lost is called for each record that Out will not get. Each that was given is one or the other.
	Lost func(Loss)
	// Broke is called for what should never happen; nil: nobody listens.
	Broke func(err any)
}

// Recorder makes lines of transactions. Requests give them to it, many at once, and never wait.
type Recorder struct {
	o       Options
	decoder *coding.Decoder

	wake     chan struct{} // capacity 1: something has changed
	finished chan struct{} // closed when run returns

	mu      sync.Mutex
	queue   []given
	closed  bool
	started bool
}

// given is a transaction that waits.
type given struct {
	record *Record
	terms  *Terms
	weight int64
}

// New returns a Recorder. Its goroutine starts with the first record.
func New(o Options) *Recorder {
	if o.Lost == nil {
		o.Lost = func(Loss) {}
	}
	if o.Broke == nil {
		o.Broke = func(any) {}
	}
	return &Recorder{o: o, decoder: coding.New(), wake: make(chan struct{}, 1), finished: make(chan struct{})}
}

// Account is what captures and records take their memory of.
func (r *Recorder) Account() *Account { return r.o.Account }

// Offer asks for room for a record of which only heads are known, before they are copied. It reports false if there is
// none, or not in this second: the record is lost then, and counted. What it takes is given back by Give.
func (r *Recorder) Offer(weight int64, t *Terms) bool {
	if !r.o.Account.take(weight) {
		r.o.Lost(LostMemory)
		return false
	}
	if !t.Budget.spend(weight, time.Now()) {
		r.o.Account.free(weight)
		r.o.Lost(LostRate)
		return false
	}
	return true
}

// Give hands over a record for which Offer has taken weight. Nobody may change the record, or its bytes, afterwards.
func (r *Recorder) Give(rec *Record, t *Terms, weight int64) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		r.o.Account.free(weight)
		r.o.Lost(LostEnded)
		return
	}
	r.queue = append(r.queue, given{rec, t, weight})
	if !r.started {
		r.started = true
		go r.run()
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Close takes no further records and waits until those that were given are written, but no longer than timeout. What
// is left then is lost.
func (r *Recorder) Close(timeout time.Duration) error {
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	started := r.started
	r.mu.Unlock()
	if !started || !first {
		return nil
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-r.finished:
		return nil
	case <-timer.C:
	}
	r.mu.Lock()
	left := r.queue
	r.queue = nil
	r.mu.Unlock()
	for i := range left {
		r.o.Account.free(left[i].weight)
		r.o.Lost(LostEnded)
	}
	return fmt.Errorf("close recorder: %d records unwritten after %s", len(left), timeout)
}

func (r *Recorder) run() {
	defer close(r.finished)
	var line []byte
	for {
		g, more, closed := r.next()
		switch {
		case more:
			line = r.write(line[:0], &g)
			if cap(line) > keepLine {
				line = nil
			}
		case closed:
			return
		default:
			<-r.wake
		}
	}
}

// keepLine is how large a buffer is kept for the next line: one large record should not hold memory for ever.
const keepLine = 256 << 10

// next takes what waits longest.
func (r *Recorder) next() (g given, more, closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return given{}, false, r.closed
	}
	g = r.queue[0]
	r.queue[0] = given{}
	if r.queue = r.queue[1:]; len(r.queue) == 0 {
		r.queue = nil
	}
	return g, true, false
}

// write makes a line of a record and hands it over. Whatever a client has sent must not end the process.
func (r *Recorder) write(line []byte, g *given) []byte {
	defer r.o.Account.free(g.weight)
	made := false
	func() {
		defer func() {
			if p := recover(); p != nil {
				r.o.Broke(p)
			}
		}()
		r.finish(g.record, g.terms)
		line = g.record.Append(line)
		made = true
	}()
	if !made {
		r.o.Lost(LostBroken)
		return nil
	}
	r.o.Out(line)
	return line
}
