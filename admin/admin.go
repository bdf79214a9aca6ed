package admin

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/admin/api"
	"github.com/wafer-waf/wafer/admin/page"
	"github.com/wafer-waf/wafer/admin/reply"
	"github.com/wafer-waf/wafer/mask"
)

// Options are what the listener shows and does. Every function is called for each
// request to its endpoint, by several goroutines at once; an endpoint whose field is nil
// answers 404.
type Options struct {
	// Metrics answers with all metrics. It tells failed what is wrong with one of them, and leaves that one out.
	Metrics func(w http.ResponseWriter, r *http.Request, failed func(error))

	// Ready returns nil if the pod should get traffic, else an error whose text says why
	// not. A nil function means always ready.
	Ready func() error

	// Notice returns what somebody should look at although the pod gets traffic; empty: nothing.
	Notice func() string

	// Reload loads the configuration anew and returns what changed, for encoding as JSON.
	// The lines of an error's text are the problems found; [ErrNotYet] is not one of them.
	Reload func(ctx context.Context) (any, error)

	// The effective configuration, and the route table with its live state, for encoding as
	// JSON; nil while there is none.
	Config func() any
	Routes func() any
	// The upstreams, and how their endpoints do, likewise.
	Upstreams func() any

	// Store is how what replicas share does, likewise; nil where they share nothing.
	Store func() any
	// The lists and databases of addresses, and what they say of one that is valid, likewise.
	Lists func(of netip.Addr) any

	// Bans are who is banned; nil functions: nobody can be.
	Bans Bans

	// Standing is what is in force and how it relates to the files, for encoding as JSON, also while there is
	// nothing in force.
	Standing func() any
	// Bundle returns the configuration in force for who asks from an address: nil while there is none,
	// [ErrStranger] for who may not have it.
	Bundle func(ctx context.Context, from netip.Addr) ([]byte, error)

	// API are endpoints that tell of requests and clients. Who may not read does not see them, also where there are no tokens.
	API []api.Endpoint
	// Scoped answer for other endpoints, by path, where a scope is asked for. They are for who may read, as those are.
	Scoped map[string]http.HandlerFunc
	// Peer reports whether an address is one of a pod of the tier, which may read. Nil: nobody is known by address.
	Peer func(ctx context.Context, from netip.Addr) (bool, error)

	// Hosts are names of the listener beside its addresses and names that nobody can register.
	Hosts []string
	// Profiles opens the profiles to everybody.
	Profiles bool

	// Tokens are those of operators and readers. Nil: there are none, so that only who is on the same machine can
	// operate, and everybody can read.
	Tokens *Tokens
	// Certificates are those of clients; nil: nobody is asked for one.
	Certificates *Certificates
	// Closed are endpoints that need a token for reading although they tell no secrets, by path: /metrics and
	// /api/v1/standing.
	Closed []string
	// LocalNeedsToken takes from who is on the same machine that they may operate without one.
	LocalNeedsToken bool
	// Refused is told of each request that is refused for who has sent it, with one of [Refusals]; nil: nobody asks.
	Refused func(reason string)

	Version string
	Log     zerolog.Logger
	Masking *mask.Policy // what is secret in what is logged

	requests, failures, scrapes *limiter[netip.Addr] // of each network: requests, tokens that are not known, requests for metrics
	holders                     *limiter[string]     // requests of who has proved to be somebody, beyond those of the network
}

// ErrNotYet says that there is no configuration yet that could be replaced.
var ErrNotYet = errors.New("no configuration in force yet")

// ErrStranger says that who asks is not one of those who may.
var ErrStranger = errors.New("only peers are given the configuration, and this is not the address of one")

// endpoint is one path of the listener. Paths ending in / include those below.
type endpoint struct {
	path    string
	methods string // for the Allow field
	role    Role   // that is needed
	about   string
	serve   http.HandlerFunc
}

const (
	read  = "GET, HEAD"
	write = "POST"
)

