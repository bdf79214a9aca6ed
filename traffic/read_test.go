package traffic

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/record"
)

// told reads a file, and tells each request by its line, its first line and its body, and each problem.
func told(t testing.TB, name, text string, o Options) (all []string, requests []*Request) {
	t.Helper()
	for r, err := range Read(name, strings.NewReader(text), o) {
		if err != nil {
			var p *Problem
			if !errors.As(err, &p) || p.File != name || p.What == "" {
				t.Fatalf("%#v is no problem of %s", err, name)
			}
			all = append(all, p.Error())
			continue
		}
		line, _, _ := strings.Cut(string(r.Raw), "\r\n")
		_, body, _ := strings.Cut(string(r.Raw), "\r\n\r\n")
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Where(), line, body)))
		requests = append(requests, r)
	}
	return all, requests
}

func file(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestHAR(t *testing.T) {
	all, requests := told(t, "devtools.har", file(t, "devtools.har"), Options{})
	same(t, all,
		"devtools.har:14 GET /search?q=mug%20and%20kettle HTTP/1.1",
		`devtools.har:58 POST /api/orders HTTP/1.1 {"product":"mug","note":"grüße","quantity":2}`,
		"devtools.har:79 POST /upload HTTP/1.1 ------WebKitFormBoundaryA\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\r\n------WebKitFormBoundaryA--",
		"devtools.har:96 POST /login HTTP/1.1 user=o%27neill&note=a%20b",
	)
	if got := string(requests[0].Raw); !strings.Contains(got, "\r\nHost: shop.example.com\r\n") || strings.Contains(got, ":authority") || strings.Contains(got, "Content-Length") {
		t.Errorf("the first is\n%s", got)
	}
	if r := requests[1]; r.Recorded == nil || r.Recorded.Status != 201 || len(r.Lost) != 0 || !strings.Contains(string(r.Raw), "\r\nContent-Length: 47\r\n") {
		t.Errorf("the second is %+v\n%s", r, r.Raw)
	}
	if r := requests[2]; len(r.Lost) != 1 || r.Lost[0] != "the file has 149 bytes of the body, and 81234 were sent" {
		t.Errorf("of the upload is lost %q", r.Lost)
	}
	if r := requests[3]; r.Recorded != nil || r.N != 4 {
		t.Errorf("the fourth is %+v", r)
	}
}

// TestExportedHAR: what the tier has exported keeps what the tier knows.
func TestExportedHAR(t *testing.T) {
	var har strings.Builder
	out := record.NewHAR(&har, "dev")
	from := record.NewReader(strings.NewReader(strings.Join(records()[:2], "\n") + "\n"))
	for range 2 {
		rec, err := from.Next()
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.End(); err != nil {
		t.Fatal(err)
	}
	all, requests := told(t, "e.har", har.String(), Options{})
	if len(requests) != 2 {
		t.Fatalf("read %q", all)
	}
	want := "POST /login HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 6\r\n\r\nuser=a"
	if r := requests[0]; string(r.Raw) != want || r.Lost != nil || r.Name != "whole" || r.Client.String() != "203.0.113.9" || r.Recorded.Verdict != "block" || r.Recorded.Route != "shop" || r.Recorded.Status != 403 {
		t.Errorf("the first is %+v %+v\n%s", r, r.Recorded, r.Raw)
	}
	if r := requests[1]; !slices.Equal(r.Lost, []string{"headers masked: Authorization", "body masked"}) {
		t.Errorf("of the masked one is lost %q", r.Lost)
	}
}

func TestHTTP(t *testing.T) {
	all, requests := told(t, "text.http", file(t, "text.http"), Options{})
	same(t, all,
		"text.http:2 GET /search?q=mug HTTP/1.1",
		"text.http:7 POST /login HTTP/1.1 user=a&note=b",
		`text.http:13: "c" is no request line such as GET / HTTP/1.1; what belongs to a body needs a Content-Length`,
		"text.http:17 GET /last HTTP/1.1",
	)
	if got, want := string(requests[2].Raw), "GET /last HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"; got != want {
		t.Errorf("the last is %q, want %q", got, want)
	}

	all, _ = told(t, "wire", "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nab\ncd\r\n0\r\nX: y\r\n\r\nGET /b HTTP/1.1\r\n\r\nPOST /c HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nGET /d HTTP/1.1\r\n\r\n", Options{})
	same(t, all,
		"wire:1 POST /a HTTP/1.1 5;x\r\nab\ncd\r\n0\r\nX: y",
		"wire:10 GET /b HTTP/1.1",
		"wire:12 POST /c HTTP/1.1 GET /d HTTP/1.1",
	)
	_, requests = told(t, "wire", "POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", Options{Host: "other.example"})
	if r := requests[0]; len(r.Lost) != 1 || !strings.Contains(string(r.Raw), "POST /a HTTP/1.1\r\nHost: other.example\r\nContent-Length: 9\r\n\r\nabc") {
		t.Errorf("lost %q of\n%s", r.Lost, r.Raw)
	}
	all, _ = told(t, "wire", "nonsense\r\n\r\n", Options{Format: HTTP})
	same(t, all, "wire:1 nonsense")
	all, _ = told(t, "wire", "POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n"+strings.Repeat("x", 200)+"GET /next HTTP/1.1\r\n\r\n", Options{MostBytes: 100})
	same(t, all, fmt.Sprintf("wire:1: a request of more than 100 bytes, or with a head of more than %d", mostHead), "wire:4 GET /next HTTP/1.1")
}

func TestFTW(t *testing.T) {
	all, requests := told(t, "own.yaml", file(t, "own.yaml"), Options{})
	same(t, all,
		"own.yaml:9 POST /post HTTP/1.1 var=1234+OR+1%3D1",
		"own.yaml:23 GET / HTTP/1.1",
		"own.yaml:31 GET /second HTTP/1.1",
		"own.yaml:33: test 942100-3 has no stages",
		"own.yaml:36: test 942100-4: input: illegal base64 data at input byte 0",
	)
	names := []string{}
	for _, r := range requests {
		names = append(names, r.Name)
	}
	same(t, names, "942100-1", "shop-older-words, stage 1", "shop-older-words, stage 2")
	older := requests[1].Recorded
	if fmt.Sprint(older.Statuses, older.ExpectNot, older.Unjudged) != "[200 404] [942100] [response_contains]" {
		t.Errorf("the older words are read as %+v", older)
	}
	if second := requests[2].Recorded; !second.Fails || !slices.Equal(second.Statuses, []int{403}) {
		t.Errorf("the second stage is read as %+v", second)
	}
}

// records are lines as the tier writes them.
func records() (lines []string) {
	request := func(headers []record.Field, body *record.Body) *record.Request {
		return &record.Request{Method: "POST", Target: "/login", Protocol: "HTTP/1.1", Host: "shop.example.com", Headers: headers, Body: body}
	}
	host, length := record.Field{Name: "Host", Value: "shop.example.com"}, record.Field{Name: "Content-Length", Value: "6"}
	masked := request([]record.Field{host, length, {Name: "Authorization", Value: "[masked 12 bytes]"}}, &record.Body{Bytes: []byte("user=[masked 4 bytes]"), Size: 9, Masked: true})
	masked.MaskedHeaders = []string{"Authorization"}
	for _, rec := range []record.Record{
		{RequestID: "whole", Client: record.Address{IP: "203.0.113.9", Port: 1}, Verdict: "block", Phase: 2, Route: "shop",
			Request: request([]record.Field{host, length}, &record.Body{Bytes: []byte("user=a"), Size: 6}), Response: &record.Response{Status: 403}, Rules: []record.Rule{{ID: 942100}}},
		{RequestID: "masked", Verdict: "pass", Request: masked},
		{RequestID: "unframed", Verdict: "pass", Request: request([]record.Field{host}, nil)},
		{RequestID: "message", Message: "websocket", Request: request(nil, nil)},
	} {
		lines = append(lines, strings.TrimSpace(string(rec.Append(nil))))
	}
	return lines
}

func TestRecords(t *testing.T) {
	lines := append([]string{`{"event":"access","request_id":"x"}`}, records()...)
	all, requests := told(t, "r.jsonl", strings.Join(lines, "\n")+"\n{\"event\":\"record\",nonsense}\n{\"event\":\"rec", Options{})
	if len(requests) != 4 || len(all) != 6 || !strings.HasPrefix(all[4], "r.jsonl:6: no record: ") || all[5] != "r.jsonl:7: the file ends in the middle: it was cut, or is still being written" {
		t.Fatalf("read %q", all)
	}
	want := "POST /login HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 6\r\n\r\nuser=a"
	if r := requests[0]; string(r.Raw) != want || r.Lost != nil || r.Name != "whole" || r.Client.String() != "203.0.113.9" || fmt.Sprint(*r.Recorded) != "{block 403  shop [942100] false [] [] [] false false []}" {
		t.Errorf("the first is %+v\n%s", r, r.Raw)
	}
	if r := requests[1]; !slices.Equal(r.Lost, []string{"headers masked: Authorization", "body masked"}) {
		t.Errorf("of the masked one is lost %q", r.Lost)
	}
	if r := requests[2]; strings.Contains(string(r.Raw), "Content-Length") {
		t.Errorf("what had no length has one now:\n%s", r.Raw)
	}
	for _, r := range requests[3:] {
		if r.Untried == "" || r.Raw != nil {
			t.Errorf("%s is tried: %s", r.Name, r.Raw)
		}
	}
}

// TestFormats: each file is known by its beginning, and one that is none says what was expected.
func TestFormats(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(file(t, "text.http"))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if all, _ := told(t, "f", packed.String(), Options{}); len(all) != 4 {
		t.Errorf("of a gzip file are read %q", all)
	}
	if all, _ := told(t, "f", "\xef\xbb\xbf"+file(t, "devtools.har"), Options{}); len(all) != 4 {
		t.Errorf("behind a byte order mark are read %q", all)
	}
	f := func(text string, want ...string) {
		t.Helper()
		all, _ := told(t, "f", text, Options{})
		same(t, all, want...)
	}
	f("")
	f(" \n")
	f(strings.Repeat(" ", 5<<10), "f: it begins with white space and nothing else")
	f("\xff\xfeG\x00E\x00T\x00", "f: the file is in UTF-16: save it as UTF-8")
	f("hello\n", `f: it begins with "hello", expected records, HAR, a request line such as GET / HTTP/1.1, or tests of go-ftw`)
	f(`{"a":1}`, `f: neither HAR, which begins with {"log":, nor records, whose lines have "event":"record"`)
	f(`{"level":"info","event":"access"}`, `f: these are events, which tell what became of requests and not the requests: "wafer explain --log" reads them; records have the requests`)
	f("tests:\n  - test_id: [\n", "f:2: no tests of go-ftw: did not find expected node content")
	f("tests: 5\n", "f:1: no tests of go-ftw: !!int `5` stands where another kind of value is expected")
	f("tests: ["+strings.Repeat("{},", mostYAML/3)+"]\n", "f: a file of tests with more than 2 MiB")
}

// TestBrokenHAR: what is wrong with a file is told with its line, and what is wrong with an entry spoils that alone.
func TestBrokenHAR(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		all, _ := told(t, "f", text, Options{MostBytes: 1000})
		same(t, all, want...)
	}
	entry := func(request string) string { return `{"request":` + request + `}` }
	log := func(entries ...string) string {
		return "{\"log\":{\"entries\":[\n" + strings.Join(entries, ",\n") + "\n]}}"
	}
	good := entry(`{"method":"GET","url":"http://a/good"}`)
	for _, none := range []string{`{"log":{}}`, `{"log":null}`, `{"log":{"entries":7}}`, `{"log":{"x":"\q"}}`} { // the last is passed over as it is
		f(none, "f: no HAR: there is no list log.entries in it")
	}
	f(log(`null`, `[1]`, `{}`, entry(`null`), entry(`{"url":5}`), good), "f:2: an entry of log.entries is no object", "f:3: an entry of log.entries is no object",
		"f:4: an entry without request.url", "f:5: an entry without request.url", "f:6: an entry without request.url", "f:7 GET /good HTTP/1.1")
	f(log(`{"response":null,"_wafer":{"differs":"x"},"request":{"method":"GET","url":"http://a/","headers":null,"postData":{"params":null}}}`,
		entry(`{"method":"GET","url":"http://a/","headers":{}}`)), "f:2 GET / HTTP/1.1", "f:3 GET / HTTP/1.1")
	f(log(good)+"\n\n"+log(good), "f:2 GET /good HTTP/1.1", "f:5: behind the HAR stands something that is not read: give each HAR in a file of its own")
	f(log())
	f(log(good, good), "f:2 GET /good HTTP/1.1", "f:3 GET /good HTTP/1.1")
	f(log(entry(`{"method":"GET","url":"/relative"}`), good), `f:2: request.url "/relative" is no URL such as https://shop.example.com/path`, "f:3 GET /good HTTP/1.1")
	f(log(entry(`{"method":"G T","url":"http://a"}`), good), `f:2: method "G T" is none`, "f:3 GET /good HTTP/1.1")
	f(log(entry(`{"method":"GET","url":"http://a/\u00e4 b\r\nc"}`)), `f:2 GET /%C3%A4%20b%0D%0Ac HTTP/1.1`)
	f(log(entry(`{"method":"GET","url":"http://a/","headers":[{"name":"X","value":"a\r\nY: b"}]}`)), `f:2: header "X" cannot stand in one line`)
	f(log(entry(`{"method":"POST","url":"http://a/","postData":{"text":"????","encoding":"base64"}}`), good), "f:2: request.postData.text is not base64, which its encoding says: illegal base64 data at input byte 0", "f:3 GET /good HTTP/1.1")
	f(log(entry(`{"method":"POST","url":"http://a/","postData":{"text":"aGk=","encoding":"base64"}}`)), "f:2 POST / HTTP/1.1 hi")
	f(log(entry(`{"method":"POST","url":"http://a/","postData":{"text":"`+strings.Repeat("x", 5000)+`"}}`), good), fmt.Sprintf("f:2: a request of more than 1000 bytes, or with headers of more than %d", mostHead), "f:3 GET /good HTTP/1.1")
	f(log(entry(`{"method":"POST","url":"http://a/","postData":{"params":[`+strings.Repeat(`{"name":"a"},`, 500)+`{}]}}`), good), fmt.Sprintf("f:2: a request of more than 1000 bytes, or with headers of more than %d", mostHead), "f:3 GET /good HTTP/1.1")
	f("{\"log\":{\"entries\":[\n"+good+",\n{\"request\":", "f:2 GET /good HTTP/1.1", "f:3: the file ends in the middle: it was cut, or is still being written")
	f("{\"log\":{\"entries\":[\n"+good+"\n}", "f:2 GET /good HTTP/1.1", `f:3: no JSON: '}' where ',' was expected`)
	f(`{"log":{"x":`+strings.Repeat("[", 300)+`}}`, "f:1: no JSON: nested deeper than 200")
}

// TestEnough: whoever stops reading is given nothing more.
func TestEnough(t *testing.T) {
	for _, name := range []string{"devtools.har", "text.http", "own.yaml"} {
		n := 0
		for r, err := range Read(name, strings.NewReader(file(t, name)), Options{}) {
			if err != nil || r.N != 1 {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
			n++
			break
		}
		if n != 1 {
			t.Errorf("%s: %d given", name, n)
		}
	}
}

func TestDifferences(t *testing.T) {
	f := func(old *Recorded, got Result, want ...string) {
		t.Helper()
		differs, unsure := (&Request{Recorded: old}).Differences(got)
		if unsure != "" {
			differs = append(differs, "unsure: "+unsure)
		}
		same(t, differs, want...)
	}
	pass, block := Result{Verdict: "pass"}, Result{Verdict: "block", Status: 403, Rules: []int{942100}}
	f(nil, block)
	f(&Recorded{Verdict: "pass"}, pass)
	f(&Recorded{Verdict: "pass"}, block, "recorded pass, now block 403")
	f(&Recorded{Verdict: "block", Status: 403}, pass, "recorded block 403, now pass")
	f(&Recorded{Verdict: "block", Status: 403, Late: true}, pass, "recorded block 403, now pass", "unsure: the response decided, which is not tried")
	f(&Recorded{Verdict: "refused", Status: 429, Error: "rate_limited"}, pass, "recorded refused 429, now pass", "unsure: it hung on more than the request: rate_limited")
	f(&Recorded{Verdict: "refused", Status: 400, Error: "syntax"}, pass, "recorded refused 400, now pass")
	f(&Recorded{Status: 200}, pass)
	f(&Recorded{Status: 200}, block, "recorded status 200, now block 403")
	f(&Recorded{Status: 403}, block)
	f(&Recorded{Status: 403}, pass) // nobody knows whether the application has said so
	f(&Recorded{Test: true, Expect: []int{942100}}, block)
	f(&Recorded{Test: true, Expect: []int{942100, 1}, ExpectNot: []int{2}}, pass, "rule 942100 did not match", "rule 1 did not match")
	f(&Recorded{Test: true, ExpectNot: []int{942100}}, block, "rule 942100 matched")
	f(&Recorded{Test: true, Fails: true, Statuses: []int{400, 500}}, block, "status 403, expected 400 or 500")
	f(&Recorded{Test: true, Statuses: []int{403}}, pass, "now pass, expected status 403")
	f(&Recorded{Test: true, Statuses: []int{200, 404}}, pass)
	f(&Recorded{Test: true, Fails: true}, pass, "expected no proper answer, now pass")
	f(&Recorded{Test: true, Expect: []int{1, 2}}, Result{Verdict: "refused", Status: 400}, "the request was refused before any rule was asked")

	masked := &Request{Lost: []string{"headers masked: Authorization"}, Recorded: &Recorded{Verdict: "block", Status: 403}}
	if differs, unsure := masked.Differences(pass); len(differs) != 1 || unsure != "the request is not the one that was sent" {
		t.Errorf("of a masked request: %q, %q", differs, unsure)
	}
}

// FuzzRead reads anything in every format. Nothing may be larger than asked for, and whatever comes is a request or a problem
// that says what it is.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"devtools.har", "text.http", "own.yaml"} {
		f.Add(uint8(0), file(f, name))
	}
	f.Add(uint8(3), "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n")
	f.Add(uint8(1), strings.Join(records(), "\n"))
	formats := append([]Format{""}, Formats()...)
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		const most = 4 << 10
		o := Options{Format: formats[int(which)%len(formats)], MostBytes: most}
		_, requests := told(t, "f", text, o)
		for i, r := range requests {
			if len(r.Raw) > most || r.N != i+1 {
				t.Errorf("request %d of %d bytes: %+v", i+1, len(r.Raw), r)
			}
		}
	})
}

// TestLongText has a text of HAR that is longer than the limit, however long: to read it takes no more than a few times the limit.
func TestLongText(t *testing.T) {
	const limit = 4 << 20
	for _, size := range []int{limit - 1000, 10 * limit} {
		text := `{"log":{"entries":[{"request":{"method":"POST","url":"http://shop.example.com/","postData":{"text":"` + strings.Repeat("x", size) + `"}}}]}}`
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n := 0
		for r, err := range Read("a.har", strings.NewReader(text), Options{MostBytes: limit}) {
			if (r == nil) != (size > limit) {
				t.Error(err)
			}
			n++
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; n != 1 || took > 7*limit {
			t.Errorf("a text of %d bytes took %d of memory, with a limit of %d", size, took, limit)
		}
	}
}
