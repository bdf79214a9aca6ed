package token

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// How keys are fetched.
const (
	fetchTimeout = 10 * time.Second
	firstRetry   = 5 * time.Second  // after a fetch that failed; it doubles up to the usual time
	LeastEvery   = 30 * time.Second // between two fetches
	DefaultEvery = 10 * time.Minute

	// leastBetween is between two fetches for the sake of requests: anybody can name a key that nobody has.
	leastBetween = 10 * time.Second
	// LongestWait is how long a request waits for keys that are being fetched.
	LongestWait = time.Second
	// mostWaiting is how many requests do so at once.
	mostWaiting = 64
)

// RemoteConfig is where the keys of an issuer are. It is comparable, so that whoever wants the same keys can share.
type RemoteConfig struct {
	URL   string
	Every time.Duration
	CA    string // certificates in PEM that its own is verified with; empty: those of the system
}

// Remote has the keys of an issuer who tells them at a URL. Those that were fetched last are good until others
// are: an issuer that cannot be reached, or says nonsense, changes nothing.
type Remote struct {
	config RemoteConfig
	client *http.Client
	told   func(c RemoteConfig, changed bool, err error)

	keys    atomic.Pointer[Keys]
	waiting atomic.Int32
	now     chan struct{} // somebody asks for a fetch

	mu      sync.Mutex
	asked   time.Time // when somebody did
	pending bool      // and it was not done since
	runs    bool
	round   chan struct{} // is closed when the fetch at hand, or the next one, is over
	etag    string
	fetched time.Time // when keys came last
	failed  error     // of the last fetch

	stop context.CancelFunc
	done chan struct{}
}

// NewRemote returns a Remote that fetches nothing before it is started. told is called after each fetch.
func NewRemote(c RemoteConfig, told func(c RemoteConfig, changed bool, err error)) (*Remote, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM([]byte(c.CA)) {
			return nil, errors.New("no certificate in PEM")
		}
	}
	if told == nil {
		told = func(RemoteConfig, bool, error) {}
	}
	return &Remote{
		config: c, told: told, now: make(chan struct{}, 1), round: make(chan struct{}),
		client: &http.Client{
			Timeout: fetchTimeout,
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, DisableKeepAlives: true,
				ResponseHeaderTimeout: fetchTimeout, MaxResponseHeaderBytes: 64 << 10,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return errors.New("redirected: write the URL that has the keys")
			},
		},
	}, nil
}

// Config is what the Remote was made of.
func (r *Remote) Config() RemoteConfig { return r.config }

// Keys are those that were fetched last; nil: none yet.
func (r *Remote) Keys() *Keys { return r.keys.Load() }

// Standing is when keys came last, and why the last fetch failed; nil: it did not.
func (r *Remote) Standing() (fetched time.Time, failed error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fetched, r.failed
}

// Start begins to fetch. It is not called twice without Close between, nor at the same time.
func (r *Remote) Start() {
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.done = stop, make(chan struct{})
	r.mu.Lock()
	r.asked, r.pending, r.runs = time.Now(), true, true
	r.mu.Unlock()
	go r.run(ctx, r.done)
}

// Close ends the fetching. Keys stay.
func (r *Remote) Close() {
	r.mu.Lock()
	r.pending, r.runs = false, false
	r.mu.Unlock()
	if r.stop != nil {
		r.stop()
		<-r.done
	}
}

func (r *Remote) run(ctx context.Context, done chan struct{}) {
	defer close(done)
	retry := firstRetry
	for {
		before := r.keys.Load()
		err := r.fetch(ctx)
		if ctx.Err() != nil {
			return
		}
		r.over(err)
		r.told(r.config, r.keys.Load() != before, err)
		next := r.config.Every
		if err != nil {
			next, retry = min(retry, next), retry*2
		} else {
			retry = firstRetry
		}
		next += time.Duration(rand.Int64N(int64(next)/5+1)) - next/10 // replicas are not to ask all at once
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-r.now:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// over notes what came of a fetch, and lets go who has waited for it.
func (r *Remote) over(err error) {
	r.mu.Lock()
	if r.failed = err; err == nil {
		r.fetched = time.Now()
	}
	r.pending = false
	close(r.round)
	r.round = make(chan struct{})
	r.mu.Unlock()
}

// fetch asks for the keys. Others than those at hand replace them.
func (r *Remote) fetch(ctx context.Context) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.config.URL, nil)
	if err != nil {
		return err
	}
	q.Header.Set("Accept", "application/jwk-set+json, application/json")
	if r.etag != "" {
		q.Header.Set("If-None-Match", r.etag)
	}
	a, err := r.client.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	switch a.StatusCode {
	case http.StatusNotModified:
		if r.etag != "" {
			return nil
		}
		fallthrough
	default:
		return fmt.Errorf("%s answers %d", r.config.URL, a.StatusCode)
	case http.StatusOK:
	}
	text, err := io.ReadAll(io.LimitReader(a.Body, MaxKeySet+1))
	if err != nil {
		return err
	}
	if now := r.keys.Load(); now != nil && len(text) <= MaxKeySet && now.digest == sha256.Sum256(text) {
		return nil
	}
	keys, err := ParseKeys(text)
	if err != nil {
		return err
	}
	r.keys.Store(keys)
	r.etag = a.Header.Get("ETag")
	return nil
}

// Again has the keys fetched anew for a request whose key is not among those, unless that was done a moment ago, and
// waits for them for a bounded time. It returns the keys at hand then.
func (r *Remote) Again(known *Keys) *Keys {
	if now := r.keys.Load(); now != known {
		return now // meanwhile
	}
	if r.waiting.Add(1) > mostWaiting {
		r.waiting.Add(-1)
		return known
	}
	defer r.waiting.Add(-1)
	r.mu.Lock()
	if r.runs && !r.pending && time.Since(r.asked) >= leastBetween {
		r.asked, r.pending = time.Now(), true
		select {
		case r.now <- struct{}{}:
		default:
		}
	}
	round, pending, since := r.round, r.pending, time.Since(r.asked)
	r.mu.Unlock()
	if !pending || since >= LongestWait { // it was done a moment ago, or takes longer than anybody waits
		return r.keys.Load()
	}
	timer := time.NewTimer(LongestWait - since)
	defer timer.Stop()
	select {
	case <-round:
	case <-timer.C:
	}
	return r.keys.Load()
}
