package proxy

import (
	"bytes"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/routing"
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
// and case, then those of the tier. The fields of its framing follow (frame).
func (x *exchange) writeHead(out *fasthttp.Request) {
	v, r := &x.view, x.route
	oh := &out.Header
	oh.DisableNormalizing()
	oh.DisableSpecialHeader() // our order, our case, nothing added
	oh.SetNoDefaultContentType(true)
	oh.SetMethod(v.Method)
	oh.SetRequestURI(r.target(v.Target, x.matched))

	var room [4]string
	drop := room[:0]
	for i := range v.Fields {
		if h := &v.Fields[i]; len(h.Name) == len("Connection") && strings.EqualFold(h.Name, "Connection") {
			drop = connectionOptions(drop, h.Value)
		}
	}
	host := x.authority()
	if r.Config.Rewrite != nil && r.Config.Rewrite.Host != "" {
		host = r.Config.Rewrite.Host
	}
	oh.Add("Host", host)
	edits := &r.Config.RequestHeaders
	for i := range v.Fields {
		h := &v.Fields[i]
		switch {
		case perConnection.has(h.Name), written.has(h.Name), in(drop, h.Name), !plainName(h.Name):
		case !v.trusted && strings.EqualFold(h.Name, x.proxy.boot.ClientAddressHeader):
		case removed(edits, h.Name):
		case r.inspectsMessages && strings.EqualFold(h.Name, webSocketExtensions):
		case r.Inspect.ResponseBodies && strings.EqualFold(h.Name, "Accept-Encoding"):
			oh.Add(h.Name, acceptable(h.Value))
		default:
			oh.Add(h.Name, h.Value)
		}
	}
	if r.Config.WebSocket != config.WebSocketDeny && x.wantsWebSocket() {
		oh.Add("Connection", "Upgrade")
		oh.Add("Upgrade", "websocket")
		x.up.Upgrade = true
	}
	x.writeForwarding(oh)
	for _, f := range edits.Set {
		oh.Add(f.Name, f.Value)
	}
	for _, f := range edits.Add {
		oh.Add(f.Name, f.Value)
	}
}

// frame gives the forwarded request its body.
func (x *exchange) frame(out *fasthttp.Request) {
	oh := &out.Header
	switch {
	case x.stream == nil:
		if m := x.view.Method; x.view.Fields.Get("Content-Length") != "" || m == "POST" || m == "PUT" || m == "PATCH" {
			oh.Add("Content-Length", "0")
		}
	case x.bodyDone:
		oh.Add("Content-Length", strconv.Itoa(len(x.body)))
		out.SetBodyRaw(x.body)
	default:
		n := x.view.Length
		if n >= 0 {
			oh.Add("Content-Length", strconv.Itoa(n))
		} else {
			oh.Add("Transfer-Encoding", "chunked")
			n = -1
		}
		out.SetBodyStream(prefixed(x.body, x.stream), n)
	}
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
func (x *exchange) writeForwarding(oh *fasthttp.RequestHeader) {
	v := &x.view
	edits := &x.route.Config.RequestHeaders
	add := func(name, value string) {
		if value != "" && !removed(edits, name) {
			oh.Add(name, value)
		}
	}
	peer := v.Peer.Addr().String()
	forwardedFor, proto, host := peer, "http", v.Host
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
	add(requestIDField, x.id)
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

// editResponseHead drops what concerns the upstream's connection and applies the route's
// edits. It runs after the rules have seen the head as it was received.
func (x *exchange) editResponseHead(h *fasthttp.ResponseHeader) {
	h.SetProtocol(nil)       // our own version
	h.ResetConnectionClose() // the upstream's connection is not the client's
	var drop []string
	for name, value := range h.All() { // fasthttp finds names only in the case they came in
		if len(name) == len("Connection") && bytes.EqualFold(name, []byte("Connection")) {
			drop = connectionOptions(drop, string(value))
		}
	}
	edits := &x.route.Config.ResponseHeaders
	var gone [][]byte
	for _, name := range h.PeekKeys() {
		n := string(name)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")), bytes.EqualFold(name, []byte("Transfer-Encoding")):
		case perConnection.has(n), in(drop, n), removed(edits, n), strings.EqualFold(n, requestIDField):
			gone = append(gone, bytes.Clone(name))
		}
	}
	for _, name := range gone {
		h.DelBytes(name)
	}
	for _, f := range edits.Set {
		h.Set(f.Name, f.Value)
	}
	for _, f := range edits.Add {
		h.Add(f.Name, f.Value)
	}
	h.Set(requestIDField, x.id)
}

// interim passes a 1xx response on, ahead of the final one. The server has flushed all
// earlier responses: with nothing of a next request in its reader it does so before it
// reads on.
func (x *exchange) interim(h *fasthttp.ResponseHeader) {
	b := x.scratch[:0]
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(h.StatusCode()), 10)
	b = append(b, ' ')
	b = append(b, fasthttp.StatusMessage(h.StatusCode())...)
	b = append(b, "\r\n"...)
	for name, value := range h.All() {
		if n := string(name); !perConnection.has(n) && !strings.EqualFold(n, "Content-Type") {
			b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
		}
	}
	b = append(b, "\r\n"...)
	x.scratch = b
	_, _ = x.ctx.Conn().Write(x.scratch) // if it fails, so will the final response
}

// redirectLocation is where a route's redirect sends a request to that authority.
func (r *route) redirectLocation(v *view, authority string) string {
	d := r.Config.Redirect
	scheme, host := d.Scheme, d.Host
	if scheme == "" {
		scheme = "http"
		if v.trusted && strings.EqualFold(v.Fields.Get("X-Forwarded-Proto"), "https") {
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
