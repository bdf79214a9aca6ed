package record

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/coding"
)

// finish makes of a transaction as it was captured what a record may say: codings are undone, what was not asked for
// is left out, secrets are masked, and what is beyond the limits is cut.
func (r *Recorder) finish(rec *Record, t *Terms) {
	rec.ID, rec.Parts = t.ID, t.Parts.String()
	left := t.Record
	if left <= 0 {
		left = int(^uint(0) >> 1)
	}
	r.finishRequest(rec, t, &left)
	for _, p := range []*Response{rec.Response, rec.Withheld} {
		if p != nil {
			r.finishResponse(p, t, &left)
		}
	}
	if !t.Parts.Has(Outcome) {
		rec.Score = nil
		rec.Upstream, rec.Endpoint, rec.Attempts, rec.UpstreamDuration = "", "", 0, 0
	}
	if !t.Parts.Has(MatchedRules) {
		rec.Rules, rec.RulesLeftOut = nil, 0
	}
	for i := range rec.Rules {
		m := &rec.Rules[i]
		m.Message = r.o.Masker.Message(m.Target, m.Value, m.Around, m.Message)
		m.Value, m.Around = r.o.Masker.Found(m.Target, m.Value, m.Around), ""
	}
}

func (r *Recorder) finishRequest(rec *Record, t *Terms, left *int) {
	q := rec.Request
	if whole := len(q.Target); whole > *left {
		q.Target = cutTarget(q.Target, *left)
		q.TargetCut = whole - len(q.Target)
	}
	*left -= len(q.Target)
	if told := r.o.Masker.URL(q.Target); told != q.Target {
		q.Target, q.TargetMasked = told, true
	}
	q.Host = r.o.Masker.Header("Host", q.Host)
	mediaType, codings := get(q.Headers, "Content-Type"), join(q.Headers, "Content-Encoding")
	if !t.Parts.Has(RequestHeaders) {
		q.Headers, q.Trailers = nil, nil
	}
	q.Headers, q.HeadersLeftOut, q.MaskedHeaders = r.finishFields(q.Headers, left)
	q.Trailers, _, _ = r.finishFields(q.Trailers, left)
	if q.Body == nil {
		return
	}
	if t.Parts.Has(Files|BodyNoFiles) && q.Body.LeftOut == "" && codings == "" {
		body, files := withoutFiles(q.Body.Bytes, mediaType)
		if t.Parts.Has(Files) {
			q.Files = r.maskedFiles(files)
		}
		if t.Parts.Has(BodyNoFiles) && !t.Parts.Has(RequestBody) && len(body) != len(q.Body.Bytes) {
			q.Body.Bytes, q.Body.Masked = body, true
		}
	}
	if !t.Parts.Has(RequestBody | BodyNoFiles) {
		q.Body = nil
		return
	}
	r.finishBody(q.Body, mediaType, codings, bounds{t.RequestBody, left, t.Unreadable, rec.Message == "grpc" || isGRPC(mediaType)})
}

func (r *Recorder) finishResponse(p *Response, t *Terms, left *int) {
	p.Reason = r.o.Masker.Header("Reason", p.Reason)
	mediaType, codings := get(p.Headers, "Content-Type"), join(p.Headers, "Content-Encoding")
	if !t.Parts.Has(ResponseHeaders) {
		p.Headers, p.Trailers = nil, nil
	}
	p.Headers, p.HeadersLeftOut, p.MaskedHeaders = r.finishFields(p.Headers, left)
	p.Trailers, _, _ = r.finishFields(p.Trailers, left)
	switch {
	case p.Body == nil:
	case !t.Parts.Has(ResponseBody):
		p.Body = nil
	default:
		r.finishBody(p.Body, mediaType, codings, bounds{t.ResponseBody, left, t.Unreadable, isGRPC(mediaType)})
	}
}

// cutTarget cuts a target before the parameter or segment that does not fit: half a secret is not recognized.
func cutTarget(s string, limit int) string {
	s = s[:max(limit, 0)]
	return s[:max(strings.LastIndexAny(s, "&?/;"), 0)]
}

// finishFields masks the fields that there is room for. One that does not fit is left out, since half a secret is not
// recognized.
func (r *Recorder) finishFields(fields []Field, left *int) (kept []Field, out int, masked []string) {
	kept = make([]Field, 0, len(fields))
	for _, f := range fields {
		if n := len(f.Name) + len(f.Value); n > *left {
			out++
			continue
		} else {
			*left -= n
		}
		if told := r.o.Masker.Header(f.Name, f.Value); told != f.Value {
			f.Value = told
			masked = append(masked, f.Name)
		}
		kept = append(kept, f)
	}
	return kept, out, masked
}

// bounds are those of a body.
type bounds struct {
	limit      int
	left       *int // of the record
	unreadable bool // it is kept although it is no text
	framed     bool // its messages may be compressed, each by itself
}

// decodedRatio bounds what a body of a few bytes may become.
const decodedRatio = 100

