package proxy

import (
	"net/netip"
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/waf"
)

// view is the request as it was received, and what is known of who has sent it.
type view struct {
	message.Request
	path    string     // of the target, without the query
	client  netip.Addr // the peer, or what a trusted proxy says
	trusted bool       // the peer is a trusted proxy
	hops    []string   // scratch of identify
}

// read fills v from ctx, whose head wire has let through: its lines end with CRLF, and each
// has a name that is a token. scratch is returned for reuse.
//
// fasthttp's memory is overwritten by the next request on the connection, while rules, events and
// streamed answers outlive the handler; one copy is as cheap as none and safe for all of them.
//
// It touches only RequestURI, Method, Protocol, RawHeaders and ContentLength: fasthttp's other
// accessors re-encode what they return, or change what is forwarded.
func (v *view) read(ctx *fasthttp.RequestCtx, scratch []byte) []byte {
	h := &ctx.Request.Header
	method, target, protocol, raw := h.Method(), h.RequestURI(), h.Protocol(), h.RawHeaders()
	scratch = append(scratch[:0], method...)
	scratch = append(scratch, target...)
	scratch = append(scratch, protocol...)
	scratch = append(scratch, raw...)
	all := string(scratch)
	v.Method, all = all[:len(method)], all[len(method):]
	v.Target, all = all[:len(target)], all[len(target):]
	v.Protocol, all = all[:len(protocol)], all[len(protocol):]

	v.Fields, v.Host = v.Fields[:0], ""
	for all != "" {
		var line string
		line, all, _ = strings.Cut(all, "\r\n")
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			panic("BUG: a field line without a colon")
		}
		f := message.Field{Name: name, Value: strings.Trim(value, " \t")}
		if f.Is("Host") {
			v.Host = f.Value
		}
		v.Fields = append(v.Fields, f)
	}
	v.Target = originForm(v.Target)
	v.path, _, _ = strings.Cut(v.Target, "?")
	v.Peer, v.Local = addrPort(ctx.RemoteAddr()), addrPort(ctx.LocalAddr())
	v.Body = message.Body{Length: h.ContentLength()}
	if stream := ctx.RequestBodyStream(); stream != nil {
		v.Body.Stream = stream
	}
	return scratch
}

// originForm cuts scheme and authority from an absolute-form target (RFC 9112 3.2.2).
// The authority equals the Host field, or the request was refused.
func originForm(target string) string {
	if target == "" || target[0] == '/' || target == "*" {
		return target
	}
	_, rest, ok := strings.Cut(target, "://")
	if !ok {
		return target
	}
	i := strings.IndexAny(rest, "/?")
	switch {
	case i < 0:
		return "/"
	case rest[i] == '?':
		return "/" + rest[i:]
	default:
		return rest[i:]
	}
}

// hostname is the Host field without its port.
func (v *view) hostname() string {
	h := v.Host
	if strings.HasPrefix(h, "[") {
		if i := strings.IndexByte(h, ']'); i > 0 {
			return h[1:i]
		}
	}
	if i := strings.LastIndexByte(h, ':'); i >= 0 {
		return h[:i]
	}
	return h
}

// routed is what a route is found by, with that reading of the path.
func (v *view) routed(path []byte) *routing.Target {
	return &routing.Target{Host: v.Host, Path: path, Method: v.Method, Fields: v.Fields}
}

// request is what the rules see of the request's head.
func (v *view) request() waf.Request {
	r := waf.Request{
		Method: v.Method, Target: v.Target, Protocol: v.Protocol, Host: v.hostname(), Headers: v.Fields,
		ClientAddr: v.client.String(), ClientPort: int(v.Peer.Port()), ServerPort: int(v.Local.Port()),
	}
	if v.Local.IsValid() {
		r.ServerAddr = v.Local.Addr().String()
	}
	return r
}

// responseView is what the rules see of the response's head. Of a body that they get
// decoded they do not see that it was encoded: CRS passes over bodies that are.
func (x *exchange) responseView(from *message.Response) *waf.Response {
	r := &x.shownResponse
	*r = waf.Response{Status: from.Status, Protocol: message.HTTP11, Headers: r.Headers[:0]}
	decoded := false
	if field := from.Fields.Get("Content-Encoding"); field != "" && x.route.Inspect.ResponseBodies {
		_, err := coding.Parse(field)
		decoded = err == nil
	}
	for i := range from.Fields {
		if f := &from.Fields[i]; !decoded || !f.Is("Content-Encoding") {
			r.Headers = append(r.Headers, *f)
		}
	}
	return r
}
