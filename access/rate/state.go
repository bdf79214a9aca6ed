package rate

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"weak"
)

// Every is how often replicas hear from each other of limits that are shared locally, at most.
const Every = 100 * time.Millisecond

const (
	batch         = 256         // buckets that the store is told of at once
	storePatience = time.Second // for it to answer then; nobody waits for that
)

// State is what a process knows of all limits. It outlives configurations: a limit with the same id has the same
// buckets, whatever else is said of it now.
type State struct {
	began    time.Time
	store    Store
	name     string       // of this replica, to the store
	replicas atomic.Int64 // that were there when it was last asked; 0: it was not yet

	mu     sync.Mutex
	limits map[string]weak.Pointer[buckets] // by id; who is in no configuration goes
	shared map[string]weak.Pointer[buckets] // of them, those that the store is told of
	stop   func()                           // nil: nobody tells it
	done   chan struct{}
}

// NewState returns the state of a process. The store may be nil.
func NewState(store Store) *State {
	// Times are positive, so that a slot of zeros is a bucket that is full.
	return &State{
		began: time.Now().Add(-time.Minute), store: store, name: rand.Text(),
		limits: map[string]weak.Pointer[buckets]{}, shared: map[string]weak.Pointer[buckets]{},
	}
}

// Close ends what runs in the background.
func (s *State) Close() {
	s.mu.Lock()
	stop, done := s.stop, s.done
	s.stop = nil
	s.mu.Unlock()
	if stop != nil {
		stop()
		<-done
	}
}

// now is the time as buckets count it, by the monotonic clock.
func (s *State) now(t time.Time) int64 { return max(1, int64(t.Sub(s.began))) }

// Limit returns a limit. Its buckets are those of the limit that had its id before, if that has not been let go, so
// that a reload forgives nobody.
func (s *State) Limit(spec Spec) *Limit {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := newBuckets(spec.Buckets)
	b := s.limits[spec.ID].Value()
	if b == nil || b.mostSets != fresh.mostSets {
		b = fresh
		s.limits[spec.ID] = weak.Make(b)
	}
	l := newLimit(spec, b)
	if delete(s.shared, spec.ID); s.store != nil && l.shared() {
		s.shared[spec.ID] = s.limits[spec.ID]
	}
	if s.store != nil && l.Share != ShareNone {
		s.tellOn()
	}
	return l
}

// Standings are those of all limits that are in use, by id.
func (s *State) Standings() []Standing {
	now := s.now(time.Now())
	var all []Standing
	for id, b := range s.living(s.limits) {
		one := Standing{ID: id, Forgotten: b.forgotten.Load(), Waiting: b.waiting.Load()}
		for i := range one.Counts {
			one.Counts[i] = b.counts[i].Load()
		}
		one.Owing, one.Bytes = b.size(now)
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Standing) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// living are the buckets of limits that are in use. What is known of others is let go.
func (s *State) living(of map[string]weak.Pointer[buckets]) map[string]*buckets {
	s.mu.Lock()
	defer s.mu.Unlock()
	living := make(map[string]*buckets, len(of))
	for id, p := range of {
		if b := p.Value(); b != nil {
			living[id] = b
		} else {
			delete(of, id)
		}
	}
	return living
}

// tellOn has the store told from now on. The caller has the lock.
func (s *State) tellOn() {
	if s.stop != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.done = stop, make(chan struct{})
	go s.tell(ctx, s.done)
}

func (s *State) tell(ctx context.Context, done chan struct{}) {
	defer close(done)
	var present time.Time
	for {
		// Sooner by chance, so that replicas that were started together do not ask together.
		timer := time.NewTimer(Every - mathrand.N(Every/5))
		select {
		case <-timer.C:
			if s.reconcile(ctx); time.Since(present) >= presence/3 && s.present(ctx) {
				present = time.Now()
			}
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// presence is how long a replica is taken to be there that says nothing more.
const presence = 15 * time.Second

// present says that this replica is there. How many were is what holds when the store is not.
func (s *State) present(ctx context.Context) bool {
	if !s.store.Up() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	n, err := s.store.Present(ctx, s.name, presence)
	if err == nil {
		s.replicas.Store(int64(n))
	}
	return err == nil
}

// reconcile tells the store what was charged here and hears how things stand. While it is away charges are kept, as far as
// they are owed: when it is back it is told in batches, one after the other.
func (s *State) reconcile(ctx context.Context) {
	if !s.store.Up() {
		return
	}
	var told []Bucket
	var of []*buckets // of each
	for _, b := range s.living(s.shared) {
		for i := range b.shards {
			told = b.gather(i, s.now(time.Now()), told)
			for len(of) < len(told) {
				of = append(of, b)
			}
		}
	}
	for len(told) > 0 {
		n := min(batch, len(told))
		if !s.settle(ctx, told[:n], of[:n]) {
			for i := range told {
				of[i].unsettled(&told[i])
			}
			return
		}
		told, of = told[n:], of[n:]
	}
}

func (s *State) settle(ctx context.Context, told []Bucket, of []*buckets) bool {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	how := make([]Shared, len(told))
	if err := s.store.Spend(ctx, told, how); err != nil {
		return false
	}
	now := s.now(time.Now())
	for i := range told {
		of[i].settle(&told[i].Key, now, how[i].Owes)
	}
	return true
}
