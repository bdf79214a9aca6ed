package rate

import (
	"strconv"
	"time"
)

// Spec is what a limit is made from.
type Spec struct {
	ID    string // of the limit, with that of its policy: its buckets are found by it
	Name  string // as clients are told of it
	Quota Quota
	Key   []Part
	// Missing says what happens to requests that lack a part of the key.
	Missing Missing

	Cost     Cost
	Statuses []Statuses // of responses that are counted, and no others; none: every request is

	Mode    Mode
	Delay   time.Duration // how long requests wait at most, with Throttle
	Waiters int           // how many at once

	Share     Share
	StoreDown StoreDown
	Replicas  int // that share the limit while the store is away; 0: as many as are known

	Buckets int // that are remembered at most

	Tell   Tell
	Legacy bool // clients are told in X-RateLimit fields, too
}

// Statuses are statuses of responses, both ends included.
type Statuses struct{ From, To int }

// Missing says what happens to requests that lack a part of a key.
type Missing uint8

// What can.
const (
	Skip  Missing = iota // the limit does not apply
	Count                // all of them share a bucket
	Deny                 // they are refused
)

// Cost says what a request costs.
type Cost uint8

// What it can.
const (
	CostRequests      Cost = iota // one unit
	CostRequestBytes              // of its body
	CostResponseBytes             // of the response's
	CostScore                     // its anomaly score
)

// Mode says what happens to requests that are over the limit.
type Mode uint8

// What can.
const (
	Block    Mode = iota
	Throttle      // they wait, if it is not too long
	Observe       // nothing, but that it is told
)

// Share says what replicas know of each other's buckets.
type Share uint8

// What they can.
const (
	ShareNone  Share = iota
	ShareLocal       // each has its own, and tells and hears every [Every]
	ShareExact       // the store is asked by each request
)

// StoreDown says what becomes of a limit that is shared exactly while there is no store.
type StoreDown uint8

// What can.
const (
	DownLocal StoreDown = iota // each replica enforces its part
	DownAllow
	DownDeny
)

// Tell says which responses have RateLimit fields.
type Tell uint8

// Which can.
const (
	TellLimited Tell = iota // of requests that are refused
	TellAlways
	TellNever
)

// Counts are what is counted of requests, by what a limit said.
const (
	Passed   = iota
	Near     // passed, and little is left
	Delayed  // made to wait
	Limited  // refused
	Observed // would have been refused
	Unkeyed  // lacked a part of the key: not counted, or refused
	Counts   // how many there are
)

// CountNames are the names of the counts.
var CountNames = [Counts]string{"passed", "near", "delayed", "limited", "observed", "no_key"}

// nearly is the part of a burst that, left, is near the limit.
const nearly = 5

// Limit is a limit of the process. It does not change; its buckets do.
type Limit struct {
	Spec
	cost    int64 // of a request, in nanoseconds; of one that is charged afterwards, what it needs to be let in
	most    int64 // what a bucket may owe
	buckets *buckets
	policy  string // item of RateLimit-Policy
}

func newLimit(s Spec, b *buckets) *Limit {
	l := &Limit{Spec: s, buckets: b, most: s.Quota.span(s.Quota.Burst), cost: s.Quota.span(1)}
	l.most = max(l.most, l.cost) // or nothing would ever pass
	l.policy = strconv.Quote(s.Name) + ";q=" + strconv.FormatInt(s.Quota.Units, 10)
	if s.Cost == CostRequestBytes || s.Cost == CostResponseBytes {
		l.policy += `;qu="content-bytes"`
	}
	l.policy += ";w=" + strconv.FormatInt(seconds(int64(s.Quota.Period)), 10)
	return l
}

// Afterwards reports whether requests are charged when their response is there.
func (l *Limit) Afterwards() bool { return l.Cost != CostRequests || len(l.Statuses) > 0 }

// shared reports whether the store is told what is charged here.
func (l *Limit) shared() bool {
	return l.Share == ShareLocal || l.Share == ShareExact && l.Afterwards()
}

// tolerates is what a bucket may owe when a request is let in, the time included that it is made to wait.
func (l *Limit) tolerates() int64 {
	if l.Mode == Throttle {
		return sum(l.most, int64(l.Delay))
	}
	return l.most
}

// Standing is what a limit's buckets and counts are.
type Standing struct {
	ID        string
	Counts    [Counts]int64
	Owing     int   // buckets that are not full
	Bytes     int64 // that there are for buckets
	Forgotten int64 // buckets that were not full when they had to go
	Waiting   int64 // requests that wait
}
