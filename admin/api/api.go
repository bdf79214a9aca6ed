package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/admin/reply"
	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/peers"
	"github.com/wafer-waf/wafer/recent"
	"github.com/wafer-waf/wafer/suggest"
)

// Options are what the API tells of. Functions are called for each request, by several goroutines at once.
type Options struct {
	Pod     string // what this process calls itself
	Version string
	Started time.Time

	Store   *recent.Store    // of events; nil: none are kept
	Line    *recent.Timeline // of traffic; nil: nothing is counted
	Access  string           // log.access
	Dropped func() uint64    // events that standard output did not take; nil: nobody counts

	Peers *peers.Peers // all pods; nil: there are no others
	State State

	Log zerolog.Logger
}

// State is what the tier knows of itself beside events. Values of routes and policies are nil while nothing is in force; a nil
// function means that there is nothing to tell.
type State struct {
	Ready        func() error
	Routes       func() []view.RouteRow
	Policies     func() []view.PolicyState
	Certificates func() []view.Certificate
	Generations  func() *view.Generations
	Trouble      func() []view.Trouble
	InFlight     func() int64
	Memory       func() uint64
	// Listed are values that endpoints of others show as they are, by the name of the endpoint. See [API.Scoped].
	Listed map[string]func() any
	Rule   func(policy string, id int) view.RuleText // empty: it is not known
}

// API answers.
type API struct {
	Options

	instance string // tells processes apart that have the same name
	bounds   bounds
	tiers    chan struct{} // one for each question to all pods
	errands  errands
	patience patience
	ending   context.Context
	end      context.CancelFunc
}

// New returns the API of a process.
func New(o Options) *API {
	a := &API{Options: o, instance: rand.Text(), bounds: usualBounds(), tiers: make(chan struct{}, tiersAtOnce)}
	a.ending, a.end = context.WithCancel(context.Background())
	return a
}

// Close ends the streams, which would go on for ever.
func (a *API) Close() { a.end() }

// Endpoint is one path of the API.
type Endpoint struct {
	Path  string // as package http matches it
	About string
	Serve http.HandlerFunc
}

// Endpoints are those that there are.
func (a *API) Endpoints() []Endpoint {
	all := []Endpoint{
		{"/api/v1/overview", "is it working, and what is it stopping? ?scope=tier asks all pods", a.overview},
		{"/api/v1/events", "the latest events: ?route=&verdict=&rule=&client=&text=&since=", a.events},
		{"/api/v1/events/stream", "events as they come, server-sent", a.stream},
		{"/api/v1/events/top", "how often what was found: ?by=rule", a.top},
		{"/api/v1/events/{request_id}", "all that is known of one request", a.opened},
		{"/api/v1/traffic", "requests over the last hour", a.traffic},
	}
	if s := a.State; s.Policies != nil && s.Certificates != nil && s.Generations != nil {
		all = append(all, []Endpoint{
			{"/api/v1/policies", "policies, and where each value comes from", a.policies},
			{"/api/v1/certificates", "certificates, and when they end", a.certificates},
			{"/api/v1/generations", "configurations that were in force, and what changed", a.generations},
		}...)
	}
	return all
}

// Bounds of a question.
const (
	maxQuery = 8 << 10
	// How many ask all pods at a time, and how many pods each of them asks at a time.
	tiersAtOnce, peersAtOnce = 4, 16
)

// bounds are those that tests set otherwise: a busy machine takes long, and large answers longer.
type bounds struct {
	findWithin time.Duration // then a page is cut
	export     time.Duration // for the searches of an export, all together
	peerWithin time.Duration // for each peer
	reply      int64         // bytes of a peer
	replies    int64         // bytes of all peers together
}

func usualBounds() bounds {
	return bounds{findWithin: 2 * time.Second, export: time.Minute, peerWithin: 2 * time.Second, reply: 8 << 20, replies: 64 << 20}
}

// ScopeParameter asks for the answer of one pod, or of all.
const ScopeParameter = "scope"

// question is what every endpoint is asked.
type question struct {
	api   *API
	now   time.Time
	query url.Values
	tier  bool
}

