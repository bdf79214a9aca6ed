package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/peers"
	"github.com/wafer-waf/wafer/recent"
)

// What streams of other pods may take.
const (
	maxStreamed = 512 << 10 // one event
	againAfter  = 5 * time.Second
	gathered    = 4              // messages on their way to the reader, which may be large
	maxHeard    = 2 * peers.Most // pods, those that are about to end among them
)

// message is something that a stream of a pod says.
type message struct {
	event  *view.Event
	missed *view.Missed
}

// chorus is the streams of all pods.
type chorus struct {
	q     *question
	path  string
	news  chan struct{} // of capacity 1: a pod is heard, or no longer
	heard chan message  // a slow reader holds up the pods' streams, which then miss events and say so

	mu    sync.Mutex
	pods  map[netip.AddrPort]*view.Pod
	from  map[string]netip.AddrPort // where an instance is heard; one that has two addresses is heard at one of them
	doubt map[netip.AddrPort]string // why that is hardly true of an address
}

// sendTier sends the events of all pods until ctx ends or the reader does.
func (q *question) sendTier(ctx context.Context, s *sender, own *followed, f *recent.Filter, backlog int) {
	query := f.Query()
	query.Set("backlog", strconv.Itoa(backlog))
	c := &chorus{
		q: q, path: "/api/v1/events/stream?" + query.Encode(), heard: make(chan message, gathered), news: make(chan struct{}, 1), pods: map[netip.AddrPort]*view.Pod{},
		from: map[string]netip.AddrPort{}, doubt: map[netip.AddrPort]string{},
	}
	ctx, cancel := context.WithCancel(ctx)
	var singing sync.WaitGroup
	defer singing.Wait()
	defer cancel()
	singing.Go(func() { c.own(ctx, own) })
	about := time.NewTicker(aboutEvery)
	defer about.Stop()
	c.join(ctx, &singing)
	s.event("about", "", c.about(f))
	for s.flush() == nil {
		select {
		case <-ctx.Done():
			return
		case <-about.C:
			c.join(ctx, &singing)
			s.event("about", "", c.about(f))
		case <-c.news:
			s.event("about", "", c.about(f))
		case m := <-c.heard:
			s.message(&m)
			for more := true; more; { // what is there already goes out together
				select {
				case m := <-c.heard:
					s.message(&m)
				default:
					more = false
				}
			}
		}
	}
}

func (s *sender) message(m *message) {
	if m.event != nil {
		s.event("event", "", m.event) // without an id: no cursor is one of all pods
	} else {
		s.event("missed", "", m.missed)
	}
}

// join begins to hear the pods that have come since the last time.
func (c *chorus) join(ctx context.Context, singing *sync.WaitGroup) {
	if c.q.api.Peers == nil {
		return
	}
	all, _ := c.q.api.Peers.Addresses(ctx) // about tells of those that are known
	c.mu.Lock()
	defer c.mu.Unlock()
	there := map[netip.AddrPort]bool{}
	for _, at := range all {
		there[at] = true
		if c.pods[at] != nil || len(c.pods) >= maxHeard {
			continue
		}
		pod := addressed(at)
		pod.Error = "not heard yet"
		c.pods[at] = &pod
		singing.Go(func() { c.listen(ctx, at) })
	}
	for at, pod := range c.pods {
		if !there[at] && !pod.Answered { // it has gone, and its name with it
			delete(c.pods, at)
		}
	}
}

// own sends the events of this pod.
func (c *chorus) own(ctx context.Context, own *followed) {
	for ctx.Err() == nil {
		found, missed := own.next(ctx, aboutEvery)
		if missed > 0 && !c.say(ctx, message{missed: &view.Missed{Pod: c.q.api.Pod, Missed: missed}}) {
			return
		}
		for _, e := range found {
			if !c.say(ctx, message{event: &view.Event{Pod: c.q.api.Pod, ID: e.ID, Event: e.Line}}) {
				return
			}
		}
	}
}

func (c *chorus) say(ctx context.Context, m message) bool {
	select {
	case c.heard <- m:
		return true
	case <-ctx.Done():
		return false
	}
}

// errSelf says that a pod is this one, errTwice that it is heard at another of its addresses, errNobody that it has not said who it is.
var (
	errEnded  = errors.New("its stream has ended")
	errNobody = errors.New("it has not said which pod it is")
	errSelf   = errors.New("this pod itself")
	errTwice  = errors.New("heard at another address")
)

