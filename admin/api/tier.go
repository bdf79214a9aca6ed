package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/peers"
	"github.com/wafer-waf/wafer/recent"
)

// answered is what a pod has answered, as one of the types of package view.
type answered[T any] struct {
	at    netip.AddrPort // not valid: this process, which is none of the peers
	value *T
}

// askTier asks all pods for a path, and returns their answers and, in about, who was asked. Own is what this process
// answers itself, for the address at which it was asked, or for none: pods that are not ready yet have no address. The pods of
// only are asked and no others, if it is not nil.
func askTier[T any](ctx context.Context, q *question, path string, queryOf func(at string) url.Values, aboutOf func(*T) *view.About,
	own func(at string) (*T, error), only map[string]string,
) (all []answered[T], about view.About, err error) {
	about = q.about()
	about.Scope = view.ScopeTier
	if !q.api.enter(ctx) {
		return nil, about, recent.ErrBusy
	}
	defer q.api.leave()
	left := &atomic.Int64{}
	left.Store(q.api.bounds.replies)
	addresses := q.addresses(ctx, &about, only)
	pods := make([]view.Pod, len(addresses))
	values := make([]*T, len(addresses))
	var asking sync.WaitGroup
	places := make(chan struct{}, peersAtOnce)
	for i, at := range addresses {
		places <- struct{}{}
		asking.Go(func() {
			defer func() { <-places }()
			pods[i], values[i] = askOne(ctx, q.api, at, path+"?"+queryOf(at.String()).Encode(), aboutOf, left)
		})
	}
	asking.Wait()
	heard := map[string]int{} // the place of an instance that has answered
	_, self := only[""]
	self = self || only == nil
	for i, pod := range pods {
		about.Complete = about.Complete && pod.Answered
		instance := q.api.instance
		if values[i] != nil {
			instance = aboutOf(values[i]).Instance
		}
		if pod.Answered { // perhaps at two addresses, as where IPv4 and IPv6 are both spoken
			first, again := heard[instance]
			if again {
				if doubtful(&pods[first], &pod, addresses[first], addresses[i]) {
					about.Warnings = append(about.Warnings, onePod(addresses[first], addresses[i]))
				}
				continue
			}
			heard[instance] = i
		}
		about.Pods = append(about.Pods, pod)
		if pod.Self {
			self = false
			if values[i], err = own(pod.Address); err != nil {
				return nil, about, err
			}
		}
		if values[i] != nil {
			all = append(all, answered[T]{addresses[i], values[i]})
		}
	}
	if self {
		value, err := own("")
		if err != nil {
			return nil, about, err
		}
		about.Pods = append(about.Pods, q.api.self(""))
		all = append(all, answered[T]{value: value})
	}
	about.Kept = nil
	for _, one := range all {
		joinAbout(&about, aboutOf(one.value))
	}
	return all, about, nil
}

// doubtful reports whether two addresses are hardly those of one process, whatever it says. Then one of them may keep the other's answer
// from being heard, and people are told.
func doubtful(a, b *view.Pod, first, second netip.AddrPort) bool {
	return !a.Self && (first.Addr().Is4() == second.Addr().Is4() || a.Pod != b.Pod)
}

// onePod warns of them.
func onePod(first, second netip.AddrPort) string {
	return fmt.Sprintf("%s and %s say that they are one process, and the first of them was heard", first, second)
}

// enter waits a moment for a place among those that ask all pods, and reports whether there is one: what pods answer is
// held until it is joined.
func (a *API) enter(ctx context.Context) bool {
	select {
	case a.tiers <- struct{}{}: // a place that is free is taken, however late it is
		return true
	default:
	}
	select {
	case a.tiers <- struct{}{}:
		return true
	case <-time.After(a.bounds.peerWithin):
		return false
	case <-ctx.Done():
		return false
	}
}

func (a *API) leave() { <-a.tiers }

// addresses are those of the pods that are asked.
func (q *question) addresses(ctx context.Context, about *view.About, only map[string]string) []netip.AddrPort {
	if only != nil {
		var all []netip.AddrPort
		for text := range only {
			if at, err := netip.ParseAddrPort(text); err == nil {
				all = append(all, at)
			}
		}
		slices.SortFunc(all, netip.AddrPort.Compare)
		return all
	}
	if q.api.Peers == nil {
		about.Warnings = append(about.Warnings, "this pod knows no others: admin_peers names their admin listeners")
		return nil
	}
	all, err := q.api.Peers.Addresses(ctx)
	if err != nil {
		about.Complete = false
		about.Warnings = append(about.Warnings, "not all pods are known: "+sentence(err))
	}
	return all
}