// ask reads what all endpoints understand, and answers itself if that is wrong. Known are the parameters of the endpoint.
func (a *API) ask(w http.ResponseWriter, r *http.Request, known ...string) (q *question, ok bool) {
	if len(r.URL.RawQuery) > maxQuery {
		reply.Problem(w, http.StatusRequestURITooLong, fmt.Sprintf("a query of more than %d bytes", maxQuery), nil)
		return nil, false
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		reply.Problem(w, http.StatusBadRequest, "the query cannot be read", err)
		return nil, false
	}
	known = append(known, ScopeParameter)
	var problems []error
	for name := range query {
		if !slices.Contains(known, name) {
			problems = append(problems, fmt.Errorf("%.40q: unknown parameter%s", name, suggest.DidYouMean(name, known)))
		}
	}
	q = &question{api: a, now: time.Now(), query: query}
	switch scope := query.Get(ScopeParameter); {
	case scope != "" && scope != view.ScopePod && scope != view.ScopeTier:
		problems = append(problems, errors.New("scope: pod or tier"))
	case scope == view.ScopeTier && r.Header.Get(peers.Header) != "":
		problems = append(problems, errors.New("scope: peers ask each pod for itself"))
	default:
		q.tier = scope == view.ScopeTier
	}
	if !q.fine(w, errors.Join(problems...)) {
		return nil, false
	}
	if a.errands.arrived(r.Header.Get(errandHeader)) { // who asks answers itself
		send(w, map[string]view.About{"about": q.about()})
		return nil, false
	}
	return q, true
}

// fine answers 400 if there is an error.
func (q *question) fine(w http.ResponseWriter, err error) bool {
	if err != nil {
		reply.Problem(w, http.StatusBadRequest, "the query is wrong", err)
	}
	return err == nil
}

// kept answers 503 if no events are.
func (a *API) kept(w http.ResponseWriter) bool {
	if a.Store == nil {
		reply.Problem(w, http.StatusServiceUnavailable, "no events are kept: recent.memory is 0", nil)
	}
	return a.Store != nil
}

// number reads a parameter between bounds.
func (q *question) number(name string, unless, least, most int) (int, error) {
	text := q.query.Get(name)
	if text == "" {
		return unless, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s: %.40q is not a number from %d to %d", name, text, least, most)
	}
	return n, nil
}

// span reads a parameter that is a length of time, or a time.
func (q *question) since(unless time.Duration) (time.Time, error) {
	f, err := recent.ParseFilter(url.Values{"since": q.query["since"]}, q.now)
	if f.Since.IsZero() {
		return q.now.Add(-unless), err
	}
	return f.Since, err
}

// failed answers for an error of the store.
func failed(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, recent.ErrBusy):
		w.Header().Set("Retry-After", "1")
		reply.Problem(w, http.StatusTooManyRequests, err.Error(), nil)
	case errors.Is(err, recent.ErrCrowded):
		w.Header().Set("Retry-After", "30")
		reply.Problem(w, http.StatusServiceUnavailable, err.Error(), nil)
	case errors.Is(err, context.Canceled): // nobody listens
	default:
		reply.Problem(w, http.StatusBadRequest, "the query is wrong", err)
	}
}

// about begins an answer of this pod.
func (q *question) about() view.About {
	a := q.api
	about := view.About{
		Pod: a.Pod, Instance: a.instance, Version: a.Version, Time: q.now.UTC(), Scope: view.ScopePod, Complete: true,
		Window: view.Window{To: q.now.UTC()}, Sampling: view.Sampling{Access: a.Access, Counted: 1}, Kept: []view.Kept{},
	}
	if a.Dropped != nil {
		about.Dropped.Output = a.Dropped()
	}
	if a.Store == nil {
		return about
	}
	kept, tooLong := a.Store.Kept()
	about.Dropped.Recent = tooLong
	for _, k := range kept {
		about.Kept = append(about.Kept, view.Kept{
			Part: k.Name, From: k.From.UTC(), To: k.To.UTC(), Events: k.Events, Bytes: k.Bytes, Limit: k.Limit, Overwritten: k.Overwritten,
		})
	}
	return about
}

// covers says what span of time an answer about events covers: none of the parts that can hold what is asked for begins
// later. A part that has lost nothing covers all the time since the process began.
func (q *question) covers(about *view.About, f *recent.Filter) {
	from := q.api.Started.UTC()
	for i, k := range about.Kept {
		if f.Reads(i) && k.Overwritten > 0 && k.From.After(from) {
			from = k.From
		}
	}
	if f.Since.After(from) {
		from = f.Since.UTC()
	}
	about.Window.From = from
	if !f.Until.IsZero() && f.Until.Before(about.Window.To) {
		about.Window.To = f.Until.UTC()
	}
}

// addressed is a pod by its address.
func addressed(at netip.AddrPort) view.Pod { return view.Pod{Address: at.String()} }

// self is this pod, at an address if it is known by one.
func (a *API) self(address string) view.Pod {
	return view.Pod{Pod: a.Pod, Address: address, Self: true, Answered: true, Version: a.Version}
}

// sentence is the first line of an error, for people. Which URL was asked they know.
func sentence(err error) string {
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}
