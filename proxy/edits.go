package proxy

import (
	"bytes"
	"net"
	"net/netip"
	"strings"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/trace"
)

// This file names every edit between what is inspected and what is forwarded, in both
// directions. Nothing else may change a message:
//
//   - hop-by-hop fields and those that Connection names are dropped (RFC 9110 7.6.1),
//     and so are fields whose name has other bytes than letters, digits and "-": CGI and
//     its heirs read "_", and some read any of them, as "-";
//   - Connection and Upgrade are written anew for a WebSocket that the route allows, and
//     Sec-WebSocket-Extensions is dropped where its messages are inspected;
//   - Expect is dropped: the tier has answered it;
//   - the body keeps its bytes; what was read whole is framed by Content-Length;
//   - X-Forwarded-For, -Proto, -Host, Forwarded and X-Request-Id are written by the tier;
//     what a peer that is not trusted says in them, in X-Real-Ip or in the field that
//     names the client is dropped;
//   - X-Forwarded-Client-Cert, Client-Cert and Client-Cert-Chain are dropped, unless a trusted
//     peer says them and the tier knows nothing better; it writes one if the route says so;
//   - fields that an access policy tells an application claims or the owner of an API key in are
//     dropped whoever says them, and written by the tier; tokens and keys are dropped if it says so;
//   - Wafer-Client-Certificate and the like are dropped: they are between the tier and its rules;
//   - where requests are traced, Traceparent and Tracestate are written by the tier, and Baggage is dropped
//     unless who says it is believed about traces;
//   - Strict-Transport-Security is the route's, if it has one;
//   - a cookie is set that leads the client back to the endpoint, if the upstream says so;
//   - fields behind a body are dropped where the same ones in a head would be, whoever says them;
//   - Accept-Encoding names only what the tier can undo where response bodies are inspected;
//   - the route's own rewrites and header edits.

// perConnection are the fields that concern one connection, or that the tier writes
// itself.
var perConnection = names(
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate",
	"TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "Content-Length", "Expect",
)

// written are the fields that the tier writes for the upstream.
var written = names("Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", requestIDField)

// endToEnd are fields that Connection may not name: dropping them would change what the
// request means.
var endToEnd = names("Host", "Content-Type", "Authorization", "Cookie", "Set-Cookie", "Date", "Content-Encoding")

// nameSet is a fixed set of field names, by their length.
type nameSet [32][]string

func names(list ...string) *nameSet {
	var n nameSet
	for _, s := range list {
		n[len(s)] = append(n[len(s)], s)
	}
	return &n
}

func (n *nameSet) has(name string) bool { return len(name) < len(n) && in(n[len(name)], name) }

