package inspect

import (
	"encoding/binary"
	"time"

	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/waf"
)

// Body is what there is of a message's body.
type Body struct {
	Bytes  []byte // nil: none, or none of it is inspected
	Ended  bool   // there is no more of it
	Coding string // the field Content-Encoding; empty: none
}

// RequestHead inspects a request's head.
func (i *Inspection) RequestHead(r *waf.Request) Outcome {
	if i.tx == nil {
		return i.out
	}
	i.since = time.Now()
	v, err := i.tx.RequestHead(r)
	i.step(v, err)
	switch {
	case i.out.Stops():
		if i.out.Coverage.Label == Full {
			i.out.Coverage = Coverage{Headers, ReasonBlocked}
		}
	case i.tx != nil:
		if _, off := i.tx.Wants(); off {
			i.out.Coverage = Coverage{None, ReasonExcluded}
		}
	}
	return i.out
}

// Announced says how long the request's body is going to be; below 0: nobody knows. It may be
// called when the head was inspected, and before anything of the body is read.
func (i *Inspection) Announced(length int) Outcome {
	if i.tx == nil || i.oversize() == InspectPrefix || length <= i.policy.RequestLimit {
		return i.out
	}
	if body, _ := i.tx.Wants(); body {
		i.tooLong()
	}
	return i.out
}

// WantsRequestBody reports whether the request's body has to be read for the inspection, and how much
// of it at most.
func (i *Inspection) WantsRequestBody() (limit int, wants bool) {
	if i.tx == nil || i.out.Coverage.Label == Headers {
		return 0, false
	}
	switch body, off := i.tx.Wants(); {
	case off:
		return 0, false
	case body:
		return i.policy.RequestLimit, true
	}
	i.out.Coverage = Coverage{Headers, ReasonExcluded}
	if !i.policy.RequestBodies {
		i.out.Coverage.Reason = ReasonBodyOff
	}
	return 0, false
}

// RequestBody inspects a request's body. It has to be called for a request without a body, too.
func (i *Inspection) RequestBody(b Body) Outcome { return i.requestBody(b, 0) }

// RequestMessage inspects a message of a stream as RequestBody does a body. Its bytes are those of the message behind
// its prefix, of [MessagePrefix] bytes; the coding, of which there is at most one, is that of the message.
func (i *Inspection) RequestMessage(b Body) Outcome { return i.requestBody(b, MessagePrefix) }

// requestBody inspects a body in front of which prefix bytes stand that no coding has changed.
func (i *Inspection) requestBody(b Body, prefix int) Outcome {
	if i.tx == nil {
		return i.out
	}
	if !b.Ended && !i.headOnly() {
		if i.tooLong(); i.out.Stops() {
			return i.out
		}
	}
	body := b.Bytes[:min(len(b.Bytes), i.policy.RequestLimit+prefix)]
	if i.headOnly() {
		body = nil
	}
	if len(body) > 0 && !i.take(len(body), b.Coding != "") {
		return i.Overloaded(NoMemory)
	}
	came, decoded := len(body)-prefix, 0
	if len(body) > 0 && b.Coding != "" {
		if body = i.decode(body, &b, prefix); i.out.Stops() {
			return i.out
		}
		decoded = cap(body)
		i.keep(decoded + len(body)*ReadingCost)
	}
	i.since = time.Now()
	read := i.tx.RequestBody
	if prefix > 0 && len(body) > 0 {
		read = i.tx.RequestMessage
	}
	if len(body) > prefix {
		i.report.Request.All = came
	}
	v, err := read(body, i.out.Coverage.Label != Partial)
	i.step(v, err)
	if i.tx != nil {
		holds, uninspected := i.tx.BodyRead()
		i.keep(decoded + holds)
		if uninspected != "" {
			i.report.Request = Looked{Partly: i.report.Request.All}
			i.lessThanFull(unread[uninspected])
		}
	}
	return i.out
}

// headOnly reports whether nothing of the request's body is inspected.
func (i *Inspection) headOnly() bool {
	return i.out.Coverage.Label == Headers || i.out.Coverage.Label == None
}

