package record

import (
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// HAR writes records as an HTTP Archive 1.2, which browsers and other tools open. What HAR does not know stands in
// fields that begin with "_", as it says.
type HAR struct {
	w       io.Writer
	creator string
	entries int
	buf     []byte
}

// NewHAR returns a HAR that is written to w; version is that of the program. End completes it.
func NewHAR(w io.Writer, version string) *HAR { return &HAR{w: w, creator: version} }

func (h *HAR) begin() {
	o := object{dst: append(h.buf[:0], `{"log":{`...)}
	o.text("version", "1.2")
	o.within("creator", func(o *object) {
		o.text("name", "wafer")
		o.text("version", h.creator)
	})
	o.key("entries")
	o.dst = append(o.dst, '[')
	h.buf = o.dst
}

// Write appends a record.
func (h *HAR) Write(r *Record) error {
	if h.buf = h.buf[:0]; h.entries == 0 {
		h.begin()
	} else {
		h.buf = append(h.buf, ',')
	}
	h.entries++
	o := object{dst: append(h.buf, "\n{"...)}
	r.appendHAR(&o)
	o.dst = append(o.dst, '}')
	h.buf = o.dst
	_, err := h.w.Write(h.buf)
	return err
}

// End completes the file.
func (h *HAR) End() error {
	if h.buf = h.buf[:0]; h.entries == 0 {
		h.begin()
	}
	_, err := h.w.Write(append(h.buf, "\n]}}\n"...))
	return err
}

func (r *Record) appendHAR(o *object) {
	o.plain("startedDateTime", appendTime(nil, r.Time))
	o.milliseconds("time", r.Duration)
	o.within("request", func(o *object) { r.Request.appendHAR(o, r.TLS != nil) })
	p := r.Response
	if p == nil {
		p = &Response{}
	}
	o.within("response", func(o *object) { p.appendHAR(o, r.Request.Protocol, r.BytesOut) })
	o.within("cache", func(*object) {})
	o.within("timings", func(o *object) {
		o.number("send", 0)
		o.milliseconds("wait", max(r.UpstreamDuration, 0))
		o.milliseconds("receive", max(r.Duration-r.UpstreamDuration, 0))
	})
	o.some("serverIPAddress", r.Server.IP)
	o.within("_wafer", func(o *object) {
		o.text("request_id", r.RequestID)
		o.some("client", r.Client.IP)
		o.some("route", r.Route)
		o.some("policy", r.Policy)
		o.some("upstream", r.Upstream)
		o.texts("why", r.Why)
		o.texts("differs", r.Request.Differs())
		r.appendFindings(o)
	})
}

func (q *Request) appendHAR(o *object, secure bool) {
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	address := q.Target
	if !strings.Contains(address, "://") {
		address = scheme + q.Host + q.Target
	}
	o.text("method", q.Method)
	o.plainText("url", address)
	o.plainText("httpVersion", q.Protocol)
	o.pairs("cookies", cookiePairs(q.Headers))
	o.pairs("headers", q.Headers)
	_, query, _ := strings.Cut(q.Target, "?")
	o.pairs("queryString", queryPairs(query))
	if b := q.Body; b != nil && (b.Size > 0 || len(b.Bytes) > 0) {
		o.within("postData", func(o *object) {
			o.plainText("mimeType", get(q.Headers, "Content-Type"))
			o.key("params")
			o.dst = append(o.dst, "[]"...)
			o.content(b.Bytes, "_encoding")
			o.some("comment", b.comment())
		})
	}
	o.number("headersSize", -1)
	size := int64(-1)
	if q.Body != nil {
		size = q.Body.Size
	}
	o.number("bodySize", size)
}

func (p *Response) appendHAR(o *object, protocol string, size int64) {
	o.number("status", int64(p.Status))
	o.plainText("statusText", p.Reason)
	o.plainText("httpVersion", protocol)
	o.pairs("cookies", setCookiePairs(p.Headers))
	o.pairs("headers", p.Headers)
	o.within("content", func(o *object) {
		b := p.Body
		if b == nil {
			b = &Body{Size: size}
		}
		o.number("size", b.Size)
		o.plainText("mimeType", get(p.Headers, "Content-Type"))
		o.content(b.Bytes, "encoding")
		o.some("comment", b.comment())
	})
	o.plainText("redirectURL", get(p.Headers, "Location"))
	o.number("headersSize", -1)
	o.number("bodySize", size)
}

// comment says what is not there of a body.
func (b *Body) comment() string {
	switch {
	case b.LeftOut != "":
		return "left out: " + string(b.LeftOut)
	case b.Cut != "":
		return "cut: " + string(b.Cut)
	case b.Unended:
		return "never ended"
	}
	return ""
}

// content writes bytes as a text, or as Base64 and a word that says so.
func (o *object) content(b []byte, encoding string) {
	if utf8.Valid(b) {
		o.key("text")
		o.dst = appendQuoted(o.dst, b)
		return
	}
	o.key("text")
	o.dst = appendBase64(o.dst, b)
	o.text(encoding, "base64")
}

// plainText writes a text in a format that has no way to write bytes: those that are no UTF-8 are escaped as in a URL.
func (o *object) plainText(name, value string) {
	o.key(name)
	o.dst = appendQuoted(o.dst, escaped(value))
}

// escaped is a text in which bytes that are no UTF-8 are percent-encoded.
func escaped(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			out.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(s[i])|0x100, 16)[1:]))
		} else {
			out.WriteString(s[i : i+n])
		}
		i += n
	}
	return out.String()
}

// pairs writes fields as objects with a name and a value.
func (o *object) pairs(name string, fields []Field) {
	o.key(name)
	o.dst = append(o.dst, '[')
	for i := range fields {
		if i > 0 {
			o.dst = append(o.dst, ',')
		}
		o.dst = append(o.dst, '{')
		o.plainText("name", fields[i].Name)
		o.plainText("value", fields[i].Value)
		o.dst = append(o.dst, '}')
	}
	o.dst = append(o.dst, ']')
}

// queryPairs are the parameters of a query, decoded where that can be done.
func queryPairs(query string) (pairs []Field) {
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		pairs = append(pairs, Field{unescaped(name), unescaped(value)})
	}
	return pairs
}

func unescaped(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// cookiePairs are the cookies of a request, masked as its header fields are.
func cookiePairs(headers []Field) (out []Field) {
	for _, f := range headers {
		if !strings.EqualFold(f.Name, "Cookie") {
			continue
		}
		for pair := range strings.SplitSeq(f.Value, ";") {
			if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok {
				out = append(out, Field{name, value})
			}
		}
	}
	return out
}

// setCookiePairs are the cookies that a response sets, without their attributes, which stand in the headers.
func setCookiePairs(headers []Field) (out []Field) {
	for _, f := range headers {
		if !strings.EqualFold(f.Name, "Set-Cookie") {
			continue
		}
		pair, _, _ := strings.Cut(f.Value, ";")
		if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok {
			out = append(out, Field{name, value})
		}
	}
	return out
}