func (r *Recorder) finishBody(b *Body, mediaType, field string, to bounds) {
	switch {
	case b.LeftOut != "":
		b.Bytes = nil
		return
	case len(b.Bytes) == 0 && b.Cut != "" && b.Cut != CutLimit:
		b.leaveOut(b.Cut)
		return
	case len(b.Bytes) == 0:
		b.Bytes = []byte{}
		return
	}
	codings, err := coding.Parse(field)
	switch {
	case err != nil, to.framed && !isWebText(mediaType) && compressed(b.Bytes):
		b.leaveOut(LeftCode)
		return
	case len(codings) > 0 && !r.decode(b, codings, to.limit):
		return
	}
	if !to.unreadable && (!isText(b.Bytes) || isWebText(mediaType) || isBinary(mediaType)) {
		b.leaveOut(LeftBytes)
		return
	}
	told := r.masked(mediaType, b.Bytes, b.Cut != "" || b.Unended)
	b.Masked = b.Masked || !bytes.HasPrefix(b.Bytes, told)
	if b.Unended && b.Cut == "" {
		b.Cut = CutTail
	}
	b.Bytes = told
	if len(b.Bytes) > to.limit { // by what is captured beyond it, or by placeholders
		b.Bytes, b.Cut = cutBytes(b.Bytes, to.limit), CutLimit
	}
	if len(b.Bytes) > *to.left {
		b.Bytes, b.Cut = cutBytes(b.Bytes, max(*to.left, 0)), CutRecord
	}
	*to.left -= len(b.Bytes)
}

func (b *Body) leaveOut(why Cut) { b.Bytes, b.Cut, b.LeftOut = nil, "", why }

// masked returns a body without secrets, and of one that is cut also without its last bytes, which may be half a secret.
// The last pair of a form may be nearly all of it, as attacks are: it is masked as text, and not lost.
func (r *Recorder) masked(mediaType string, b []byte, cut bool) []byte {
	if at := bytes.LastIndexByte(b, '&') + 1; cut && isForm(mediaType) {
		told := bytes.Clone(r.o.Masker.Body(mediaType, b[:at], false))
		return append(told, r.o.Masker.Body("text/plain", b[at:], true)...)
	}
	return r.o.Masker.Body(mediaType, b, cut)
}

func isForm(mediaType string) bool {
	kind, _, _ := strings.Cut(mediaType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
}

// decode undoes the codings of a body, of which there may be the beginning alone.
func (r *Recorder) decode(b *Body, codings []coding.Coding, limit int) bool {
	decoded, whole, err := r.decoder.DecodePrefix(nil, b.Bytes, codings, coding.Limits{
		Bytes: limit + Lookahead, Ratio: decodedRatio, Layers: coding.DefaultLayers,
	})
	if err != nil || len(decoded) == 0 && !whole {
		b.leaveOut(LeftCode)
		return false
	}
	names := make([]string, len(codings))
	for i, c := range codings {
		names[i] = c.String()
	}
	b.Bytes, b.Decoded = decoded, strings.Join(names, ", ")
	if !whole && b.Cut == "" && !b.Unended {
		b.Cut = CutLimit
	}
	return true
}

// cutBytes cuts on the boundary of a rune, if there are runes.
func cutBytes(b []byte, limit int) []byte {
	for i := limit; i > max(limit-utf8.UTFMax, 0); i-- {
		if utf8.RuneStart(b[i]) {
			return b[:i]
		}
	}
	return b[:limit]
}

// isText reports whether bytes are mostly text, in UTF-8 or a charset of one byte for each letter that leaves ASCII as
// it is: only of such can secrets be found. Attacks are text with some bytes that are none.
func isText(b []byte) bool {
	odd := 0
	for i := 0; i < len(b); {
		c := b[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
				odd++
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			odd++
		}
		i += n
	}
	return 8*odd <= len(b)
}

func join(fields []Field, name string) string {
	all := ""
	for i := range fields {
		if strings.EqualFold(fields[i].Name, name) {
			if all != "" {
				all += ","
			}
			all += fields[i].Value
		}
	}
	return all
}

// isGRPC reports whether a body is made of messages of gRPC.
func isGRPC(mediaType string) bool {
	return len(mediaType) >= len(grpcType) && strings.EqualFold(mediaType[:len(grpcType)], grpcType)
}

const grpcType = "application/grpc"

// isWebText reports whether a body is made of messages in Base64, which hides what is in them.
func isWebText(mediaType string) bool {
	return isGRPC(mediaType) && strings.HasPrefix(strings.ToLower(mediaType[len(grpcType):]), "-web-text")
}

// isBinary reports whether a body has names and values between bytes that are no text: with long values it looks like
// text, but which value a name is of cannot be told.
func isBinary(mediaType string) bool {
	kind, _, _ := strings.Cut(strings.ToLower(mediaType), ";")
	for _, word := range []string{"msgpack", "cbor", "bson"} {
		if strings.Contains(kind, word) {
			return true
		}
	}
	return false
}

// compressed reports whether one of the messages that begin in a body is compressed: its first byte is odd.
func compressed(b []byte) bool {
	for len(b) >= 5 {
		if b[0]&1 != 0 {
			return true
		}
		n := int64(b[1])<<24 | int64(b[2])<<16 | int64(b[3])<<8 | int64(b[4])
		if n+5 > int64(len(b)) {
			break
		}
		b = b[n+5:]
	}
	return false
}
