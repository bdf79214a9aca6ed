package proxy

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/grpc"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/waf"
)

// ask inspects a message of a request.
func (f *flow) ask(head []byte, p grpc.Prefix) error {
	began := time.Now()
	i, o := f.begin()
	if !o.Stops() {
		o = i.Announced(int(p.Length))
	}
	size := min(int(p.Length), f.limit)
	_, wants := i.WantsRequestBody()
	if o.Stops() || !wants || o.Coverage.Label == inspect.Headers {
		if !o.Stops() {
			o = i.RequestBody(inspect.Body{Ended: true})
		}
		f.emit(head)
		f.rest = int64(p.Length)
		return f.decided(began, i, o)
	}
	short, err := f.receive(head, size)
	switch {
	case err != nil:
		i.End()
		return err
	case short:
		o = i.Overloaded(inspect.NoMemory)
	default:
		o = i.RequestMessage(inspect.Body{Bytes: f.held, Ended: size == int(p.Length), Coding: f.codingOf(p)})
	}
	f.emit(f.held)
	f.rest = int64(p.Length) - int64(len(f.held)-grpc.PrefixBytes)
	return f.decided(began, i, o)
}

// begin begins the inspection of a message of a request, or goes on with that of the head.
func (f *flow) begin() (*inspect.Inspection, inspect.Outcome) {
	if f.first != nil {
		return f.first, f.first.Outcome()
	}
	c := f.call
	f.place.who = c.proxy.who(c.view.client, f.standing)
	f.inspection.Begin(&c.proxy.inspector, &c.route.Inspect, inspect.Terms{
		ID: c.id, Gate: &f.place, Gone: func() bool { return c.client.Gone(f.inspection.Since()) },
	})
	return &f.inspection, f.inspection.RequestHead(&f.shown)
}

// decided does with a message what its inspection says.
func (f *flow) decided(began time.Time, i *inspect.Inspection, o inspect.Outcome) error {
	if o.Verdict != inspect.Pass {
		f.call.keepMessage(f.direction, f.held, o.Stops())
	}
	if i == f.first {
		f.first, f.firstOutcome = nil, o
		f.call.route.Metrics.GRPCMessage(f.direction, o.Verdict)
		return nil
	}
	f.call.route.Metrics.GRPCMessage(f.direction, o.Verdict)
	return f.judged(began, i, o)
}

// judged ends an inspection, and reports what stops the call.
func (f *flow) judged(began time.Time, i *inspect.Inspection, o inspect.Outcome) error {
	f.call.account(began, i, &o)
	if o.Stops() {
		f.out, f.rest = nil, 0
		return errStopped
	}
	f.standing.Client = f.place.who.client
	return nil
}

// receive reads a message of that size behind its head. It reports whether there is no memory for it: what was read
// until then is held.
func (f *flow) receive(head []byte, size int) (short bool, err error) {
	f.held = bodies.get()
	u := &f.upload
	if !u.begin(f.call.proxy.memory.uploads, cap(f.held), f.call.client) {
		f.held = append(f.held, head...)
		return u.done(), ifLetGo(u.letGo)
	}
	f.held = append(f.held, head...)
	for end := grpc.PrefixBytes + size; len(f.held) < end; {
		if len(f.held) == cap(f.held) {
			if f.held, err = u.larger(f.held, end); err != nil {
				return u.done(), ifLetGo(u.letGo)
			}
		}
		n, err := f.from.Read(f.held[len(f.held):min(cap(f.held), end)])
		f.held = f.held[:len(f.held)+n]
		u.got.Add(int64(n))
		if err != nil && len(f.held) < end {
			u.done()
			return false, endsWithin(err)
		}
	}
	if !u.done() {
		return false, memoryShort
	}
	return false, nil
}

func ifLetGo(letGo bool) error {
	if letGo {
		return memoryShort
	}
	return nil
}

