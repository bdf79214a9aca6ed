package proxy

import (
	"html"
	"net/http"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/grpc"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
)

// pages are the two bodies of a response of the tier's own: a fixed text and the request id, never an
// error's text or a rule's name. Browsers get HTML, everybody else problem+json (RFC 9457).
// {{request_id}}, {{status}} and {{title}} are replaced.
type pages struct{ html, json string }

var defaultPages = pages{
	html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>{{title}}</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em}code{user-select:all}</style></head>
<body><h1>{{title}}</h1><p>If this persists, quote this request id: <code>{{request_id}}</code></p></body></html>
`,
	json: `{"type":"about:blank","title":"{{title}}","status":{{status}},"request_id":"{{request_id}}"}` + "\n",
}

// write makes r one of the two pages. Nothing of what r was before is left.
func (p *pages) write(r *message.Response, status int, id, accept string) {
	r.Status, r.Reason = status, ""
	r.Fields = append(r.Fields[:0], message.Field{Name: requestIDField, Value: id}, message.Field{Name: "Cache-Control", Value: "no-store"})
	body := p.json
	if wantsHTML(accept) {
		r.Fields = append(r.Fields, message.Field{Name: "Content-Type", Value: "text/html; charset=utf-8"},
			message.Field{Name: "Content-Security-Policy", Value: "default-src 'none'; style-src 'unsafe-inline'"},
			message.Field{Name: "X-Content-Type-Options", Value: "nosniff"})
		body = p.html
	} else {
		r.Fields = append(r.Fields, message.Field{Name: "Content-Type", Value: "application/problem+json"})
	}
	r.Body = message.Body{Bytes: filled(body, status, id)}
}

// filled is a page with its words replaced. It uses no Replacer, which would be made anew for
// each response: in a flood of attacks they are what is left to do.
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
	var more message.Fields
	if status == http.StatusServiceUnavailable {
		more = comeAgain
	}
	x.page(status, &defaultPages, more...)
}

// comeAgain is what who is refused for want of room is told.
var comeAgain = message.Fields{{Name: "Retry-After", Value: "1"}}

// page replaces whatever the upstream has answered.
func (x *exchange) page(status int, p *pages, more ...message.Field) {
	x.closeUpstream()
	x.passedOn = false
	if x.form() != grpc.None {
		x.endCall(status)
	} else {
		p.write(&x.response, status, x.id, x.view.Fields.Get("Accept"))
		x.response.Fields = append(x.response.Fields, more...)
		x.respond(x.response.Body)
	}
}

func (x *exchange) answerRedirect(status int, location string) {
	x.page(status, &defaultPages, message.Field{Name: "Location", Value: location})
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
	if x.streams {
		return // the response is on its way
	}
	x.outcome.Failure, x.outcome.Verdict, x.passedOn = panicked, inspect.ErrorDeny, false
	if x.form() != grpc.None {
		x.endCall(http.StatusInternalServerError)
	} else {
		defaultPages.write(&x.response, http.StatusInternalServerError, x.id, "")
		x.respond(x.response.Body)
	}
	x.client.Close()
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
	s := http.StatusText(status)
	if s == "" {
		return "Request refused"
	}
	return s
}
