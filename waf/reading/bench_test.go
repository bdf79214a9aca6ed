package reading

import (
	"fmt"
	"strings"
	"testing"
)

func BenchmarkHead(b *testing.B) {
	m := messages(b, "ordinary")["browser-get.http"]
	v := new(Values)
	v.Head(&m.Request)
	b.ReportAllocs()
	for b.Loop() {
		v.Head(&m.Request)
	}
}

// benchmarkBody measures a body alone: the head before it is as short as can be.
func benchmarkBody(b *testing.B, processor, mediaType string, body []byte) {
	r := &Request{Method: "POST", Target: "/", Protocol: "HTTP/1.1", Headers: []Header{{Name: "Content-Type", Value: mediaType}}}
	v := new(Values)
	run := func() {
		v.Head(r)
		v.Body(processor, mediaType, body, true)
		if why := refused(v); why != "" {
			b.Fatal(why)
		}
	}
	run()
	run() // the second time the memory has its final size
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(body)), "ns/byte")
}

func BenchmarkNothing(b *testing.B) {
	benchmarkBody(b, "", "text/plain", []byte("x"))
}

func BenchmarkURLEncoded(b *testing.B) {
	m := messages(b, "ordinary")["form.http"]
	b.Run("form", func(b *testing.B) { benchmarkBody(b, "URLENCODED", m.header("Content-Type"), m.body) })
	b.Run("12 fields", func(b *testing.B) {
		var s strings.Builder
		for i := range 12 {
			fmt.Fprintf(&s, "&fieldName%d=some+words+of+text%%2C+and+a+comma+or+two+in+%d+bytes+or+so", i, i)
		}
		benchmarkBody(b, "URLENCODED", m.header("Content-Type"), []byte(s.String()[1:]))
	})
}

func BenchmarkJSON(b *testing.B) {
	m := messages(b, "ordinary")["json-object.http"]
	b.Run("order", func(b *testing.B) { benchmarkBody(b, "JSON", "application/json", m.body) })
	for _, n := range []int{9, 66} {
		var s strings.Builder
		s.WriteString(`{"items":[`)
		for i := range n {
			fmt.Fprintf(&s, `{"id":%d,"name":"a name of item %d","price":%d.50,"tags":["red","blue"],"active":true,"note":"a sentence that says \"something\"\nabout the item","owner":{"id":%d,"email":"owner%d@example.com"}},`, i, i, i, i, i)
		}
		body := []byte(strings.TrimSuffix(s.String(), ",") + "]}")
		b.Run(fmt.Sprintf("%d values", 10*n), func(b *testing.B) { benchmarkBody(b, "JSON", "application/json", body) })
	}
}

func BenchmarkMultipart(b *testing.B) {
	m := messages(b, "ordinary")["multipart-upload.http"]
	benchmarkBody(b, "MULTIPART", m.header("Content-Type"), m.body)
}

func BenchmarkXML(b *testing.B) {
	m := messages(b, "ordinary")["soap.http"]
	benchmarkBody(b, "XML", m.header("Content-Type"), m.body)
}