func endsWithin(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// codingOf is the coding of a message; empty: none. One that is compressed, in no coding that was announced, is in an
// unknown one.
func (f *flow) codingOf(p grpc.Prefix) string {
	switch {
	case p.Flags&grpc.Compressed == 0:
		return ""
	case f.coding == "":
		return "identity"
	}
	return f.coding
}

// answer inspects a message of a response.
func (f *flow) answer(head []byte, p grpc.Prefix) error {
	began := time.Now()
	o := f.beginAnswer(&f.call.response)
	size := min(int(p.Length), f.limit)
	if o.Stops() || !f.inspection.Going() {
		f.emit(head)
		f.rest = int64(p.Length)
		return f.decided(began, &f.inspection, o)
	}
	var ok bool
	if f.taken, ok = f.call.proxy.memory.responses.take(int64(size) * responseCost); !ok {
		f.emit(head)
		f.rest = int64(p.Length)
		return f.decided(began, &f.inspection, f.inspection.Overloaded(inspect.NoMemory))
	}
	f.held = append(bodies.get(), head...)
	for end := grpc.PrefixBytes + size; len(f.held) < end; {
		if len(f.held) == cap(f.held) {
			f.held = append(bodies.sized(min(2*cap(f.held), end)), f.held...)
		}
		n, err := f.from.Read(f.held[len(f.held):min(cap(f.held), end)])
		f.held = f.held[:len(f.held)+n]
		if err != nil && len(f.held) < end {
			f.inspection.End()
			return endsWithin(err)
		}
	}
	o = f.inspection.ResponseMessage(inspect.Body{Bytes: f.held, Ended: size == int(p.Length), Coding: f.codingOf(p)})
	f.emit(f.held)
	f.rest = int64(p.Length) - int64(size)
	return f.decided(began, &f.inspection, o)
}

// beginAnswer begins the inspection of a message of a response, or of its trailers, with that head.
func (f *flow) beginAnswer(head *waf.Response) inspect.Outcome {
	i, o := f.begin()
	if !o.Stops() {
		o = i.RequestBody(inspect.Body{Ended: true})
	}
	if !o.Stops() {
		shown := waf.Response{Status: head.Status, Protocol: head.Protocol, Headers: append([]waf.Header(nil), head.Headers...)}
		o = i.ResponseHead(&shown)
	}
	return o
}

// mostTrailers is how long the trailers in a body may be.
const mostTrailers = 16 << 10

// inBody reads trailers in a body, and has them inspected.
func (f *flow) inBody(head []byte, p grpc.Prefix) error {
	if p.Flags != grpc.Trailers || p.Length > mostTrailers {
		return f.odd(head)
	}
	frame := make([]byte, grpc.PrefixBytes+int(p.Length))
	copy(frame, head)
	if n, err := io.ReadFull(f.from, frame[grpc.PrefixBytes:]); errors.Is(err, grpc.ErrText) {
		return f.odd(frame[:grpc.PrefixBytes+n])
	} else if err != nil {
		return endsWithin(err)
	}
	fields, ok := grpc.ParseTrailers(frame[grpc.PrefixBytes:])
	if !ok {
		return f.odd(frame)
	}
	if err := f.inspectTrailers(fields); err != nil {
		return err
	}
	f.trailed, f.trailers = true, fields
	f.emit(frame)
	return nil
}

// inspectTrailers has trailers inspected, as fields of the head that they follow.
func (f *flow) inspectTrailers(fields message.Fields) error {
	began := time.Now()
	if f.direction == metrics.Requests {
		fields = withoutTold(fields)
		first := f.first
		f.first = nil // they are no part of the head
		defer func() { f.first = first }()
		f.shown.Headers = append(append(f.shown.Headers, fields...), binaryFields(fields)...)
		i, o := f.begin()
		if !o.Stops() {
			o = i.RequestBody(inspect.Body{Ended: true})
		}
		return f.judged(began, i, o)
	}
	head := f.call.response
	head.Headers = append(append([]waf.Header(nil), head.Headers...), fields...)
	o := f.beginAnswer(&head)
	if !o.Stops() {
		o = f.inspection.ResponseBody(inspect.Body{Bytes: endText(fields), Ended: true})
	}
	return f.judged(began, &f.inspection, o)
}

// passable are the fields behind a body that go on: none that says something of the connection, the body's framing, or who
// the client is (RFC 9110 6.5.1), and none that the route takes out of heads. Some applications read both as one.
func (p *Proxy) passable(fields message.Fields, edits *config.HeaderEdit) (on message.Fields) {
	for i := range fields {
		switch f := &fields[i]; {
		case perConnection.has(f.Name), written.has(f.Name), toldFields.has(f.Name), endToEnd.has(f.Name), !plainName(f.Name):
		case certificateFields.has(f.Name), f.Is(p.boot.ClientAddressHeader), removed(edits, f.Name):
		case p.tracer != nil && traceFields.has(f.Name):
		default:
			on = append(on, *f)
		}
	}
	return on
}

// unremarkable reports whether fields say nothing but that all is well, as most calls end.
func unremarkable(fields message.Fields) bool {
	for i := range fields {
		f := &fields[i]
		if !(f.Is(grpc.StatusField) && f.Value == "0" || f.Is(grpc.MessageField) && f.Value == "") {
			return false
		}
	}
	return true
}

// endText is what the end of a call says to people and programs: the texts of its fields, one a line, as they decode them.
func endText(fields message.Fields) (text []byte) {
	for i := range fields {
		switch f := &fields[i]; {
		case f.Is(grpc.StatusField):
			continue
		case f.Is(grpc.MessageField):
			text = append(text, grpc.DecodeMessage(f.Value)...)
		case strings.HasSuffix(strings.ToLower(f.Name), "-bin"):
			value := strings.TrimRight(f.Value, "=")
			if b, err := base64.RawStdEncoding.DecodeString(value); err == nil {
				text = append(text, b...)
			}
		default:
			text = append(text, f.Value...)
		}
		text = append(text, '\n')
	}
	return text
}
