package waf

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// benchPolicy blocks at paranoia level 1 and inspects request bodies, as the default does.
func benchPolicy(id string) Policy {
	return Policy{
		ID: id, BlockingParanoia: 1, DetectionParanoia: 1, InboundThreshold: 5, OutboundThreshold: 4, ReportingLevel: 4,
		Settings: []Setting{
			{"allowed_methods", "GET HEAD POST OPTIONS"},
			{"allowed_request_content_type", "|application/x-www-form-urlencoded| |multipart/form-data| |application/json|"},
		},
		RequestBody: true, RequestBodyBytes: 1 << 20, ResponseBodyBytes: 512 << 10,
	}
}

func mustBench(b *testing.B, p Policy) *Engine {
	b.Helper()
	e, err := NewEngine(p)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := e.Close(); err != nil {
			b.Error(err)
		}
	})
	return e
}

// benchWord varies from one request to the next, so that nothing is decided by a memory
// of the last one.
func benchWord(i int) string {
	list := strings.Fields("leather canvas boots garden morning parcel neighbor ribbon winter durable bright paper")
	return list[i%len(list)] + list[(i/len(list)+3)%len(list)]
}

const benchVariants = 64

type benchCase struct {
	name   string
	blocks bool
	make   func(i int) (*Request, []byte)
}

func benchRequest(i int, method, target, mediaType string, body []byte) *Request {
	r := &Request{
		Method: method, Target: target, Protocol: "HTTP/1.1", Host: "shop.example.com",
		ClientAddr: "192.0.2.7", ClientPort: 40000 + i, ServerAddr: "192.0.2.1", ServerPort: 8080,
		Headers: []Header{
			{Name: "Host", Value: "shop.example.com"},
			{Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36"},
			{Name: "Accept", Value: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
			{Name: "Accept-Language", Value: "en-US,en;q=0.9"},
			{Name: "Accept-Encoding", Value: "gzip, deflate, br"},
			{Name: "Referer", Value: "http://shop.example.com/women/" + benchWord(i)},
			{Name: "Cookie", Value: fmt.Sprintf("session_id=%032x; theme=light; visitor=GA1.2.%d.1718000000", i*7919, 100000000+i)},
		},
	}
	if body != nil {
		r.Headers = append(r.Headers, Header{Name: "Content-Type", Value: mediaType}, Header{Name: "Content-Length", Value: fmt.Sprint(len(body))})
	}
	return r
}

var benchCases = []benchCase{
	{"get", false, func(i int) (*Request, []byte) {
		return benchRequest(i, "GET", fmt.Sprintf("/women/%s?color=%s&page=%d&sort=price_asc", benchWord(i), benchWord(i+5), i), "", nil), nil
	}},
	{"form", false, func(i int) (*Request, []byte) {
		var b strings.Builder
		fmt.Fprintf(&b, "name=Anna+Keller&email=anna%d%%40mail.example.com&city=Heidelberg&postcode=%d&delivery=standard", i, 10000+i)
		for f := range 7 {
			fmt.Fprintf(&b, "&field_%d=", f)
			for w := range 8 {
				b.WriteString(benchWord(i+f*8+w) + "+")
			}
		}
		body := []byte(b.String())
		return benchRequest(i, "POST", "/checkout", "application/x-www-form-urlencoded", body), body
	}},
	{"json", false, func(i int) (*Request, []byte) {
		var b strings.Builder
		b.WriteString(`{"order":{"id":` + fmt.Sprint(48000+i) + `,"items":[`)
		for n := range 12 {
			if n > 0 {
				b.WriteByte(',')
			}
			w := benchWord(i + n)
			fmt.Fprintf(&b, `{"sku":"SH-%05d","name":"%s shoe","quantity":%d,"price":{"amount":%d,"currency":"EUR"},"gift":%t,"tags":["%s"]}`,
				i*31+n, w, 1+n%3, 990+i, n%2 == 0, benchWord(i+n+2))
		}
		b.WriteString(`]},"notes":"please leave the parcel with our neighbor"}`)
		body := []byte(b.String())
		return benchRequest(i, "POST", "/api/orders", "application/json", body), body
	}},
	{"attack", true, func(i int) (*Request, []byte) {
		return benchRequest(i, "GET", fmt.Sprintf("/search?page=%d&q=%d%%27%%20UNION%%20SELECT%%20username,%s%%20FROM%%20users--%%20-", i, i, benchWord(i)), "", nil), nil
	}},
}

// BenchmarkTransaction is one request through all phases of a policy at paranoia level 1.
func BenchmarkTransaction(b *testing.B) {
	e := mustBench(b, benchPolicy("bench"))
	for _, c := range benchCases {
		b.Run(c.name, func(b *testing.B) {
			var requests [benchVariants]*Request
			var bodies [benchVariants][]byte
			for i := range benchVariants {
				requests[i], bodies[i] = c.make(i)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				blocked, err := benchTransaction(e, requests[i], bodies[i])
				if err != nil {
					b.Fatal(err)
				}
				if blocked != c.blocks {
					b.Fatalf("request %d: blocked is %t", i, blocked)
				}
				i = (i + 1) % benchVariants
			}
		})
	}
}

func benchTransaction(e *Engine, r *Request, body []byte) (blocked bool, err error) {
	t := e.Begin(context.Background(), "0193a7b2-bench")
	v, err := t.RequestHead(r)
	if err == nil && !v.Blocks() {
		v, err = t.RequestBody(body, true)
	}
	if err == nil && !v.Blocks() {
		v, err = t.ResponseHead(&Response{Status: 200, Protocol: "HTTP/1.1", Headers: []Header{{Name: "Content-Type", Value: "text/html"}, {Name: "Content-Length", Value: "1024"}}})
	}
	if err == nil && !v.Blocks() {
		v, err = t.ResponseBody(nil)
	}
	if _, ferr := t.Finish(); err == nil {
		err = ferr
	}
	return v.Blocks(), err
}

// BenchmarkNewEngine compiles a policy: alone, and next to one that has the same rules and
// another setting, as most policies of an installation are.
func BenchmarkNewEngine(b *testing.B) {
	compile := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e, err := NewEngine(benchPolicy("bench"))
			if err != nil {
				b.Fatal(err)
			}
			if err := e.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("alone", compile)
	b.Run("second", func(b *testing.B) {
		other := benchPolicy("other")
		other.InboundThreshold = 10
		mustBench(b, other)
		compile(b)
	})
}
