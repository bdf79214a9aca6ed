package proxy

import (
	"strings"

	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
)

// readResponse reads what is inspected of a response's body. It reports false if the response has
// been replaced.
func (x *exchange) readResponse(r *message.Response, limit int, into *inspect.Body) bool {
	if !x.takeResponse(r, limit) {
		return x.obey(x.inspection.Overloaded(inspect.NoMemory))
	}
	body, whole, err := readUpTo(x.up.Body, bodies.get(), limit)
	x.body, x.responseBody.prefixed = body, true
	if err != nil {
		x.upstreamFailed(upstreamFailure(err))
		x.answer(x.outcome.Failure.Status)
		return false
	}
	*into = inspect.Body{Bytes: body, Ended: whole, Coding: r.Fields.Get("Content-Encoding")}
	return true
}

// mediaType is a response's Content-Type without parameters, in lower case.
func mediaType(r *message.Response) string {
	media, _, _ := strings.Cut(r.Fields.Get("Content-Type"), ";")
	return strings.ToLower(strings.Trim(media, " \t"))
}

// acceptable leaves in an Accept-Encoding only codings that the tier can undo.
func acceptable(value string) string {
	var keep []string
	for element := range strings.SplitSeq(value, ",") {
		name, _, _ := strings.Cut(element, ";")
		name = strings.Trim(name, " \t")
		if name == "" || name == "*" {
			continue
		}
		if _, err := coding.Parse(name); err == nil {
			keep = append(keep, strings.Trim(element, " \t"))
		}
	}
	if keep == nil {
		return "identity"
	}
	return strings.Join(keep, ", ")
}
