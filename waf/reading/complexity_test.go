package reading

import (
	"testing"

	"github.com/wafer-waf/wafer/test/complexity"
)

// TestComplexity is about the readers of heads and of bodies, by media type, and as files of multipart bodies.
func TestComplexity(t *testing.T) {
	inputs := complexity.Inputs(complexity.Special)
	for _, u := range []string{"<a>", "<a b='c'>", "</a>", "&lt;", "<!---->", "<![CDATA[]]>", "a=b;", "a=\"b\";", "{\"a\":", "[1,", "\"a\",", "--X\r\n", "--X--\r\n", "\r\n", "a: b\r\n", "%u0041", "&a[]=", "\x0a\x01", "\x82\xa1", "data:,", `"\x27`, `'a''`, `{a("\u{27}")}`, "/*"} {
		inputs = append(inputs, complexity.Input{Unit: u}, complexity.Input{Prefix: "<a ", Unit: u}, complexity.Input{Prefix: "{\"a\":\"", Unit: u}, complexity.Input{Prefix: "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n", Unit: u})
	}
	for name, mediaType := range map[string]string{
		"form": "application/x-www-form-urlencoded", "json": "application/json", "xml": "text/xml",
		"multipart": "multipart/form-data; boundary=X", "text": "text/plain", "binary": "application/octet-stream",
		"protobuf": "application/x-protobuf", "msgpack": "application/msgpack", "cbor": "application/cbor", "grpc": "application/grpc-web-text", "ndjson": "application/x-ndjson", "none": "",
	} {
		t.Run("body "+name, func(t *testing.T) {
			r := Request{Method: "POST", Target: "/", Protocol: "HTTP/1.1", Headers: []Header{{Name: "Content-Type", Value: mediaType}}}
			var v Values
			complexity.Check(t, inputs, 64<<10, func(text string) {
				v.Reset()
				v.Options = Options{XMLDoctype: true, Files: FilesAll}
				v.Head(&r)
				v.Body(v.Text(ReqbodyProcessor), mediaType, []byte(text), true)
			})
		})
	}
	for name, r := range map[string]func(text string) Request{
		"target": func(text string) Request { return Request{Target: "/" + text} },
		"query":  func(text string) Request { return Request{Target: "/?" + text} },
		"cookie": func(text string) Request {
			return Request{Target: "/", Headers: []Header{{Name: "Cookie", Value: text}}}
		},
		"field": func(text string) Request {
			return Request{Target: "/", Headers: []Header{{Name: "X-Field", Value: text}, {Name: "Content-Type", Value: text}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var v Values
			complexity.Check(t, inputs, 64<<10, func(text string) {
				request := r(text)
				request.Method, request.Protocol = "GET", "HTTP/1.1"
				v.Reset()
				v.Head(&request)
			})
		})
	}
}
