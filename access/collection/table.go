package collection

import (
	"context"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/waf/kept"
)

// Defaults of a table.
const (
	DefaultKeys  = 100_000
	DefaultBytes = 32 << 20
)

const shards = 16

// Options of a table. Zero values are the defaults.
type Options struct {
	Keys   int              // collections, at most
	Bytes  int              // that they take, at most
	Store  Remote           // that replicas share; nil: there is none
	Now    func() time.Time // the clock
	Fresh  time.Duration    // for how long a copy of what the store has is taken for what it has
	Failed func(error)      // is told of changes and questions that have not reached the store; nil: nobody is
}

// Fresh is for how long a copy is taken for what the store has.
const Fresh = 500 * time.Millisecond

// Table keeps collections. It is a [kept.Store], and safe for concurrent use.
type Table struct {
	options Options
	shards  [shards]shard
	sync    outbox

	evicted, refused, failed, dropped atomic.Int64
}

// shard is a part of the table, with a lock of its own.
type shard struct {
	mu      sync.Mutex
	entries map[kept.Key]*entry
	oldest  entry // the ring of entries by when they were used: next is the oldest, before the newest
	bytes   int
}

// entry is a collection.
type entry struct {
	next, before *entry
	key          kept.Key
	created      time.Time
	updated      time.Time // zero: nothing is kept of it, but that the store has nothing
	ends         time.Time
	updates      int64
	timeout      time.Duration
	variables    map[string]variable
	bytes        int
	asked        time.Time // when the store was asked for it, by this process's clock
}

type variable struct {
	value string
	ends  time.Time // zero: with the collection
}

