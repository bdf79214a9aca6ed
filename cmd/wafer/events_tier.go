package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	eventsEmpty     = 100      // answers in a row without an event
	eventsPage      = 1000     // that a tier gives at once
	eventsMostBytes = 16 << 20 // of an answer
	eventsTimeout   = 30 * time.Second
	streamSilence   = 45 * time.Second // three times what a stream that is alive is silent for
	streamRetry     = 2 * time.Second
	longestData     = 4 << 20 // of a server-sent event
)

// tier shows the latest events that a tier remembers, or those that come.
func (e *eventsCommand) tier(ctx context.Context, p eventPrinter) error {
	if e.follow {
		return e.stream(ctx, p)
	}
	ask := e.question()
	var found []view.Event
	var about view.About
	empty := 0
	for most := e.limitOr(eventsUnasked); len(found) < most; {
		ask.Set("limit", strconv.Itoa(min(most-len(found), eventsPage)))
		page, err := e.page(ctx, ask)
		if err != nil {
			return err
		}
		if ask.Get("cursor") == "" {
			about = page.About
		}
		found = append(found, page.Events...)
		if empty++; len(page.Events) > 0 {
			empty = 0
		}
		if page.Next == "" {
			break
		}
		if empty == eventsEmpty {
			e.say("stopped after %d answers without an event that all say there are more", empty)
			break
		}
		ask.Set("cursor", page.Next)
	}
	for i := range slices.Backward(found) {
		if err := p.print(&found[i]); err != nil {
			return err
		}
	}
	if err := p.flush(); err != nil {
		return err
	}
	e.sayAbout(len(found), &about)
	return nil
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
	if _, err := e.answer(r, &http.Client{Timeout: eventsTimeout}, eventsMostBytes, &page); err != nil {
		return nil, e.explained(err)
	}
	return &page, nil
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
		case errors.Is(err, errPrint), errors.As(err, &refused), !s.begun:
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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := s.command.request(ctx, http.MethodGet, "/api/v1/events/stream", ask)
	if err != nil {
		return err
	}
	if s.last != "" {
		r.Header.Set("Last-Event-ID", s.last)
	}
	resp, err := s.command.ask(r, &http.Client{})
	if err != nil {
		return s.command.explained(err)
	}
	defer resp.Body.Close()
	s.begun = true
	silence := time.AfterFunc(streamSilence, cancel)
	defer silence.Stop()
	in := bufio.NewReaderSize(resp.Body, 64<<10)
	var name, id string
	var data []byte
	for {
		line, err := readLine(in, longestData)
		if err != nil {
			return err
		}
		silence.Reset(streamSilence)
		field, value, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			name = string(value)
		case "id":
			id = string(value)
		case "data":
			data = append(data, value...)
		case "": // the event is whole
			if err := s.take(name, id, data); err != nil {
				return err
			}
			name, id, data = "", "", data[:0]
			if in.Buffered() == 0 && s.printer.flush() != nil {
				return errPrint
			}
		}
	}
}

// take shows one server-sent event.
func (s *eventStream) take(name, id string, data []byte) error {
	switch name {
	case "event":
		var one view.Event
		if err := json.Unmarshal(data, &one); err != nil {
			return fmt.Errorf("an event of the stream: %w", err)
		}
		if id != "" {
			s.last = id
		}
		if s.printer.print(&one) != nil {
			return errPrint
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