// askOne asks a pod. Left is how many bytes may still be answered to the question.
func askOne[T any](ctx context.Context, a *API, at netip.AddrPort, path string, aboutOf func(*T) *view.About, left *atomic.Int64) (view.Pod, *T) {
	pod := addressed(at)
	began := time.Now()
	value := new(T)
	asked := a.errands.begin()
	defer asked.end()
	within := a.patience.of(at, a.bounds.peerWithin)
	data, err := a.Peers.Get(ctx, at, path, within, a.bounds.reply, errandHeader, asked.word)
	if ctx.Err() == nil { // otherwise whoever asks has left
		a.patience.note(at, errors.Is(err, context.DeadlineExceeded))
	}
	took := float64(time.Since(began).Microseconds()) / 1000
	if asked.home() {
		pod = a.self(pod.Address)
		pod.Milliseconds = took
		return pod, nil
	}
	pod.Milliseconds = took
	if err == nil && left.Add(-int64(len(data))) < 0 {
		err = fmt.Errorf("all pods together answer more than %.3g MiB: ask for less", float64(a.bounds.replies)/(1<<20))
	}
	if err == nil && !modest(data) {
		err = errors.New("the answer is made of too many pieces")
	}
	if err == nil {
		err = json.Unmarshal(data, value)
	}
	if err == nil {
		err = a.introduced(aboutOf(value))
	}
	if err != nil {
		pod.Error = a.why(err, within)
		return pod, nil
	}
	about := aboutOf(value)
	pod.Pod, pod.Version, pod.Answered = printable(about.Pod), printable(about.Version), true
	return pod, value
}

// An answer has no more pieces than these: two bytes of JSON may take a hundred times as much memory.
const (
	maxObjects = 200_000 // and lists
	maxValues  = 1_000_000
)

// modest reports whether an answer can be decoded without taking much more memory than it has bytes. Of what is not JSON nothing is decoded.
func modest(answer []byte) bool {
	objects, values, quoted := 0, 0, false
	for i := 0; i < len(answer); i++ {
		switch c := answer[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '{' || c == '[':
			objects++
		case c == ',':
			values++
		}
	}
	return objects <= maxObjects && values <= maxValues
}

// maxInstance is longer than any version's names of instances.
const maxInstance = 64

// introduced is what is wrong with how another pod introduces itself.
func (a *API) introduced(about *view.About) error {
	switch {
	case about.Instance == "" || len(about.Instance) > maxInstance:
		return errors.New("the answer is not one of this API")
	case about.Instance == a.instance:
		return errPosing
	}
	return nil
}

// notFound is why a pod has not answered that does not know what it is asked for.
const notFound = "it is of a version without this"

// why says why a pod has not answered that had so much time, for people.
func (a *API) why(err error, within time.Duration) string {
	var status *peers.StatusError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", within)
	case !errors.As(err, &status):
		return sentence(err)
	}
	switch status.Status {
	case http.StatusUnauthorized:
		return "it wants a token: admin_peer_token"
	case http.StatusForbidden:
		return "it does not know this pod as a peer: admin_peers, admin_peer_token"
	case http.StatusNotFound:
		return notFound
	}
	return status.Error()
}

// printable is a name as a peer says it, without what could mislead people.
func printable(name string) string {
	out := []byte(name[:min(len(name), 253)])
	for i, c := range out {
		if c <= ' ' || c >= 0x7f {
			out[i] = '?'
		}
	}
	return string(out)
}

// toldBy is a sentence as a peer says it, as long as sentences are, without what could mislead people.
func toldBy(text string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) || c == utf8.RuneError {
			return '?'
		}
		return c
	}, text[:min(len(text), 300)])
}

// maxParts is more than the parts of events that any version keeps apart.
const maxParts = 8

// joinAbout adds what a pod says of its answer to what is said of all.
func joinAbout(about, one *view.About) {
	if about.Window.From.IsZero() || one.Window.From.After(about.Window.From) {
		about.Window.From = one.Window.From
	}
	if one.Sampling.Access != about.Sampling.Access {
		about.Warnings = append(about.Warnings, fmt.Sprintf("pods differ in log.access: %s has %s", printable(one.Pod), printable(one.Sampling.Access)))
	}
	if one.Instance != about.Instance {
		about.Dropped.Recent += one.Dropped.Recent
		about.Dropped.Output += one.Dropped.Output
		for _, w := range one.Warnings[:min(len(one.Warnings), 3)] {
			about.Warnings = append(about.Warnings, toldBy(w))
		}
	}
	for _, k := range one.Kept[:min(len(one.Kept), maxParts)] {
		i := slices.IndexFunc(about.Kept, func(o view.Kept) bool { return o.Part == k.Part })
		if i < 0 {
			about.Kept = append(about.Kept, k)
			continue
		}
		all := &about.Kept[i]
		if all.From.IsZero() || k.From.After(all.From) {
			all.From = k.From
		}
		if k.To.After(all.To) {
			all.To = k.To
		}
		all.Events, all.Bytes, all.Limit, all.Overwritten = all.Events+k.Events, all.Bytes+k.Bytes, all.Limit+k.Limit, all.Overwritten+k.Overwritten
	}
}

