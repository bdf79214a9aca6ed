package proxy

import (
	"errors"
	"io"
	"math"

	"github.com/wafer-waf/wafer/grpc"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/waf"
)

// flow is one direction of a call: a reader of messages that were inspected. It holds one at a time, and passes on the
// bytes that came; Base64 it writes anew, since a group of letters may belong to two messages.
type flow struct {
	call      *call
	direction metrics.Direction
	form      grpc.Form
	coding    string // of messages that are compressed
	inspects  bool   // else messages pass as they come
	limit     int    // bytes of a message that are inspected at most
	from      io.Reader
	source    func() message.Fields // what was behind the body, when it has ended; nil: nothing

	place        place
	standing     listen.Standing
	shown        waf.Request // the head that each message is shown with
	inspection   inspect.Inspection
	first        *inspect.Inspection // of the head and the first message together; nil: each has its own
	firstOutcome inspect.Outcome

	held     []byte // a message behind its prefix, as it came
	out      []byte // what is to be read of it
	rest     int64  // what follows of a message that passes as it comes
	text     []byte // Base64 of what is read
	trailed  bool   // trailers were in the body
	trailers message.Fields
	err      error // what follows out

	upload upload // what a message of a request holds of the memory
	taken  int64  // what one of a response does
}

// endless is the rest of a flow that is not read as messages any more.
const endless = math.MaxInt64

// Read implements io.Reader. It may be called when the handler has returned: nobody else would recover.
func (f *flow) Read(p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			f.call.proxy.reportPanic(r, f.call.id)
			f.call.stop(inspect.Outcome{Verdict: inspect.ErrorDeny, Failure: panicked, Status: panicked.Status})
			n, err, f.err, f.out = 0, errPanicked, errPanicked, nil
		}
	}()
	for len(f.out) == 0 {
		switch {
		case f.err != nil:
			return 0, f.err
		case f.form == grpc.None:
			return f.bytes(p)
		}
		_ = f.advance() // which is f.err
	}
	n = copy(p, f.out)
	f.out = f.out[n:]
	return n, nil
}

// advance makes more of the flow readable, unless it returns an error. With io.EOF the flow has ended.
func (f *flow) advance() error {
	f.release()
	switch {
	case f.call.isStopped():
		f.err = errStopped
	case f.rest > 0:
		f.err = f.pass()
	default:
		f.err = f.next()
	}
	if f.err != nil && f.err != io.EOF && f.call.isStopped() { // also where the other direction was, which ends this one
		f.err = f.farewell()
	}
	return f.err
}

// bytes reads on in a body that is not made of messages.
func (f *flow) bytes(p []byte) (int, error) {
	n, err := f.from.Read(p)
	if err == io.EOF {
		err = f.ends()
	}
	f.err = err
	return n, err
}

// atEnd reports whether the flow has ended as it should.
func (f *flow) atEnd() bool { return f.err == io.EOF }

// drained reports whether nothing is left of what was read for the message at hand.
func (f *flow) drained() bool {
	t, ok := f.from.(*grpc.TextReader)
	return !ok || t.Drained()
}

// next reads the next message, and has it inspected.
func (f *flow) next() error {
	head := make([]byte, grpc.PrefixBytes)
	n, err := io.ReadFull(f.from, head)
	switch {
	case err == io.EOF:
		return f.ends()
	case errors.Is(err, grpc.ErrText), n > 0 && err == io.ErrUnexpectedEOF:
		return f.odd(head[:n])
	case err != nil:
		return err
	}
	p := grpc.ParsePrefix(head)
	switch {
	case f.trailed, !p.Valid(f.form):
		return f.odd(head)
	case p.Flags&grpc.Trailers != 0:
		return f.inBody(head, p)
	case !f.inspects:
		f.emit(head)
		f.rest = int64(p.Length)
		return nil
	case f.direction == metrics.Requests:
		return f.ask(head, p)
	}
	return f.answer(head, p)
}

// pieceBytes is how much is passed on at a time of what is not inspected: whole groups of Base64.
const pieceBytes = firstBuffer / 3 * 3

// pass passes on what comes next of a message that is not inspected, or not to its end.
func (f *flow) pass() error {
	f.held = bodies.get()
	n, err := f.from.Read(f.held[:min(f.rest, pieceBytes)])
	if f.rest != endless {
		f.rest -= int64(n)
	}
	f.emit(f.held[:n])
	switch {
	case err == io.EOF && f.rest == 0: // the next read meets it again
		return nil
	case err == io.EOF && f.rest != endless:
		return io.ErrUnexpectedEOF
	}
	return err
}

// emit makes bytes readable. They stay as they are until the next ones are.
func (f *flow) emit(b []byte) {
	if f.form == grpc.WebText {
		f.text = grpc.AppendText(f.text[:0], b)
		b = f.text
	}
	f.out = b
}

// notMessages is why a call is refused whose body is not made of messages.
var notMessages = inspect.Failure{Status: 400, Word: "grpc_framing"}

// odd ends a flow that does not go on with a message: what an application would make of it nobody knows. Who only
// detects passes on what is left.
func (f *flow) odd(begun []byte) error {
	why := notMessages
	if f.direction == metrics.Responses {
		why = inspect.Failure(upstream.Malformed)
	}
	o := inspect.Outcome{Coverage: inspect.Coverage{Label: inspect.Partial, Reason: inspect.ReasonUnreadable}}
	if f.call.route.Inspect.Detect {
		o.Verdict, o.Failure = inspect.WouldBlock, why
		f.call.add(&o)
		f.emit(begun)
		f.rest = endless
		return nil
	}
	o = o.Refuse(why)
	if f.direction == metrics.Responses {
		f.call.proxy.metrics.UpstreamFailed(f.call.upstream, why.Word)
	}
	f.call.stop(o)
	return errStopped
}

// ends has the fields behind the body inspected.
func (f *flow) ends() error {
	if f.source == nil {
		return io.EOF
	}
	edits := &f.call.route.Config.RequestHeaders
	if f.direction == metrics.Responses {
		edits = &f.call.route.Config.ResponseHeaders
	}
	fields := f.call.proxy.passable(f.source(), edits)
	if f.direction == metrics.Requests {
		fields = f.call.route.Forwarding.Trailers(fields)
	}
	if !unremarkable(fields) {
		if err := f.inspectTrailers(fields); err != nil {
			return err
		}
	}
	f.trailers = fields
	return io.EOF
}

// behind are the fields behind the flow, when it has ended.
func (f *flow) behind() message.Fields {
	if f.form.IsWeb() { // which has them in the body
		return nil
	}
	return f.trailers
}

// farewell ends a flow when the call was stopped. The request just ends; the client is told.
func (f *flow) farewell() error {
	end := f.call.farewell()
	switch {
	case f.direction == metrics.Requests:
		return errStopped
	case f.form == grpc.Plain && f.call.view.Protocol == message.HTTP20:
		f.trailers = end
	case f.form.IsWeb() && f.rest == 0 && !f.trailed:
		f.trailers = end
		f.emit(grpc.AppendTrailers(nil, end))
	default:
		return errStopped // there is no way to say it
	}
	return io.EOF
}

// release gives back what the last message held.
func (f *flow) release() {
	bodies.put(f.held)
	f.held = nil
	f.upload.end()
	f.call.proxy.memory.responses.free(f.taken)
	f.taken = 0
}

// close gives back all that the flow holds.
func (f *flow) close() {
	if f.call == nil {
		return
	}
	f.inspection.End()
	f.out = nil
	f.release()
}
