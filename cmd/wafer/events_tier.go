package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/admin/view"
)

// Sizes and times of asking a tier.
const (
	eventsUnasked   = 100
	eventsThin      = 100      // answers without an event
	eventsHeld      = 64 << 20 // bytes of events that are held until they can be shown
	eventsPage      = 1000     // that a tier gives at once
	eventsMostBytes = 16 << 20 // of an answer
	eventsTimeout   = 30 * time.Second
	streamSilence   = 45 * time.Second // three times what a stream that is alive is silent for
	streamRetry     = 2 * time.Second
	longestData     = 4 << 20 // of a server-sent event, in one line or more
)

// tier shows the latest events that a tier remembers, or those that come.
func (e *eventsCommand) tier(ctx context.Context, p eventPrinter) error {
	if e.follow {
		return e.stream(ctx, p)
	}
	found, about, err := e.latest(ctx)
	if err != nil {
		return err
	}
	for i := range slices.Backward(found) {
		if err := p.print(&found[i]); err != nil {
			return err
		}
	}
	if err := p.flush(); err != nil {
		return err
	}
	e.sayAbout(len(found), about)
	return nil
}

// latest asks for as many events as are wanted, page by page, the newest first. They are held until the oldest is there, which is to be
// shown first, so that they have a bound in bytes.
func (e *eventsCommand) latest(ctx context.Context) (found []view.Event, about *view.About, err error) {
	ask := e.question()
	thin, held := 0, 0
	for most := e.limitOr(eventsUnasked); len(found) < most; {
		ask.Set("limit", strconv.Itoa(min(most-len(found), eventsPage)))
		page, err := e.page(ctx, ask)
		if err != nil {
			return nil, nil, err
		}
		if about == nil {
			about = &page.About
		}
		if page.Events = page.Events[:min(len(page.Events), most-len(found))]; len(page.Events) == 0 {
			thin++
		}
		for i := range page.Events {
			held += heldBytes(&page.Events[i])
		}
		found = append(found, page.Events...)
		switch {
		case page.Next == "":
			return found, about, nil
		case held > e.most:
			e.say("the latest %d events are shown, which is as much as is held at once: --until %s shows those before", len(found), timeOf(found[len(found)-1].Event))
			return found, about, nil
		case thin == eventsThin:
			e.say("stopped after %d answers without an event that all say there are more", thin)
			return found, about, nil
		}
		ask.Set("cursor", page.Next)
	}
	return found, about, nil
}

// heldBytes is about what an event takes while it is held.
func heldBytes(e *view.Event) int { return 128 + len(e.Event) + len(e.ID) + len(e.Pod) }

// timeOf is when an event was, as it is written.
func timeOf(event []byte) string {
	var of struct {
		Time string `json:"time"`
	}
	_ = json.Unmarshal(event, &of) // one without it has none to tell
	return printable(of.Time)
}

// question is what the admin API is asked.
func (e *eventsCommand) question() url.Values {
	ask := e.filter.Query()
	if e.scope == "tier" {
		ask.Set("scope", "tier")
	}
	return ask
}

func (e *eventsCommand) page(ctx context.Context, ask url.Values) (*view.Events, error) {
	r, err := e.request(ctx, http.MethodGet, "/api/v1/events", ask)
	if err != nil {
		return nil, err
	}
	var page view.Events
	if _, err := e.answer(r, &http.Client{Timeout: eventsTimeout}, eventsMostBytes, &page, func() bool { return areEvents(&page) }); err != nil {
		return nil, e.explained(err)
	}
	return &page, nil
}

// areEvents tells that a page is one of a tier.
func areEvents(page *view.Events) bool {
	return !page.About.Time.IsZero() && !slices.ContainsFunc(page.Events, noEvent)
}

// noEvent tells that something is no event: one is a JSON object with members.
func noEvent(e view.Event) bool {
	inside, is := bytes.CutPrefix(bytes.TrimSpace(e.Event), []byte("{"))
	return !is || bytes.Equal(bytes.TrimSpace(inside), []byte("}"))
}

// explained says of a listener that does not know events why that may be.
func (e *eventsCommand) explained(err error) error {
	var refused *adminError
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return fmt.Errorf("%s has no events: is it the admin listener of a tier of this version? %w", e.address, err)
	}
	return err
}

// sayAbout tells what the answer rests on.
func (e *eventsCommand) sayAbout(shown int, about *view.About) {
	from := "nothing is kept"
	if !about.Window.From.IsZero() {
		from = "since " + about.Window.From.Local().Format(time.DateTime)
	}
	e.say("%d events (%s)", shown, from)
	if about.Dropped.Recent > 0 {
		e.say("%d events were too large to be kept", about.Dropped.Recent)
	}
	e.sayMissing(about.Pods)
	for _, w := range about.Warnings {
		e.say("%s", printable(w))
	}
}

