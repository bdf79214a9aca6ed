package feed

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/access/addresses"
	"github.com/wafer-waf/wafer/access/file"
)

// Config is what a list is made of: a set, a file or a URL.
type Config struct {
	ID      string
	Reading addresses.Reading // Now and Saved are set here

	Fixed *addresses.Set // nil: it comes from a file or a URL

	Dir, File string // the file, relative to a folder or absolute
	Web       *Web   // the URL

	Every     time.Duration // between two looks
	Stale     time.Duration // without a good look after which the list is stale
	MaxSize   int64         // bytes
	Guards    Guards
	MayBegin  bool // it may be empty at the start, if there is nothing to begin with
	Unwatched bool // for a check: a file is read once, and a URL not asked

	Folder string               // where what was good last is kept over starts; empty: nowhere
	Told   func(*List, Outcome) // is told what came of looks that changed something, if it is not nil
}

// Guards are what a new set has to be like.
type Guards struct {
	MinEntries int
	MaxShrink  int // percent of the entries in force that may be gone; 100: any
	MaxBad     int // percent of the entries in the text that may be unreadable
}

// Outcome is what came of a look.
type Outcome struct {
	Err     error // nil: the list is as its source says
	Before  int   // entries in force before
	Changed bool  // another set is in force
	Again   bool  // the look before had an error, too: this one is the same story
	addresses.Outcome
}

// List is a list of addresses.
type List struct {
	config Config
	set    atomic.Pointer[addresses.Set]
	hits   atomic.Int64

	looking sync.Mutex // held by whoever looks
	kept    validators // of what is in force; guarded by looking
	source  *file.File // guarded by looking

	mu     sync.Mutex // guards status
	status Status

	end   context.CancelFunc // nil: nothing runs
	ended chan struct{}
}

// Status is how a list does.
type Status struct {
	ID       string    `json:"id"`
	Source   string    `json:"source"`
	Entries  int       `json:"entries"`
	Bytes    int       `json:"bytes"`
	Matches  int64     `json:"matches"`
	Good     time.Time `json:"last_success,omitzero"` // when the source was last found to say what is in force
	Changed  time.Time `json:"changed,omitzero"`      // when what is in force came into force
	Failing  string    `json:"failing,omitempty"`     // why the last look was in vain
	Failures int       `json:"failures,omitempty"`    // in a row
	Stale    bool      `json:"stale,omitempty"`
	FromDisk bool      `json:"from_disk,omitempty"` // what is in force was kept by an earlier process
	Unasked  bool      `json:"unasked,omitempty"`   // nobody asks the URL: this is a check
	Unkept   string    `json:"unkept,omitempty"`    // why it is not kept for the next start

	Bad  int             `json:"bad,omitempty"` // entries that could not be read
	Told []addresses.Bad `json:"bad_lines,omitempty"`
}

// Open makes a list and has it begin: with what an equal list before it has, with what was kept, or with a first
// look, which it waits for. Before may be nil.
func Open(ctx context.Context, c Config, before *List) (*List, error) {
	l := &List{config: c}
	l.status = Status{ID: c.ID, Source: c.source(), Unasked: c.Unwatched && c.Web != nil}
	if c.Fixed != nil {
		l.put(c.Fixed, time.Now(), addresses.Outcome{})
		return l, nil
	}
	if c.File != "" {
		l.source = file.At(c.Dir, c.File)
	}
	if l.status.Unasked {
		l.set.Store(&addresses.Set{})
		return l, nil
	}
	begun := l.takeOver(before) || !c.Unwatched && l.readKept()
	if !begun || c.File != "" {
		if err := l.Refresh(ctx); err != nil && !begun {
			if !c.MayBegin && c.Web != nil {
				return nil, fmt.Errorf("%w (with start: empty the list begins without entries)", err)
			} else if !c.MayBegin {
				return nil, err
			}
			l.set.Store(&addresses.Set{})
		}
	}
	if !c.Unwatched {
		ctx, l.end = context.WithCancel(context.Background())
		l.ended = make(chan struct{})
		go l.run(ctx, begun)
	}
	return l, nil
}

// Read makes a set of a text as a list would that has none.
func Read(c Config, data string) (*addresses.Set, error) {
	set, _, err := (&List{config: c}).judge(data, time.Time{}, time.Now())
	return set, err
}

// Close ends the looks of a list. What is in force stays in force for whoever has the list.
func (l *List) Close() {
	if l.end != nil {
		l.end()
		<-l.ended
	}
}

