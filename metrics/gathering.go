package metrics

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Gathering the metrics of a thousand routes takes a good part of a CPU for a while, and anybody may ask for them. So one gathers at a
// time; whoever asks meanwhile waits for the next text and shares it, so that nobody is shown what was before; and all of it
// takes no more than a share of one CPU, however many ask.
const (
	gatherShare  = 4               // of the time, one part in so many
	gatherAtOnce = time.Second     // before that counts
	textsAtOnce  = 4               // are held for readers; if there is another one, those of the oldest are cut off
	textPiece    = 64 << 10        // is written at once
	takeWithin   = 5 * time.Second // by a reader
)

// form is one in which metrics are shown.
type form struct{ open, zipped bool }

// text is all metrics in a form.
type text struct {
	all     []byte
	readers int             // who hold it
	held    context.Context // ends when it has to make room
	cut     context.CancelFunc
}

// gathering has metrics gathered for all who ask.
type gathering struct {
	turn   chan struct{} // of who gathers
	atOnce time.Duration

	mu     sync.Mutex
	begun  map[form]uint64 // how often
	ready  map[form]*text  // of the last time, as long as somebody waits for it
	asking map[form]int
	held   []*text      // the oldest first
	size   map[form]int // of the text before
	spent  time.Duration
	as     time.Time // of when that is
}

func newGathering() *gathering {
	return &gathering{turn: make(chan struct{}, 1), atOnce: gatherAtOnce, begun: map[form]uint64{}, ready: map[form]*text{}, asking: map[form]int{}, size: map[form]int{}}
}

// text returns metrics that were gathered after it was called, to be given back with done. It fails only if ctx ends.
func (g *gathering) text(ctx context.Context, f form, write func(to *text)) (*text, error) {
	g.mu.Lock()
	wanted := g.begun[f] + 1
	g.asking[f]++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.asking[f]--; g.asking[f] == 0 {
			g.ready[f] = nil
		}
	}()
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if t := g.shared(f, wanted); t != nil {
		return t, nil
	}
	if wait := g.wait(time.Now()); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return g.gather(f, write), nil
}

// shared returns the text of a form that is as new as is wanted; nil: there is none.
func (g *gathering) shared(f form, wanted uint64) *text {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.ready[f]
	if t == nil || g.begun[f] < wanted || t.held.Err() != nil {
		return nil
	}
	if t.readers++; t.readers == 1 { // those before have all gone
		g.hold(t)
	}
	return t
}

func (g *gathering) gather(f form, write func(to *text)) *text {
	t := &text{readers: 1}
	t.held, t.cut = context.WithCancel(context.Background())
	g.mu.Lock()
	g.begun[f]++
	t.all = make([]byte, 0, g.size[f]+g.size[f]/16)
	g.mu.Unlock()
	began := time.Now()
	write(t)
	ended := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spent, g.as = g.left(ended)+ended.Sub(began), ended
	g.ready[f], g.size[f] = t, len(t.all)
	g.hold(t)
	return t
}

// hold keeps a text for readers, and cuts off those of the oldest if there are too many.
func (g *gathering) hold(t *text) {
	if g.held = append(g.held, t); len(g.held) > textsAtOnce {
		g.held[0].cut()
		g.held = slices.Delete(g.held, 0, 1)
	}
}

// done gives back a text.
func (g *gathering) done(t *text) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.readers--; t.readers == 0 {
		g.held = slices.DeleteFunc(g.held, func(one *text) bool { return one == t })
	}
}

// left is how much of what was spent still counts.
func (g *gathering) left(now time.Time) time.Duration {
	return max(0, g.spent-now.Sub(g.as)/gatherShare)
}

// wait is how long to wait until metrics may be gathered again.
func (g *gathering) wait(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, g.left(now)-g.atOnce) * gatherShare
}

// Write makes a text.
func (t *text) Write(p []byte) (int, error) {
	t.all = append(t.all, p...)
	return len(p), nil
}

// send writes a text to a reader, who has a bounded time for each piece. It ends early if the reader does, or if there is no more room for
// the text.
func (t *text) send(w http.ResponseWriter) {
	control := http.NewResponseController(w) // not every writer has deadlines
	over := make(chan struct{})
	stop := context.AfterFunc(t.held, func() {
		defer close(over)
		_ = control.SetWriteDeadline(time.Now())
	})
	defer func() {
		if !stop() {
			<-over // afterwards the connection may be another request's
		}
	}()
	for piece := range slices.Chunk(t.all, textPiece) {
		_ = control.SetWriteDeadline(time.Now().Add(takeWithin))
		if t.held.Err() != nil { // the deadline just set may have been put in the place of one that has passed
			return
		}
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}