func (e *eventsCommand) sayMissing(pods []view.Pod) {
	for _, p := range pods {
		if !p.Answered {
			e.say("%s has not answered: %s", printable(p.Address), printable(p.Error))
		}
	}
}

// stream shows events as they come. A stream that breaks is taken up where it was.
func (e *eventsCommand) stream(ctx context.Context, p eventPrinter) error {
	ask := e.question()
	ask.Del("since")
	ask.Del("until")
	if len(e.filter.Kinds) == 0 {
		ask["kind"] = []string{"security,access,ban"}
	}
	ask.Set("backlog", strconv.Itoa(min(e.limitOr(unaskedBefore), eventsPage)))
	s := &eventStream{command: e, printer: p}
	for {
		err := s.once(ctx, ask)
		var refused *adminError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errPrint), errors.Is(err, errNoStream), errors.As(err, &refused), !s.begun:
			return err
		}
		e.say("the stream has ended, asking again: %v", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(streamRetry):
		}
	}
}

// errPrint is that nobody takes what is printed.
var errPrint = errors.New("write events")

// errNoStream is that something else than a stream was answered.
var errNoStream = errors.New("it is no stream of events")

// eventStream is a stream of server-sent events, however often it is taken up.
type eventStream struct {
	command *eventsCommand
	printer eventPrinter
	begun   bool
	last    string // id of what was printed last
	missing string // pods, as they were told last
}

// once asks for the stream and reads it to its end.
func (s *eventStream) once(ctx context.Context, ask url.Values) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r, err := s.command.request(ctx, http.MethodGet, "/api/v1/events/stream", ask)
	if err != nil {
		return err
	}
	if s.last != "" {
		r.Header.Set("Last-Event-ID", s.last)
	}
	silence := time.AfterFunc(s.command.silence, func() { cancel(fmt.Errorf("%s has said nothing for %s", r.URL.Host, s.command.silence)) })
	defer silence.Stop()
	resp, err := s.command.ask(r, &http.Client{})
	if err != nil {
		return s.command.explained(orCause(ctx, err))
	}
	defer resp.Body.Close()
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media != "text/event-stream" {
		return fmt.Errorf("the answer of %s%s is not that of an admin listener (--admin): %w", r.URL.Host, r.URL.Path, errNoStream)
	}
	s.begun = true
	in := bufio.NewReaderSize(resp.Body, 64<<10)
	var name, id string
	var data []byte
	for {
		line, err := readLine(in, longestData)
		if err != nil {
			return orCause(ctx, err)
		}
		silence.Reset(s.command.silence)
		line = bytes.TrimRight(line, "\r\n")
		if bytes.HasPrefix(line, []byte(":")) {
			continue // a comment
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			name = string(value)
		case "id":
			id = string(value)
		case "data":
			if data = append(data, value...); len(data) > longestData {
				return errors.New("an event of the stream has no end")
			}
		case "": // the event is whole
			if err := s.take(name, id, data); err != nil {
				return err
			}
			name, id, data = "", "", data[:0]
			if in.Buffered() > 0 {
				continue
			}
			if err := s.printer.flush(); err != nil {
				return fmt.Errorf("%w: %w", errPrint, err)
			}
		}
	}
}

// orCause is why a stream was ended here, if it was.
func orCause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil && !errors.Is(why, context.Canceled) {
		return why
	}
	return err
}

// take shows one server-sent event.
func (s *eventStream) take(name, id string, data []byte) error {
	switch name {
	case "event":
		var one view.Event
		if err := json.Unmarshal(data, &one); err != nil {
			return fmt.Errorf("an event of the stream: %w", err)
		}
		if noEvent(one) {
			return errors.New("an event of the stream is none")
		}
		if id != "" {
			s.last = id
		}
		if err := s.printer.print(&one); err != nil {
			return fmt.Errorf("%w: %w", errPrint, err)
		}
	case "missed":
		var m view.Missed
		if json.Unmarshal(data, &m) == nil {
			s.command.say("%d events were not shown: they came faster than they were read", m.Missed)
		}
	case "about":
		var about view.About
		if json.Unmarshal(data, &about) == nil {
			s.about(&about)
		}
	}
	return nil
}

// about says which pods are not heard, when that changes.
func (s *eventStream) about(about *view.About) {
	var now []string
	for _, p := range about.Pods {
		if !p.Answered {
			now = append(now, p.Address)
		}
	}
	if text := strings.Join(now, ", "); text != s.missing {
		s.missing = text
		s.command.sayMissing(about.Pods)
	}
}