// Ended waits until nothing looks any more, which is after Close.
func (l *List) Ended() {
	if l.ended != nil {
		<-l.ended
	}
}

// ID is the name of the list.
func (l *List) ID() string { return l.config.ID }

// Set is the set in force.
func (l *List) Set() *addresses.Set { return l.set.Load() }

// Has tells whether an address is in the list, and counts it if so.
func (l *List) Has(address netip.Addr, now time.Time) bool {
	if !l.set.Load().Has(address, now) {
		return false
	}
	l.hits.Add(1)
	return true
}

// Unasked reports whether nobody asks the URL that the list comes from.
func (l *List) Unasked() bool { return l.config.Unwatched && l.config.Web != nil }

// Which says which entry of which list an address is in, for people; empty: in none.
func (l *List) Which(address netip.Addr, now time.Time) string {
	m, found := l.set.Load().Find(address, now)
	if !found {
		return ""
	}
	text := m.Prefix.String() + " of list " + l.config.ID
	if m.Line > 0 {
		text += fmt.Sprintf(", line %d of %s", m.Line, l.config.source())
	}
	if !m.Until.IsZero() {
		text += ", until " + m.Until.Format(time.RFC3339)
	}
	if m.Note != "" {
		text += ": " + m.Note
	}
	return text
}

// Matches is how often an address was in the list.
func (l *List) Matches() int64 { return l.hits.Load() }

// Status says how the list does.
func (l *List) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.status
	s.Matches = l.hits.Load()
	s.Stale = l.config.Fixed == nil && !s.Unasked && (s.Good.IsZero() || time.Since(s.Good) > l.config.Stale)
	return s
}

func (c *Config) source() string {
	switch {
	case c.Fixed != nil:
		return "entries"
	case c.File != "":
		return c.File
	}
	return c.Web.shown()
}

// key names what a list is read from, and who has to have signed it, for what is kept of it.
func (c *Config) key() string {
	parts := []string{c.ID, c.Dir, c.File}
	if w := c.Web; w != nil {
		parts = []string{c.ID, w.URL, w.SHA256}
		if w.Key != nil {
			parts = append(parts, string(w.Key.key))
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return fmt.Sprintf("%x", sum[:12])
}

// takeOver begins with what another list has, if it is read from the same and in the same way.
func (l *List) takeOver(from *List) bool {
	if from == nil || from.config.key() != l.config.key() || !from.config.sameReading(&l.config) {
		return false
	}
	from.looking.Lock()
	defer from.looking.Unlock()
	set := from.set.Load()
	status := from.Status()
	if set == nil || status.Good.IsZero() {
		return false
	}
	l.kept = from.kept
	l.hits.Store(from.hits.Load())
	l.set.Store(set)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = status
	l.status.Source = l.config.source()
	return true
}

// put puts a set in force.
func (l *List) put(s *addresses.Set, good time.Time, o addresses.Outcome) {
	l.set.Store(s)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.Entries, l.status.Bytes = s.Len(), s.Bytes()
	l.status.Good, l.status.Changed = good, time.Now()
	l.status.Bad, l.status.Told = o.Bad, o.Told
	l.status.Failing, l.status.Failures, l.status.FromDisk = "", 0, false
}

// errSame is what a look returns that found what is in force.
var errSame = errors.New("unchanged")

// Refresh looks at the source now, and puts in force what it says if that passes the guards.
func (l *List) Refresh(ctx context.Context) error {
	if l.config.Fixed != nil || l.config.Unwatched && l.config.Web != nil {
		return nil
	}
	l.looking.Lock()
	defer l.looking.Unlock()
	before := l.set.Load()
	began := time.Now()
	set, outcome, err := l.look(ctx)
	o := Outcome{Before: before.Len(), Outcome: outcome}
	l.mu.Lock()
	again := l.status.Failures > 0
	l.mu.Unlock()
	switch {
	case errors.Is(err, errSame):
		l.mu.Lock()
		l.status.Good, l.status.Failing, l.status.Failures = began, "", 0
		l.mu.Unlock()
		l.touch()
		if !again {
			return nil
		}
	case err != nil:
		o.Err, o.Again = err, again
		l.mu.Lock()
		l.status.Failing = err.Error()
		l.status.Failures++
		l.mu.Unlock()
	default:
		o.Changed = true
		l.put(set, began, outcome)
	}
	if l.config.Told != nil {
		l.config.Told(l, o)
	}
	return o.Err
}
