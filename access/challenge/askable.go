package challenge

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/wafer-waf/wafer/message"
)

// Askable reports whether what comes back to a request is shown to somebody by a browser: then it can be a page
// that asks. Calls of scripts and of programs, feeds, pictures, web sockets, gRPC and whatever sends a body can not.
func Askable(method string, fields message.Fields) bool {
	if method != http.MethodGet {
		return false
	}
	html, framed, foreign := false, false, false
	for i := range fields {
		switch f := &fields[i]; {
		case f.Is("Accept"):
			page, feed := accepts(f.Value)
			if html = html || page; feed {
				return false
			}
		case f.Is("Sec-Fetch-Mode"):
			if f.Value != "navigate" {
				return false
			}
		case f.Is("Sec-Fetch-Dest"):
			framed = f.Value != "document"
		case f.Is("Sec-Fetch-Site"):
			foreign = f.Value == "cross-site"
		case f.Is("Upgrade"), f.Is("Content-Type"), f.Is("X-Requested-With"):
			return false
		}
	}
	return html && !(framed && foreign) // browsers keep no cookie of what another site shows in a frame
}

// accepts reports whether an Accept field names pages, and whether it names what only readers of feeds want. A
// wildcard is what programs send.
func accepts(list string) (page, feed bool) {
	for list != "" {
		var part string
		part, list, _ = strings.Cut(list, ",")
		part, _, _ = strings.Cut(part, ";")
		part = strings.Trim(part, " \t")
		switch {
		case strings.EqualFold(part, "text/html"), strings.EqualFold(part, "application/xhtml+xml"):
			page = true
		case strings.EqualFold(part, "application/rss+xml"), strings.EqualFold(part, "application/atom+xml"),
			strings.EqualFold(part, "application/rdf+xml"), strings.EqualFold(part, "application/feed+json"):
			feed = true
		}
	}
	return page, feed
}

// Exempt reports whether a path, in its canonical form, is for programs alone whatever the application is: what certificates, robots and
// password managers look for. Who asks there, gets it.
func Exempt(path []byte) bool {
	return string(path) == "/robots.txt" || bytes.HasPrefix(path, []byte("/.well-known/"))
}
