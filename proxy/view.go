package proxy

import (
	"net/netip"
	"strings"

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

	who *message.ClientCertificate // who the client has proved to be; nil: nobody
}

// seen is the view of a request, of whose client nothing is known yet.
func seen(r *message.Request) view {
	path, _, _ := strings.Cut(r.Target, "?")
	return view{Request: *r, path: path}
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
		Method: v.Method, Target: v.Target, Protocol: v.Protocol, Host: v.hostname(), Headers: v.shownFields(),
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
