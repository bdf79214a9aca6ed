package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/routing/upstream"
	"github.com/wafer-waf/wafer/waf"
	"github.com/wafer-waf/wafer/wire"
)

// exchange is one request's journey. Its methods stand in the order they are called;
// those that answer the request themselves report false, and the journey ends.
type exchange struct {
	proxy    *Proxy
	ctx      *fasthttp.RequestCtx
	snapshot *snapshot
	started  time.Time
	id       string
	view     view
	route    *route
	matched  routing.Path
	who      who // asks for places in the bulkhead

	tx         *waf.Transaction
	found      waf.Findings // once tx has ended
	screened   screened     // likewise
	inspecting time.Duration
	verdict    verdict
	coverage   coverage
	failure    string // closed set: why the request was refused or failed

	upload   upload // what the request's body holds of the memory for bodies
	charged  charge // what else is held of it
	body     []byte // what was read for inspection
	sent     []byte // the request's, once body is the response's
	bodyDone bool   // and that is all of it
	stream   io.Reader

	up         *upstream.Exchange // a tunnel keeps it
	pool       *upstream.Pool
	upstreamed time.Duration
	answerBody answerBody

	// kept when the exchange is used again
	scratch   []byte
	ends      []int                               // lengths of what is in scratch
	request   waf.Request                         // what the rules see
	response  waf.Response                        // likewise
	fields    func(func(name, value []byte) bool) // view.fields
	onInterim func(*fasthttp.ResponseHeader)      // interim
	isGone    func() bool                         // gone
}

var exchanges = sync.Pool{New: func() any { return newExchange() }}

func newExchange() *exchange {
	x := &exchange{up: &upstream.Exchange{}}
	x.fields, x.onInterim, x.isGone = x.view.fields, x.interim, x.gone
	return x
}

func (p *Proxy) begin(ctx *fasthttp.RequestCtx) *exchange {
	x := exchanges.Get().(*exchange)
	x.proxy, x.ctx, x.started = p, ctx, time.Now()
	x.snapshot = p.current()
	p.metrics.inFlight.Inc()
	return x
}

// serve is the handler of every request that fasthttp could parse.
func (p *Proxy) serve(ctx *fasthttp.RequestCtx) {
	x := takeExpected(ctx)
	begun := x != nil
	if !begun {
		x = p.begin(ctx)
	}
	defer func() {
		if r := recover(); r != nil {
			x.panicked(r)
		}
		// As late as this: the head of a response resets what was said before it.
		if p.draining.Load() && ctx.Response.StatusCode() != fasthttp.StatusSwitchingProtocols {
			ctx.SetConnectionClose()
		}
		if ctx.Response.IsBodyStream() {
			return // answerBody.Close finishes
		}
		x.end()
	}()
	if (begun || x.head()) && x.readBody() && x.inspectBody() && x.forward() {
		x.reply()
	}
}

// expected is the key under which an exchange waits for the body that it asked for.
type expected struct{}

// awaited holds that exchange. fasthttp closes it with the request if the body never
// comes: if the client is gone before it could be asked, say.
type awaited struct{ x *exchange }

// Close ends the exchange if nobody has taken it, or leaves it to Proxy.unparsed, which the
// server calls next if the body could not be read.
func (a *awaited) Close() error {
	if x := a.x; x != nil {
		a.x = nil
		if c, ok := x.ctx.Conn().(*wire.Conn); ok && c.Violation() != nil {
			c.Pending = x
			return nil
		}
		x.verdict, x.failure = verdictRefused, "truncated"
		x.proxy.metrics.refused.WithLabelValues(x.failure).Inc()
		x.end()
	}
	return nil
}

// takeExpected returns the exchange that waits for the body of ctx's request; nil if none
// does.
func takeExpected(ctx *fasthttp.RequestCtx) *exchange {
	if a, ok := ctx.UserValue(expected{}).(*awaited); ok {
		x := a.x
		a.x = nil
		return x
	}
	if c, ok := ctx.Conn().(*wire.Conn); ok && c.Pending != nil {
		x, _ := c.Pending.(*exchange)
		c.Pending = nil
		return x
	}
	return nil
}

