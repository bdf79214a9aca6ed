package recent

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Step is how long one bucket of a time line is, and Steps how many there are.
const (
	Step  = 10 * time.Second
	Steps = 360
)

// maxDetail bounds what a time line keeps of routes one by one, in bytes.
const maxDetail = 2 << 20

// Words are the closed sets by which requests are counted. Missed is why not all of a request was inspected that went on.
type Words struct{ Verdicts, Coverage, Missed, Screened []string }

// Numbers of how requests are counted. A count has a place for each word, then those below.
const (
	unseen    = 1  // requests that went on though nothing of them was inspected
	statuses  = 6  // none, 1xx … 5xx
	latencies = 36 // two for each doubling
)

// Latencies are the upper bounds of the counts of latencies, in milliseconds. The last count has no bound.
func Latencies() (all []float64) {
	for i := range latencies - 1 {
		all = append(all, 0.25*math.Pow(2, float64(i)/2))
	}
	return all
}

// Timeline counts requests over the last hour.
type Timeline struct {
	words  Words
	size   int // of a count
	bounds []time.Duration

	now func() time.Time

	mu       sync.Mutex
	counters map[string]*Counters // by route
	tick     int64                // number of the bucket that is being counted
	buckets  [Steps]*bucket
	detail   int            // bytes of all buckets' routes
	ids      []string       // of routes, by the number that buckets have for them
	numbers  map[string]int // of routes, the other way round
	dropped  int64          // last bucket whose routes had to make room
}

// bucket is one step of a time line.
type bucket struct {
	tick   int64
	total  []uint64 // by place in a count
	routes []byte   // by varints: the route's number, how many counts follow, and the place and value of each
}

// NewTimeline returns a time line. It takes no memory to speak of before there is a request.
func NewTimeline(words Words) *Timeline { return newTimeline(words, time.Now) }

func newTimeline(words Words, now func() time.Time) *Timeline {
	t := &Timeline{words: words, now: now, counters: map[string]*Counters{}, numbers: map[string]int{}, dropped: -1, tick: now().UnixNano() / int64(Step)}
	t.size = len(words.Verdicts) + len(words.Coverage) + len(words.Missed) + unseen + len(words.Screened) + statuses + latencies
	for _, ms := range Latencies() {
		t.bounds = append(t.bounds, time.Duration(ms*float64(time.Millisecond)))
	}
	return t
}

// Counters are those of one route.
type Counters struct {
	line   *Timeline
	counts atomic.Pointer[[]atomic.Uint64] // nil: there was no request yet
	before []uint64                        // what they were at the end of the bucket before; the time line guards it
	gone   bool                            // the route is; likewise
}

// Route returns the counters of a route, the same ones for the same id. The empty id is for what no route matches.
func (t *Timeline) Route(id string) *Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counters[id]
	if c == nil {
		c = &Counters{line: t}
		t.counters[id] = c
	}
	c.gone = false
	return c
}

// Keep lets go of routes that are no longer there. What was counted of them stays.
func (t *Timeline) Keep(there func(route string) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, c := range t.counters {
		c.gone = id != "" && !there(id)
	}
}

// Outcome is what became of a request: the places of its words, and its status (0: none).
type Outcome struct {
	Verdict, Coverage int
	Missed            int  // below 0: it was inspected whole, or went nowhere
	Unseen            bool // it went on, and nothing of it was inspected
	Screened          int  // below 0: the screen was not asked
	Status            int
}

// Done counts a request.
func (c *Counters) Done(o *Outcome, took time.Duration) {
	counts := c.counts.Load()
	if counts == nil {
		made := make([]atomic.Uint64, c.line.size)
		if !c.counts.CompareAndSwap(nil, &made) {
			counts = c.counts.Load()
		} else {
			counts = &made
		}
	}
	t := c.line
	(*counts)[o.Verdict].Add(1)
	at := len(t.words.Verdicts)
	(*counts)[at+o.Coverage].Add(1)
	at += len(t.words.Coverage)
	if o.Missed >= 0 {
		(*counts)[at+o.Missed].Add(1)
	}
	at += len(t.words.Missed)
	if o.Unseen {
		(*counts)[at].Add(1)
	}
	at += unseen
	if o.Screened >= 0 {
		(*counts)[at+o.Screened].Add(1)
	}
	at += len(t.words.Screened)
	class := o.Status / 100
	if class < 1 || class >= statuses {
		class = 0
	}
	(*counts)[at+class].Add(1)
	at += statuses
	i, _ := slices.BinarySearch(t.bounds, took)
	(*counts)[at+i].Add(1)
}

