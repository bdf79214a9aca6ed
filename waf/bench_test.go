package waf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/corpus"
)

// benchPolicy blocks at paranoia level 1 and inspects request bodies, as the default does.
func benchPolicy(id string) Policy {
	return Policy{
		ID: id, BlockingParanoia: 1, DetectionParanoia: 1, InboundThreshold: 5, OutboundThreshold: 4, ReportingLevel: 4,
		CRS: CRS{
			AllowedMethods:      []string{"GET", "HEAD", "POST", "OPTIONS"},
			AllowedContentTypes: []string{"application/x-www-form-urlencoded", "multipart/form-data", "application/json"},
		},
		RequestBody: true, ResponseBodyBytes: 512 << 10,
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

// benchVariants are the requests of a kind, all different: more than the screen can remember
// the values of.
const benchVariants = 2048

// benchCases are kinds of the corpus by what they are called in figures.
var benchCases = []struct{ name, kind string }{
	{"get", "get"},       // a browser's, with arguments and cookies
	{"form", "checkout"}, // 1 KB, 12 fields
	{"json", "order"},    // 2 KB, 90 values
	{"json12k", "bulk"},  // 13 KB, 300 values
	{"attack", "attack"}, // blocked at paranoia level 1
	{"mix", "mix"},       // of twenty: 16 GETs, two forms, one JSON body, one attack
}

// benchRequests are the requests of a kind of the corpus, attacks that are blocked, or both.
func benchRequests(b *testing.B, kind string) []*message {
	b.Helper()
	switch kind {
	case "mix":
		gets, forms, bodies, attacks := benchRequests(b, "get"), benchRequests(b, "checkout"), benchRequests(b, "order"), benchRequests(b, "attack")
		var list []*message
		for i := range benchVariants / 20 {
			for j := range 16 {
				list = append(list, gets[16*i+j])
			}
			list = append(list, forms[2*i], forms[2*i+1], bodies[i], attacks[i%len(attacks)])
		}
		return list
	case "attack":
		var list []*message
		for i := range 64 {
			target := fmt.Sprintf("/search?page=%d&q=%d%%27%%20UNION%%20SELECT%%20username,mail%d%%20FROM%%20users--%%20-", i, i, i)
			list = append(list, fromCorpus(&corpus.Request{Method: "GET", Target: target, Header: []corpus.Field{{Name: "Host", Value: corpus.Host}, {Name: "User-Agent", Value: "Mozilla/5.0"}, {Name: "Accept", Value: "*/*"}}}))
		}
		return list
	}
	requests, err := corpus.Ordinary(kind, benchVariants)
	if err != nil {
		b.Fatal(err)
	}
	var list []*message
	for i := range requests {
		list = append(list, fromCorpus(&requests[i]))
	}
	return list
}

// BenchmarkTransaction is one request through all phases of a policy at paranoia level 1, with
// the screen and without it. Coraza's own experimental pre-filter is measured in test/stock: with Wafer's operators
// it makes no difference.
func BenchmarkTransaction(b *testing.B) {
	for _, variant := range []struct {
		name   string
		change func(*Policy)
	}{
		{"screen", func(*Policy) {}},
		{"stock", func(p *Policy) { p.ScreenOff = true }},
	} {
		for paranoia := 1; paranoia <= 2; paranoia++ {
			p := benchPolicy("bench")
			p.BlockingParanoia, p.DetectionParanoia = paranoia, paranoia
			variant.change(&p)
			e := mustBench(b, p)
			for _, c := range benchCases {
				if paranoia == 2 && (c.kind == "attack" || c.kind == "mix") {
					continue
				}
				b.Run(fmt.Sprintf("%s/pl%d/%s", c.name, paranoia, variant.name), func(b *testing.B) {
					list := benchRequests(b, c.kind)
					if paranoia > 1 {
						list = unblocked(b, e, list)
					}
					benchTransactions(b, e, list, c.kind == "attack")
				})
			}
		}
	}
}

// unblocked are those of the first requests that a policy lets pass. What its rules take for an attack,
// as they do with much that is ordinary above paranoia level 1, is no measure for clean requests.
func unblocked(b *testing.B, e *Engine, list []*message) []*message {
	b.Helper()
	const look, enough = 64, 8
	var passed []*message
	for _, m := range list[:min(look, len(list))] {
		blocked, _, err := benchTransaction(e, m.request, m.body)
		if err != nil {
			b.Fatal(err)
		}
		if !blocked {
			passed = append(passed, m)
		}
	}
	if len(passed) < enough {
		b.Skipf("the rules let %d of %d pass", len(passed), look)
	}
	return passed
}

func benchTransactions(b *testing.B, e *Engine, list []*message, attack bool) {
	size := 0
	for _, m := range list {
		size += len(m.body)
	}
	b.SetBytes(int64(size / len(list)))
	b.ReportAllocs()
	began := time.Now() // what is learned once is learned: tables, states of matchers, names
	for _, m := range list {
		if time.Since(began) > 200*time.Millisecond {
			break
		}
		if _, _, err := benchTransaction(e, m.request, m.body); err != nil {
			b.Fatal(err)
		}
	}
	clean, blocks := 0, 0
	i := 0
	for b.Loop() {
		m := list[i%len(list)]
		blocked, wasClean, err := benchTransaction(e, m.request, m.body)
		if err != nil {
			b.Fatal(err)
		}
		if blocked {
			blocks++
		}
		if wasClean {
			clean++
		}
		i++
	}
	if attack && blocks != i {
		b.Fatalf("%d of %d attacks blocked", blocks, i)
	}
	b.ReportMetric(float64(clean)/float64(i), "clean")
	b.ReportMetric(float64(blocks)/float64(i), "blocked")
}

var benchResponse = Response{Status: 200, Protocol: "HTTP/1.1", Headers: []Header{{Name: "Content-Type", Value: "text/html"}, {Name: "Content-Length", Value: "1024"}}}

// benchTransaction does what a proxy does.
func benchTransaction(e *Engine, r *Request, body []byte) (blocked, clean bool, err error) {
	t := e.Begin(context.Background(), Terms{ID: "0193a7b2-bench"})
	v, err := through(t, &message{request: r, body: body, response: &benchResponse}, true)
	f, ferr := t.Finish()
	return v.Blocks(), f.Screened == ScreenClean, errors.Join(err, ferr)
}

// through takes a message through all phases, up to one that blocks.
func through(t *Transaction, m *message, whole bool) (v Verdict, err error) {
	for _, phase := range []func() (Verdict, error){
		func() (Verdict, error) { return t.RequestHead(m.request) },
		func() (Verdict, error) { return t.RequestBody(m.body, whole) },
		func() (Verdict, error) { return t.ResponseHead(m.response) },
		func() (Verdict, error) { return t.ResponseBody(m.answer) },
	} {
		if v, err = phase(); err != nil || v.Blocks() {
			break
		}
	}
	return v, err
}

// BenchmarkBytes is what bodies of ordinary text and JSON cost by their length, without the
// head of the request. No value comes twice, so none is remembered.
func BenchmarkBytes(b *testing.B) {
	p := benchPolicy("bench")
	e := mustBench(b, p)
	for _, size := range []int{1 << 10, 10 << 10, 100 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("json/%d", size), func(b *testing.B) {
			var notes []string
			for i, text := range harmless(b, e, size, max(200, size/400)) {
				notes = append(notes, fmt.Sprintf(`{"id":%d,"text":%q}`, i, text))
			}
			benchBody(b, e, "application/json", []byte("["+strings.Join(notes, ",")+"]"))
		})
		b.Run(fmt.Sprintf("form/%d", size), func(b *testing.B) {
			text := harmless(b, e, size, size)[0]
			benchBody(b, e, "application/x-www-form-urlencoded", []byte("text="+url.QueryEscape(text)))
		})
	}
}

// serial stands in every text where benchBody writes a number that it writes once only.
const serial = "number 000000000"

// harmless is prose of size bytes in texts of about the length each. Sentences, and texts, that the
// rules take for an attack are left out: CRS has false positives, and the longer a text is, the surer
// it has one.
func harmless(b *testing.B, e *Engine, size, length int) []string {
	b.Helper()
	const form = "application/x-www-form-urlencoded"
	clean := func(s string) bool {
		body := []byte("text=" + url.QueryEscape(s))
		blocked, clean, err := benchTransaction(e, benchPost(form, len(body)), body)
		return err == nil && !blocked && clean
	}
	known := map[string]bool{}
	var texts []string
	text, whole := serial, 0
	for whole < size {
		for s := range strings.SplitAfterSeq(corpus.Prose(2*size), ". ") {
			ok, seen := known[s]
			if !seen {
				ok = clean(s)
				known[s] = ok
			}
			if !ok {
				continue
			}
			if text += " " + strings.TrimSpace(s); len(text) < length && whole+len(text) < size {
				continue
			}
			if clean(text) {
				texts, whole = append(texts, text), whole+len(text)
			}
			if text = serial; whole >= size {
				break
			}
		}
	}
	return texts
}

func benchPost(mediaType string, length int) *Request {
	return &Request{Method: "POST", Target: "/articles", Protocol: "HTTP/1.1", Host: corpus.Host, ClientAddr: "192.0.2.7", ServerAddr: "192.0.2.1", Headers: []Header{
		{Name: "Host", Value: corpus.Host}, {Name: "User-Agent", Value: "Mozilla/5.0"}, {Name: "Accept", Value: "*/*"},
		{Name: "Content-Type", Value: mediaType}, {Name: "Content-Length", Value: fmt.Sprint(length)},
	}}
}

func benchBody(b *testing.B, e *Engine, mediaType string, body []byte) {
	r := benchPost(mediaType, len(body))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var numbers [][]byte // in the body
	for at := 0; ; {
		i := bytes.Index(body[at:], []byte("000000000"))
		if i < 0 {
			break
		}
		at += i + len("000000000")
		numbers = append(numbers, body[at-len("000000000"):at])
	}
	n := 0
	for b.Loop() {
		for _, number := range numbers {
			n++
			copy(number, fmt.Sprintf("%09d", n))
		}
		t := e.Begin(b.Context(), Terms{ID: "0193a7b2-bench", Gate: closed{}})
		if !passed(t.RequestHead(r)) || !passed(t.RequestBody(body, true)) {
			b.Fatalf("not clean: %+v", t.asked)
		}
		t.endScreen()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(body)), "ns/byte")
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
