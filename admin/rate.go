package admin

import (
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// How many requests a client may send, and how many with tokens that are not known. A browser that opens the page asks for
// some thirty things at once.
const (
	requestRate  = 20 // a second
	requestBurst = 200
	failureRate  = 0.2
	failureBurst = 10
)

// maxClients are told apart. More of them than that share what one may do.
const maxClients = 4096

// limiter says whether a client has asked too often. An IPv6 client is its /64.
type limiter struct {
	rate, burst float64

	mu      sync.Mutex
	clients map[netip.Addr]bucket // nil until somebody asks
	swept   time.Time
}

// bucket is what a client may still do, as of a time.
type bucket struct {
	left float64
	at   time.Time
}

func newLimiter(rate, burst float64) *limiter { return &limiter{rate: rate, burst: burst} }

func (l *limiter) allow(client netip.Addr, now time.Time) bool {
	if client.Is6() {
		if net, err := client.WithZone("").Prefix(64); err == nil {
			client = net.Addr()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.clients[client]
	if !known && len(l.clients) >= maxClients && !l.sweep(now) {
		client = netip.Addr{}
		b, known = l.clients[client]
	}
	if l.clients == nil {
		l.clients = map[netip.Addr]bucket{}
	}
	if !known {
		b = bucket{l.burst, now}
	}
	b = l.refilled(b, now)
	ok := b.left >= 1
	if ok {
		b.left--
	}
	l.clients[client] = b
	return ok
}

func (l *limiter) refilled(b bucket, now time.Time) bucket {
	if passed := now.Sub(b.at); passed > 0 {
		b.left, b.at = min(b.left+passed.Seconds()*l.rate, l.burst), now
	}
	return b
}

// sweep forgets who may do all that a stranger may, at most once a second, and reports whether there is room.
func (l *limiter) sweep(now time.Time) bool {
	if now.Sub(l.swept) < time.Second {
		return false
	}
	l.swept = now
	for client, b := range l.clients {
		if l.refilled(b, now).left >= l.burst {
			delete(l.clients, client)
		}
	}
	return len(l.clients) < maxClients
}

// unlimited is what the kubelet and Prometheus ask for: nobody who asks for something else makes them wait.
func unlimited(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == "/metrics"
}

// seldom lets each client ask so often and no more.
func (o *Options) seldom(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !unlimited(r.URL.Path) && !o.requests.allow(clientOf(r), time.Now()) {
			if o.Refused != nil {
				o.Refused(refusedTooMany)
			}
			o.tooMany(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// tooMany answers who has asked too often.
func (o *Options) tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(5))
	problem(w, http.StatusTooManyRequests, "too many requests of this client", nil)
}