// endpoints are those that are there. Those without a word about them are not listed for people.
func (o *Options) endpoints() []endpoint {
	reading, open := Anyone, func(path string) Role {
		if slices.Contains(o.Closed, path) {
			return Read
		}
		return Anyone
	}
	if o.proofs() {
		reading = Read
	}
	endpoints := []endpoint{
		{"/healthz", read, Anyone, "the process lives", health},
		{"/readyz", read, Anyone, "traffic is welcome, or why not", ready(*o)},
	}
	add := func(present bool, e endpoint) {
		if present {
			endpoints = append(endpoints, e)
		}
	}
	if o.Metrics != nil {
		endpoints = append(endpoints, endpoint{"/metrics", read, open("/metrics"), "metrics for Prometheus", metrics(*o)})
	}
	add(o.Reload != nil, endpoint{"/-/reload", write, Operate, "load the configuration anew", reload(*o)})
	add(o.Config != nil, endpoint{"/api/v1/config", read, reading, "effective configuration", show(o.Config, o.Log)})
	add(o.Routes != nil, endpoint{"/api/v1/routes", read, reading, "route table and its state; ?scope=tier asks all pods", o.scoped("/api/v1/routes", o.Routes)})
	add(o.Upstreams != nil, endpoint{"/api/v1/upstreams", read, reading, "upstreams and how their endpoints do; ?scope=tier likewise", o.scoped("/api/v1/upstreams", o.Upstreams)})
	add(o.Bans.List != nil, endpoint{"/api/v1/bans", "GET, HEAD, POST, DELETE", reading, "who is banned; POST bans, DELETE clears", bans(*o)})
	add(o.Store != nil, endpoint{"/api/v1/store", read, reading, "how what replicas share does", show(o.Store, o.Log)})
	add(o.Lists != nil, endpoint{"/api/v1/lists", read, reading, "lists and databases of addresses; ?address= asks them", lists(*o)})
	add(o.Standing != nil, endpoint{"/api/v1/standing", read, open("/api/v1/standing"), "what is in force, and why the files are not", show(o.Standing, o.Log)})
	add(o.Bundle != nil, endpoint{"/api/v1/bundle", read, Anyone, "the configuration in force, for peers", bundle(*o)})
	for _, e := range o.API {
		endpoints = append(endpoints, endpoint{e.Path, read, Read, e.About, e.Serve})
	}
	endpoints = append(endpoints, profiles(o.Profiles)...)
	shown := &page.Page{}
	return append(endpoints,
		endpoint{page.Prefix, read, Anyone, "", shown.Files},
		endpoint{"/{$}", read, Anyone, "", front(shown, index(o.Version, endpoints))})
}

// New returns the handler of the listener.
func New(o Options) http.Handler {
	o.requests, o.failures = newLimiter[netip.Addr](requestRate, requestBurst), newLimiter[netip.Addr](failureRate, failureBurst)
	o.holders, o.scrapes = newLimiter[string](requestRate, requestBurst), newLimiter[netip.Addr](scrapeRate, scrapeBurst)
	mux := http.NewServeMux()
	for _, e := range o.endpoints() {
		mux.Handle(e.path, only(e.methods, o.may(e.role, e.serve)))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusNotFound, "no such endpoint", nil)
	})
	return guard(ownHosts(o.Hosts, o.seldom(mux)), o.Log)
}

// health answers as long as the process can answer at all. It looks at nothing else: a
// restart repairs neither a configuration nor an upstream.
func health(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "ok\n")
}

func ready(o Options) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if o.Ready != nil {
			if err := o.Ready(); err != nil {
				plain(w, http.StatusServiceUnavailable, err.Error()+"\n")
				return
			}
		}
		text := "ready"
		if o.Notice != nil {
			if notice := o.Notice(); notice != "" {
				text += ", but " + notice
			}
		}
		plain(w, http.StatusOK, text+"\n")
	}
}

// bundlesAtOnce is how many are sent at a time: peers that start together must not cost memory.
const bundlesAtOnce = 4

