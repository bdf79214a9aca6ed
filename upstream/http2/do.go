package http2

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/wafer-waf/wafer/message"
	"golang.org/x/net/http2"
)

// Terms are those of one exchange.
type Terms struct {
	Response time.Duration // last byte of the request to the head of the response, and a body of which nothing is taken; 0: any
	Deadline time.Time     // of sending and of the head; zero: none
	Silence  time.Duration // of the endpoint while the body is read; 0: any
	Total    time.Time     // of everything, the body of the response included; zero: none
	Trailers bool          // the client takes those of a response

	// Stop, if not nil, lets Do return when the head of the response is there, while the request's body is still being
	// sent. Body.Close ends that: it calls Stop, which has to end a read of the body that waits, and waits until nobody reads it.
	Stop func()

	Interim func(*message.Response) // called for each 1xx response but 100; nil: nobody is
	Gone    func() bool             // whether the client has left; asked now and then. nil: nobody is
}

// Do sends a request in the place that Reserve took, and reads the head of its response into to. A body that is not nil has
// to be closed. A request is read while Do runs or, with Stop, until its end or Body.Close.
//
// The errors are *BodyError, Malformed, *Reset, ErrUnprocessed, ErrGone, or wrap ErrForeign, ErrLost or os.ErrDeadlineExceeded.
func (c *Conn) Do(out *message.Request, t *Terms, to *message.Response) (*Body, error) {
	o, err := c.start(out, t.Trailers)
	switch {
	case errors.Is(err, ErrLost):
		return nil, fmt.Errorf("%w: %w", ErrUnheard, err)
	case err != nil:
		return nil, err
	}
	d := &sender{opened: o, body: &out.Body, duplex: t.Stop != nil && out.Body.Stream != nil, end: t.Stop, stall: t.Response, until: t.Deadline}
	body := &Body{s: o.stream, silence: t.Silence, until: t.Total, sender: d}
	if err := d.begin(); err != nil {
		return nil, c.failed(d, err)
	}
	r, err := d.response(t)
	if err != nil {
		_ = body.Close()
		return nil, c.failed(d, err)
	}
	to.Status, to.Reason, to.Fields = r.Status, "", append(to.Fields[:0], r.Fields...)
	c.mu.Lock()
	nothing, length := o.ended && len(o.buf) == 0 && o.trailers == nil, o.length
	c.mu.Unlock()
	if nothing {
		_ = body.Close()
		return nil, nil
	}
	to.Body = message.Body{Stream: body, Length: length, Trailers: body.Trailers}
	return body, nil
}

// begin sends the body, or has it sent.
func (d *sender) begin() error {
	if !d.duplex {
		if d.body.Stream == nil && len(d.rest) == 0 {
			return nil
		}
		if err := d.run(); !errors.Is(err, errStopped) {
			return err
		}
		return nil
	}
	d.done = make(chan struct{})
	go func() {
		defer close(d.done)
		if err := d.run(); err != nil && !errors.Is(err, errStopped) {
			d.cancel(err)
		}
	}()
	return nil
}

// failed ends a stream from this side, and says why the exchange has failed.
func (c *Conn) failed(d *sender, err error) error {
	d.cancel(errClosed)
	var reset *Reset
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.suspect(d.since)
	case errors.Is(err, ErrLost) && !d.answered():
		return fmt.Errorf("%w: %w", ErrUnheard, err)
	case errors.Is(err, ErrUnprocessed) && d.took, errors.As(err, &reset) && reset.Refused() && d.took:
		return &Reset{http2.ErrCodeRefusedStream} // what the client has sent of the body is gone
	}
	return err
}

// answered reports whether anything of the response has come.
func (s *stream) answered() bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.heard
}

// response waits for the final head of the response, and hands on those before.
func (d *sender) response(t *Terms) (*message.Response, error) {
	l := limits{until: t.Deadline, gone: t.Gone}
	counting := false
	for {
		var r *message.Response
		var failed error
		turn := false // the request has been sent meanwhile
		err := d.wait(d.come, l, func() bool {
			switch {
			case len(d.heads) > 0:
				r, d.heads = d.heads[0], d.heads[1:]
			case d.stream.err != nil:
				failed = d.stream.err
			case !counting && (d.sent || !d.duplex):
				turn = true
			default:
				return false
			}
			return true
		})
		switch {
		case err != nil:
			return nil, err
		case failed != nil:
			return nil, failed
		case turn:
			counting = true
			if until := time.Now().Add(t.Response); t.Response > 0 && (l.until.IsZero() || until.Before(l.until)) {
				l.until = until
			}
		case r.Status >= 200:
			return d.whole(r, l)
		case r.Status != 100 && t.Interim != nil:
			t.Interim(r)
		}
	}
}

// whole waits for the end of a response that can have no body.
func (d *sender) whole(r *message.Response, l limits) (*message.Response, error) {
	if !d.head && r.Status != 204 && r.Status != 304 {
		return r, nil
	}
	var failed error
	err := d.wait(d.come, l, func() bool {
		if !d.ended {
			failed = d.stream.err
		}
		return d.ended || failed != nil
	})
	if err == nil {
		err = failed
	}
	return r, err
}
