package proxy

import (
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/routing/upstream"
)

// Rules read a body as the application will read it: with its content codings undone. The
// bytes that are forwarded stay as they came.

func (v *view) encoded() bool { return v.join("Content-Encoding") != "" }

func decodeLimits(bytes int) coding.Limits {
	return coding.Limits{Bytes: bytes, Ratio: coding.DefaultRatio, Layers: coding.DefaultLayers}
}

// decodeBody returns what the rules look at of an encoded request body: all of it, or a
// prefix where the policy takes one. It reports false if the request has been refused.
func (x *exchange) decodeBody(body []byte) ([]byte, bool) {
	p := &x.route.policy.RequestBody
	var decoded []byte
	whole := false
	codings, err := coding.Parse(x.view.join("Content-Encoding"))
	if err == nil {
		decoded, whole, err = x.proxy.decoder.DecodePrefix(nil, body, codings, decodeLimits(int(p.Limit)))
	}
	if err == nil && !whole && x.bodyDone && len(decoded) < int(p.Limit) {
		err = coding.ErrCorrupt // the body has ended and its coding has not
	}
	switch {
	case err != nil && (p.Undecodable == "skip_inspection" || x.route.policy.Mode == "detect"):
		if p.Undecodable == "reject" { // blocking it would have been refused
			x.verdict, x.failure = verdictWouldBlock, "content_coding"
		}
		x.coverage = coverage{coverageHeaders, reasonEncoding}
		return nil, true
	case err != nil:
		return nil, x.refuse(fasthttp.StatusUnsupportedMediaType, "content_coding")
	case whole || !x.bodyDone: // of a prefix the label says so already
		return decoded, true
	case !x.oversize():
		return nil, false
	case x.coverage.label == coverageHeaders:
		return nil, true
	default:
		return decoded, true
	}
}

// readResponse reads and decodes what the rules look at of a response body, nil if
// nothing. It reports false if the response has been replaced.
func (x *exchange) readResponse(h *fasthttp.ResponseHeader) ([]byte, bool) {
	if media := mediaType(h); media == eventStream || !x.tx.WantsResponseBody() {
		if x.route.inspectsResponses {
			x.lessThanFull(x.whyUnread(media))
		}
		return nil, true
	}
	limit := int(x.route.policy.ResponseBody.Limit)
	if !x.takeAnswer(h, limit) {
		return nil, x.shortOfMemory()
	}
	body, whole, err := readUpTo(x.up.Body, bodies.get(), limit)
	x.body, x.answerBody.prefixed = body, true
	if err != nil {
		x.upstreamFailed(upstream.Reason(err))
		x.answer(fasthttp.StatusBadGateway)
		return nil, false
	}
	body = body[:min(len(body), limit)]
	if field := string(h.ContentEncoding()); field != "" {
		codings, err := coding.Parse(field)
		decoded, all := []byte(nil), false
		if err == nil {
			decoded, all, err = x.proxy.decoder.DecodePrefix(nil, body, codings, decodeLimits(limit))
		}
		if err != nil {
			x.lessThanFull(reasonEncoding)
			return nil, true
		}
		body, whole = decoded, whole && all
	}
	if !whole {
		x.lessThanFull(reasonOversize)
	}
	return body, true
}

// eventStream is the media type of Server-Sent Events. Reading the beginning of such a
// response would hold its events back.
const eventStream = "text/event-stream"

// mediaType is a response's Content-Type without parameters, in lower case.
func mediaType(h *fasthttp.ResponseHeader) string {
	media, _, _ := strings.Cut(string(h.ContentType()), ";")
	return strings.ToLower(strings.Trim(media, " \t"))
}

// whyUnread says why the rules do not get the body of a response of that type.
func (x *exchange) whyUnread(media string) coverageReason {
	switch {
	case media == eventStream:
		return reasonStream
	case media != "" && !slices.Contains(x.route.policy.ResponseBody.MIMETypes, media): // without a type it would be read
		return reasonMIME
	}
	return reasonExcluded
}

// lessThanFull labels a request whose response was not inspected whole, if the request
// itself was.
func (x *exchange) lessThanFull(why coverageReason) {
	if x.coverage.label == coverageFull {
		x.coverage = coverage{coveragePartial, why}
	}
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