func in(list []string, name string) bool {
	for _, s := range list {
		if len(s) == len(name) && strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}

// options are what the Connection fields of a head name.
type options struct {
	few  []string
	many map[string]struct{} // in lower case; nil where there are few: not one look at each for each field
}

// mostFew is how many options are compared one by one.
const mostFew = 16

// nominated returns the options of a head; room is for those of usual ones.
func nominated(room []string, fields message.Fields) options {
	o := options{few: room}
	for i := range fields {
		if f := &fields[i]; f.Is("Connection") {
			o.few = connectionOptions(o.few, f.Value)
		}
	}
	if len(o.few) > mostFew {
		o.many = make(map[string]struct{})
		for _, name := range o.few {
			if message.IsToken(name) { // as names of fields are, so that only ASCII has a lower case
				o.many[strings.ToLower(name)] = struct{}{}
			}
		}
	}
	return o
}

// name reports whether the field is named.
func (o *options) name(field string) bool {
	if o.many == nil {
		return in(o.few, field)
	}
	_, ok := o.many[strings.ToLower(field)]
	return ok
}

// connectionOptions appends the fields that a Connection field's value names.
func connectionOptions(dst []string, value string) []string {
	for value != "" {
		var option string
		option, value, _ = strings.Cut(value, ",")
		if option = strings.Trim(option, " \t"); option != "" && !endToEnd.has(option) {
			dst = append(dst, option)
		}
	}
	return dst
}

// writeHead builds the head of the forwarded request: the received fields in their order
// and case, then those of the tier.
func (x *exchange) writeHead() {
	v, r, out := &x.view, x.route, &x.out
	out.Method, out.Target = v.Method, r.target(r.Forwarding.Target(v.Target), x.matched)

	var room [4]string
	drop := nominated(room[:0], v.Fields)
	host := x.authority()
	if r.Config.Rewrite != nil && r.Config.Rewrite.Host != "" {
		host = r.Config.Rewrite.Host
	}
	out.Fields = append(out.Fields[:0], message.Field{Name: "Host", Value: host})
	edits := &r.Config.RequestHeaders
	for i := range v.Fields {
		f := &v.Fields[i]
		value, passes := r.Forwarding.Passes(f)
		switch {
		case !passes:
		case f.Is("Trailer") && v.Body.Trailers != nil: // without which some applications do not take those
			out.Fields = append(out.Fields, *f)
		case perConnection.has(f.Name), written.has(f.Name), toldFields.has(f.Name), drop.name(f.Name), !plainName(f.Name):
		case !v.trusted && f.Is(x.proxy.boot.ClientAddressHeader), x.keptFromTrace(f):
		case certificateFields.has(f.Name) && (!v.trusted || v.who != nil):
		case removed(edits, f.Name):
		case r.inspectsMessages && f.Is(webSocketExtensions):
		case r.Inspect.ResponseBodies && (f.Is("Accept-Encoding") || f.Is("Grpc-Accept-Encoding")):
			out.Fields = append(out.Fields, message.Field{Name: f.Name, Value: acceptable(f.Value)})
		default:
			out.Fields = append(out.Fields, message.Field{Name: f.Name, Value: value})
		}
	}
	if r.Config.WebSocket != config.WebSocketDeny && x.wantsWebSocket() {
		out.Fields = append(out.Fields, message.Field{Name: "Connection", Value: "Upgrade"}, message.Field{Name: "Upgrade", Value: "websocket"})
		x.up.Upgrade = true
	}
	x.writeForwarding()
	out.Fields = added(out.Fields, edits)
}

// added appends what an edit sets and adds.
func added(to message.Fields, e *config.HeaderEdit) message.Fields {
	for i := range e.Set {
		to = append(to, message.Field{Name: e.Set[i].Name, Value: e.Set[i].Value})
	}
	for i := range e.Add {
		to = append(to, message.Field{Name: e.Add[i].Name, Value: e.Add[i].Value})
	}
	return to
}

// empty is a body without bytes, of which the head says so.
var empty = []byte{}

// frame gives the forwarded request its body.
func (x *exchange) frame() {
	body := message.Body{}
	switch {
	case x.messages() && x.stream != nil:
		body = x.callBody()
	case x.stream == nil:
		if m := x.view.Method; x.view.Fields.Get("Content-Length") != "" || m == "POST" || m == "PUT" || m == "PATCH" {
			body.Bytes = empty
		}
	case !x.bodyDone:
		body = message.Body{Stream: prefixed(x.body, x.stream), Length: x.view.Body.Length}
	case len(x.body) == 0:
		body.Bytes = empty
	default:
		body.Bytes = x.body
	}
	if !x.messages() && x.view.Body.Trailers != nil {
		x.frameEnd(&body)
	}
	x.out.Body = body
}

// frameEnd gives a body the fields behind it.
func (x *exchange) frameEnd(body *message.Body) {
	source := x.view.Body.Trailers
	behind := func() message.Fields {
		return x.route.Forwarding.Trailers(x.proxy.passable(source(), &x.route.Config.RequestHeaders))
	}
	if x.call != nil {
		behind = x.call.requests.behind
	}
	switch {
	case body.Stream == nil && len(behind()) > 0: // they follow a stream alone
		*body = message.Body{Stream: bytes.NewReader(body.Bytes), Length: len(body.Bytes)}
	case body.Stream == nil:
		return
	case x.call != nil:
		x.call.requests.from = body.Stream
		body.Stream = &x.call.requests
	}
	body.Trailers = behind
}

// plainName reports whether a field name consists of letters, digits and hyphens.
func plainName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// authority is what the client asked: the Host field or, without one in HTTP/1.0, the
// address it connected to.
func (x *exchange) authority() string {
	if x.view.Host == "" {
		return x.view.Local.String()
	}
	return x.view.Host
}

// removed reports whether an edit takes a received field away: by name, or because the
// edit sets it.
func removed(e *config.HeaderEdit, name string) bool {
	if in(e.Remove, name) {
		return true
	}
	for i := range e.Set {
		if len(e.Set[i].Name) == len(name) && strings.EqualFold(e.Set[i].Name, name) {
			return true
		}
	}
	return false
}

// writeForwarding tells the upstream who asked. From a peer that is not trusted, what it
// said about others is not passed on.
func (x *exchange) writeForwarding() {
	v := &x.view
	edits := &x.route.Config.RequestHeaders
	add := func(name, value string) {
		if value != "" && !removed(edits, name) {
			x.out.Fields = append(x.out.Fields, message.Field{Name: name, Value: value})
		}
	}
	peer := v.Peer.Addr().String()
	forwardedFor, proto, host := peer, "http", v.Host
	if v.Security != nil {
		proto = "https"
	}
	if v.trusted {
		if before := v.Fields.Join("X-Forwarded-For"); before != "" {
			forwardedFor = before + ", " + peer
		}
		if p := v.Fields.Get("X-Forwarded-Proto"); p != "" {
			proto = p
		}
		if h := v.Fields.Get("X-Forwarded-Host"); h != "" {
			host = h
		}
	}
	add("X-Forwarded-For", forwardedFor)
	add("X-Forwarded-Proto", proto)
	add("X-Forwarded-Host", host)
	if x.proxy.boot.ForwardedHeader {
		element := "for=" + forwardedNode(v.Peer.Addr()) + ";proto=" + proto
		if v.Host != "" {
			element += `;host="` + v.Host + `"`
		}
		if before := v.Fields.Join("Forwarded"); v.trusted && before != "" {
			element = before + ", " + element
		}
		add("Forwarded", element)
	} else if v.trusted {
		add("Forwarded", v.Fields.Join("Forwarded"))
	}
	if v.trusted {
		add("X-Real-Ip", v.Fields.Get("X-Real-Ip"))
	}
	f := x.identityField()
	add(f.Name, f.Value)
	var proved [4]message.Field
	for _, f := range x.route.Forwarding.Append(proved[:0], x.asking.carried()) {
		add(f.Name, f.Value)
	}
	add(requestIDField, x.id)
	if x.traced != nil {
		add(trace.Traceparent, x.traced.Traceparent())
		add(trace.Tracestate, x.traced.Tracestate())
	}
}

// forwardedNode spells an address for the field Forwarded (RFC 7239 section 6).
func forwardedNode(a netip.Addr) string {
	if a.Is6() {
		return `"[` + a.String() + `]"`
	}
	return a.String()
}

// target is what the upstream is asked for: the received bytes, or the route's rewrite.
func (r *route) target(received string, matched routing.Path) string {
	w := r.Config.Rewrite
	if w == nil || w.Path == "" && w.Prefix == "" || received == "*" {
		return received
	}
	path, query, hasQuery := strings.Cut(received, "?")
	switch {
	case w.Path != "":
		path = w.Path
	default:
		path = replacePrefix(path, matched.Value, w.Prefix)
	}
	if hasQuery {
		return path + "?" + query
	}
	return path
}

// replacePrefix replaces the prefix that matched. Where the received path spells the
// prefix itself, the rest keeps its bytes; else (percent-encoded, with dot segments) the
// canonical path is used, encoded anew.
func replacePrefix(path, prefix, replacement string) string {
	prefix = strings.TrimSuffix(prefix, "/")
	canonical := string(routing.CanonicalPath(nil, path))
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok || rest != "" && (rest[0] != '/' || strings.Contains(rest, "/.") || strings.Contains(rest, "//") ||
		// Dots spelled otherwise may lead out of the prefix, and into it again.
		canonical != prefix+string(routing.CanonicalPath(nil, rest))) {
		rest = escapePath(strings.TrimPrefix(canonical, prefix))
	}
	out := strings.TrimSuffix(replacement, "/") + rest
	if out == "" {
		return "/"
	}
	return out
}

// escapePath percent-encodes what may not stand in a path (RFC 3986 3.3).
func escapePath(p string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c == '/' || message.IsTokenByte(c) && c != '%' && c != '#' && c != '^' && c != '`' && c != '|' || strings.IndexByte(":@,;=()", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// editResponseHead makes of the upstream's head the client's: it drops what concerns the upstream's
// connection and applies the route's edits. It runs after the rules have seen the head as it was
// received.
func (x *exchange) editResponseHead() {
	x.passedOn = true
	from, to := &x.up.Response, &x.response
	to.Status, to.Reason = from.Status, from.Reason
	var room [4]string
	drop := nominated(room[:0], from.Fields)
	edits := &x.route.Config.ResponseHeaders
	to.Fields = to.Fields[:0]
	for i := range from.Fields {
		f := &from.Fields[i]
		switch {
		case f.Is("Content-Length"):
			if x.up.Body != nil {
				continue // the body says it; without one, this is about what it would have been
			}
		case perConnection.has(f.Name), drop.name(f.Name), removed(edits, f.Name), f.Is(requestIDField):
			continue
		}
		to.Fields = append(to.Fields, *f)
	}
	to.Fields = append(added(to.Fields, edits), message.Field{Name: requestIDField, Value: x.id})
	x.addCookie()
}

// interim passes a 1xx response on, ahead of the final one.
func (x *exchange) interim(from *message.Response) {
	to := message.Response{Status: from.Status, Reason: from.Reason, Fields: x.response.Fields[:0]}
	var room [4]string
	drop := nominated(room[:0], from.Fields)
	for i := range from.Fields {
		f := &from.Fields[i]
		if perConnection.has(f.Name) || drop.name(f.Name) || f.Is("Content-Type") || f.Is(requestIDField) {
			continue
		}
		to.Fields = append(to.Fields, *f)
	}
	x.response.Fields = to.Fields
	x.client.Inform(&to)
}

// redirectLocation is where a route's redirect sends a request to that authority.
func (r *route) redirectLocation(v *view, authority string) string {
	d := r.Config.Redirect
	scheme, host := d.Scheme, d.Host
	if scheme == "" {
		scheme = "http"
		if v.isSecure() {
			scheme = "https"
		}
	}
	if host == "" {
		host = authority
		if _, port, err := net.SplitHostPort(host); err == nil && d.Scheme != "" {
			host = strings.TrimSuffix(host, ":"+port) // it belonged to the other scheme
		}
	}
	path, query, hasQuery := strings.Cut(v.Target, "?")
	if d.Path != "" {
		path = d.Path
	} else if path == "*" { // of OPTIONS; there is no URI that stands for it
		path = ""
	}
	if hasQuery {
		path += "?" + query
	}
	return scheme + "://" + host + path
}