// expect decides about a request with Expect: 100-continue before its body is sent. It
// returns 100, or the status of the answer it has given.
func (p *Proxy) expect(ctx *fasthttp.RequestCtx) (status int) {
	x := p.begin(ctx)
	defer func() {
		if r := recover(); r != nil {
			x.panicked(r)
		}
		if status != fasthttp.StatusContinue {
			status = ctx.Response.StatusCode()
			x.end()
		}
	}()
	if x.head() && x.fits() {
		ctx.SetUserValue(expected{}, &awaited{x})
		return fasthttp.StatusContinue
	}
	return 0
}

// head is all that can be said before the body is read.
func (x *exchange) head() bool {
	x.receive()
	return x.find() && x.admit() && x.inspectHead()
}

// fits reports whether the policy takes a body of the announced length.
func (x *exchange) fits() bool {
	p := &x.route.policy.RequestBody
	if x.tx == nil || x.tx.Off() || !x.tx.WantsRequestBody() || x.route.oversize == "inspect_prefix" || x.ctx.Request.Header.ContentLength() <= int(p.Limit) {
		return true
	}
	return x.oversize()
}

// receive takes the view of the request.
func (x *exchange) receive() {
	x.scratch = x.view.read(x.ctx, x.scratch)
	x.view.identify(x.ctx, x.proxy.boot.TrustedProxies, x.proxy.boot.ClientAddressHeader)
	x.id = x.view.requestID()
	x.who = x.proxy.who(x.view.client)
	if c, ok := x.ctx.Conn().(*wire.Conn); ok {
		x.who.again = x.who.suspect && c.Suspect == x.who.client
	}
}

// who is what the bulkhead has to know of a client.
func (p *Proxy) who(client netip.Addr) who {
	w := who{client: wire.Household(client)}
	w.suspect = p.suspects.has(w.client, time.Now())
	return w
}

// find looks the route up.
func (x *exchange) find() bool {
	x.scratch = routing.CanonicalPath(x.scratch[:0], x.ctx.Request.Header.RequestURI())
	match, ok := x.snapshot.table.Match(&routing.Target{
		Host: x.ctx.Request.Header.Host(), Path: x.scratch, Method: x.ctx.Method(), Headers: x.fields,
	})
	if !ok {
		x.coverage = coverage{coverageNone, reasonNoRoute}
		return x.refuse(fasthttp.StatusNotFound, "no_route")
	}
	x.route, x.matched = match.Value, match.Path
	return true
}

// admit applies the route's limits and answers its redirects.
func (x *exchange) admit() bool {
	r := x.route
	n := r.inFlight.Add(1)
	if limit := int64(r.config.Limits.InFlight); limit > 0 && n > limit {
		return x.refuse(fasthttp.StatusServiceUnavailable, "in_flight")
	}
	if kind := x.ambiguity(); kind != "" {
		return x.refuse(fasthttp.StatusBadRequest, "path_"+kind)
	}
	if limit := int(r.config.Limits.RequestBody); limit > 0 && x.ctx.Request.Header.ContentLength() > limit {
		return x.refuse(fasthttp.StatusRequestEntityTooLarge, "request_body")
	}
	if r.config.Redirect != nil {
		x.coverage = coverage{coverageNone, reasonRedirect}
		x.answerRedirect(r.config.Redirect.Status, r.redirectLocation(&x.view, x.authority()))
		return false
	}
	return true
}

// inspectHead runs phase 1.
func (x *exchange) inspectHead() bool {
	if x.route.engine == nil {
		x.coverage = coverage{coverageNone, reasonPolicyOff}
		return true
	}
	if x.who.suspect && x.route.policy.OnOverload != "allow" && x.proxy.bulkhead.sheds(&x.route.lane, x.who) {
		x.coverage = coverage{coverageNone, reasonOverload}
		return x.refuse(fasthttp.StatusServiceUnavailable, "overload")
	}
	x.tx = x.route.engine.Begin(context.Background(), x.id)
	x.tx.StopIf(x.isGone)
	x.request = x.view.request(x.ctx)
	request := &x.request
	if x.clean(func() bool { return x.tx.HeadIsClean(request) }) {
		return true
	}
	if !x.judge(func() (waf.Verdict, error) { return x.tx.RequestHead(request) }) {
		if x.coverage.label == coverageFull {
			x.coverage = coverage{coverageHeaders, reasonBlocked}
		}
		return false
	}
	if x.tx != nil && x.tx.Off() {
		x.coverage = coverage{coverageNone, reasonExcluded}
	}
	return true
}