// same is a query that is the same for all pods.
func same(query url.Values) func(string) url.Values { return func(string) url.Values { return query } }

// tierTraffic adds up the traffic of all pods.
func (q *question) tierTraffic(ctx context.Context, ask spans) (*view.Traffic, error) {
	ask.from = ask.from.Truncate(ask.step)
	query := url.Values{"since": {ask.from.UTC().Format(time.RFC3339Nano)}, "step": {ask.step.String()}, "latency": {"true"}}
	if ask.route != nil {
		query.Set("route", *ask.route)
	}
	all, about, err := askTier(ctx, q, "/api/v1/traffic", same(query), func(t *view.Traffic) *view.About { return &t.About },
		func(string) (*view.Traffic, error) {
			own := ask
			own.latency = true
			return q.own(own), nil
		}, nil)
	if err != nil {
		return nil, err
	}
	sum := &view.Traffic{About: about, Seconds: int(ask.step / time.Second), Points: []view.Point{}, Routes: []view.RouteLine{}}
	if ask.route != nil {
		sum.Route = *ask.route
	}
	for _, one := range all {
		addTraffic(sum, one.value)
	}
	slices.SortFunc(sum.Points, func(a, b view.Point) int { return a.Time.Compare(b.Time) })
	finish(&sum.Total)
	for i := range sum.Points {
		finish(&sum.Points[i].Counts)
	}
	for i := range sum.Routes {
		finish(&sum.Routes[i].Counts)
	}
	slices.SortStableFunc(sum.Routes, func(a, b view.RouteLine) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Route, b.Route))
	})
	if !ask.latency {
		dropLatency(sum)
	}
	return sum, nil
}

// finish reckons what cannot be added up.
func finish(c *view.Counts) {
	c.P50, c.P95, c.P99 = 0, 0, 0
	quantiles(c)
}

// placesOf are the places of values in a list, by their names: lists of a pod may be long, or made to be.
func placesOf[T any](list []T, name func(*T) string) map[string]int {
	places := make(map[string]int, len(list))
	for i := range list {
		places[name(&list[i])] = i
	}
	return places
}

// addTraffic adds the traffic of a pod. Points belong together by their time.
func addTraffic(sum, one *view.Traffic) {
	addCounts(&sum.Total, &one.Total)
	places := map[int64]int{}
	for i := range sum.Points {
		places[sum.Points[i].Time.Unix()] = i
	}
	for i := range one.Points {
		p := &one.Points[i]
		at, known := places[p.Time.Unix()]
		if !known {
			at, places[p.Time.Unix()] = len(sum.Points), len(sum.Points)
			sum.Points = append(sum.Points, view.Point{Time: p.Time})
		}
		addCounts(&sum.Points[at].Counts, &p.Counts)
	}
	if one.RoutesFrom.After(sum.RoutesFrom) {
		sum.RoutesFrom = one.RoutesFrom
	}
	routes := placesOf(sum.Routes, func(r *view.RouteLine) string { return r.Route })
	for i := range one.Routes {
		r := &one.Routes[i]
		at, known := routes[r.Route]
		if !known {
			at, routes[r.Route] = len(sum.Routes), len(sum.Routes)
			sum.Routes = append(sum.Routes, view.RouteLine{Route: r.Route})
		}
		all := &sum.Routes[at]
		addCounts(&all.Counts, &r.Counts)
		all.Line, all.Blocked = addLines(all.Line, r.Line), addLines(all.Blocked, r.Blocked)
	}
}

// addLines adds numbers by place, from the newest on: clocks of pods differ by a step at most.
func addLines(a, b []uint64) []uint64 {
	if len(a) < len(b) {
		a, b = slices.Clone(b), a
	}
	for i := range b {
		a[len(a)-1-i] += b[len(b)-1-i]
	}
	return a
}

func addCounts(sum, one *view.Counts) {
	sum.Requests += one.Requests
	sum.Unseen += one.Unseen
	add := func(into *map[string]uint64, more map[string]uint64) {
		if *into == nil && len(more) > 0 {
			*into = map[string]uint64{}
		}
		for word, n := range more {
			(*into)[word] += n
		}
	}
	add(&sum.Verdicts, one.Verdicts)
	add(&sum.Coverage, one.Coverage)
	add(&sum.Missed, one.Missed)
	add(&sum.Statuses, one.Statuses)
	add(&sum.Screened, one.Screened)
	known := one.Latency[:min(len(one.Latency), len(recent.Latencies())+1)] // another version may tell more
	if len(sum.Latency) < len(known) {
		sum.Latency = append(sum.Latency, make([]uint64, len(known)-len(sum.Latency))...)
	}
	for i, n := range known {
		sum.Latency[i] += n
	}
}
