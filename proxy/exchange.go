package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/grpc"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/trace"
	"github.com/wafer-waf/wafer/upstream"
	"github.com/wafer-waf/wafer/waf"
)

// exchange is one request's journey. Its methods stand in the order they are called;
// those that answer the request themselves report false, and the journey ends.
type exchange struct {
	proxy    *Proxy
	client   listen.Client
	snapshot *snapshot.Snapshot[*route]
	started  time.Time
	id       string
	view     view
	route    *route
	matched  routing.Path
	asking   asking
	counted  bool // among those in flight on the route

	place      place // where the rules run
	inspection inspect.Inspection
	outcome    inspect.Outcome

	upload   upload // what the request's body holds of the memory for bodies
	held     int64  // what the response's does
	body     []byte // what was read for inspection
	sent     []byte // the request's, once body is the response's
	bodyDone bool   // and that is all of it
	stream   io.Reader
	hangUp   bool // the connection can read nothing any more

	traced       *trace.Request     // nil: requests are not traced
	call         *call              // its messages, if it is one of gRPC
	out          message.Request    // what the upstream is asked
	up           *upstream.Exchange // a tunnel keeps it
	pool         *upstream.Pool
	upstreamed   time.Duration
	accessed     time.Duration // from the head on, until its access was decided about; 0: nobody had to
	responseBody responseBody
	response     message.Response // what the client gets
	streams      bool             // its body does, and ends the exchange when it is closed
	passedOn     bool             // it is the upstream's
	answered     bool             // body is the response's, or nobody's, and sent is the request's

	recording *recording // nil: the transaction is not recorded, as far as is known

	// kept when the exchange is used again
	scratch       []byte
	shownRequest  waf.Request             // what the rules see
	shownResponse waf.Response            // likewise, of the upstream's
	onInterim     func(*message.Response) // interim
	onRetry       func(string, upstream.Failure)
	isGone        func() bool // gone
}

var exchanges = sync.Pool{New: func() any { return newExchange() }}

func newExchange() *exchange {
	x := &exchange{up: &upstream.Exchange{}}
	x.onInterim, x.onRetry, x.isGone = x.interim, x.retried, x.gone
	return x
}

func (p *Proxy) begin(c listen.Client) *exchange {
	x := exchanges.Get().(*exchange)
	x.proxy, x.client, x.started = p, c, time.Now()
	x.snapshot = p.snapshots.Current()
	p.serving.Add(1)
	return x
}

// serve is the handler of every request. begun is the exchange of one whose head was decided about before.
func (p *Proxy) serve(c listen.Client, begun any) {
	x, decided := begun.(*exchange)
	if !decided {
		x = p.begin(c)
	}
	defer func() {
		if r := recover(); r != nil {
			x.panicked(r)
		}
		if x.response.Status != http.StatusSwitchingProtocols {
			x.leave()
		}
		if !x.streams {
			x.end()
		}
	}()
	if (decided || x.head()) && x.readBody() && x.inspectBody() && x.mayLogIn() && x.forward() && x.inspectResponse() {
		x.passBack()
	}
}

// leave says how the connection goes on after the response.
func (x *exchange) leave() {
	if x.hangUp {
		x.client.Close()
	}
	if x.proxy.draining.Load() {
		x.client.Retire()
	}
}

// head is all that can be said before the body is read.
func (x *exchange) head() bool {
	x.receive()
	return x.find() && x.known() && x.mayAsk(x.route.Access) && x.admit() && x.inspectHead()
}

// receive takes the view of the request.
func (x *exchange) receive() {
	hops := x.view.hops
	x.view = seen(x.client.Request())
	x.view.hops = hops
	x.view.identify(x.proxy.boot.TrustedProxies, x.proxy.boot.ClientAddressHeader)
	x.id = x.view.requestID()
	x.traceBegins()
	x.place.who = x.proxy.who(x.view.client, *x.client.Standing())
}

// find looks the route up.
func (x *exchange) find() bool {
	x.scratch = routing.CanonicalPath(x.scratch[:0], x.view.Target)
	match, ok := x.snapshot.Table.Match(x.view.routed(x.scratch))
	if x.isOwn() {
		return x.answerOwn(match.Value)
	}
	if !ok {
		x.outcome.Coverage = inspect.Coverage{Label: inspect.None, Reason: inspect.ReasonNoRoute}
		return x.mayAsk(x.snapshot.Access) && x.refuse(noRoute)
	}
	x.route, x.matched = match.Value, match.Path
	x.mark()
	return true
}

// admit applies the route's limits and answers its redirects.
func (x *exchange) admit() bool {
	r := x.route
	n := r.InFlight.Add(1)
	x.counted = true
	if limit := int64(r.Config.Limits.InFlight); limit > 0 && n > limit {
		return x.refuse(tooManyInFlight)
	}
	if !x.secured() {
		return false
	}
	if kind := x.ambiguity(); kind != 0 {
		return x.refuse(pathRefused[kind.bit()])
	}
	if limit := int(r.Config.Limits.RequestBody); limit > 0 && x.view.Body.Length > limit {
		return x.refuse(bodyTooLong)
	}
	if r.Config.Redirect != nil {
		x.outcome.Coverage = inspect.Coverage{Label: inspect.None, Reason: inspect.ReasonRedirect}
		x.answerRedirect(r.Config.Redirect.Status, r.redirectLocation(&x.view, x.authority()))
		return false
	}
	return true
}