// bundle gives peers what a peer that starts can serve.
func bundle(o Options) http.HandlerFunc {
	places := make(chan struct{}, bundlesAtOnce)
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			problem(w, http.StatusServiceUnavailable, "others are being served, come again", nil)
			return
		}
		from, _ := netip.ParseAddrPort(r.RemoteAddr) // of no address is no peer
		data, err := o.Bundle(r.Context(), from.Addr())
		switch {
		case errors.Is(err, ErrStranger):
			problem(w, http.StatusForbidden, ErrStranger.Error(), nil)
		case err != nil:
			problem(w, http.StatusServiceUnavailable, "peers are not known", err)
		case data == nil:
			problem(w, http.StatusServiceUnavailable, ErrNotYet.Error(), nil)
		default:
			w.Header().Set("Content-Type", "application/octet-stream")
			w.WriteHeader(http.StatusOK)
			_, _ = w.Write(data) // as in plain
		}
	}
}

func metrics(o Options) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		o.Metrics(w, r, func(err error) { o.Log.Error().Err(err).Msg("gather metrics") })
	}
}

// reload waits for the result, so that a pipeline that asked learns whether it holds.
func reload(o Options) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		result, err := o.Reload(r.Context())
		switch {
		case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
			// The caller left. What it asked for may still happen.
		case errors.Is(err, ErrNotYet):
			problem(w, http.StatusServiceUnavailable, ErrNotYet.Error(), err)
		case err != nil:
			problem(w, http.StatusUnprocessableEntity, "configuration not loaded", err)
		default:
			sendJSON(w, http.StatusOK, result, o.Log)
		}
	}
}

func show(value func() any, log zerolog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		v := value()
		if v == nil {
			problem(w, http.StatusServiceUnavailable, ErrNotYet.Error(), nil)
			return
		}
		sendJSON(w, http.StatusOK, v, log)
	}
}

// scoped shows a value of this process, or answers with those of more pods if that is asked for.
func (o *Options) scoped(path string, value func() any) http.HandlerFunc {
	plain, answer := show(value, o.Log), o.Scoped[path]
	if answer == nil {
		return plain
	}
	asked := o.may(Read, answer)
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has(api.ScopeParameter) {
			asked.ServeHTTP(w, r)
			return
		}
		plain(w, r)
	}
}

// lists shows the lists, and what they say of an address that is asked for.
func lists(o Options) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var of netip.Addr
		if text := r.URL.Query().Get("address"); text != "" {
			var err error
			if of, err = netip.ParseAddr(text); err != nil {
				problem(w, http.StatusBadRequest, "not an address", err)
				return
			}
		}
		show(func() any { return o.Lists(of) }, o.Log)(w, r)
	}
}

// front is the page for browsers, and the list of endpoints for programs and who asks by hand.
func front(shown *page.Page, list http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		if page.Wanted(r) {
			shown.Document(w, r)
			return
		}
		list(w, r)
	}
}

func index(version string, endpoints []endpoint) http.HandlerFunc {
	var b strings.Builder
	b.WriteString("wafer " + version + "\n\n")
	width := 0
	for _, e := range endpoints {
		if e.about != "" {
			width = max(width, len(e.path)+2)
		}
	}
	for _, e := range endpoints {
		if e.about == "" {
			continue
		}
		method, _, _ := strings.Cut(e.methods, ",")
		b.WriteString(pad(method, 6) + pad(e.path, width) + e.about + "\n")
	}
	text := b.String()
	return func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, text)
	}
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-len(s), 1))
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client has left; nobody is left to tell
}

// sendJSON answers with a value.
func sendJSON(w http.ResponseWriter, status int, value any, log zerolog.Logger) {
	reply.JSON(w, status, value, log)
}

// problem answers with a title and, if there is one, the error.
func problem(w http.ResponseWriter, status int, title string, err error) {
	reply.Problem(w, status, title, err)
}