// clean asks the screen about one phase. It takes microseconds, so it needs no place in the
// bulkhead, where those wait who have to ask the rules.
func (x *exchange) clean(ask func() bool) bool {
	if !x.tx.Clean() {
		return false
	}
	defer x.inspected(time.Now())
	return ask()
}

// judge runs one phase of the rules inside the bulkhead and carries the verdict out.
func (x *exchange) judge(phase func() (waf.Verdict, error)) bool {
	if x.tx.OverBudget() {
		return x.overBudget()
	}
	came := time.Now()
	if x.pool != nil { // the upstream has answered
		x.proxy.bulkhead.enterLate(&x.route.lane, x.who.client)
	} else if !x.proxy.bulkhead.enter(&x.route.lane, x.who) {
		return x.overloaded()
	}
	var verdict waf.Verdict
	var err error
	x.proxy.bulkhead.run(&x.route.lane, x.who.client, func() {
		begun := time.Now()
		defer x.inspected(begun)
		if begun.Sub(came) > longWait && x.gone() {
			err = waf.ErrGone
			return
		}
		verdict, err = phase()
	})
	return x.decide(verdict, err)
}

// longWait is how long who waits for a place is taken for granted to wait for the answer as well.
const longWait = time.Millisecond

// gone reports whether the client has left. What it has asked for concerns nobody then.
func (x *exchange) gone() bool {
	c, ok := x.ctx.Conn().(*wire.Conn)
	return ok && c.Gone()
}

// statusClientGone is what nginx writes into its log, too. Nobody receives it.
const statusClientGone = 499

// left ends an exchange whose client has not waited for it.
func (x *exchange) left() bool {
	x.refuse(statusClientGone, "client_gone")
	x.ctx.SetConnectionClose()
	return false
}

func (x *exchange) inspected(since time.Time) { x.inspecting += time.Since(since) }

// overloaded does what the policy says about a request that found no place for its
// inspection.
func (x *exchange) overloaded() bool {
	x.coverage = coverage{coverageNone, reasonOverload}
	if x.route.policy.OnOverload == "allow" {
		x.abandon()
		return true
	}
	x.suspect()
	return x.refuse(fasthttp.StatusServiceUnavailable, "overload")
}

// suspect notes on the connection that what comes next from this client is likely to be an attack again.
func (x *exchange) suspect() {
	if c, ok := x.ctx.Conn().(*wire.Conn); ok {
		c.Suspect = x.who.client
	}
}

// overBudget does what the policy says about a request whose inspection costs more than its budget. What was found
// until then is reported.
func (x *exchange) overBudget() bool {
	if x.tx.Stopped() {
		return x.left()
	}
	x.coverage = coverage{coveragePartial, reasonBudget}
	switch {
	case x.route.policy.Mode == "detect":
		x.verdict, x.failure = verdictWouldBlock, "budget"
	case x.route.policy.OnBudget == "allow":
	default:
		return x.refuse(fasthttp.StatusServiceUnavailable, "budget")
	}
	x.abandon()
	return true
}

// readBody reads what is inspected of the body; what follows stays in the stream.
func (x *exchange) readBody() bool {
	stream := x.ctx.RequestBodyStream()
	if stream == nil {
		x.bodyDone = true
		return true
	}
	x.stream = &countedBody{
		r: stream, announced: x.ctx.Request.Header.ContentLength(), limit: int64(x.route.config.Limits.RequestBody),
	}
	policy := &x.route.policy.RequestBody
	switch {
	case x.tx == nil || x.tx.Off():
		return x.readSmall()
	case !x.tx.WantsRequestBody():
		x.coverage = coverage{coverageHeaders, reasonExcluded}
		if !policy.Inspect {
			x.coverage.reason = reasonBodyOff
		}
		return x.readSmall()
	}
	if !x.fits() {
		return false
	}
	if x.coverage.reason == reasonOversize {
		return true // and nothing of it is inspected
	}
	if !x.readUpload(int(policy.Limit)) {
		return false
	}
	if !x.bodyDone && x.tx != nil {
		return x.oversize()
	}
	return true
}

