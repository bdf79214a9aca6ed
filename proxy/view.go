package proxy

import (
	"net/netip"
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/waf"
)

// view is the request as it was received, in sub-strings of one copy. fasthttp's memory
// is overwritten by the next request on the connection, while rules, events and streamed
// answers outlive the handler; one copy is as cheap as none and safe for all of them.
type view struct {
	method, target, protocol string
	host                     string // the Host field; empty if there was none
	path                     string // of the target, without the query
	headers                  []waf.Header
	peer                     netip.AddrPort
	client                   netip.Addr // peer, or what a trusted proxy says
	trusted                  bool       // peer is a trusted proxy
	hops                     []string   // scratch of identify
}

// read fills v from ctx, whose head wire has let through: its lines end with CRLF, and each
// has a name that is a token. scratch is returned for reuse.
//
// It touches only RequestURI, Method, Protocol and RawHeaders: fasthttp's other accessors
// re-encode what they return, or change what is forwarded.
func (v *view) read(ctx *fasthttp.RequestCtx, scratch []byte) []byte {
	h := &ctx.Request.Header
	method, target, protocol, raw := h.Method(), h.RequestURI(), h.Protocol(), h.RawHeaders()
	scratch = append(scratch[:0], method...)
	scratch = append(scratch, target...)
	scratch = append(scratch, protocol...)
	scratch = append(scratch, raw...)
	all := string(scratch)
	v.method, all = all[:len(method)], all[len(method):]
	v.target, all = all[:len(target)], all[len(target):]
	v.protocol, all = all[:len(protocol)], all[len(protocol):]

	v.headers, v.host = v.headers[:0], ""
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
		value = strings.Trim(value, " \t")
		if len(name) == 4 && strings.EqualFold(name, "Host") {
			v.host = value
		}
		v.headers = append(v.headers, waf.Header{Name: name, Value: value})
	}
	v.target = originForm(v.target)
	v.path, _, _ = strings.Cut(v.target, "?")
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

// get returns the first field of that name.
func (v *view) get(name string) string {
	for i := range v.headers {
		if h := &v.headers[i]; len(h.Name) == len(name) && strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// hostname is the Host field without its port.
func (v *view) hostname() string {
	h := v.host
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

// tchar are the characters of a token (RFC 9110 5.6.2).
var tchar = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()

func token(s string) bool {
	for i := 0; i < len(s); i++ {
		if !tchar[s[i]] {
			return false
		}
	}
	return s != ""
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
	if field := h.ContentEncoding(); len(field) > 0 && x.route.Inspect.ResponseBodies {
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
