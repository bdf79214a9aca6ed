package proxy

import (
	"iter"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/metrics"
)

// memory bounds what all bodies under inspection may take together. A limit for each of them bounds
// nothing: a process has room for some large bodies, and clients may send thousands at once.
//
// It has three parts, so that none waits for another: what is being read never waits for room that
// only the end of a reading gives back, an inspection never for room that uploads hold, and a
// response never for that of requests.
type memory struct {
	uploads   *room // buffers of request bodies, by what they hold, not by what was announced
	readings  *room // what it costs to read and inspect them, beside their buffers
	responses *room // both, of response bodies
}

const (
	memoryWait = 5 * time.Second // longest wait of one body for room, in all
	// responseWait is that of a response. The application has done its work for it.
	responseWait = 10 * time.Second
	// smallBody is how large a body is that never waits for large ones: they leave it a part of the room.
	smallBody = 16 << 10
	// responseCost is what a response takes while it is inspected, as a multiple of its length, its buffer included.
	responseCost = 6
)

// Of the budget, what each part gets, in eighths.
const (
	uploadEighths   = 3
	readingEighths  = 3
	responseEighths = 2
)

func newMemory(budget int64) *memory {
	m := &memory{uploads: newRoom(memoryWait), readings: newRoom(memoryWait), responses: newRoom(responseWait)}
	m.set(budget)
	return m
}

// watchedBy has each part reported. It is called before anybody uses it.
func (m *memory) watchedBy(all *metrics.Metrics) {
	var parts []metrics.Memory
	for name, part := range m.parts() {
		parts = append(parts, metrics.Memory{Name: name, Whole: part.whole, Taken: part.taken})
	}
	waits, letsGo := all.WatchMemory(parts...)
	for name, part := range m.parts() {
		part.waits = waits[name]
	}
	m.uploads.letsGo = letsGo
}

// set changes the budget. What is held beyond a smaller one is given back in its time.
func (m *memory) set(budget int64) {
	m.uploads.set(budget / 8 * uploadEighths)
	m.readings.set(budget / 8 * readingEighths)
	m.responses.set(budget / 8 * responseEighths)
}

// parts are the rooms by the names that metrics have for them.
func (m *memory) parts() iter.Seq2[string, *room] {
	return func(yield func(string, *room) bool) {
		_ = yield("uploads", m.uploads) && yield("readings", m.readings) && yield("responses", m.responses)
	}
}

// room is one part of the budget. Who finds no room waits: small asks for small ones, large ones for
// large ones, in the order in which they began. A part of the room is closed to large asks, and another one to
// all but the upload that began first, so that there is always one that comes to its end and gives room
// to the next.
type room struct {
	patience time.Duration // longest wait
	waits    func()        // is called when somebody has to wait
	letsGo   func()        // is called when an upload is let go

	mu       sync.Mutex
	budget   int64
	reserved int64 // of it, for the upload that began first
	used     int64
	leaving  int64                 // of it, what uploads hold that were let go
	asked    int64                 // what all who wait ask for
	waiting  [askSizes]queue[*ask] // by size
	uploads  queue[*upload]        // that are being read, the one that began first in front
	passing  queue[*upload]        // that are passed on as they come, and hold what was read first
	watched  bool                  // let is going to be called
	began    uint64                // uploads and others so far
}

const (
	askSmall = iota
	askLarge
	askSizes
)

// ask is one who waits.
type ask struct {
	link[*ask]
	n     int64
	size  int
	began uint64        // number of the upload, or of the ask itself
	given chan struct{} // closed when it has its room
}

func newRoom(patience time.Duration) *room {
	return &room{patience: patience, waits: func() {}, letsGo: func() {}}
}

func (r *room) whole() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.budget
}

func (r *room) taken() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used
}

func (r *room) set(budget int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.budget = budget
	r.give()
}

// reserve keeps so much for the upload that began first, but for a rest in small rooms.
func (r *room) reserve(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reserved = n
	r.give()
}

// open is how much of the room there is for somebody.
func (r *room) open(size int, u *upload) int64 {
	if u != nil && r.uploads.first == u {
		return r.budget
	}
	open := r.budget - min(r.reserved, r.budget/4*3)
	if size == askLarge {
		open -= open / 8
	}
	return open
}

// take takes n bytes at once, or waits for them. An estimate that is larger than the room is cut to
// it, so that it can have it alone. It returns what was taken, and false if there was no room in time.
func (r *room) take(n int64) (int64, bool) {
	r.mu.Lock()
	n = min(n, r.open(askLarge, nil))
	r.mu.Unlock()
	if r.claim(n, n, nil) {
		return n, true
	}
	return 0, false
}

// Take implements [inspect.Memory].
func (r *room) Take(n int64) (int64, bool) { return r.take(n) }

// Free implements [inspect.Memory].
func (r *room) Free(n int64) { r.free(n) }