// listen hears a pod until ctx ends or the pod is gone, again and again if the stream breaks off.
func (c *chorus) listen(ctx context.Context, at netip.AddrPort) {
	last := ""
	for ctx.Err() == nil {
		err := c.hear(ctx, at, &last)
		c.mu.Lock()
		pod := c.pods[at]
		if pod == nil || !errors.Is(err, errTwice) {
			c.forget(at)
		}
		if pod == nil {
			c.mu.Unlock()
			return
		}
		if errors.Is(err, errSelf) {
			*pod = c.q.api.self(pod.Address)
			c.tell()
			c.mu.Unlock()
			return
		}
		if !errors.Is(err, errTwice) {
			c.changed(pod, false, c.q.api.why(err, c.q.api.bounds.peerWithin))
		}
		c.mu.Unlock()
		select {
		case <-time.After(againAfter):
		case <-ctx.Done():
		}
	}
}

// hear hears one stream to its end. A pod that says nothing for too long is dead.
func (c *chorus) hear(ctx context.Context, at netip.AddrPort, last *string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	within := c.q.api.bounds.peerWithin
	alive := time.AfterFunc(within, func() { cancel(context.DeadlineExceeded) })
	defer alive.Stop()
	asked := c.q.api.errands.begin()
	defer asked.end()
	headers := []string{errandHeader, asked.word}
	if *last != "" {
		headers = append(headers, "Last-Event-ID", *last)
	}
	body, err := c.q.api.Peers.Open(ctx, at, c.path, headers...)
	if err == nil && asked.home() {
		_ = body.Close() // it says no more than that
		return errSelf
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 8<<10), maxStreamed)
	name := ""
	for lines.Scan() {
		line := lines.Text()
		if text, ok := strings.CutPrefix(line, "event: "); ok {
			name = text
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		alive.Reset(2*aboutEvery + within) // one that is silent for so long is dead
		if err := c.take(ctx, at, name, []byte(data), last); err != nil {
			return err
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("an event of more than %d KiB", maxStreamed>>10)
	case err != nil:
		return err
	}
	return errEnded
}

// take takes one event of a stream.
func (c *chorus) take(ctx context.Context, at netip.AddrPort, name string, data []byte, last *string) error {
	switch name {
	case "about":
		var about view.About
		if err := json.Unmarshal(data, &about); err != nil {
			return err
		}
		return c.introduce(at, &about)
	case "missed":
		missed := view.Missed{}
		if err := json.Unmarshal(data, &missed); err != nil {
			return err
		}
		var err error
		if missed.Pod, err = c.name(at); err != nil {
			return err
		}
		c.say(ctx, message{missed: &missed})
	case "event":
		e := view.Event{}
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		var err error
		if e.Pod, err = c.name(at); err != nil {
			return err
		}
		if len(e.ID) > positionBytes {
			return errors.New("a position that is none")
		}
		*last = e.ID
		c.say(ctx, message{event: &e})
	}
	return nil
}

// changed notes whether a pod is heard. The reader is told if that is news.
func (c *chorus) changed(pod *view.Pod, answered bool, why string) {
	if pod.Answered == answered && pod.Error == why {
		return
	}
	pod.Answered, pod.Error = answered, why
	c.tell()
}

// tell has the reader told who is heard.
func (c *chorus) tell() {
	select {
	case c.news <- struct{}{}:
	default: // the last news has not been told yet and will tell this as well
	}
}

// introduce notes which pod it is.
func (c *chorus) introduce(at netip.AddrPort, about *view.About) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	pod := c.pods[at]
	if pod == nil {
		return errEnded
	}
	c.forget(at)
	if err := c.q.api.introduced(about); err != nil {
		return err
	}
	pod.Pod, pod.Version = printable(about.Pod), printable(about.Version)
	c.changed(pod, true, "")
	if from, known := c.from[about.Instance]; known {
		if first := c.pods[from]; first == nil || doubtful(first, pod, from, at) {
			c.doubt[at] = onePod(from, at)
		}
		return errTwice
	}
	c.from[about.Instance] = at
	return nil
}

// forget takes back what an address has said of itself.
func (c *chorus) forget(at netip.AddrPort) {
	maps.DeleteFunc(c.from, func(_ string, from netip.AddrPort) bool { return from == at })
	delete(c.doubt, at)
}

// name is that of the pod that is heard at an address. One that says something before it says who it is has none.
func (c *chorus) name(at netip.AddrPort) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if pod := c.pods[at]; pod != nil && pod.Answered {
		return pod.Pod, nil
	}
	return "", errNobody
}

// about says who is heard.
func (c *chorus) about(f *recent.Filter) view.About {
	now := question{api: c.q.api, now: time.Now()}
	about := now.about()
	now.covers(&about, f)
	about.Scope = view.ScopeTier
	c.mu.Lock()
	defer c.mu.Unlock()
	self := false
	for _, pod := range c.pods {
		self = self || pod.Self
		about.Complete = about.Complete && pod.Answered
		about.Pods = append(about.Pods, *pod)
	}
	if !self {
		about.Pods = append(about.Pods, c.q.api.self(""))
	}
	about.Warnings = append(about.Warnings, slices.Sorted(maps.Values(c.doubt))...)
	return about
}