// Run closes a bucket every step until done.
func (t *Timeline) Run(done <-chan struct{}) {
	for {
		now := t.now()
		next := time.NewTimer(now.Truncate(Step).Add(Step).Sub(now))
		select {
		case <-done:
			next.Stop()
			return
		case <-next.C:
			t.mu.Lock()
			t.roll(t.now())
			t.mu.Unlock()
		}
	}
}

// roll closes the bucket that is being counted if its time is over.
func (t *Timeline) roll(now time.Time) {
	tick := now.UnixNano() / int64(Step)
	if tick <= t.tick {
		return
	}
	if b := t.counted(true); b.total != nil {
		if old := t.buckets[t.tick%Steps]; old != nil {
			t.detail -= len(old.routes)
		}
		t.buckets[t.tick%Steps] = b
		t.detail += len(b.routes)
		t.makeRoom()
	}
	t.tick = tick
}

// counted is what was counted since the last bucket was closed. With closing it is not counted again.
func (t *Timeline) counted(closing bool) *bucket {
	b := &bucket{tick: t.tick}
	for id, c := range t.counters {
		if counts := c.counts.Load(); counts != nil {
			t.add(b, id, c, *counts, closing)
		}
		if closing && c.gone {
			delete(t.counters, id)
		}
	}
	return b
}

// add appends what was counted on a route since the last bucket.
func (t *Timeline) add(b *bucket, id string, c *Counters, counts []atomic.Uint64, closing bool) {
	if c.before == nil {
		c.before = make([]uint64, t.size)
	}
	var pairs []byte
	n := uint64(0)
	for i := range counts {
		now := counts[i].Load()
		more := now - c.before[i]
		if more == 0 {
			continue
		}
		if closing {
			c.before[i] = now
		}
		if b.total == nil {
			b.total = make([]uint64, t.size)
		}
		b.total[i] += more
		pairs = binary.AppendUvarint(binary.AppendUvarint(pairs, uint64(i)), more) //nolint:gosec // a place
		n++
	}
	if n == 0 {
		return
	}
	number, known := t.numbers[id]
	if !known {
		number = len(t.ids)
		t.ids, t.numbers[id] = append(t.ids, id), number
	}
	b.routes = binary.AppendUvarint(binary.AppendUvarint(b.routes, uint64(number)), n) //nolint:gosec // a place
	b.routes = append(b.routes, pairs...)
}

// makeRoom forgets the routes of the oldest buckets.
func (t *Timeline) makeRoom() {
	for old := max(t.tick-Steps+1, t.dropped+1); t.detail > maxDetail && old <= t.tick; old++ {
		if b := t.buckets[old%Steps]; b != nil && b.tick == old {
			t.detail -= len(b.routes)
			b.routes = nil
		}
		t.dropped = old
	}
}

// Count is what was counted in one span of time.
type Count struct {
	Time   time.Time // when it begins
	Counts []uint64
}

// RouteCount is what was counted on one route.
type RouteCount struct {
	Route  string
	Counts []uint64
	Line   [][2]uint64 // requests of each span, and those that rules stopped
}

// Lines is what was counted in spans of time.
type Lines struct {
	Points     []Count // oldest first
	Total      []uint64
	Routes     []RouteCount // the busiest first
	RoutesFrom time.Time
}

// Read returns what was counted from a time on, in spans of a multiple of Step; on one route, or in all if it is nil.
func (t *Timeline) Read(from time.Time, span time.Duration, route *string) Lines {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.roll(t.now())
	per := max(int64(span/Step), 1)
	oldest := t.tick - Steps + 1
	first := oldest
	if at := t.now(); from.After(at) { // there is nothing yet
		first = t.tick
	} else if from.After(at.Add(-Step * Steps)) {
		first = min(max(from.UnixNano()/int64(Step), oldest), t.tick)
	}
	first = max(first-first%per, oldest)
	a := adder{t: t, route: route, byRoute: map[int]*RouteCount{}}
	for tick := first; tick <= t.tick; tick += per {
		a.points = append(a.points, Count{time.Unix(0, tick*int64(Step)).UTC(), make([]uint64, t.size)})
	}
	for tick := first; tick < t.tick; tick++ {
		if b := t.buckets[tick%Steps]; b != nil && b.tick == tick {
			a.add(int((tick-first)/per), b)
		}
	}
	a.add(len(a.points)-1, t.counted(false))
	l := a.lines()
	l.RoutesFrom = time.Unix(0, max(first, t.dropped+1)*int64(Step)).UTC()
	return l
}

