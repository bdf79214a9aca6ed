package inspect

import (
	"slices"
	"time"

	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/waf"
)

// ResponseHead inspects a response's head. The application has done its work: from here on rules
// wait for a place as long as it takes.
func (i *Inspection) ResponseHead(r *waf.Response) Outcome {
	if i.tx == nil {
		return i.out
	}
	i.late = true
	i.since = time.Now()
	v, err := i.tx.ResponseHead(r)
	i.step(v, err)
	return i.out
}

// EventStream is the media type of Server-Sent Events. Reading the beginning of such a response
// would hold its events back.
const EventStream = "text/event-stream"

// WantsResponseBody reports whether the body of a response of that media type has to be read for the
// inspection, and how much of it at most.
func (i *Inspection) WantsResponseBody(media string) (limit int, wants bool) {
	if i.tx == nil {
		return 0, false
	}
	switch body, _ := i.tx.Wants(); {
	case body && media != EventStream:
		return i.policy.ResponseLimit, true
	case !i.policy.ResponseBodies:
	case media == EventStream:
		i.lessThanFull(ReasonStream)
	case media != "" && !slices.Contains(i.policy.ResponseTypes, media): // without a type it would be read
		i.lessThanFull(ReasonMIME)
	default:
		i.lessThanFull(ReasonExcluded)
	}
	return 0, false
}

// ResponseBody inspects a response's body. It has to be called for a response without a body, too.
func (i *Inspection) ResponseBody(b Body) Outcome {
	if i.tx == nil {
		return i.out
	}
	body := i.decodeResponse(&b)
	if len(body) > 0 {
		i.report.Response.All = min(len(b.Bytes), i.policy.ResponseLimit)
	}
	i.since = time.Now()
	v, err := i.tx.ResponseBody(body)
	i.step(v, err)
	return i.out
}

// ResponseMessage inspects a message of a stream as ResponseBody does a body. It comes as to
// [Inspection.RequestMessage].
func (i *Inspection) ResponseMessage(b Body) Outcome {
	if i.tx == nil {
		return i.out
	}
	limit := i.policy.ResponseLimit
	message := b.Bytes[MessagePrefix:min(len(b.Bytes), limit+MessagePrefix)]
	whole := b.Ended
	if b.Coding != "" {
		codings, err := parseCodings(b.Coding, true)
		all := false
		if err == nil {
			message, all, err = i.by.Decoder.DecodePrefix(nil, message, codings, decodeLimits(limit))
		}
		if err != nil {
			i.lessThanFull(ReasonEncoding)
			message = nil
		} else {
			whole = whole && all
		}
	}
	if !whole {
		i.lessThanFull(ReasonOversize)
	}
	if len(message) > 0 {
		i.report.Response.All = min(len(b.Bytes)-MessagePrefix, limit)
	}
	i.since = time.Now()
	v, left, err := i.tx.ResponseMessage(message, whole)
	if left != "" {
		i.report.Response = Looked{Partly: i.report.Response.All}
		i.lessThanFull(unread[left])
	}
	i.step(v, err)
	return i.out
}

// decodeResponse returns what the rules look at of a response's body.
func (i *Inspection) decodeResponse(b *Body) []byte {
	limit := i.policy.ResponseLimit
	body, whole := b.Bytes[:min(len(b.Bytes), limit)], b.Ended
	if b.Coding != "" {
		codings, err := coding.Parse(b.Coding)
		all := false
		if err == nil {
			body, all, err = i.by.Decoder.DecodePrefix(nil, body, codings, decodeLimits(limit))
		}
		if err != nil {
			i.lessThanFull(ReasonEncoding)
			return nil
		}
		whole = whole && all
	}
	if !whole {
		i.lessThanFull(ReasonOversize)
	}
	return body
}
