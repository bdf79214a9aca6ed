package challenge

import (
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/message"
)

const browser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

func TestAskable(t *testing.T) {
	tests := []struct {
		name   string
		method string
		fields []string
		want   bool
	}{
		{name: "a browser", fields: []string{browser}, want: true},
		{name: "a browser by https", fields: []string{browser, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, want: true},
		{name: "a link on another site", fields: []string{browser, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: cross-site"}, want: true},
		{name: "a frame", fields: []string{browser, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe", "Sec-Fetch-Site: same-origin"}, want: true},
		{name: "a frame on another site", fields: []string{browser, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe", "Sec-Fetch-Site: cross-site"}},
		{name: "a text browser", fields: []string{"Accept: text/html, text/plain, */*;q=0.01"}, want: true},
		{name: "XHTML, in two fields", fields: []string{"Accept: text/plain", "accept: Application/XHTML+XML;q=1"}, want: true},
		{name: "a form", method: "POST", fields: []string{browser, "Content-Type: application/x-www-form-urlencoded"}},
		{name: "HEAD", method: "HEAD", fields: []string{browser}},
		{name: "no Accept"},
		{name: "curl", fields: []string{"Accept: */*"}},
		{name: "JSON", fields: []string{"Accept: application/json"}},
		{name: "a body of JSON", fields: []string{browser, "Content-Type: application/json"}},
		{name: "gRPC", method: "POST", fields: []string{"Content-Type: application/grpc"}},
		{name: "a web socket", fields: []string{browser, "Connection: Upgrade", "Upgrade: websocket"}},
		{name: "a web socket of a browser", fields: []string{browser, "Sec-Fetch-Mode: websocket"}},
		{name: "fetch", fields: []string{browser, "Sec-Fetch-Mode: cors"}},
		{name: "a picture", fields: []string{"Accept: image/avif,image/webp,*/*;q=0.8", "Sec-Fetch-Mode: no-cors"}},
		{name: "XMLHttpRequest", fields: []string{browser, "X-Requested-With: XMLHttpRequest"}},
		{name: "a reader of feeds", fields: []string{"Accept: application/rss+xml, application/atom+xml, text/html;q=0.5, */*;q=0.1"}},
		{name: "a reader of JSON feeds", fields: []string{"Accept: text/html, application/feed+json"}},
	}
	for _, test := range tests {
		method, fields := test.method, message.Fields{}
		if method == "" {
			method = "GET"
		}
		for _, f := range test.fields {
			name, value, _ := strings.Cut(f, ": ")
			fields = append(fields, message.Field{Name: name, Value: value})
		}
		if got := Askable(method, fields); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestExempt(t *testing.T) {
	for path, want := range map[string]bool{
		"/robots.txt": true, "/.well-known/acme-challenge/abc": true, "/.well-known/security.txt": true,
		"/": false, "/robots.txt/x": false, "/a/.well-known/x": false, "/.well-known": false,
	} {
		if got := Exempt([]byte(path)); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