// readSmall reads a body that nobody inspects if it is so small that it has arrived with
// its head: it goes on with the head in one write then.
func (x *exchange) readSmall() bool {
	n := x.ctx.Request.Header.ContentLength()
	if n <= 0 || n > maxSmall {
		return true
	}
	var err error
	if x.body, x.bodyDone, err = readUpTo(x.stream, bodies.get(), n); err != nil {
		return x.bodyFailed(err)
	}
	return true
}

// oversize does what the policy says about a body that goes on beyond its limit.
func (x *exchange) oversize() bool {
	if x.route.oversize != x.route.policy.RequestBody.Oversize { // blocking it would have been refused
		x.verdict, x.failure = verdictWouldBlock, "inspection_limit"
	}
	switch x.route.oversize {
	case "inspect_prefix":
		x.coverage = coverage{coveragePartial, reasonOversize}
	case "skip_inspection":
		x.coverage = coverage{coverageHeaders, reasonOversize}
	default:
		x.coverage = coverage{coverageHeaders, reasonOversize}
		return x.refuse(fasthttp.StatusRequestEntityTooLarge, "inspection_limit")
	}
	return true
}

// inspectBody runs phase 2, with or without a body.
func (x *exchange) inspectBody() bool {
	if x.tx == nil {
		return true
	}
	body := x.body[:min(len(x.body), int(x.route.policy.RequestBody.Limit))]
	if x.coverage.label == coverageHeaders || x.coverage.label == coverageNone {
		body = nil
	}
	if len(body) > 0 && !x.takeReading(len(body)) {
		return x.shortOfMemory()
	}
	decoded := 0
	if len(body) > 0 && x.view.encoded() {
		var ok bool
		if body, ok = x.decodeBody(body); !ok {
			return false
		}
		decoded = cap(body)
		x.keepReading(decoded + len(body)*readingCost)
	}
	whole := x.coverage.label != coveragePartial
	ok := x.clean(func() bool { return x.tx.BodyIsClean(body, whole) }) ||
		x.judge(func() (waf.Verdict, error) { return x.tx.RequestBody(body, whole) })
	if x.tx != nil {
		x.keepReading(decoded + x.tx.Holds())
		if word := x.tx.Uninspected(); word != "" {
			x.lessThanFull(unread[word])
		}
	}
	return ok
}

// forward sends the request and receives the response's head.
func (x *exchange) forward() bool {
	r := x.route
	out := fasthttp.AcquireRequest()
	defer fasthttp.ReleaseRequest(out)
	x.writeHead(out)
	x.frame(out)

	x.pool = r.split.Pick()
	x.up.Head = &x.ctx.Response.Header
	x.up.Head.DisableNormalizing() // keep the backend's case
	x.up.BodyIdle = r.config.Timeouts.Idle
	if x.view.protocol == "HTTP/1.1" {
		x.up.Interim = x.onInterim
	}
	x.up.Deadline = time.Time{}
	if t := r.config.Timeouts.Request; t > 0 {
		x.up.Deadline = x.started.Add(t)
	}
	before := time.Now()
	err := x.pool.Do(out, x.up)
	x.upstreamed = time.Since(before)
	if err == nil {
		return true
	}
	var client *upstream.ClientBodyError
	if errors.As(err, &client) {
		return x.bodyFailed(client.Err)
	}
	reason := upstream.Reason(err)
	x.upstreamFailed(reason)
	x.proxy.log.Debug().Err(err).Str("request_id", x.id).Str("upstream", x.pool.ID()).Msg("upstream exchange failed")
	status := fasthttp.StatusBadGateway
	switch reason {
	case "timeout":
		status = fasthttp.StatusGatewayTimeout
	case "busy":
		status = fasthttp.StatusServiceUnavailable
	}
	x.answer(status)
	return false
}

func (x *exchange) upstreamFailed(reason string) {
	x.failure = reason
	x.proxy.metrics.upstreamError.WithLabelValues(x.pool.ID(), reason).Inc()
}

