package upstream

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/upstream/health"
	"github.com/wafer-waf/wafer/upstream/health/check"
)

// watch has the endpoint checked until it is closed, if the upstream has checks.
func (p *Pool) watch(e *endpoint) {
	if p.checks == nil {
		return
	}
	var ctx context.Context
	ctx, e.unwatch = context.WithCancel(p.ctx)
	go p.checks.Run(ctx, check.Endpoint{
		Address: e.addr,
		Ask:     func(ctx context.Context, out *message.Request) (check.Answer, error) { return p.checked(ctx, e, out) },
		Up:      func() bool { return e.state.Phase() == health.Up },
		Checked: e.state.Checked,
	})
}

// checked asks an endpoint as requests do, but by HTTP/1 on a connection of its own: a check must find a place, and
// find out whether there are connections.
func (p *Pool) checked(ctx context.Context, e *endpoint, out *message.Request) (check.Answer, error) {
	until, _ := ctx.Deadline()
	x := &Exchange{Deadline: until, BodyIdle: time.Until(until), Trailers: true}
	e.checking.Add(1)
	defer e.checking.Add(-1)
	e.pending.Add(1) // whatever its limit is
	e.places.all.Add(1)
	_, err := p.ask(e, true, limit{connect: x.BodyIdle, until: until, unlimited: true}, out, x)
	if err != nil {
		return check.Answer{}, err
	}
	a := check.Answer{Status: x.Response.Status, Fields: x.Response.Fields}
	if x.Body == nil {
		return a, nil
	}
	defer func() { _ = x.Body.Close() }()
	if a.Body, err = begin(ctx, x.Body); err != nil {
		return a, err
	}
	if trailers := x.Response.Body.Trailers; trailers != nil {
		a.Trailers = trailers()
	}
	return a, nil
}

// begin reads as much of a body as checks look at.
func begin(ctx context.Context, from io.Reader) ([]byte, error) {
	var body []byte
	part := make([]byte, 4<<10)
	for len(body) < check.BodyBytes {
		n, err := from.Read(part)
		body = append(body, part[:n]...)
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
	}
	return body, nil
}
