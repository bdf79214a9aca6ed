package admin

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
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
	// Gathering metrics is shared by all who ask for them at a time; this is about the bytes. Who scrapes does so every few seconds.
	scrapeRate  = 5
	scrapeBurst = 50
)

// maxClients are told apart. More of them than that share what one may do.
const maxClients = 4096

// limiter says whether a client has asked too often: one of a network, or whoever has proved to be somebody.
type limiter[K comparable] struct {
	rate, burst float64

	mu      sync.Mutex
	clients map[K]bucket // nil until somebody asks
	swept   time.Time
}

// bucket is what a client may still do, as of a time.
type bucket struct {
	left float64
	at   time.Time
}

func newLimiter[K comparable](rate, burst float64) *limiter[K] {
	return &limiter[K]{rate: rate, burst: burst}
}

// network is whom an address counts as: of IPv6 its /64.
func network(client netip.Addr) netip.Addr {
	if client.Is6() {
		if net, err := client.WithZone("").Prefix(64); err == nil {
			return net.Addr()
		}
	}
	return client
}

func (l *limiter[K]) allow(client K, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.clients[client]
	if !known && len(l.clients) >= maxClients && !l.sweep(now) {
		var others K
		client = others
		b, known = l.clients[client]
	}
	if l.clients == nil {
		l.clients = map[K]bucket{}
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

func (l *limiter[K]) refilled(b bucket, now time.Time) bucket {
	if passed := now.Sub(b.at); passed > 0 {
		b.left, b.at = min(b.left+passed.Seconds()*l.rate, l.burst), now
	}
	return b
}

// sweep forgets who may do all that a stranger may, at most once a second, and reports whether there is room.
func (l *limiter[K]) sweep(now time.Time) bool {
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

// often reports whether a client asks too often. What the kubelet and Prometheus ask for is counted apart, so that nobody who asks for something
// else makes them wait, and a probe costs nothing.
func (o *Options) often(path string, client netip.Addr, now time.Time) bool {
	switch path {
	case "/healthz", "/readyz":
		return false
	case "/metrics":
		return !client.IsLoopback() && !o.scrapes.allow(network(client), now)
	}
	return !o.requests.allow(network(client), now)
}

// seldom lets each client ask so often and no more.
func (o *Options) seldom(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		if o.often(r.URL.Path, clientOf(r), now) && !o.holder(r, now) {
			if o.Refused != nil {
				o.Refused(refusedTooMany)
			}
			o.tooMany(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// holder reports whether who asks has shown a token or a certificate that is known, and has not asked too often with it: strangers
// on the same network, as all pods of a node may be, do not lock out who can prove to have a role.
func (o *Options) holder(r *http.Request, now time.Time) bool {
	name := ""
	if o.Certificates != nil && r.TLS != nil {
		if shown := o.Certificates.find(r.TLS, now); shown.role >= Read {
			name = "certificate " + shown.name
		}
	}
	if scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " "); o.Tokens != nil && strings.EqualFold(scheme, "Bearer") {
		if t, ok := o.Tokens.find(strings.TrimSpace(shown), now); ok {
			name = "token " + t.Name
		}
	}
	return name != "" && o.holders.allow(name, now)
}

// tooMany answers who has asked too often.
func (o *Options) tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(5))
	problem(w, http.StatusTooManyRequests, "too many requests of this client", nil)
}