// claim takes n bytes for somebody who will have total bytes then.
func (r *room) claim(n, total int64, u *upload) bool {
	size := askLarge
	if total <= smallBody {
		size = askSmall
	}
	r.mu.Lock()
	if r.waiting[size].first == nil && r.used+n <= r.open(size, u) {
		r.used += n
		r.mu.Unlock()
		return true
	}
	if n > r.budget || u != nil && u.letGo { // it cannot ever
		r.mu.Unlock()
		return false
	}
	a := &ask{n: n, size: size, given: make(chan struct{})}
	patience := r.line(a, u)
	r.mu.Unlock()

	waits := time.Now()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-a.given:
	case <-timer.C:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if u != nil {
		defer func() {
			u.ask, u.waited = nil, u.waited+time.Since(waits)
			u.starts()
		}()
	}
	select {
	case <-a.given:
		return true
	default:
	}
	r.drop(a)
	r.give() // to those behind it
	return false
}

// line puts an ask in the order in which uploads began: the sooner one comes to its end, the sooner
// others have its room. It returns how long the ask may wait.
func (r *room) line(a *ask, u *upload) (patience time.Duration) {
	r.began++
	if a.began, patience = r.began, r.patience; u != nil {
		a.began, patience = u.began, r.patience-u.waited
		u.ask = a
	}
	q := &r.waiting[a.size]
	behind := q.last
	for behind != nil && behind.began > a.began {
		behind = behind.prev
	}
	q.insert(a, behind)
	r.asked += a.n
	r.waits()
	r.watch()
	r.give() // to the one who began first
	return patience
}

func (r *room) drop(a *ask) {
	r.waiting[a.size].remove(a)
	r.asked -= a.n
}

// free gives n bytes back.
func (r *room) free(n int64) {
	if n == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used -= n
	r.give()
}

// give gives free room to those who wait.
func (r *room) give() {
	for {
		a := r.next()
		if a == nil {
			return
		}
		r.drop(a)
		r.used += a.n
		close(a.given)
	}
}

// next is who can have room now; nil: nobody.
func (r *room) next() *ask {
	if u := r.uploads.first; u != nil && u.ask != nil && !u.ask.granted() && r.used+u.ask.n <= r.budget {
		return u.ask
	}
	for size := range r.waiting {
		if a := r.waiting[size].first; a != nil && r.used+a.n <= r.open(size, nil) {
			return a
		}
	}
	return nil
}

func (a *ask) granted() bool {
	select {
	case <-a.given:
		return true
	default:
		return false
	}
}

const (
	// watchEvery is how often it is looked for uploads to let go while somebody waits.
	watchEvery = 100 * time.Millisecond
	// notBefore is how long an upload may do as it likes after it was given room.
	notBefore = 250 * time.Millisecond
	// slowUpload is how many bytes per second an upload has to bring to be worth its room to all who
	// wait. A faster one is let go only for the next of them.
	slowUpload = 16 << 10
)

// watch has slow uploads let go for as long as somebody waits.
func (r *room) watch() {
	if !r.watched {
		r.watched = true
		time.AfterFunc(watchEvery, r.let)
	}
}

func (r *room) let() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watched = false
	if r.asked == 0 {
		return
	}
	r.letGo(time.Now())
	r.watch()
}

// letGo lets the slowest uploads go, for as much room as is wanted.
func (r *room) letGo(now time.Time) {
	for {
		u, rate := r.slowest(now)
		if u == nil || r.short(r.asked) <= 0 || rate >= slowUpload && r.short(r.nextAsks()) <= 0 {
			return
		}
		u.letGo = true
		r.leaving += u.held
		u.client.GiveUp(memoryShort)
		r.letsGo()
	}
}

// short is how much is missing for n bytes more, once all have gone who were let go.
func (r *room) short(n int64) int64 { return r.used - r.leaving + n - r.open(askLarge, nil) }

// nextAsks is what the first who wait ask for.
func (r *room) nextAsks() (n int64) {
	for size := range r.waiting {
		if a := r.waiting[size].first; a != nil {
			n += a.n
		}
	}
	return n
}

// slowest is the upload with the least progress since it was given room, in bytes per second. One
// that waits for room itself is not slow.
func (r *room) slowest(now time.Time) (slowest *upload, least float64) {
	for _, first := range []*upload{r.uploads.first, r.passing.first} {
		for u := first; u != nil; u = u.next {
			took := now.Sub(u.since)
			if u.letGo || u.ask != nil || u.client == nil || took < notBefore {
				continue
			}
			if rate := float64(u.got.Load()) / took.Seconds(); slowest == nil || rate < least {
				slowest, least = u, rate
			}
		}
	}
	return slowest, least
}

// memoryShort ends an upload that is let go.
var memoryShort = &listen.Violation{Status: 503, Reason: "memory"}
