package proxy

import (
	"time"

	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
)

// expect decides about a request with Expect: 100-continue before its body is sent. It returns the
// exchange, for which the body is awaited then, or nil if there is a response.
func (p *Proxy) expect(c listen.Client) (begun any) {
	x := p.begin(c)
	defer func() {
		if r := recover(); r != nil {
			x.panicked(r)
		}
		if begun == nil {
			x.end()
		}
	}()
	if x.head() && x.obey(x.inspection.Announced(x.view.Body.Length)) {
		return x
	}
	return nil
}

// unread answers what never became a request, and requests whose body was awaited and could not be
// read.
func (p *Proxy) unread(c listen.Client, begun any, err error) {
	defer func() {
		if r := recover(); r != nil {
			p.reportPanic(r, "")
		}
	}()
	if x, ok := begun.(*exchange); ok {
		x.bodyFailed(err)
		x.end()
		return
	}
	why, id := unreadable(err), newRequestID()
	p.metrics.Refused(why.Word)
	p.traffic.refused(why.Status)
	var page message.Response
	defaultPages.write(&page, why.Status, id, "")
	c.Respond(&page)
	c.Close()
	request := c.Request()
	p.events.Access(&audit.Access{
		Time: time.Now(), RequestID: id, Client: request.Peer.Addr(), Status: why.Status,
		Method: request.Method, Path: shownPath(request.Target), Protocol: request.Protocol,
		Verdict: inspect.Refused.String(), Coverage: inspect.None.String(), CoverageReason: inspect.ReasonRefused.String(), Error: why.Word, Failed: true,
	})
}