// oversize is what happens to a body that goes on beyond the limit. A policy that only detects
// rejects nothing.
func (i *Inspection) oversize() Treatment {
	if i.policy.Oversize == Reject && i.policy.Detect {
		return InspectPrefix
	}
	return i.policy.Oversize
}

// tooLong does what the policy says about a body that goes on beyond the limit.
func (i *Inspection) tooLong() {
	treatment := i.oversize()
	if treatment != i.policy.Oversize {
		i.out.Verdict, i.out.Failure = WouldBlock, OverLimit
	}
	if i.out.Coverage = (Coverage{Headers, ReasonOversize}); treatment == InspectPrefix {
		i.out.Coverage.Label = Partial
	}
	if treatment == Reject {
		i.out = i.out.Refuse(OverLimit)
	}
}

// decode returns what the rules look at of an encoded body: all of it, or a prefix where the policy
// takes one. Rules read a body as the application will read it; what is forwarded stays as it came.
func (i *Inspection) decode(body []byte, b *Body, prefix int) []byte {
	limit := i.policy.RequestLimit
	var decoded []byte
	whole := false
	codings, err := parseCodings(b.Coding, prefix > 0)
	if err == nil {
		decoded, whole, err = i.by.Decoder.DecodePrefix(make([]byte, prefix), body[prefix:], codings, decodeLimits(limit))
	}
	if err == nil && !whole && b.Ended && len(decoded) < limit+prefix {
		err = coding.ErrCorrupt // the body has ended and its coding has not
	}
	if err == nil && prefix > 0 {
		prefixMessage(decoded)
	}
	switch {
	case err != nil:
		return i.undecodable()
	case whole || !b.Ended: // of a prefix the label says so already
		return decoded
	}
	if i.tooLong(); i.headOnly() {
		return nil
	}
	return decoded
}

// undecodable does what the policy says about a body that cannot be decoded.
func (i *Inspection) undecodable() []byte {
	if i.policy.Undecodable == Reject && !i.policy.Detect {
		i.out = i.out.Refuse(Undecodable)
		return nil
	}
	if i.policy.Undecodable == Reject {
		i.out.Verdict, i.out.Failure = WouldBlock, Undecodable
	}
	i.out.Coverage = Coverage{Headers, ReasonEncoding}
	return nil
}

// MessagePrefix is the length of the prefix of a message of a stream: flags, and the length of what follows.
const MessagePrefix = 5

// prefixMessage says in a message's prefix how long it is, decoded.
func prefixMessage(message []byte) {
	binary.BigEndian.PutUint32(message[1:MessagePrefix], uint32(len(message)-MessagePrefix))
}

// parseCodings reads the codings of a body, or the one of a message.
func parseCodings(field string, message bool) ([]coding.Coding, error) {
	codings, err := coding.Parse(field)
	if err == nil && message && len(codings) != 1 {
		err = &coding.UnknownError{Name: field}
	}
	return codings, err
}

func decodeLimits(bytes int) coding.Limits {
	return coding.Limits{Bytes: bytes, Ratio: coding.DefaultRatio, Layers: coding.DefaultLayers}
}

// ReadingCost is what reading and inspecting a request's body takes at most, as a multiple of its
// length, while values, their transformations and the engine's copies live.
const ReadingCost = 14

// take takes memory for the inspection of a body of n bytes, and for what it is decoded to.
func (i *Inspection) take(n int, encoded bool) (ok bool) {
	if i.by.Memory == nil {
		return true
	}
	cost := int64(n) * ReadingCost
	if encoded {
		cost = min(int64(i.policy.RequestLimit), int64(n)*coding.DefaultRatio) * (ReadingCost + 1)
	}
	i.held, ok = i.by.Memory.Take(cost)
	return ok
}

// keep gives back what is held beyond n bytes.
func (i *Inspection) keep(n int) {
	if more := i.held - int64(n); more > 0 {
		i.by.Memory.Free(more)
		i.held -= more
	}
}
