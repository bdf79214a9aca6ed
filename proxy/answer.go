package proxy

import (
	"html"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/inspect"
)

// answer replaces the response by one of the tier's own: a fixed text and the request
// id, never an error's text or a rule's name. Browsers get HTML, everybody else
// problem+json (RFC 9457).
func answer(ctx *fasthttp.RequestCtx, status int, id, accept string) {
	write(ctx, status, id, accept, defaultPages)
}

// pages are the two bodies of an answer. {{request_id}} and {{status}} are replaced.
type pages struct{ html, json string }

var defaultPages = pages{
	html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>{{title}}</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em}code{user-select:all}</style></head>
<body><h1>{{title}}</h1><p>If this persists, quote this request id: <code>{{request_id}}</code></p></body></html>
`,
	json: `{"type":"about:blank","title":"{{title}}","status":{{status}},"request_id":"{{request_id}}"}` + "\n",
}

// write sends one of the two pages.
func write(ctx *fasthttp.RequestCtx, status int, id, accept string, p pages) {
	h := &ctx.Response.Header
	ctx.Response.ResetBody()
	h.Reset() // nothing of an upstream's head may leak
	h.DisableNormalizing()
	h.SetNoDefaultContentType(true)
	h.SetStatusCode(status)
	h.Set(requestIDField, id)
	h.Set("Cache-Control", "no-store")
	body := p.json
	if wantsHTML(accept) {
		h.SetContentType("text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		h.Set("X-Content-Type-Options", "nosniff")
		body = p.html
	} else {
		h.SetContentType("application/problem+json")
	}
	ctx.Response.SetBodyRaw(filled(body, status, id))
}

// filled is a page with its words replaced. It uses no Replacer, which would be made anew for each answer:
// in a flood of attacks it is answers that are left to do.
func filled(page string, status int, id string) []byte {
	out := make([]byte, 0, len(page)+len(id)+len("Request refused"))
	for {
		text, rest, found := strings.Cut(page, "{{")
		if out = append(out, text...); !found {
			return out
		}
		word, behind, closed := strings.Cut(rest, "}}")
		switch {
		case closed && word == "request_id": // ids from trusted proxies are checked for characters, but "checked" is not "escaped"
			out = append(out, html.EscapeString(id)...)
		case closed && word == "status":
			out = strconv.AppendInt(out, int64(status), 10)
		case closed && word == "title":
			out = append(out, title(status)...)
		default:
			out = append(out, "{{"...)
			behind = rest
		}
		page = behind
	}
}

// answer sends one of the tier's own pages.
func (x *exchange) answer(status int) {
	x.page(status, defaultPages)
	if status == fasthttp.StatusServiceUnavailable {
		x.ctx.Response.Header.Set("Retry-After", "1")
	}
}

// page replaces whatever the upstream has answered.
func (x *exchange) page(status int, p pages) {
	x.closeUpstream()
	write(x.ctx, status, x.id, x.view.Fields.Get("Accept"), p)
	x.unread()
}

// unread closes the connection after the answer if the request's body was not read whole:
// what is left of it must not be taken for a request. It has to follow the answer's head,
// which resets what was said before it.
func (x *exchange) unread() {
	if !x.bodyDone && x.ctx.RequestBodyStream() != nil {
		x.ctx.SetConnectionClose()
	}
}

func (x *exchange) answerRedirect(status int, location string) {
	x.page(status, defaultPages)
	x.ctx.Response.Header.Set("Location", location)
}

func (x *exchange) closeUpstream() {
	if x.up.Body != nil {
		_ = x.up.Body.Close()
		x.up.Body = nil
	}
}

// panicked costs this request and nothing else.
func (x *exchange) panicked(r any) {
	x.proxy.reportPanic(r, x.id)
	x.outcome.Failure, x.outcome.Verdict = panicked, inspect.ErrorDeny
	x.closeUpstream()
	answer(x.ctx, fasthttp.StatusInternalServerError, x.id, "")
	x.ctx.SetConnectionClose()
}

// wantsHTML reports whether Accept names text/html before any JSON type. A wildcard is
// what programs send.
func wantsHTML(accept string) bool {
	for accept != "" {
		var part string
		part, accept, _ = strings.Cut(accept, ",")
		part, _, _ = strings.Cut(part, ";")
		switch part = strings.ToLower(strings.Trim(part, " \t")); {
		case part == "text/html" || part == "application/xhtml+xml":
			return true
		case strings.HasSuffix(part, "json"):
			return false
		}
	}
	return false
}

func title(status int) string {
	switch status {
	case 429:
		return "Too many requests"
	case 421:
		return "Misdirected request"
	}
	s := fasthttp.StatusMessage(status)
	if s == "" || s == "Unknown Status Code" {
		return "Request refused"
	}
	return s
}