// frame gives the forwarded request its body.
func (x *exchange) frame(out *fasthttp.Request) {
	oh := &out.Header
	switch {
	case x.stream == nil:
		if m := x.view.method; x.view.get("Content-Length") != "" || m == "POST" || m == "PUT" || m == "PATCH" {
			oh.Add("Content-Length", "0")
		}
	case x.bodyDone:
		oh.Add("Content-Length", strconv.Itoa(len(x.body)))
		out.SetBodyRaw(x.body)
	default:
		n := x.ctx.Request.Header.ContentLength()
		if n >= 0 {
			oh.Add("Content-Length", strconv.Itoa(n))
		} else {
			oh.Add("Transfer-Encoding", "chunked")
			n = -1
		}
		out.SetBodyStream(prefixed(x.body, x.stream), n)
	}
}

// reply passes the response on, after the rules have seen of it what they want.
func (x *exchange) reply() {
	h := &x.ctx.Response.Header
	if x.tx != nil && !x.inspectResponse(h) {
		return
	}
	if h.StatusCode() == fasthttp.StatusSwitchingProtocols {
		x.replyTunnel(h)
		return
	}
	x.editResponseHead(h)
	if x.up.Body == nil {
		return
	}
	body := &x.answerBody
	body.r = x.up.Body
	if body.prefixed {
		body.r = prefixed(x.body, x.up.Body)
	}
	switch n := x.up.Length; {
	case n < 0 && x.view.protocol != "HTTP/1.1":
		x.replyWhole(body, maxWhole)
		return
	case n >= 0 && n <= maxSmall:
		x.replyWhole(body, n)
		return
	case n > maxSmall && !body.prefixed && !x.readBeginning(body):
		return
	}
	// A body of unknown length may be an event stream: its head must not wait for it.
	x.ctx.Response.ImmediateHeaderFlush = x.up.Length < 0
	body.x = x
	x.dropInspected()
	x.ctx.Response.SetBodyStream(body, x.up.Length)
}

const (
	// maxSmall is how much of a response body of known length is read before its head is
	// sent: if it breaks off there, the client gets a status for it. The server would not
	// have sent less. Of requests, fasthttp has read as much when it calls the handler.
	maxSmall = 8 << 10
	// maxWhole bounds the bodies of unknown length that are buffered for HTTP/1.0 clients,
	// which know no chunks.
	maxWhole = 8 << 20
)

// readBeginning reads what has to be there of a long body before its head is sent.
func (x *exchange) readBeginning(body *answerBody) bool {
	bodies.put(x.body) // the request's is sent
	var err error
	if x.body, _, err = readUpTo(x.up.Body, bodies.get(), maxSmall); err != nil {
		x.brokeOff(err)
		return false
	}
	body.r = prefixed(x.body, x.up.Body)
	return true
}

// brokeOff answers in place of a response whose body ended too early to be sent.
func (x *exchange) brokeOff(err error) {
	x.answerBody.n = 0 // none of it is sent
	x.upstreamFailed(upstream.Reason(err))
	x.answer(fasthttp.StatusBadGateway)
}

// replyWhole reads a body of at most limit bytes and sends it.
func (x *exchange) replyWhole(body io.Reader, limit int) {
	all, whole, err := readUpTo(body, bodies.get(), limit)
	defer bodies.put(all)
	x.closeUpstream()
	if err != nil || !whole {
		x.brokeOff(err)
		return
	}
	x.ctx.Response.SetBody(all) // a copy: it is written when all this is over
}

// inspectResponse runs phases 3 and 4. Nothing has been sent to the client yet, so both
// can still stop the response.
func (x *exchange) inspectResponse(h *fasthttp.ResponseHeader) bool {
	response := x.responseView(h)
	if !x.clean(func() bool { return x.tx.ResponseHeadIsClean(response) }) {
		if !x.judge(func() (waf.Verdict, error) { return x.tx.ResponseHead(response) }) {
			return false
		}
		if x.tx == nil { // it failed, and the policy goes on without it
			return true
		}
	}
	// The request's body is sent, but the rules may have to see it yet.
	x.sent, x.body = x.body, nil
	var body []byte
	if x.up.Body != nil && h.StatusCode() != fasthttp.StatusSwitchingProtocols {
		var ok bool
		if body, ok = x.readResponse(h); !ok {
			return false
		}
		if x.tx == nil { // there is no memory for it, and the policy goes on without
			return true
		}
	}
	if x.clean(func() bool { return x.tx.ResponseBodyIsClean(body) }) {
		return true
	}
	return x.judge(func() (waf.Verdict, error) { return x.tx.ResponseBody(body) })
}

