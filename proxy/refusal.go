package proxy

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/waf"
)

// Everything that the tier refuses, or fails at, by itself, beside what the connection refuses
// ([listen.Violation]), and what inspections and upstreams fail at.
var (
	noRoute         = inspect.Failure{Status: http.StatusNotFound, Word: "no_route"}
	tooManyInFlight = inspect.Failure{Status: http.StatusServiceUnavailable, Word: "in_flight"}
	bodyTooLong     = inspect.Failure{Status: http.StatusRequestEntityTooLarge, Word: "request_body"}
	notParsed       = inspect.Failure{Status: http.StatusBadRequest, Word: "syntax"} // valid to the connection, and not to the parser
	truncated       = inspect.Failure{Status: http.StatusBadRequest, Word: "truncated"}
	panicked        = inspect.Failure{Status: http.StatusInternalServerError, Word: "panic"}
	responseCut     = inspect.Failure{Status: http.StatusBadGateway, Word: "response_body"}        // when its head was sent
	untaken         = inspect.Failure{Status: inspect.ClientGone.Status, Word: "response_untaken"} // by the client
	cutShort        = inspect.Failure{Status: http.StatusServiceUnavailable, Word: "shutdown"}
	notWebSocket    = inspect.Failure(upstream.Malformed)
)

// pathRefused are the refusals of a path that two parsers may read differently, by the bit of its kind.
var pathRefused = func() (all [kinds]inspect.Failure) {
	for i, word := range kindWords {
		all[i] = inspect.Failure{Status: http.StatusBadRequest, Word: "path_" + word}
	}
	return all
}()

// upstreamFailure is what an exchange with an upstream fails with.
func upstreamFailure(err error) inspect.Failure { return inspect.Failure(upstream.FailureOf(err)) }

// brokenOff is what the rest of a response fails with: its own word only tells of the limits that it has met.
func brokenOff(err error) inspect.Failure {
	switch why := upstream.FailureOf(err); why {
	case upstream.Stalled, upstream.Endless:
		return inspect.Failure{Status: responseCut.Status, Word: why.Word}
	}
	return responseCut
}

// unreadable is why a request, or the rest of one, was not read.
func unreadable(err error) inspect.Failure {
	var v *listen.Violation
	switch {
	case errors.As(err, &v):
		return inspect.Failure{Status: v.Status, Word: v.Reason}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return truncated
	}
	return notParsed
}

// shownPath is what an event can tell of the target of a request that was refused: no query, and of a
// target that is no path nothing that may be a password.
func shownPath(target string) string {
	path, _, _ := strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/") {
		path = path[strings.LastIndexByte(path, '@')+1:]
	}
	return path
}

// obey does with the request what its inspection says, and reports whether its journey goes on.
func (x *exchange) obey(o inspect.Outcome) bool {
	if o.Err != nil && x.outcome.Err == nil {
		x.proxy.engineFailed(o.Err, x.id, x.route)
	}
	x.outcome = o
	switch o.Verdict {
	case inspect.Refused:
		switch x.answerRefusal(); o.Failure {
		case inspect.NoPlace:
			x.stands(true)
		case inspect.ClientGone:
			x.client.Close()
		}
	case inspect.ErrorDeny:
		x.answer(o.Status)
	case inspect.Block:
		x.page(o.Status, &x.route.block)
	case inspect.Redirect:
		x.answerRedirect(o.Status, o.Location)
	case inspect.Drop:
		x.closeUpstream()
		x.client.Drop()
	default:
		return true
	}
	return false
}

// engineFailed tells whoever has to act.
func (p *Proxy) engineFailed(err error, requestID string, r *route) {
	var panicked *waf.PanicError
	if errors.As(err, &panicked) {
		p.metrics.Panics.Inc()
		p.log.Error().Err(err).Str("request_id", requestID).Bytes("stack", panicked.Stack).Msg("engine panicked")
	} else {
		p.log.Error().Err(err).Str("request_id", requestID).Str("policy", r.Policy.ID).Msg("engine failed")
	}
}

// refuse answers instead of an inspection. It reports false.
func (x *exchange) refuse(why inspect.Failure) bool {
	x.outcome = x.outcome.Refuse(why)
	x.answerRefusal()
	return false
}

func (x *exchange) answerRefusal() {
	x.countRefusal()
	x.answer(x.outcome.Status)
}

func (x *exchange) countRefusal() {
	x.proxy.metrics.Refused(x.outcome.Failure.Word)
}

// bodyFailed answers a request whose body did not arrive. It reports false.
func (x *exchange) bodyFailed(err error) bool {
	if errors.Is(err, errBodyLimit) {
		return x.refuse(bodyTooLong)
	}
	x.refuse(unreadable(err))
	x.client.Close()
	return false
}

// upstreamFailed notes why an exchange with an upstream failed.
func (x *exchange) upstreamFailed(why inspect.Failure) {
	if x.outcome.Failure = why; x.proxy.cutting.Load() {
		return // it was not the upstream
	}
	x.proxy.metrics.UpstreamFailed(x.pool.ID(), why.Word)
}

// retried counts what the next attempt covers up.
func (x *exchange) retried(_ string, why upstream.Failure) {
	x.proxy.metrics.UpstreamRetried(x.pool.ID(), why.Word)
}

// sourceChanged tells of a name or a Service that does not say where an upstream's endpoints are, which is no fault of theirs.
func (p *Proxy) sourceChanged(upstreamID, source string, err error) {
	if err == nil {
		p.log.Info().Str("upstream", upstreamID).Str("source", source).Msg("endpoints are told again")
		return
	}
	why, message := upstream.FailureOf(err), "endpoints are not told, those told last are asked"
	if why == upstream.None { // which is an answer
		message = "no endpoint is there"
	}
	p.log.Warn().Err(err).Str("upstream", upstreamID).Str("source", source).Str("reason", why.Word).Msg(message)
}

// endpointChanged tells what an upstream notices of its endpoints.
func (p *Proxy) endpointChanged(upstreamID, endpoint string, err error) {
	if err == nil {
		p.log.Info().Str("upstream", upstreamID).Str("endpoint", endpoint).Msg("endpoint can be reached again")
		return
	}
	p.log.Warn().Err(err).Str("upstream", upstreamID).Str("endpoint", endpoint).Str("reason", upstream.FailureOf(err).Word).
		Msg("endpoint cannot be reached")
}