// adder adds buckets up.
type adder struct {
	t       *Timeline
	route   *string // nil: all of them
	points  []Count
	byRoute map[int]*RouteCount
}

func (a *adder) add(point int, b *bucket) {
	if a.route == nil {
		addTo(a.points[point].Counts, b.total)
	}
	verdicts := a.t.words.Verdicts
	a.t.each(b.routes, func(number, place int, n uint64) {
		id := a.t.ids[number]
		if a.route != nil && id != *a.route {
			return
		}
		r := a.byRoute[number]
		if r == nil {
			r = &RouteCount{Route: id, Counts: make([]uint64, a.t.size), Line: make([][2]uint64, len(a.points))}
			a.byRoute[number] = r
		}
		r.Counts[place] += n
		if place < len(verdicts) {
			r.Line[point][0] += n
			if Stopped(verdicts[place]) {
				r.Line[point][1] += n
			}
		}
		if a.route != nil {
			a.points[point].Counts[place] += n
		}
	})
}

func (a *adder) lines() Lines {
	l := Lines{Points: a.points, Total: make([]uint64, a.t.size)}
	for i := range l.Points {
		addTo(l.Total, l.Points[i].Counts)
	}
	for _, r := range a.byRoute {
		l.Routes = append(l.Routes, *r)
	}
	slices.SortFunc(l.Routes, func(x, y RouteCount) int {
		return cmp.Or(cmp.Compare(a.t.Requests(y.Counts), a.t.Requests(x.Counts)), cmp.Compare(x.Route, y.Route))
	})
	return l
}

// each calls f with the counts of each route of a bucket.
func (t *Timeline) each(routes []byte, f func(number, place int, n uint64)) {
	for len(routes) > 0 {
		number, size := binary.Uvarint(routes)
		routes = routes[size:]
		pairs, size := binary.Uvarint(routes)
		for routes = routes[size:]; pairs > 0; pairs-- {
			place, size := binary.Uvarint(routes)
			routes = routes[size:]
			n, size := binary.Uvarint(routes)
			routes = routes[size:]
			f(int(number), int(place), n) //nolint:gosec // written by add
		}
	}
}

func addTo(sum, more []uint64) {
	for i, n := range more {
		sum[i] += n
	}
}

// Requests is how many requests a count is of.
func (t *Timeline) Requests(counts []uint64) (n uint64) {
	for _, of := range counts[:len(t.words.Verdicts)] {
		n += of
	}
	return n
}

// Told is a count in words.
type Told struct {
	Requests, Unseen                               uint64
	Verdicts, Coverage, Missed, Statuses, Screened map[string]uint64
	Latency                                        []uint64 // counts by the bounds of Latencies
}

// Tell puts a count in words.
func (t *Timeline) Tell(counts []uint64) Told {
	cut := func(words []string) map[string]uint64 {
		all := map[string]uint64{}
		for i, word := range words {
			if n := counts[i]; n > 0 {
				all[word] = n
			}
		}
		counts = counts[len(words):]
		return all
	}
	told := Told{Requests: t.Requests(counts)}
	told.Verdicts, told.Coverage, told.Missed = cut(t.words.Verdicts), cut(t.words.Coverage), cut(t.words.Missed)
	told.Unseen, counts = counts[0], counts[unseen:]
	told.Screened = cut(t.words.Screened)
	told.Statuses = cut(statusWords())
	told.Latency = slices.Clone(counts)
	return told
}

func statusWords() []string { return []string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"} }

// Quantile is how long it took at most for a share of requests, in milliseconds, by their counts. Within a count
// it is assumed that they are spread evenly. 0: there are none.
func Quantile(latency []uint64, share float64) float64 {
	latency = latency[:min(len(latency), latencies)] // others may tell more
	total := uint64(0)
	for _, n := range latency {
		total += n
	}
	if total == 0 {
		return 0
	}
	bounds := Latencies()
	rank, sum := share*float64(total), 0.0
	for i, n := range latency {
		if sum+float64(n) < rank || n == 0 {
			sum += float64(n)
			continue
		}
		low := 0.0
		if i > 0 {
			low = bounds[i-1]
		}
		if i == len(bounds) {
			return low
		}
		return low + (bounds[i]-low)*(rank-sum)/float64(n)
	}
	return bounds[len(bounds)-1]
}

// Sum adds counts up that others have told.
func Sum(into, more map[string]uint64) map[string]uint64 {
	if into == nil {
		return maps.Clone(more)
	}
	for word, n := range more {
		into[word] += n
	}
	return into
}