// decide carries a verdict out. A blocked request is a verdict; an engine that failed has
// none, and the policy says what happens then.
func (x *exchange) decide(v waf.Verdict, err error) bool {
	switch {
	case errors.Is(err, waf.ErrGone):
		return x.left()
	case errors.Is(err, waf.ErrBudget):
		return x.overBudget()
	}
	if err != nil {
		x.engineFailed(err)
		x.failure = "engine"
		if x.coverage = (coverage{coverageNone, reasonError}); x.pool != nil { // the request was inspected
			x.coverage.label = coveragePartial
		}
		if x.route.policy.OnError == "allow" {
			x.verdict = verdictErrorAllow
			x.abandon()
			return true
		}
		x.verdict = verdictErrorDeny
		x.answer(fasthttp.StatusInternalServerError)
		return false
	}
	if v.Action == waf.Pass {
		return true
	}
	if !v.Enforced {
		x.verdict = verdictWouldBlock
		return true
	}
	switch v.Action {
	case waf.Redirect:
		x.verdict = verdictRedirect
		x.answerRedirect(v.Status, v.Location)
	case waf.Drop:
		x.verdict = verdictDrop
		x.closeUpstream()
		x.ctx.HijackSetNoResponse(true)
		x.ctx.Hijack(func(net.Conn) {}) // the server closes the connection after it
	default:
		x.verdict = verdictBlock
		status := v.Status
		if status == fasthttp.StatusForbidden {
			status = x.route.policy.Block.Status
		}
		x.page(status, x.route.block)
	}
	return false
}

// engineFailed tells whoever has to act.
func (x *exchange) engineFailed(err error) {
	var panicked *waf.PanicError
	if errors.As(err, &panicked) {
		x.proxy.metrics.panics.Inc()
		x.proxy.log.Error().Err(err).Str("request_id", x.id).Bytes("stack", panicked.Stack).Msg("engine panicked")
	} else {
		x.proxy.log.Error().Err(err).Str("request_id", x.id).Str("policy", x.route.policy.ID).Msg("engine failed")
	}
}

// abandon goes on without the engine. What it has found is kept for the event.
func (x *exchange) abandon() {
	x.conclude()
	x.tx = nil
}

// conclude ends the transaction.
func (x *exchange) conclude() {
	if x.screened = screenedOff; x.tx.Screened() {
		x.screened = screenedInspect
	}
	found, err := x.tx.Finish()
	if x.tx.Clean() {
		x.screened = screenedClean
	}
	if err != nil {
		x.proxy.log.Error().Err(err).Str("request_id", x.id).Msg("engine failed after the verdict")
	}
	x.found = found
}

// refuse answers before the route's policy was asked. It reports false.
func (x *exchange) refuse(status int, reason string) bool {
	x.verdict, x.failure = verdictRefused, reason
	if x.coverage.label == coverageFull {
		x.coverage = coverage{coverageNone, reasonRefused}
	}
	x.proxy.metrics.refused.WithLabelValues(reason).Inc()
	x.answer(status)
	return false
}

// bodyFailed answers a request whose body did not arrive. It reports false.
func (x *exchange) bodyFailed(err error) bool {
	if errors.Is(err, errBodyLimit) {
		return x.refuse(fasthttp.StatusRequestEntityTooLarge, "request_body")
	}
	x.refuse(refusal(x.ctx.Conn(), err))
	x.ctx.SetConnectionClose()
	return false
}

// answer sends one of the tier's own pages.
func (x *exchange) answer(status int) {
	x.page(status, defaultPages)
	if status == fasthttp.StatusServiceUnavailable {
		x.ctx.Response.Header.Set("Retry-After", "1")
	}
}