// New returns an empty table.
func New(o Options) *Table {
	if o.Keys == 0 {
		o.Keys = DefaultKeys
	}
	if o.Bytes == 0 {
		o.Bytes = DefaultBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Fresh == 0 {
		o.Fresh = Fresh
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	return &Table{options: o}
}

func (t *Table) shard(k kept.Key) *shard { return &t.shards[k.Sum[15]%shards] }

// Load implements [kept.Store].
func (t *Table) Load(k kept.Key) kept.Loaded {
	s, now := t.shard(k), t.options.Now()
	s.mu.Lock()
	e := s.use(k, now)
	ask := t.options.Store != nil && (e == nil || now.Sub(e.asked) >= t.options.Fresh)
	if ask && e != nil {
		e.asked = now // whoever comes meanwhile takes what is there
	}
	if !ask {
		defer s.mu.Unlock()
		return e.loaded(now)
	}
	s.mu.Unlock()
	t.ask(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.use(k, now).loaded(now)
}

// Change implements [kept.Store].
func (t *Table) Change(c kept.Change) {
	s, now := t.shard(c.Key), t.options.Now()
	s.mu.Lock()
	e := s.use(c.Key, now)
	if e == nil {
		e = s.add(c.Key)
	}
	e.change(&c, now, &t.refused)
	s.account(e)
	t.bound(s)
	s.mu.Unlock()
	if t.options.Store != nil {
		t.later(&c, now)
	}
}

// use returns an entry that has not expired, without variables that have, as the one used last.
func (s *shard) use(k kept.Key, now time.Time) *entry {
	e := s.entries[k]
	if e == nil {
		return nil
	}
	if !e.ends.After(now) {
		s.remove(e)
		return nil
	}
	for name, v := range e.variables {
		if !v.ends.IsZero() && !v.ends.After(now) {
			delete(e.variables, name)
		}
	}
	s.account(e)
	e.unlink()
	s.link(e)
	return e
}

func (s *shard) add(k kept.Key) *entry {
	if s.entries == nil {
		s.entries = map[kept.Key]*entry{}
		s.oldest.next, s.oldest.before = &s.oldest, &s.oldest
	}
	e := &entry{key: k, variables: map[string]variable{}}
	s.entries[k] = e
	s.link(e)
	return e
}

func (s *shard) link(e *entry) {
	e.before, e.next = s.oldest.before, &s.oldest
	e.before.next, e.next.before = e, e
}

func (e *entry) unlink() { e.before.next, e.next.before = e.next, e.before }

func (s *shard) remove(e *entry) {
	e.unlink()
	delete(s.entries, e.key)
	s.bytes -= e.bytes
}

// What an entry and a variable take beside their text: measured with many of them.
const (
	entryBytes    = 512
	variableBytes = 112
)

// account keeps the sum of what entries take.
func (s *shard) account(e *entry) {
	n := entryBytes
	for name, v := range e.variables {
		n += variableBytes + len(name) + len(v.value)
	}
	s.bytes += n - e.bytes
	e.bytes = n
}

// bound forgets what was used longest ago until the shard is within its bounds.
func (t *Table) bound(s *shard) {
	for len(s.entries) > 1 && (len(s.entries) > max(1, t.options.Keys/shards) || s.bytes > t.options.Bytes/shards) {
		s.remove(s.oldest.next)
		t.evicted.Add(1)
	}
}

// change carries a change out.
func (e *entry) change(c *kept.Change, now time.Time, refused *atomic.Int64) {
	if e.updates == 0 {
		e.created = now
	}
	e.updated, e.updates, e.timeout, e.ends = now, e.updates+1, c.Timeout, now.Add(c.Timeout)
	for i := range c.Steps {
		e.step(&c.Steps[i], now, refused)
	}
}

func (e *entry) step(s *kept.Step, now time.Time, refused *atomic.Int64) {
	v, known := e.variables[s.Name]
	switch s.Op {
	case kept.Remove:
		delete(e.variables, s.Name)
		return
	case kept.Set:
		v.value = s.Text
	case kept.Add:
		v.value = strconv.FormatInt(kept.Sum(v.value, s.N), 10)
	default:
		if !known {
			return
		}
	}
	if !known && len(e.variables) >= kept.MaxVariables {
		refused.Add(1)
		return
	}
	if s.Expire > 0 {
		v.ends = now.Add(s.Expire)
	}
	e.variables[s.Name] = v
}

// loaded is what a transaction gets of it.
func (e *entry) loaded(now time.Time) kept.Loaded {
	if e == nil || e.updated.IsZero() {
		return kept.Loaded{New: true, Now: now, Created: now, Updated: now}
	}
	values := make(map[string]string, len(e.variables))
	for name, v := range e.variables {
		values[name] = v.value
	}
	return kept.Loaded{Now: now, Created: e.created, Updated: e.updated, Updates: e.updates, Timeout: e.timeout, Variables: values}
}

// Figures are what is known of a table.
type Figures struct {
	Keys, Bytes int
	Waiting     int   // collections with changes that the store has not got yet
	Evicted     int64 // collections that were forgotten before their time
	Refused     int64 // variables beyond what is kept of one collection
	Failed      int64 // questions and changes that have not reached the store
	Dropped     int64 // changes that never will
}

// Figures returns them.
func (t *Table) Figures() (f Figures) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		f.Keys += len(s.entries)
		f.Bytes += s.bytes
		s.mu.Unlock()
	}
	f.Evicted, f.Refused, f.Failed, f.Dropped, f.Waiting = t.evicted.Load(), t.refused.Load(), t.failed.Load(), t.dropped.Load(), t.sync.waiting()
	return f
}

// Remote is the store that replicas share.
type Remote interface {
	// Up reports whether it is worth asking.
	Up() bool
	Load(context.Context, kept.Key) (Shared, error)
	// Change carries out what several transactions have done, in one step, and returns what there is then.
	Change(context.Context, kept.Key, Sum) (Shared, error)
}

// Shared is what a store has of a collection.
type Shared struct {
	Created, Updated time.Time
	Updates          int64 // 0: it has nothing
	Timeout          time.Duration
	Variables        map[string]SharedVariable
}

// SharedVariable is a variable that a store has.
type SharedVariable struct {
	Value string
	Left  time.Duration // until it expires; 0: with the collection
}

// take makes an entry what a store has.
func (e *entry) take(s *Shared, now time.Time) {
	e.created, e.updated, e.updates, e.timeout = s.Created, s.Updated, s.Updates, s.Timeout
	e.variables = make(map[string]variable, len(s.Variables))
	for name, v := range s.Variables {
		kept := variable{value: v.Value}
		if v.Left > 0 {
			kept.ends = now.Add(v.Left)
		}
		e.variables[name] = kept
	}
	if e.ends = now.Add(s.Timeout); s.Updates == 0 {
		e.updated, e.ends = time.Time{}, now.Add(Nothing) // that there is nothing is known for as long
	}
}

// Nothing is for how long it is remembered that a store has nothing of a collection.
const Nothing = 10 * time.Second

// Sum is what several transactions have done to a collection.
type Sum struct {
	Timeout time.Duration
	Updates int64
	At      time.Time // of the last one
	Steps   map[string]Step
}

// Step is what was done to a variable.
type Step struct {
	kept.Step
	Ends time.Time // when it expires; zero: as was said before
}

// add adds a change.
func (s *Sum) add(c *kept.Change, now time.Time) {
	if s.Steps == nil {
		s.Steps = map[string]Step{}
	}
	s.Timeout, s.At = c.Timeout, now
	s.Updates++
	for _, next := range c.Steps {
		step := Step{Step: next}
		if next.Expire > 0 {
			step.Ends = now.Add(next.Expire)
		}
		s.Steps[next.Name] = s.Steps[next.Name].then(step)
	}
}

// join adds what was done after it.
func (s *Sum) join(after Sum) {
	s.Timeout, s.At = after.Timeout, after.At
	s.Updates += after.Updates
	s.Steps = maps.Clone(s.Steps)
	for name, step := range after.Steps {
		s.Steps[name] = s.Steps[name].then(step)
	}
}

// then is what two steps are together.
func (s Step) then(next Step) Step {
	switch {
	case next.Op == kept.Nothing:
		if s.Name == "" {
			return next
		}
		if !next.Ends.IsZero() {
			s.Ends = next.Ends
		}
		return s
	case next.Op == kept.Add && s.Op == kept.Add:
		next.N += s.N
	case next.Op == kept.Add && s.Op == kept.Set:
		next.Op, next.Text = kept.Set, strconv.FormatInt(kept.Sum(s.Text, next.N), 10)
	case next.Op == kept.Add && s.Op == kept.Remove:
		next.Op, next.Text = kept.Set, strconv.FormatInt(kept.Sum("", next.N), 10)
	}
	if next.Ends.IsZero() && next.Op != kept.Remove {
		next.Ends = s.Ends
	}
	return next
}

// apply carries a sum out on an entry.
func (e *entry) apply(s *Sum, now time.Time, refused *atomic.Int64) {
	if e.updates == 0 {
		e.created = now
	}
	e.updated, e.updates, e.timeout, e.ends = s.At, e.updates+s.Updates, s.Timeout, now.Add(s.Timeout)
	for _, step := range s.Steps {
		e.step(&step.Step, now, refused)
		if v, ok := e.variables[step.Name]; ok && !step.Ends.IsZero() {
			v.ends = step.Ends
			e.variables[step.Name] = v
		}
	}
}
