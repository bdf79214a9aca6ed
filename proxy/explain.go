package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/waf"
)

// Explanation is what the tier would do with one request, and why.
type Explanation struct {
	Method, Host, Path string
	Routes             []routing.Decision
	Policy             *config.Policy // of the route that matched; nil: none did
	Verdict            string
	Status             int // the client would get; 0: the upstream's
	Coverage           string
	CoverageReason     string
	Failure            string // why it was refused, in metrics' words
	Findings           waf.Findings
}

// Explain runs a raw HTTP/1.1 request through what serves requests, up to the point where
// an upstream would be asked. It forwards, logs and counts nothing.
func (p *Proxy) Explain(raw []byte, client netip.AddrPort) (*Explanation, error) {
	in := bufio.NewReaderSize(bytes.NewReader(raw), max(len(raw)+1, 16))
	var req fasthttp.Request
	if err := req.Header.Read(in); err != nil {
		return nil, fmt.Errorf("parse request: %w", err)
	}
	body, err := explainedBody(&req, in)
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	var ctx fasthttp.RequestCtx
	ctx.Init(&req, net.TCPAddrFromAddrPort(client), nil)
	if body != nil {
		n := ctx.Request.Header.ContentLength()
		ctx.Request.SetBodyStream(bytes.NewReader(body), n)
	}

	x := newExchange()
	x.proxy, x.ctx, x.started, x.snapshot = p, &ctx, time.Now(), p.current()
	defer x.snapshot.release()
	status := 0
	if !(x.head() && x.readBody() && x.inspectBody()) {
		status = ctx.Response.StatusCode()
	}
	e := &Explanation{
		Method: x.view.method, Host: x.view.host, Path: x.view.path,
		Verdict: x.verdict.String(), Status: status,
		Coverage: x.coverage.label.String(), CoverageReason: x.coverage.reason.String(), Failure: x.failure,
		Routes: x.snapshot.table.Explain(&routing.Target{
			Host: []byte(x.view.host), Path: routing.CanonicalPath(nil, []byte(x.view.target)), Method: []byte(x.view.method), Headers: x.view.fields,
		}),
	}
	if x.route != nil {
		x.route.inFlight.Add(-1)
		e.Policy = &x.route.policy
	}
	if x.tx != nil {
		if e.Findings, err = x.tx.Finish(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// explainedBody reads the body that the head announces. A raw request from a file may end
// in a line break too many; what follows the body is not looked at.
func explainedBody(req *fasthttp.Request, in *bufio.Reader) ([]byte, error) {
	switch n := req.Header.ContentLength(); {
	case n > 0:
		body, err := io.ReadAll(io.LimitReader(in, int64(n)))
		if err == nil && len(body) < n {
			err = fmt.Errorf("%d of %d bytes: %w", len(body), n, io.ErrUnexpectedEOF)
		}
		return body, err
	case n == -1:
		return nil, errors.New("chunked bodies are not supported here: give Content-Length")
	default:
		return nil, nil
	}
}