// page replaces whatever the upstream has answered.
func (x *exchange) page(status int, p pages) {
	x.closeUpstream()
	write(x.ctx, status, x.id, x.view.get("Accept"), p)
	x.unread()
}

// unread closes the connection after the answer if the request's body was not read whole:
// what is left of it must not be taken for a request. It has to follow the answer's head,
// which resets what was said before it.
func (x *exchange) unread() {
	if !x.bodyDone && x.ctx.RequestBodyStream() != nil {
		x.ctx.SetConnectionClose()
	}
}

func (x *exchange) answerRedirect(status int, location string) {
	x.page(status, defaultPages)
	x.ctx.Response.Header.Set("Location", location)
}

func (x *exchange) closeUpstream() {
	if x.up.Body != nil {
		_ = x.up.Body.Close()
		x.up.Body = nil
	}
}

// panicked costs this request and nothing else.
func (x *exchange) panicked(r any) {
	x.proxy.reportPanic(r, x.id)
	x.failure, x.verdict = "panic", verdictErrorDeny
	x.closeUpstream()
	answer(x.ctx, fasthttp.StatusInternalServerError, x.id, "")
	x.ctx.SetConnectionClose()
}

// end is finish where nobody else would recover: fasthttp's goroutines end the process
// with a panic.
func (x *exchange) end() {
	p, id := x.proxy, x.id
	defer func() {
		if r := recover(); r != nil {
			p.reportPanic(r, id)
		}
	}()
	x.closeUpstream()
	x.finish()
}

// finish writes the events, counts, and lets go of everything. It runs once: after the
// handler, or when the streamed answer is closed.
func (x *exchange) finish() {
	p, v := x.proxy, &x.view
	took := time.Since(x.started)
	status := x.ctx.Response.StatusCode()
	if x.verdict == verdictDrop {
		status = 0
	}
	if x.answerBody.err != nil && x.failure == "" {
		x.failure = "response_body"
	}
	var routeID, policyID, mode, upstreamID string
	if r := x.route; r != nil {
		routeID, policyID, mode = r.config.ID, r.policy.ID, r.policy.Mode
		r.inFlight.Add(-1)
		if x.tx != nil {
			x.conclude()
		}
		if r.engine != nil {
			r.metrics.screen(x.screened)
			x.remember()
		}
		r.metrics.done(x.verdict, status, x.coverage, took, x.inspecting)
	}
	if x.pool != nil {
		upstreamID = x.pool.ID()
	}
	if x.route != nil && (len(x.found.Matches) > 0 || x.verdict != verdictPass && x.verdict != verdictRefused) {
		x.reportFindings(status)
	}
	if p.boot.Log.Access != "off" || x.verdict == verdictRefused {
		out := x.answerBody.n
		if out == 0 && !x.ctx.Response.IsBodyStream() {
			out = int64(len(x.ctx.Response.Body()))
		}
		var in int64
		if c, ok := x.stream.(*countedBody); ok {
			in = c.n
		}
		p.events.Access(&audit.Access{
			Time: x.started, RequestID: x.id, Route: routeID, Policy: policyID, Mode: mode, Client: v.client,
			Method: v.method, Host: v.host, Path: v.path, Protocol: v.protocol, Status: status,
			BytesIn: in, BytesOut: out, Duration: took,
			Upstream: upstreamID, Endpoint: x.up.Endpoint, UpstreamDuration: x.upstreamed,
			Verdict: x.verdict.String(), Coverage: x.coverage.label.String(), CoverageReason: x.coverage.reason.String(),
			UserAgent: v.get("User-Agent"), Error: x.failure,
		})
	}
	p.metrics.inFlight.Dec()
	bodies.put(x.body)
	bodies.put(x.sent)
	x.leaveMemory()
	x.snapshot.release()
	*x.up = upstream.Exchange{}
	*x = exchange{
		up: x.up, scratch: x.scratch, ends: x.ends, view: view{headers: v.headers[:0], hops: v.hops[:0]},
		response: waf.Response{Headers: x.response.Headers[:0]}, fields: x.fields, onInterim: x.onInterim, isGone: x.isGone,
	}
	exchanges.Put(x)
}

