package waf

import (
	"context"
	"errors"
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
	{"json12k", false, func(i int) (*Request, []byte) {
		var b strings.Builder
		b.WriteString(`{"page":1,"results":[`)
		for n := range 38 {
			if n > 0 {
				b.WriteByte(',')
			}
			w := benchWord(i*3 + n)
			fmt.Fprintf(&b, `{"id":%d,"title":"%s and %s for the whole family","description":"A %s that lasts, made of %s; washable at 30 degrees.","price":%d.90,"stock":%t,"updated":"2026-11-%02dT08:%02d:00Z","image":"https://cdn.example.com/images/%s-%d.jpg"}`,
				i*100+n, w, benchWord(i+n+7), benchWord(n+i*5), benchWord(n+2), 10+n, n%3 > 0, 1+n%28, n%60, w, n)
		}
		b.WriteString(`]}`)
		body := []byte(b.String())
		return benchRequest(i, "POST", "/api/import", "application/json", body), body
	}},
	{"attack", true, func(i int) (*Request, []byte) {
		return benchRequest(i, "GET", fmt.Sprintf("/search?page=%d&q=%d%%27%%20UNION%%20SELECT%%20username,%s%%20FROM%%20users--%%20-", i, i, benchWord(i)), "", nil), nil
	}},
}

// BenchmarkTransaction is one request through all phases of a policy at paranoia level 1, with
// the screen, without it, and without it and with Coraza's own experimental pre-filter.
func BenchmarkTransaction(b *testing.B) {
	for _, variant := range []struct {
		name   string
		change func(*Policy)
	}{
		{"screen", func(*Policy) {}},
		{"stock", func(p *Policy) { p.ScreenOff = true }},
		{"stock-prefilter", func(p *Policy) {
			p.ScreenOff = true
			p.RulesBefore = []RuleText{{"bench", "SecRxPreFilter On"}}
		}},
	} {
		for paranoia := 1; paranoia <= 2; paranoia++ {
			p := benchPolicy("bench")
			p.BlockingParanoia, p.DetectionParanoia = paranoia, paranoia
			variant.change(&p)
			e := mustBench(b, p)
			for _, c := range benchCases {
				if paranoia == 2 && c.name == "attack" {
					continue
				}
				b.Run(fmt.Sprintf("%s/pl%d/%s", c.name, paranoia, variant.name), func(b *testing.B) { benchTransactions(b, e, c) })
			}
		}
	}
}

func benchTransactions(b *testing.B, e *Engine, c benchCase) {
	var requests [benchVariants]*Request
	var bodies [benchVariants][]byte
	size := 0
	for i := range benchVariants {
		requests[i], bodies[i] = c.make(i)
		size += len(bodies[i])
	}
	b.SetBytes(int64(size / benchVariants))
	b.ReportAllocs()
	clean := 0
	i := 0
	for b.Loop() {
		blocked, wasClean, err := benchTransaction(e, requests[i], bodies[i])
		if err != nil {
			b.Fatal(err)
		}
		if blocked != c.blocks {
			b.Fatalf("request %d: blocked is %t", i, blocked)
		}
		if wasClean {
			clean++
		}
		i = (i + 1) % benchVariants
	}
	b.ReportMetric(float64(clean)/float64(b.N), "clean")
}

// benchTransaction does what a proxy does.
func benchTransaction(e *Engine, r *Request, body []byte) (blocked, clean bool, err error) {
	t := e.Begin(context.Background(), "0193a7b2-bench")
	response := Response{Status: 200, Protocol: "HTTP/1.1", Headers: []Header{{Name: "Content-Type", Value: "text/html"}, {Name: "Content-Length", Value: "1024"}}}
	var v Verdict
	for _, phase := range []struct {
		clean func() bool
		rules func() (Verdict, error)
	}{
		{func() bool { return t.HeadIsClean(r) }, func() (Verdict, error) { return t.RequestHead(r) }},
		{func() bool { return t.BodyIsClean(body, true) }, func() (Verdict, error) { return t.RequestBody(body, true) }},
		{func() bool { return t.ResponseHeadIsClean(&response) }, func() (Verdict, error) { return t.ResponseHead(&response) }},
		{func() bool { return t.ResponseBodyIsClean(nil) }, func() (Verdict, error) { return t.ResponseBody(nil) }},
	} {
		if phase.clean() {
			continue
		}
		if v, err = phase.rules(); err != nil || v.Blocks() {
			break
		}
	}
	_, ferr := t.Finish()
	return v.Blocks(), t.Clean(), errors.Join(err, ferr)
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