// inspectHead has the request's head inspected.
func (x *exchange) inspectHead() bool {
	policy := &x.route.Inspect
	x.place.bulkhead, x.place.lane = x.proxy.bulkhead, &x.route.lane
	if policy.Sheds() && x.place.sheds() {
		x.outcome.Coverage = inspect.Coverage{Label: inspect.None, Reason: inspect.ReasonOverload}
		return x.refuse(inspect.NoPlace)
	}
	x.inspection.Begin(&x.proxy.inspector, policy, inspect.Terms{ID: x.id, Gate: &x.place, Gone: x.isGone})
	if x.inspection.Going() {
		if x.traced != nil {
			x.traced.Inspecting = time.Now()
		}
		x.shownRequest = x.view.request()
		if x.form() != grpc.None {
			x.shownRequest.Headers = append(slices.Clip(x.shownRequest.Headers), binaryFields(x.view.Fields)...)
		}
	}
	return x.obey(x.inspection.RequestHead(&x.shownRequest))
}

// gone reports whether the client has left.
func (x *exchange) gone() bool { return x.client.Gone(x.inspection.Since()) }

// stands notes on the connection whether what comes next from this client is likely to be an attack.
func (x *exchange) stands(attack bool) {
	*x.client.Standing() = listen.Standing{Client: x.place.who.client, Attack: attack}
}

// readBody reads what is inspected of the body; what follows stays in the stream.
func (x *exchange) readBody() bool {
	x.view.Body = x.client.Request().Body // which it may have been told to send meanwhile
	if x.view.Body.Stream == nil {
		x.bodyDone = true
		x.beginCall()
		return true
	}
	n := x.view.Body.Length
	x.stream = &countedBody{r: x.view.Body.Stream, announced: n, limit: int64(x.route.Config.Limits.RequestBody)}
	if x.beginCall(); x.messages() {
		x.captureRequest()
		return true
	}
	if !x.obey(x.inspection.Announced(n)) {
		return false
	}
	if limit, wants := x.inspection.WantsRequestBody(); wants {
		return x.readUpload(limit)
	}
	return x.readSmall()
}

// inspectBody has the request's body inspected, if it has one or not.
func (x *exchange) inspectBody() bool {
	switch {
	case x.messages():
		return x.inspectCall()
	case !x.inspection.Going():
		return true
	}
	body := inspect.Body{Bytes: x.body, Ended: x.bodyDone}
	if len(x.body) > 0 {
		body.Coding = x.view.Fields.Join("Content-Encoding")
	}
	return x.obey(x.inspection.RequestBody(body)) && x.inspectEnd()
}

// forward sends the request and receives the response's head.
func (x *exchange) forward() bool {
	r := x.route
	x.writeHead()
	x.frame()

	x.pool = r.Split.Pick()
	x.affine()
	x.up.BodyIdle = r.Config.Timeouts.Idle
	if x.view.Protocol != message.HTTP10 {
		x.up.Interim = x.onInterim
	}
	x.up.Retried = x.onRetry
	if !x.asking.awaits() {
		x.up.Gone = x.isGone
	}
	x.up.Deadline, x.up.Fair = x.deadline(), fair(r.Config.Timeouts.Request)
	before := time.Now()
	if x.traced != nil {
		x.traced.Asking = before
	}
	x.passOn()
	x.askOn()
	err := x.pool.Do(&x.out, x.up)
	x.upstreamed = time.Since(before)
	x.hangUp = !x.upload.passed()
	if result := x.up.Result(err); result != "" {
		x.proxy.metrics.UpstreamRetriedOver(x.pool.ID(), result)
	}
	if err == nil {
		x.asking.heard(&x.up.Response)
		return true
	}
	var client *upstream.ClientBodyError
	if errors.As(err, &client) {
		return x.callFailed(client.Err)
	}
	if errors.Is(err, upstream.ErrGone) {
		return x.refuse(inspect.ClientGone)
	}
	x.proxy.log.Debug().Err(err).Str("request_id", x.id).Str("upstream", x.pool.ID()).Msg("upstream exchange failed")
	x.upstreamFailed(upstreamFailure(err))
	x.answer(x.outcome.Failure.Status)
	return false
}

// inspectResponse has the response inspected. Nothing has been sent to the client yet, so that it
// can still be stopped.
func (x *exchange) inspectResponse() bool {
	if !x.inspection.Going() && !x.messages() {
		return true
	}
	r := &x.up.Response
	if !x.obey(x.inspection.ResponseHead(x.responseView(r))) {
		return false
	}
	if x.messages() {
		if form := grpc.FormOf(r.Fields.Get("Content-Type")); form != grpc.None {
			return x.inspectAnswer(form)
		}
	}
	// The request's body is sent, but the rules may have to see it yet.
	x.sent, x.body, x.answered = x.body, nil, true
	body := inspect.Body{Ended: true}
	if x.up.Body != nil && r.Status != http.StatusSwitchingProtocols {
		if limit, wants := x.inspection.WantsResponseBody(mediaType(r)); wants && !x.readResponse(r, limit, &body) {
			return false
		}
	}
	return x.obey(x.inspection.ResponseBody(body))
}

// passBack passes the upstream's response on.
func (x *exchange) passBack() {
	switch {
	case x.up.Response.Status == http.StatusSwitchingProtocols:
		x.openTunnel()
	case x.up.Body != nil:
		x.passBody()
	default:
		x.editResponseHead()
		x.respond(message.Body{})
	}
}

// who is what the bulkhead has to know of a client, whose last request on the connection stood so.
func (p *Proxy) who(client netip.Addr, last listen.Standing) who {
	w := who{client: socket.Household(client)}
	if p.suspects.has(w.client, time.Now()) {
		switch w.class = suspected; {
		case last.Client != w.client:
		case last.Attack:
			w.again = true
		default:
			w.class = vouched
		}
	}
	return w
}
