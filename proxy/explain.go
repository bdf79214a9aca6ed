package proxy

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/listen/http1"
	"github.com/wafer-waf/wafer/mask"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/waf"
	"github.com/wafer-waf/wafer/wire"
)

// Explanation is what the tier would do with one request, and why.
type Explanation struct {
	Method, Host, Path string
	Routes             []routing.Decision
	Route              string             // that matched; empty: none did
	Access             *AccessExplanation // nil: there is no access policy
	Policy             *config.Policy     // of that route
	Verdict            string
	Status             int // the client would get; 0: the upstream's
	Coverage           string
	CoverageReason     string
	Failure            string     // why it was refused, in metrics' words
	Screened           string     // what the screen said: clean, inspect, off; empty: there is no inspection
	Asked              waf.Reason // why the rules were asked; the value is unmasked
	NoScreen           string     // why there is no screen
	Findings           waf.Findings
	Choices            []Choice     // of an endpoint; none: the request reaches no upstream
	Masking            *mask.Policy // what is secret in all of this
	Remembers          bool         // rules look at what they keep of earlier requests, of which there are none here
}

// AccessExplanation is what an access policy makes of a request. What only a process that serves remembers, such as who is
// banned, is not in it.
type AccessExplanation struct {
	Policy   string
	Observed bool
	Decision access.Decision
	Steps    []access.Step
}

// Choice is an upstream that may be asked, and how one of its endpoints is chosen.
type Choice struct{ Upstream, How string }

// Explain runs a raw HTTP/1.1 request through what serves requests, up to the point where
// an upstream would be asked. It forwards and logs nothing.
func (p *Proxy) Explain(raw []byte, client netip.AddrPort) (*Explanation, error) {
	s := p.snapshots.Current()
	defer s.Release()
	return p.explain(s, raw, client)
}

// ExplainUnder is Explain as it would be if a policy were another one, which has to build and to protect as
// any that serves. It must not be called while the proxy runs, nor by two at once.
func (p *Proxy) ExplainUnder(policy string, change func(*config.Policy), raw []byte, client netip.AddrPort) (*Explanation, error) {
	current := p.snapshots.Current()
	defer current.Release()
	c := *current.Config
	c.Policies = slices.Clone(c.Policies)
	for i := range c.Policies {
		if c.Policies[i].ID == policy {
			change(&c.Policies[i])
		}
	}
	s, err := p.snapshots.Builder.Build(&c, p.metrics)
	if err != nil {
		return nil, err
	}
	e, err := p.explain(s, raw, client)
	return e, errors.Join(err, p.snapshots.Builder.Free(s))
}

func (p *Proxy) explain(s *snapshot.Snapshot[*route], raw []byte, client netip.AddrPort) (*Explanation, error) {
	x, e := p.try(s, raw, client)
	if x == nil {
		return e, nil
	}
	e.Routes = s.Table.Explain(x.view.routed(routing.CanonicalPath(nil, x.view.Target)))
	if a := &x.asking; a.policy != nil {
		e.Access.Steps = a.policy.Explain(&a.request)
	}
	if e.Status == 0 {
		e.Choices = x.choices()
	}
	return e, nil
}

// Try is Explain without what only explains: the routes that do not match, the steps of an access policy and the
// endpoints. Several goroutines may have many requests tried. A request's body is inspected as that of a client
// is; what it holds of the memory for bodies is given back.
func (p *Proxy) Try(raw []byte, client netip.AddrPort) *Explanation {
	s := p.snapshots.Current()
	defer s.Release()
	_, e := p.try(s, raw, client)
	return e
}

// try runs a request through what serves requests. The exchange, which has ended, is nil if nothing could read it.
func (p *Proxy) try(s *snapshot.Snapshot[*route], raw []byte, client netip.AddrPort) (*exchange, *Explanation) {
	request, err := http1.Read(raw, client, wire.Options{HeadBytes: int(p.boot.Limits.Head)})
	if err != nil {
		why := unreadable(err)
		return nil, &Explanation{
			Verdict: inspect.Refused.String(), Status: why.Status, Failure: why.Word,
			Coverage: inspect.None.String(), CoverageReason: inspect.ReasonRefused.String(), Masking: p.masking,
		}
	}
	request.Security = &message.Security{} // the connection is taken to be what the route asks for
	x := newExchange()
	x.proxy, x.client, x.started, x.snapshot = p, &onlooker{request: request}, time.Now(), s
	status := 0
	if !(x.head() && x.readBody() && x.inspectBody() && x.inspectRest()) {
		status = x.response.Status
	}
	x.joinCall()
	o := &x.outcome
	e := &Explanation{
		Method: x.view.Method, Host: x.view.Host, Path: x.view.path,
		Verdict: o.Verdict.String(), Status: status,
		Coverage: o.Coverage.Label.String(), CoverageReason: o.Coverage.Reason.String(), Failure: o.Failure.Word,
		Masking: p.masking,
	}
	if x.route != nil {
		if x.counted {
			x.route.InFlight.Add(-1)
		}
		e.Route, e.Policy = x.route.Config.ID, &x.route.Policy
	}
	if a := &x.asking; a.policy != nil {
		e.Access = &AccessExplanation{Policy: a.policy.ID(), Observed: a.policy.Observed(), Decision: a.decision}
	}
	inspected := x.inspection.Going()
	e.Findings = x.inspection.End().Findings
	if x.call != nil && len(e.Findings.Matches) == 0 {
		e.Findings = x.call.found
	}
	if inspected {
		e.Remembers = x.route.Inspect.Engine.Remembers()
		e.Screened, e.Asked = e.Findings.Screened.String(), e.Findings.Asked
		if err := x.route.Inspect.Engine.NoScreen(); err != nil {
			e.NoScreen = err.Error()
		}
	}
	x.leaveMemory()
	return x, e
}

// choices says of each upstream of the route how an endpoint is chosen.
func (x *exchange) choices() (all []Choice) {
	for _, p := range x.route.Split.Pools() {
		x.pool = p
		x.affine()
		all = append(all, Choice{p.ID(), p.Explain(x.up)})
	}
	x.pool = nil
	return all
}

// inspectRest has the messages of a call inspected that follow the first, which otherwise the upstream reads.
func (x *exchange) inspectRest() bool {
	if !x.messages() || x.bodyDone {
		return true
	}
	if _, err := io.Copy(io.Discard, &x.call.requests); err != nil {
		return x.callFailed(err)
	}
	return true
}

// onlooker is a client that hears nothing and never leaves.
type onlooker struct {
	request  *message.Request
	standing listen.Standing
}

func (o *onlooker) Request() *message.Request                     { return o.request }
func (o *onlooker) Respond(*message.Response)                     {}
func (o *onlooker) Inform(*message.Response)                      {}
func (o *onlooker) Switch(*message.Response, func(listen.Tunnel)) {}
func (o *onlooker) Drop()                                         {}
func (o *onlooker) Close()                                        {}
func (o *onlooker) Retire()                                       {}
func (o *onlooker) Converse()                                     {}
func (o *onlooker) Gone(time.Time) bool                           { return false }
func (o *onlooker) GiveUp(*listen.Violation)                      {}
func (o *onlooker) Standing() *listen.Standing                    { return &o.standing }