// remember notes whether the client's request was an attack.
func (x *exchange) remember() {
	switch x.verdict {
	case verdictBlock, verdictRedirect, verdictDrop:
		x.proxy.suspects.blocked(x.who.client, time.Now())
		x.suspect()
	case verdictPass:
		x.proxy.suspects.passed(x.who.client, time.Now())
		if c, ok := x.ctx.Conn().(*wire.Conn); ok {
			c.Suspect = netip.Prefix{}
		}
	}
}

// reportFindings writes the security event.
func (x *exchange) reportFindings(status int) {
	found, r := &x.found, x.route
	event := audit.Security{
		Time: x.started, RequestID: x.id, Route: r.config.ID, Policy: r.policy.ID, Mode: r.policy.Mode, Client: x.view.client,
		Method: x.view.method, Host: x.view.host, Path: x.view.path, Verdict: x.verdict.String(), Status: status,
		Phase: found.Verdict.Phase, RuleID: found.Verdict.RuleID,
		InboundScore: found.InboundScore, OutboundScore: found.OutboundScore,
		InboundThreshold: r.policy.Thresholds.Inbound, OutboundThreshold: r.policy.Thresholds.Outbound,
		Coverage: x.coverage.label.String(), CoverageReason: x.coverage.reason.String(), Error: x.failure,
		Generation: x.snapshot.generation,
	}
	for i := range found.Matches {
		m := &found.Matches[i]
		rule := audit.Rule{ID: m.RuleID, Message: m.Message, Severity: m.Severity, Phase: m.Phase, Tags: tellingTags(m.Tags)}
		if len(m.Targets) > 0 {
			rule.Target, rule.Value = m.Targets[0].Name, m.Targets[0].Value
		}
		event.Rules = append(event.Rules, rule)
		x.proxy.metrics.ruleMatches.WithLabelValues(strconv.Itoa(m.RuleID)).Inc()
	}
	x.proxy.events.Security(&event)
}

// tellingTags leaves out the tags that nearly all of CRS's rules share.
func tellingTags(tags []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(t string) bool {
		for _, p := range []string{"OWASP_CRS", "application-", "language-", "platform-", "capec/"} {
			if strings.HasPrefix(t, p) {
				return true
			}
		}
		return false
	})
}

// request is what the rules see of the request's head.
func (v *view) request(ctx *fasthttp.RequestCtx) waf.Request {
	server := addrPort(ctx.LocalAddr())
	r := waf.Request{
		Method: v.method, Target: v.target, Protocol: v.protocol, Host: v.hostname(), Headers: v.headers,
		ClientAddr: v.client.String(), ClientPort: int(v.peer.Port()), ServerPort: int(server.Port()),
	}
	if server.Addr() != (netip.Addr{}) {
		r.ServerAddr = server.Addr().String()
	}
	return r
}

// responseView is what the rules see of the response's head. Of a body that they get
// decoded they do not see that it was encoded: CRS passes over bodies that are.
func (x *exchange) responseView(h *fasthttp.ResponseHeader) *waf.Response {
	r := &x.response
	*r = waf.Response{Status: h.StatusCode(), Protocol: "HTTP/1.1", Headers: r.Headers[:0]}
	decoded := false
	if field := h.ContentEncoding(); len(field) > 0 && x.route.inspectsResponses {
		_, err := coding.Parse(string(field))
		decoded = err == nil
	}
	// One copy of all fields, as in view.read.
	x.scratch, x.ends = x.scratch[:0], x.ends[:0]
	for k, v := range h.All() {
		if !decoded || !strings.EqualFold(string(k), "Content-Encoding") {
			x.scratch = append(append(x.scratch, k...), v...)
			x.ends = append(x.ends, len(k), len(v))
		}
	}
	all := string(x.scratch)
	for i := 0; i < len(x.ends); i += 2 {
		name, value := x.ends[i], x.ends[i]+x.ends[i+1]
		r.Headers = append(r.Headers, waf.Header{Name: all[:name], Value: all[name:value]})
		all = all[value:]
	}
	return r
}

// fields yields the received field lines.
func (v *view) fields(yield func(name, value []byte) bool) {
	for i := range v.headers {
		if !yield([]byte(v.headers[i].Name), []byte(v.headers[i].Value)) {
			return
		}
	}
}
